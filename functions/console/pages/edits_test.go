package pages_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.com/autoprovision/shared/provision"
)

func TestEditIsPreviewedBeforeItIsSaved(t *testing.T) {
	t.Parallel()
	w := on(t)
	form := url.Values{"do": {"save"}, "unit": {"/", "/Finance"}, "state": {"on", "off"}}
	form2 := url.Values{"appOff.suspendAfter": {"within24h"}}
	preview := w.post("/settings/time-frames", form2, "/previews/")
	harmless := w.until(preview, func(page string) bool { return strings.Contains(page, "Nothing would be done to anybody") })
	if strings.Contains(harmless, `class="warning"`) || !strings.Contains(harmless, `<button class="primary">Save</button>`) {
		t.Errorf("what confirms nothing is warned of: %s", harmless)
	}
	w.post(preview+"/save", nil, "/settings")
	preview = w.post("/settings/who", form, "/previews/")
	page := w.until(preview, func(page string) bool { return strings.Contains(page, "fatima.zahra@example.com") })
	if !strings.Contains(page, "Suspend") || !strings.Contains(page, "Out of scope") {
		t.Errorf("the preview does not say who loses: %s", page)
	}
	for _, want := range []string{`<p class="warning">If you save, the 3 suspends`, `<button class="danger">Save, and confirm 3 suspends and hard deletes</button>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview does not warn with %s: %s", want, page)
		}
	}
	if c, _ := w.system.Store.Configuration(t.Context()); len(c.Scope.OrgUnits) != 1 {
		t.Error("the edit is saved before it was confirmed")
	}
	if page := w.get(http.StatusOK, "/settings/who?draft="+strings.TrimPrefix(preview, "/previews/")); !strings.Contains(page, `<option value="off" selected>`) {
		t.Error("going back to the form loses the edit")
	}
	w.post(preview+"/save", nil, "/settings")
	w.until("/people/fatima.zahra@example.com", func(page string) bool { return strings.Contains(page, "is suspended (deactivated)") })
	if w.send("POST", preview+"/save", nil).Header.Get("Location") != preview {
		t.Error("a preview was saved twice")
	}
	if !strings.Contains(w.get(http.StatusOK, preview), "This preview is out of date") {
		t.Error("an old preview does not say so")
	}
}

// TestUnrelatedEditReleasesNobody: what is held stays held when something else
// is edited, and the preview says so.
func TestUnrelatedEditReleasesNobody(t *testing.T) {
	t.Parallel()
	w := on(t)
	people := []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin"}
	for _, name := range people {
		w.patch(name+"@example.com", `{"suspended":true}`)
	}
	w.post("/sweep-now", nil, "/")
	held := strconv.Itoa(len(people)) + " people"
	w.until("/", func(page string) bool { return strings.Contains(page, "Held for you: "+held) })
	form := defaultMapping()
	form["app"] = append(form["app"][:4], "title")
	form.Set("source4", "organizations.0.title")
	preview := w.post("/settings/attributes", form, "/previews/")
	page := w.until(preview, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	for _, want := range []string{"Held: needs your decision</a>", "This edit causes no suspend or hard delete and brings none forward.", `and those on the <a href="/held">held list</a>, are not confirmed`} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview does not say %q: %s", want, page)
		}
	}
	before, err := w.system.Sweeper.Current(t.Context())
	check(t, err)
	w.post(preview+"/save", nil, "/settings")
	w.until("/", func(string) bool {
		sw, err := w.system.Sweeper.Current(t.Context())
		check(t, err)
		return sw.ID != before.ID && sw.State == provision.SweepDone
	})
	if page := w.get(http.StatusOK, "/"); !strings.Contains(page, "Held for you: "+held) {
		t.Errorf("an edit of the attributes released what was held: %s", page)
	}
}

// TestPreviewOfAMappingThatFails: what cannot be computed is no work to be done.
func TestPreviewOfAMappingThatFails(t *testing.T) {
	t.Parallel()
	w := on(t)
	form := defaultMapping()
	form["app"] = append(form["app"][:4], "title")
	form.Set("source4", "expression")
	form.Set("expression4", "string(int(user.name.familyName))")
	path := w.post("/settings/attributes", form, "/previews/")
	page := w.until(path, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	for _, want := range []string{`<strong>0</strong> <span class="label update">`, `<strong>38</strong> <span class="label bad">Cannot be computed`,
		"the attributes of 38 people cannot be computed: nothing would be written for them, and nobody new among them would get an account"} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview does not say %q: %s", want, page)
		}
	}
	if rows := cells(page); len(rows) != 39 || rows[1][2] != "Not done" || !strings.Contains(rows[1][3], "The mapping fails") {
		t.Errorf("rows %q", rows)
	}
}

func TestPreviewSaysWhoIsFreed(t *testing.T) {
	t.Parallel()
	w := on(t)
	const email = "maya.cohen@example.com"
	w.patch(email, `{"suspended":true}`)
	w.send("POST", "/people/"+email+"/look", nil)
	preview := w.post("/settings/time-frames", frames("deleted", "7d", ""), "/previews/")
	page := w.until(preview, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	freed := between(t, page, "<h2>No longer due", "With your edit")
	if !strings.Contains(freed, email) || !strings.Contains(freed, "Hard delete") {
		t.Errorf("the preview does not say whose hard delete is gone: %s", freed)
	}
	preview = w.post("/settings/time-frames", frames("suspended", "within24h", "21d"), "/previews/")
	page = w.until(preview, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	if !strings.Contains(page, "before this edit: ") || strings.Contains(page, "<h2>No longer due") {
		t.Error("the preview does not say that the hard delete moves")
	}
}

// TestPreviewShowsTheDeadlineBehindTheNext: of somebody who is to be suspended
// first, an edit of the hard delete shows when it was and when it will be.
func TestPreviewShowsTheDeadlineBehindTheNext(t *testing.T) {
	t.Parallel()
	w := on(t)
	const email = "maya.cohen@example.com"
	edit := func(suspend, remove string) (path, page string) {
		path = w.post("/settings/time-frames", frames("suspended", suspend, remove), "/previews/")
		return path, w.until(path, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	}
	path, _ := edit("7d", "21d")
	w.post(path+"/save", nil, "/settings")
	w.patch(email, `{"suspended":true}`)
	w.send("POST", "/people/"+email+"/look", nil)
	day := func(days int) string { return w.now().UTC().AddDate(0, 0, days).Format("2 Jan 2006") }

	_, page := edit("7d", "14d")
	rows := cells(page)
	if len(rows) != 3 || !strings.Contains(rows[1][2], day(7)) || !strings.Contains(rows[1][2], "not changed by this edit") ||
		!strings.Contains(rows[2][2], day(14)) || !strings.Contains(rows[2][2], "before this edit: "+day(21)) {
		t.Errorf("the hard delete comes sooner: %q", rows)
	}
	_, page = edit("7d", "")
	if freed := cells(between(t, page, "<h2>No longer due", "With your edit")); len(freed) != 2 || freed[1][1] != "Hard delete" || !strings.Contains(freed[1][2], day(21)) {
		t.Errorf("the hard delete goes: %q", freed)
	}
	_, page = edit("", "1d")
	if freed := cells(between(t, page, "<h2>No longer due", "With your edit")); len(freed) != 2 || freed[1][1] != "Suspend" || !strings.Contains(freed[1][2], day(7)) {
		t.Errorf("the suspend goes: %q", freed)
	}
}

var (
	rowOf  = regexp.MustCompile(`(?s)<tr[^>]*>(.*?)</tr>`)
	cellOf = regexp.MustCompile(`(?s)<t[dh][^>]*>(.*?)</t[dh]>`)
	tagOf  = regexp.MustCompile(`<[^>]*>`)
)

// cells are the texts of the tables in a page, the headings among them.
func cells(page string) (rows [][]string) {
	for _, row := range rowOf.FindAllStringSubmatch(page, -1) {
		var texts []string
		for _, cell := range cellOf.FindAllStringSubmatch(row[1], -1) {
			texts = append(texts, tagOf.ReplaceAllString(cell[1], ""))
		}
		rows = append(rows, texts)
	}
	return rows
}

func TestVanishedOrgUnit(t *testing.T) {
	t.Parallel()
	w := configured(t)
	form := url.Values{"do": {"save"}, "unit": {"/", "/Gone"}, "state": {"on", "off"}, "domains": {"gone.example"}}
	page := w.refuse(422, "/settings/who", form, "Nothing was saved")
	for _, want := range []string{`The directory has no such org unit any more`, "Gone.example is not a domain", `value="gone.example" checked`, "Take out of the scope"} {
		if !strings.Contains(page, want) {
			t.Errorf("the form does not show %q", want)
		}
	}
	form = url.Values{"do": {"save"}, "unit": {"/", "/Gone"}, "state": {"on", ""}}
	w.post("/settings/who", form, "/previews/")
}

func TestWho(t *testing.T) {
	t.Parallel()
	w := configured(t)
	page := w.get(http.StatusOK, "/settings/who")
	for _, want := range []string{`placeholder="First letters of name or address"`, "who are also members of at least one of these groups", "With “Limit to groups”: only the primary domain", "<strong>38</strong> in", "they are archived in Google Workspace", "Inherit: on"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if selects, live := strings.Count(page, "<select"), strings.Count(page, `<select id="unit`); selects != live || strings.Count(page, `name="state" class="live"`) != live {
		t.Error("not every org unit counts again when it is changed")
	}
	off := w.body(w.send("POST", "/settings/who", url.Values{"unit": {"/", "/Sales"}, "state": {"on", "off"}}), 200, "count")
	if why := between(t, off, "Why not in scope</h3>", "</ul>"); !strings.Contains(why, "Comeet is off for their org unit") || strings.Contains(why, "the app") {
		t.Errorf("why somebody is out is said in other words than elsewhere: %s", why)
	}
	form := url.Values{"do": {"search"}, "unit": {"/"}, "state": {"on"}, "find-groups": {"eng"}}
	page = w.body(w.send("POST", "/settings/who", form), 200, "search")
	if !strings.Contains(page, `value="add-groups:engineering@example.com"`) {
		t.Fatal("the search does not find the group")
	}
	form = url.Values{"do": {"add-groups:engineering@example.com"}, "unit": {"/"}, "state": {"on"}}
	page = w.body(w.send("POST", "/settings/who", form), 200, "add")
	for _, want := range []string{"<strong>6</strong> in", "they are not a member, direct or nested", "its members, nested ones included"} {
		if !strings.Contains(page, want) {
			t.Errorf("with the group, the page does not show %q", want)
		}
	}
	form = url.Values{"do": {"remove-groups:engineering@example.com"}, "groups": {"engineering@example.com"}, "unit": {"/"}, "state": {"on"}}
	if page = w.body(w.send("POST", "/settings/who", form), 200, "remove"); !strings.Contains(page, "<strong>38</strong> in") {
		t.Error("the group is not removed again")
	}
}

