package endpoint_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// worker is the endpoints over a small company.
func worker(w *reconciletest.World) *endpoint.Endpoints {
	p := w.Process()
	return &endpoint.Endpoints{
		Reconciler: p.Reconciler, Sweeper: p.Sweeper, Store: w.Store, Now: w.Business, NewID: w.NewID, Log: slog.New(slog.DiscardHandler),
		Queue: func(r *http.Request) error {
			if r.Header.Get("Authorization") != "Bearer queue" {
				return fault.New(fault.Unauthorized, "test: queue", "not the queue")
			}
			return nil
		},
	}
}

// post delivers a task after so many tries.
func post(handler http.HandlerFunc, body string, tries int) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer queue")
	r.Header.Set("X-CloudTasks-TaskName", "task")
	r.Header.Set("X-CloudTasks-TaskRetryCount", fmt.Sprint(tries))
	answer := httptest.NewRecorder()
	handler(answer, r)
	return answer
}

func lookBody(t *testing.T, req reconcile.Request) string {
	t.Helper()
	body, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestReconcileStatuses(t *testing.T) {
	t.Parallel()
	id := reconciletest.ID(0)
	tests := map[string]struct {
		arrange    func(w *reconciletest.World)
		body       string
		tries      int
		status     int
		retryAfter string
	}{
		"done":          {body: `{"userId":"` + id + `"}`, status: 204},
		"no JSON":       {body: `{`, status: 204},
		"nobody":        {body: `{}`, status: 204},
		"far too large": {body: `{"userId":"` + strings.Repeat("1", 2<<20) + `"}`, status: 204},
		"the app is paused": {arrange: func(w *reconciletest.World) {
			w.App.Meet = func(string, string) error {
				return &fault.Error{Kind: fault.Throttled, Op: "app", RetryAfter: 7 * time.Second}
			}
		}, body: `{"userId":"` + id + `"}`, tries: 99, status: 503, retryAfter: "7"},
		"somebody else acts": {arrange: func(w *reconciletest.World) {
			w.Edit(id, func(r *provision.Record) {
				r.Lease = &provision.Lease{Owner: "dead", Until: w.Real().Add(time.Minute)}
			})
		}, body: `{"userId":"` + id + `"}`, tries: 99, status: 409, retryAfter: "1"},
		"one answer of the directory is not whole": {arrange: func(w *reconciletest.World) {
			w.Directory.Fail("user", fault.New(fault.Incomplete, "directory", "no"))
		}, body: `{"userId":"` + id + `"}`, status: 409},
		"the directory does not answer": {arrange: func(w *reconciletest.World) {
			w.Directory.Fail("user", fault.New(fault.Unavailable, "directory", "no"))
		}, body: `{"userId":"` + id + `"}`, tries: 11, status: 503},
		"the directory does not answer a task that was tried often": {arrange: func(w *reconciletest.World) {
			w.Directory.Fail("user", fault.New(fault.Unavailable, "directory", "no"))
		}, body: `{"userId":"` + id + `"}`, tries: 99, status: 503}, // by far most of them while the app was paused
		"the directory throttles for long": {arrange: func(w *reconciletest.World) {
			w.Directory.Fail("user", &fault.Error{Kind: fault.Throttled, Op: "directory", RetryAfter: 40 * time.Second})
		}, body: `{"userId":"` + id + `"}`, tries: 99, status: 503, retryAfter: "40"},
		"the directory refuses": {arrange: func(w *reconciletest.World) {
			w.Directory.Fail("user", fault.New(fault.Forbidden, "directory", "no"))
		}, body: `{"userId":"` + id + `"}`, status: 500},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			w.Directory.Hire(0)
			if test.arrange != nil {
				test.arrange(w)
			}
			answer := post(worker(w).Reconcile, test.body, test.tries)
			if answer.Code != test.status || answer.Header().Get("Retry-After") != test.retryAfter {
				t.Errorf("answered %d, Retry-After %q", answer.Code, answer.Header().Get("Retry-After"))
			}
			if strings.Contains(strings.Join(w.Events(), "\n"), "tried too often") {
				t.Errorf("given up: %q", w.Events())
			}
		})
	}
}

