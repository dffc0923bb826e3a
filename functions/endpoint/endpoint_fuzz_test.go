package endpoint_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// FuzzTasks delivers any body as a task. A task carries no authority: whatever
// it says, a person in good standing keeps an active account, and without the
// queue's credentials nothing is read at all.
func FuzzTasks(f *testing.F) {
	w := reconciletest.New(f)
	id := w.Directory.Hire(0)
	e := worker(w)
	if answer := post(e.Reconcile, `{"userId":"`+id+`"}`, 0); answer.Code != http.StatusNoContent || len(w.App.All()) != 1 {
		f.Fatalf("the first look: %d, %v", answer.Code, w.App.All())
	}
	for _, seed := range []string{`{"userId":"` + id + `"}`, `{"userId":"` + id + `","forced":true,"checkAccount":true}`, `{"userId":"` + id + `","absent":true,"sweepId":"s","plan":true}`,
		`{"userId":"` + id + `","listing":{"user":{"id":"` + id + `","lifecycle":"deleted"},"scope":{"in":false},"at":"2026-01-01T00:00:00Z","readAt":"2026-01-01T00:00:00Z"}}`,
		`{"userId":"../x"}`, `{"sweepId":"s"}`, `{"previewId":"p"}`, `{"cause":"` + strings.Repeat("x", 2000) + `"}`, `{}`, `[]`, `null`, `{`, ``,
		strings.Repeat("[", 20_000), `{"userId":1e999}`} {
		f.Add([]byte(seed), 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, tries int) {
		for name, handler := range map[string]http.HandlerFunc{"reconcile": e.Reconcile, "sweep": e.Sweep} {
			switch answer := post(handler, string(body), tries); answer.Code {
			case http.StatusNoContent, http.StatusInternalServerError, http.StatusServiceUnavailable:
			default:
				t.Fatalf("%s: status %d, which the queue does not know", name, answer.Code)
			}
			stranger := httptest.NewRecorder()
			handler(stranger, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body))))
			if stranger.Code != http.StatusUnauthorized {
				t.Fatalf("%s: a stranger is answered %d", name, stranger.Code)
			}
		}
		if all := w.App.All(); len(all) != 1 || !all[0].Active || all[0].ExternalID != id {
			t.Fatalf("after %q the accounts are %+v", body, all)
		}
	})
}
