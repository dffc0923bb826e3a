package pages_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// TestArchivedLeadsToTheTimeFrames, where it is settled what becomes of them.
func TestArchivedLeadsToTheTimeFrames(t *testing.T) {
	t.Parallel()
	w := on(t)
	const email = "maya.cohen@example.com"
	w.patch(email, `{"archived":true}`)
	w.post("/people/"+email+"/look", nil, "/people/")
	for _, path := range []string{"/attention", "/people/" + email} {
		page := w.get(http.StatusOK, path)
		if !strings.Contains(page, "tick “Also suspend or hard delete archived people” in the deprovisioning time frames") || !strings.Contains(page, `href="/settings/time-frames">Open the time frames</a>`) {
			t.Errorf("%s does not lead to the time frames: %s", path, page)
		}
	}
	if page := w.get(http.StatusOK, "/people/"+email); strings.Contains(page, "must invite") {
		t.Error("somebody is to invite who is archived")
	}
	if page := w.get(http.StatusOK, "/settings/time-frames"); !strings.Contains(page, "Also suspend or hard delete archived people") {
		t.Error("the form has other words for it")
	}
}

func TestPerson(t *testing.T) {
	t.Parallel()
	w := on(t)
	const email = "maya.cohen@example.com"
	page := w.get(http.StatusOK, "/people/"+email)
	for _, want := range []string{"They have an active account in Comeet", "No end date: the account stays", "Someone must invite the person in Comeet", "Create User By Auto Provisioning"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	w.patch(email, `{"suspended":true}`)
	w.post("/people/"+email+"/look", nil, "/people/")
	page = w.get(http.StatusOK, "/people/"+email)
	for _, want := range []string{"Done: suspend", "Their account in Comeet is suspended", "The account will be hard deleted", "in 7 days", "<svg", "they are suspended in Google Workspace"} {
		if !strings.Contains(page, want) {
			t.Errorf("after the suspension, the page does not say %q", want)
		}
	}
	if strings.Contains(page, "must invite") {
		t.Error("somebody is to invite who is suspended")
	}
	row := between(t, page, `data-label="Attribute">First name`, "</tr>")
	if strings.Count(row, "Maya") != 2 || !strings.Contains(page, "Nothing is written to an account while its person is not active") {
		t.Errorf("the attributes of a suspended person are not shown beside what was applied: %s", row)
	}
	if page := w.get(http.StatusOK, "/coming-up"); !strings.Contains(page, email) {
		t.Error("the hard delete is not coming up")
	}
	if page := w.get(http.StatusOK, "/coming-up?condition=deleted"); strings.Contains(page, email) {
		t.Error("the filter lets everybody through")
	}
	due := w.system.Admin.Business().AddDate(0, 0, 7)
	for days, want := range map[[2]int]bool{{0, 0}: true, {-1, 1}: true, {1, 2}: false, {-2, -1}: false} {
		from, to := due.AddDate(0, 0, days[0]).Format(time.DateOnly), due.AddDate(0, 0, days[1]).Format(time.DateOnly)
		if page := w.get(http.StatusOK, "/coming-up?from="+from+"&to="+to); strings.Contains(page, email) != want {
			t.Errorf("from %s to %s: shown %t, due on %s", from, to, !want, due.Format(time.DateOnly))
		}
	}
	if page := w.get(http.StatusUnprocessableEntity, "/coming-up?from=2026-02-01&to=2026-01-01"); !strings.Contains(page, "The last day is before the first") || !strings.Contains(page, "2026-02-01") || strings.Contains(page, "Nothing like this") {
		t.Error("a span that ends before it begins is taken, or nothing found in it")
	}
	if page := w.get(http.StatusOK, "/people?q=maya"); !strings.Contains(page, email) || strings.Contains(page, "tomas") {
		t.Error("the search does not find exactly whom it should")
	}
	if page := w.get(http.StatusOK, "/people/ruth.abrams@example.com"); !strings.Contains(page, "because they are archived") || !strings.Contains(page, `data-label="Directory">Ruth`) {
		t.Error("the page of an archived person does not say so, or who they are")
	}
}

// TestPeopleAreFound: also those without a record, and by their name.
func TestPeopleAreFound(t *testing.T) {
	t.Parallel()
	w := on(t)
	for query, want := range map[string]string{"ruth": "ruth.abrams@example.com", "Omar Haddad": "omar.haddad@example.com", "haddad": "omar.haddad@example.com", "had": "omar.haddad@example.com",
		"ruth.abrams@exam": "ruth.abrams@example.com", "mar.hadd": "omar.haddad@example.com"} {
		page := w.get(http.StatusOK, "/people?q="+url.QueryEscape(query))
		if strings.Count(page, `<tr role="row"><td`) != 1 || !strings.Contains(page, want) {
			t.Errorf("%q does not find %s alone:\n%s", query, want, page)
		}
	}
	if page := w.get(http.StatusOK, "/people?q=ruth"); !strings.Contains(page, "Ruth Abrams") || !strings.Contains(page, "Archived") || !strings.Contains(page, "No account") {
		t.Error("who has no record is not described")
	}
	if page := w.get(http.StatusOK, "/people/omar.haddad@example.com"); !strings.Contains(page, "<span>Omar Haddad</span>") {
		t.Error("the person's page does not say their name")
	}
	w.directory.SetFaults(simworkspace.Faults{RedirectTo: "http://elsewhere.example"})
	if page := w.get(http.StatusOK, "/people?q=omar"); !strings.Contains(page, "Google did not answer") || !strings.Contains(page, "omar.haddad@example.com") {
		t.Error("without the directory, the records are not searched, or that is not said")
	}
}

// TestPeopleAreInOrder of their addresses, from one page to the next.
func TestPeopleAreInOrder(t *testing.T) {
	t.Parallel()
	w := configured(t)
	const n = 120
	for i := range n {
		rec := provision.Record{UserID: fmt.Sprintf("1%05d", (i*77)%1000), Email: fmt.Sprintf("%03d@example.com", i), Lifecycle: provision.Active, Account: provision.Link{ID: fmt.Sprint(i), State: provision.AccountActive}}
		_, err := w.system.Store.Commit(t.Context(), state.Change{Record: rec})
		check(t, err)
	}
	var got []string
	for path := "/people"; path != ""; {
		page := w.get(http.StatusOK, path)
		for _, m := range regexp.MustCompile(`>(\d{3})@example.com<`).FindAllStringSubmatch(page, -1) {
			got = append(got, m[1])
		}
		path = ""
		if _, rest, more := strings.Cut(page, `rel="next" href="`); more {
			path, _, _ = strings.Cut(html.UnescapeString(rest), `"`)
		}
	}
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d people in the order %q", len(got), got)
	}
}