func TestSampleOfMapping(t *testing.T) {
	t.Parallel()
	w := configured(t)
	form := defaultMapping()
	form["app"] = append(form["app"][:4], "displayName")
	form.Set("source4", "expression")
	form.Set("expression4", "user.name.familyName + ', ' + user.name.givenName")
	form.Set("do", "try")
	form.Set("sample", "maya.cohen@example.com")
	if page := w.body(w.send("POST", "/settings/attributes", form), 200, "try"); !strings.Contains(page, "<strong>Cohen, Maya</strong>") {
		t.Error("the result is not shown")
	}
	examples := regexp.MustCompile(`<code>(user\..*?)</code>`).FindAllStringSubmatch(w.get(http.StatusOK, "/settings/attributes"), -1)
	for _, example := range examples {
		form.Set("expression4", html.UnescapeString(example[1]))
		w.body(w.send("POST", "/settings/attributes", form), http.StatusOK, example[1])
	}
	if len(examples) < 6 {
		t.Errorf("%d examples of expressions", len(examples))
	}
	form.Set("sample", "nobody@example.com")
	w.refuse(422, "/settings/attributes", form, "Nobody in the directory")
}

// A mapping is tried out on many before it is saved: whoever it fails for is
// named, with the attribute and what is wrong.
func TestMappingIsTriedOnMany(t *testing.T) {
	t.Parallel()
	w := configured(t)
	form := defaultMapping()
	form["app"] = append(form["app"][:4], "displayName")
	form.Set("source4", "expression")
	form.Set("expression4", "user.orgUnitPath == '/Finance' ? user.organizations[5].title : user.name.fullName")
	form.Set("do", "try")
	form.Set("sample", "maya.cohen@example.com")
	page := w.body(w.send("POST", "/settings/attributes", form), http.StatusOK, "try")
	trial := between(t, page, `id="trial"`, "</section>")
	if !strings.Contains(trial, "Of 38 people in scope, 35 get all their attributes and 3 do not.") {
		t.Errorf("it is not said how many: %s", trial)
	}
	rows := cells(trial)[1:]
	if len(rows) != 11 || !strings.Contains(rows[0][0], "maya.cohen@example.com") || !strings.Contains(rows[0][2], "Maya Cohen") {
		t.Fatalf("%d people are shown, want who was chosen and ten: %q", len(rows), rows)
	}
	rows = rows[1:]
	for i, email := range []string{"fatima.zahra@example.com", "nina.horvat@example.com", "oliver.hughes@example.com"} {
		if row := strings.Join(rows[i], " "); !strings.Contains(row, email) || !strings.Contains(row, "Fails") || !strings.Contains(row, "Display name: the expression") {
			t.Errorf("%s: %q", email, row)
		}
	}
	if row := strings.Join(rows[9], " "); strings.Contains(row, "Fails") || !strings.Contains(row, "@example") {
		t.Errorf("nobody for whom it works: %q", row)
	}

	form.Set("sample", "nina.horvat@example.com")
	if page := w.refuse(422, "/settings/attributes", form, `id="error4"`); len(cells(page)) != 11 || !strings.Contains(cells(page)[1][0], "nina.horvat@example.com") {
		t.Error("who was chosen fails, and is not shown first, or twice, or without the others")
	}
	form.Set("sample", "")
	if page := w.body(w.send("POST", "/settings/attributes", form), http.StatusOK, "try"); !strings.Contains(page, `id="trial"`) || strings.Contains(page, "Nobody in the directory") {
		t.Error("it is not tried without a chosen person")
	}
}

// Before the scope is set, everybody who is active is tried.
func TestMappingIsTriedBeforeTheScope(t *testing.T) {
	t.Parallel()
	w := signedIn(t)
	form := defaultMapping()
	form.Set("do", "try")
	if page := w.body(w.send("POST", "/setup/attributes", form), http.StatusOK, "try"); !strings.Contains(page, "All of the 38 active people get all their attributes.") {
		t.Error("the active people are not tried")
	}
}
