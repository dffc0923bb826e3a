package pages_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
)

// poll reads a page as the script does that polls it.
func (w *world) poll(path string) *http.Response {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil)
	r.Header.Set("HX-Request", "true")
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, r)
	return rec.Result()
}

// TestProgressIsAnnounced once for each stage, and so is its end.
func TestProgressIsAnnounced(t *testing.T) {
	t.Parallel()
	w := on(t)
	all, err := w.system.Store.Sweeps(t.Context())
	check(t, err)
	all.Current = &provision.Sweep{ID: "s", State: provision.SweepQueued, QueuedAt: w.now(), ProgressAt: time.Now()}
	_, err = w.system.Store.PutSweeps(t.Context(), all)
	check(t, err)
	const status = `role="status" id="sweep-status">A sweep is under way: about to begin.<`
	if page := w.get(http.StatusOK, "/"); !strings.Contains(page, status) || !strings.Contains(page, `hx-get="/?said=about`) {
		t.Errorf("the sweep is not announced: %s", page)
	}
	if page := w.body(w.poll("/?said=another"), http.StatusOK, "/"); !strings.Contains(page, status) {
		t.Error("another stage is not announced")
	}
	if page := w.body(w.poll("/?said="+url.QueryEscape("about to begin")), http.StatusOK, "/"); strings.Contains(page, `id="sweep-status"`) {
		t.Error("the same stage is announced again")
	}
	all, err = w.system.Store.Sweeps(t.Context())
	check(t, err)
	all.Current.State, all.Current.FinishedAt = provision.SweepDone, w.now()
	_, err = w.system.Store.PutSweeps(t.Context(), all)
	check(t, err)
	res := w.poll("/?said=another")
	page := w.body(res, http.StatusOK, "/")
	if res.Header.Get("HX-Refresh") != "" || !strings.Contains(page, `id="sweep-status">The sweep has ended.<`) || strings.Count(page, "hx-swap-oob") != 5 {
		t.Errorf("the end of the sweep loads the page as a whole, or does not reach all of it: %s", page)
	}
	if page := w.get(http.StatusOK, "/"); strings.Contains(page, "hx-swap-oob") || strings.Contains(page, "has ended.<") {
		t.Error("a page that is loaded as a whole is taken apart")
	}
	path := w.post("/settings/time-frames", frames("suspended", "7d", "21d"), "/previews/")
	w.made(path)
	res = w.poll(path)
	if res.Header.Get("HX-Refresh") != "true" || len(res.Cookies()) != 1 {
		t.Fatalf("the preview's end is not announced: %v", res.Header)
	}
	w.cookies[res.Cookies()[0].Name] = res.Cookies()[0].Value
	if page := w.get(http.StatusOK, path); !strings.Contains(page, "autofocus>The preview is ready.") {
		t.Error("the preview is ready, and that is not said")
	}
}

// TestReviewEndsUnderWhatIsEntered: the last step is not loaded anew when its
// preview is ready, since people may be written down there meanwhile.
func TestReviewEndsUnderWhatIsEntered(t *testing.T) {
	t.Parallel()
	w := configured(t)
	path := w.post("/setup/review", nil, "/setup/review?preview=")
	whole := w.made(path)
	res := w.poll(path)
	page := w.body(res, http.StatusOK, path)
	for _, want := range []string{`id="ready" hx-swap-oob="true">`, `id="preview-status" hx-swap-oob="innerHTML">The preview is ready.<`} {
		if !strings.Contains(page, want) || strings.Contains(whole, want) {
			t.Errorf("the end of the preview does not bring %s, or a whole page does: %s", want, page)
		}
	}
	if res.Header.Get("HX-Refresh") != "" || strings.Contains(between(t, page, `id="ready"`, "</div>"), "<textarea") {
		t.Error("what is entered is lost when the preview is ready")
	}
}

// TestGroupSearchStaysInPlace: its buttons lead back to where they are, and
// what was searched takes the focus.
func TestGroupSearchStaysInPlace(t *testing.T) {
	t.Parallel()
	w := configured(t)
	form := url.Values{"do": {"search"}, "unit": {"/"}, "state": {"on"}, "find-groups": {"e"}, "accessGroups": {"nobody@example.com"}}
	page := w.body(w.send("POST", "/settings/who", form), http.StatusOK, "/settings/who")
	for _, want := range []string{`id="help-groups"`, `aria-describedby="help-groups" autofocus>`, `value="search" formaction="#groups"`, `value="remove-accessGroups:nobody@example.com" formaction="#accessGroups"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form does not say %q:\n%s", want, page)
		}
	}
}
