package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/admin"
)

const settingsMoved = "The settings have changed since you opened this form."

// TestTwoTabs: of two who edit one section at a time, the second is told, with
// what they entered kept, and takes nothing back unseen.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	w := on(t)
	opened := func(path string) string {
		t.Helper()
		return between(t, w.get(http.StatusOK, path), `name="revision" value="`, `"`)
	}
	save := func(preview string) {
		t.Helper()
		w.made(preview)
		w.post(preview+"/save", nil, "/settings")
	}
	protected := func() string {
		c, err := w.system.Store.Configuration(t.Context())
		check(t, err)
		return strings.Join(admin.ProtectedOf(c), " ")
	}
	first, second := opened("/settings/safety"), opened("/settings/safety")
	form := func(revision, who, share string) url.Values {
		return url.Values{"revision": {revision}, "protected": {who}, "share": {share}, "min": {"5"}}
	}
	save(w.post("/settings/safety", form(first, "maya.cohen@example.com", "10"), "/previews/"))
	page := w.refuse(http.StatusUnprocessableEntity, "/settings/safety", form(second, "tomas.novak@example.com", "20"), settingsMoved+" Your entries are kept below; compare them with Settings, then preview again.")
	if !strings.Contains(page, "tomas.novak@example.com</textarea>") || !strings.Contains(page, `value="20"`) || protected() != "maya.cohen@example.com" {
		t.Errorf("what was entered is not kept, or %q are protected", protected())
	}
	again := w.post("/settings/safety", form(between(t, page, `name="revision" value="`, `"`), "maya.cohen@example.com tomas.novak@example.com", "20"), "/previews/")
	save(again)
	if protected() != "maya.cohen@example.com tomas.novak@example.com" {
		t.Errorf("%q are protected", protected())
	}
	// The form that a preview leads back to is as old as the preview.
	if stale, fresh := opened("/settings/safety?draft="+strings.TrimPrefix(again, "/previews/")), opened("/settings/safety"); stale == fresh {
		t.Error("the form of an old preview passes for one of the present settings")
	}
}

// TestPreviewSaysWhatItChanges, old and new, in the log's own words.
func TestPreviewSaysWhatItChanges(t *testing.T) {
	t.Parallel()
	w := on(t)
	form := frames("suspended", "21d", "")
	path := w.post("/settings/time-frames", form, "/previews/")
	changes := between(t, w.made(path), `id="changes"`, "</section>")
	for _, want := range []string{"<li>When a user is suspended, suspend: within 24 hours → after 21 days</li>", "<li>When a user is suspended, hard delete: after 7 days → never</li>"} {
		if !strings.Contains(changes, want) {
			t.Errorf("the preview does not say %q: %s", want, changes)
		}
	}
	many := url.Values{"share": {"10"}, "min": {"5"}}
	for i := range 25 {
		name := fmt.Sprintf("p%d", i)
		w.create("/admin/directory/v1/users", `{"primaryEmail":"`+name+`@example.com","name":{"givenName":"P","familyName":"Q"},"password":"long enough to be one"}`)
		many.Set("protected", many.Get("protected")+" "+name+"@example.com")
	}
	changes = between(t, w.made(w.post("/settings/safety", many, "/previews/")), `id="changes"`, "</section>")
	if !strings.Contains(changes, "<li>Protected people: added p0@example.com</li>") || !strings.Contains(changes, "<li>and 5 more</li>") {
		t.Errorf("of many changes it says: %s", changes)
	}
}

// TestFormsKnowWhatTheyShow: each form is refused when what it shows has
// changed, and by no other change.
func TestFormsKnowWhatTheyShow(t *testing.T) {
	t.Parallel()
	w := on(t)
	forms := map[string]url.Values{
		"/settings/attributes": defaultMapping(), "/settings/time-frames": frames("suspended", "7d", "21d"),
		"/settings/who":        {"do": {"save"}, "unit": {"/"}, "state": {"off"}},
		"/settings/safety":     {"protected": {""}, "share": {"30"}, "min": {"9"}},
		"/settings/connection": connectionForm(w),
	}
	opened := map[string]string{}
	for path := range forms {
		opened[path] = between(t, w.get(http.StatusOK, path), `name="revision" value="`, `"`)
	}
	check(t, w.system.Admin.TurnOff(t.Context()))
	check(t, w.system.Admin.TurnOn(t.Context(), ""))
	for path, form := range forms {
		form.Set("revision", opened[path])
		if res := w.send("POST", path, form); res.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: refused with %d, and nothing that it shows has changed", path, res.StatusCode)
		}
		form.Set("revision", "of something else")
		if path == "/settings/connection" {
			w.refuse(http.StatusUnprocessableEntity, path, form, settingsMoved+" Your entries are kept below; compare them with Settings, then save again.")
			continue
		}
		page := w.refuse(http.StatusUnprocessableEntity, path, form, settingsMoved)
		if path == "/settings/who" && !strings.Contains(page, "<strong>0</strong> in scope") {
			t.Error("nobody is counted, as if something were marked")
		}
	}
	review := configured(t)
	page := review.refuse(http.StatusUnprocessableEntity, "/setup/review", url.Values{"protected": {"maya.cohen@example.com"}, "revision": {"of something else"}}, settingsMoved)
	if !strings.Contains(page, "maya.cohen@example.com</textarea>") {
		t.Error("what was entered is not kept")
	}
}

// TestProbeKeepsWhatIsEntered: checking what the app supports only reads, also
// when it fails.
func TestProbeKeepsWhatIsEntered(t *testing.T) {
	t.Parallel()
	w := on(t)
	form := connectionForm(w)
	form.Set("do", "probe")
	form.Set("concurrency", "7")
	form.Set("requestsPerSecond", "not yet known")
	kept := func(page string) {
		t.Helper()
		for _, want := range []string{`name="concurrency" inputmode="numeric" value="7"`, `value="not yet known"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s is lost: %s", want, page)
			}
		}
	}
	page := w.body(w.send("POST", "/settings/connection", form), http.StatusOK, "probe")
	if kept(page); !strings.Contains(page, "What the check found") {
		t.Errorf("nothing is found: %s", page)
	}
	w.comeet.SetFaults(simcomeet.Faults{FailNext: 1 << 30, FailStatus: http.StatusServiceUnavailable})
	res := w.send("POST", "/settings/connection", form)
	page = w.body(res, res.StatusCode, "probe")
	if kept(page); strings.Contains(page, "Check whether your change was saved") || !strings.Contains(page, "Nothing was saved.") {
		t.Errorf("%d: %s", res.StatusCode, page)
	}
}