// TestComingUpHasHardDeletes: also those that come after a suspend.
func TestComingUpHasHardDeletes(t *testing.T) {
	t.Parallel()
	w := configured(t)
	const email = "maya.cohen@example.com"
	w.post("/setup/time-frames", frames("suspended", "7d", "21d"), "/setup/review")
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	w.patch(email, `{"suspended":true}`)
	w.post("/people/"+email+"/look", nil, "/people/")
	suspend, remove := w.now().AddDate(0, 0, 7).UTC().Format("2 Jan 2006"), w.now().AddDate(0, 0, 21).UTC().Format("2 Jan 2006")
	for path, want := range map[string][]string{
		"/coming-up":                      {email, "Suspend", suspend, "then", "Hard delete", remove},
		"/coming-up?operation=suspend":    {email, "Suspend", suspend},
		"/coming-up?operation=hardDelete": {email, "Hard delete", remove, "after the suspend"},
		"/coming-up?from=" + w.now().AddDate(0, 0, 21).UTC().Format(time.DateOnly): {email, "Hard delete", remove, "after the suspend"},
	} {
		rows := between(t, w.get(http.StatusOK, path), "<tbody", "</tbody>")
		for _, text := range want {
			if !strings.Contains(rows, text) {
				t.Errorf("%s does not show %q: %s", path, text, rows)
			}
		}
	}
	if page := w.get(http.StatusOK, "/coming-up?operation=hardDelete&condition=deleted"); strings.Contains(page, email) {
		t.Error("the filters let everybody through")
	}
}
