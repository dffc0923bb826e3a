package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// connectionForm is the form of the connection as it is set.
func connectionForm(w *world) url.Values {
	w.t.Helper()
	c, err := w.system.Admin.Configuration(w.t.Context())
	check(w.t, err)
	return url.Values{"do": {"save"}, "baseUrl": {c.Connection.BaseURL}, "updateMethod": {c.Connection.UpdateMethod}, "patchStyle": {c.Connection.PatchStyle},
		"mediaType": {c.Connection.MediaType}, "pageSize": {"50"}, "requestsPerSecond": {"0"}, "concurrency": {"3"}}
}

// TestSavedIsNotDenied: an edit that was saved is not said to have changed
// nothing, whatever failed after it.
func TestSavedIsNotDenied(t *testing.T) {
	t.Parallel()
	w := configured(t)
	w.system.Admin.Limit = func(context.Context, provision.Connection) error {
		return fault.New(fault.Unavailable, "queues", "no answer")
	}
	page := w.refuse(http.StatusServiceUnavailable, "/settings/connection", connectionForm(w), "The connection is saved, but the queues could not be told its limits: save it again.")
	for _, not := range []string{"did not answer", "nothing was changed"} {
		if strings.Contains(page, not) {
			t.Errorf("beside what was saved it says %q", not)
		}
	}
	if c, err := w.system.Admin.Configuration(t.Context()); err != nil || c.Connection.PageSize != 50 {
		t.Errorf("it is not saved: %v", err)
	}
}

// TestRefusalsAreAnnounced: what was not done is no good news, and the page's title says so too.
func TestRefusalsAreAnnounced(t *testing.T) {
	t.Parallel()
	w := on(t)
	path := w.post("/settings/time-frames", frames("suspended", "7d", "21d"), "/previews/")
	w.made(path)
	check(t, w.system.Admin.TurnOff(t.Context())) // which makes the preview stale
	w.post(path+"/save", nil, path)
	if page := w.get(http.StatusOK, path); !strings.Contains(page, `<p class="error" role="alert" id="flash" tabindex="-1" autofocus>Not saved: `) {
		t.Errorf("what was not saved is not announced:\n%s", page)
	}
	w.post("/settings/safety", url.Values{"protected": {""}, "share": {"20"}, "min": {"5"}}, "/previews/")
	w.post("/setup/review", url.Values{"protected": {"maya.cohen@example.com"}}, "/setup/review?preview=")
	if page := w.get(http.StatusOK, "/"); !strings.Contains(page, `<p class="note" role="status" id="flash" tabindex="-1" autofocus>Saved.`) {
		t.Errorf("what was saved is not announced:\n%s", page)
	}
	for path, want := range map[string]string{"/no-such-page": "<title>Error: Page not found", "/people/nobody@example.com": "<title>Error: This could not be done"} {
		if page := w.get(http.StatusNotFound, path); !strings.Contains(page, want) {
			t.Errorf("%s is not called %q", path, want)
		}
	}
	w.refuse(http.StatusUnprocessableEntity, "/settings/safety", url.Values{"protected": {""}, "share": {"x"}, "min": {"5"}}, "<title>Error: Safety")
}

// TestFlashLeavesTheFocus to a field that needs it more.
func TestFlashLeavesTheFocus(t *testing.T) {
	t.Parallel()
	w := configured(t)
	w.post("/setup/review", url.Values{"protected": {"maya.cohen@example.com"}}, "/setup/review?preview=") // says "Saved."
	page := w.refuse(http.StatusUnprocessableEntity, "/settings/safety", url.Values{"protected": {""}, "share": {"x"}, "min": {"5"}}, `id="flash" tabindex="-1">Saved.`)
	if n := strings.Count(page, " autofocus"); n != 1 {
		t.Errorf("%d elements want the focus", n)
	}
}