// TestTaskCutOff: what did not come to its end comes again whole.
func TestTaskCutOff(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	half := io.MultiReader(strings.NewReader(`{"userId":"`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequest(http.MethodPost, "/", half)
	r.Header.Set("Authorization", "Bearer queue")
	answer := httptest.NewRecorder()
	worker(w).Reconcile(answer, r)
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", answer.Code)
	}
}

// TestTriedLookIsNotLeftOut: of a hint that another look has covered nothing is
// read, unless it was tried before: that try may have ended halfway.
func TestTriedLookIsNotLeftOut(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	covered := w.Business()
	w.Advance(time.Minute)
	w.MustLook(id)
	e := worker(w)
	for tries, want := range []int{0, 1} {
		reads := w.Directory.Count("user")
		if answer := post(e.Reconcile, lookBody(t, reconcile.Request{UserID: id, Covered: covered}), tries); answer.Code != 204 {
			t.Fatalf("answered %d", answer.Code)
		}
		if got := w.Directory.Count("user") - reads; got != want {
			t.Errorf("after %d tries: %d readings, want %d", tries, got, want)
		}
	}
}

// TestGivenUpLookEnds: a sweep does not wait for a look that was given up.
func TestGivenUpLookEnds(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	req := reconcile.Request{UserID: id, SweepID: "s", Plan: true}
	if err := w.Store.AddPage(t.Context(), req.Looks(), 1, nil, []string{id}); err != nil {
		t.Fatal(err)
	}
	w.Directory.Fail("user", fault.New(fault.Unavailable, "directory", "no"))
	e := worker(w)
	for tries := range 11 {
		post(e.Reconcile, lookBody(t, req), tries)
	}
	if n, err := w.Store.LooksLeft(t.Context(), req.Looks()); n != 1 || err != nil {
		t.Errorf("%d looks left after eleven tries, %v", n, err)
	}
	post(e.Reconcile, lookBody(t, req), 11)
	if n, err := w.Store.LooksLeft(t.Context(), req.Looks()); n != 0 || err != nil {
		t.Errorf("%d looks left, %v", n, err)
	}
}

// TestGivenUp: a look is given up once it has failed twelve times by itself. What
// the app's pause, a quota or another worker kept from being tried was no try.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	e := worker(w)
	deliver := func(tries int, err error, want int, events string) {
		t.Helper()
		w.Directory.Fail("user", err)
		answer := post(e.Reconcile, `{"userId":"`+id+`"}`, tries)
		if got := strings.Join(w.Events(), "\n"); answer.Code != want || strings.Contains(got, "tried too often") != (events != "") {
			t.Errorf("after %d tries: answered %d, events %q", tries, answer.Code, got)
		}
	}
	throttled := &fault.Error{Kind: fault.Throttled, Op: "directory", RetryAfter: time.Second}
	silent := fault.New(fault.Unavailable, "directory", "no")
	for tries := range 30 {
		deliver(tries, throttled, 503, "")
	}
	for tries := range 11 {
		deliver(30+2*tries, silent, 503, "")
		deliver(31+2*tries, throttled, 503, "")
	}
	deliver(52, silent, 204, "given up")
}

func TestOnlyTheQueueIsHeard(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	e := worker(w)
	for name, handler := range map[string]http.HandlerFunc{"reconcile": e.Reconcile, "sweep": e.Sweep} {
		answer := httptest.NewRecorder()
		handler(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"userId":"`+id+`"}`)))
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("%s answered %d", name, answer.Code)
		}
	}
	if len(w.App.All()) != 0 {
		t.Error("a stranger's task did something")
	}
}
