package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/functions/console/api"
	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
	"example.com/autoprovision/shared/throttle"
	"example.com/autoprovision/shared/wiring"
)

const (
	adminToken = "the-administrator"
	appToken   = "app-token-that-nobody-may-see"
	app        = "/api/v1/apps/comeet"
)

// world is the whole embedded system behind the API, with the simulated
// services, and business time that a test can move.
type world struct {
	t         testing.TB
	handler   http.Handler
	system    *wiring.System
	directory *simworkspace.Workspace
	comeet    *simcomeet.Server
	log       *safeBuffer
	ahead     atomic.Int64 // how far business time is ahead of real time
}

func (w *world) now() time.Time { return clock.System().Add(time.Duration(w.ahead.Load())) }

// company is small: eng with two, sales with one, and one who is suspended.
func company() simworkspace.Company {
	person := func(name, unit string) simworkspace.Person {
		return simworkspace.Person{Email: name, GivenName: strings.ToUpper(name[:1]) + name[1:], FamilyName: "Test", OrgUnit: unit}
	}
	gone := person("sus", "/Sales")
	gone.SuspendedFor = 48 * time.Hour
	return simworkspace.Company{
		Domains:  []string{"other.example"},
		OrgUnits: []string{"/Eng", "/Sales"},
		People:   []simworkspace.Person{person("ana", "/Eng"), person("ben", "/Eng"), person("cleo", "/Sales"), gone},
		Groups: []simworkspace.Group{{Email: "eng", Name: "Engineering", Members: []string{"ana", "ben"}},
			{Email: "everybody", Name: "Everybody", Members: []string{"everyone"}}},
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOver(t, func(s state.Store) state.Store { return s })
}

// newWorldOver is a world whose store is wrapped.
func newWorldOver(t testing.TB, wrap func(state.Store) state.Store) *world {
	t.Helper()
	w := &world{t: t, log: &safeBuffer{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.directory = simworkspace.New(1, &simworkspace.Options{Clock: w.now})
	t.Cleanup(w.directory.Close)
	w.directory.Seed(company())
	w.comeet = simcomeet.New(&simcomeet.Options{Token: appToken, Now: w.now})
	comeetServer := httptest.NewServer(w.comeet.Handler())
	t.Cleanup(comeetServer.Close)

	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema(), sqlitequeue.Schema()}, nil)
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	plain, err := sqlite.New(db)
	check(t, err)
	store := wrap(plain)
	vault, err := file.Open(folder)
	check(t, err)
	people, err := workspace.New(t.Context(), &http.Client{Transport: w.directory.Transport()},
		&workspace.Options{BaseURL: "http://directory.test/", Limiter: throttle.New(rate.Inf, 1)})
	check(t, err)

	machines := http.NewServeMux()
	queue, err := sqlitequeue.New(db, sqlitequeue.Config{
		Queues: map[string]sqlitequeue.Endpoint{
			tasks.Reconcile: {URL: "http://machines.test/reconcile", Concurrency: 2},
			tasks.Bulk:      {URL: "http://machines.test/reconcile", Concurrency: 2},
			tasks.Sweep:     {URL: "http://machines.test/sweep", Concurrency: 1},
		},
		Token: secrets.NewValue("queue"), Business: w.now, Real: clock.System, Transport: direct{machines}, Log: log,
	})
	check(t, err)
	profile := comeet.Profile()
	connection := profile.Connection
	connection.BaseURL, connection.RequestsPerSecond = comeetServer.URL+"/scim/v2", 0
	w.system = wiring.Build(wiring.Parts{Profile: profile, Store: store, Tasks: queue, Secrets: vault, Directory: people,
		Business: w.now, Real: clock.System, Log: log, Connection: connection, Egress: egress.OwnMachine})
	check(t, w.system.Admin.Init(t.Context()))
	e := &endpoint.Endpoints{Reconciler: w.system.Reconciler, Sweeper: w.system.Sweeper, Push: w.system.Push, Store: store,
		Now: w.now, NewID: w.system.Admin.NewID, Log: log, Queue: func(*http.Request) error { return nil }}
	machines.HandleFunc("POST /reconcile", e.Reconcile)
	machines.HandleFunc("POST /sweep", e.Sweep)
	ended := make(chan error, 1)
	go func() { ended <- queue.Run(context.Background()) }()
	t.Cleanup(func() {
		check(t, queue.Close(context.Background()))
		check(t, <-ended)
	})
	w.handler = api.New(w.system.Admin, secrets.NewValue(adminToken))
	return w
}

// direct answers requests with a handler, without a socket.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// safeBuffer is a log that many goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send sends a request as the administrator; body is JSON, or empty for none.
func (w *world) send(method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return w.serve(r)
}

// serve answers a request, and fails the test if the answer or the log shows the app's token.
func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if strings.Contains(rec.Body.String()+w.log.String(), appToken) {
		w.t.Errorf("%s %s shows the app's token", r.Method, r.URL)
	}
	return rec
}

type object = map[string]any

// want sends a request, checks the status and returns the answer.
func (w *world) want(status int, method, path, body string) object {
	w.t.Helper()
	rec := w.send(method, path, body)
	if rec.Code != status {
		w.t.Fatalf("%s %s %s: status %d, want %d\n%s", method, path, body, rec.Code, status, rec.Body)
	}
	return decode(w.t, rec)
}

func decode(t testing.TB, rec *httptest.ResponseRecorder) object {
	t.Helper()
	var got object
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, rec.Body)
	}
	kind := "application/json"
	if rec.Code >= 400 {
		kind = "application/problem+json"
		if got["detail"] == "" || got["title"] != http.StatusText(rec.Code) || got["status"] != float64(rec.Code) {
			t.Errorf("not a whole problem: %s", rec.Body)
		}
	}
	if rec.Header().Get("Content-Type") != kind {
		t.Errorf("content type %q, want %q", rec.Header().Get("Content-Type"), kind)
	}
	return got
}

// get reads a value out of an answer by a path such as configuration.guard or items.0.
func get(t *testing.T, v any, path string) any {
	t.Helper()
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case object:
			got, ok := at[part]
			if !ok {
				t.Fatalf("no %s in %v", part, at)
			}
			v = got
		case []any:
			i := int(part[0] - '0')
			if i >= len(at) {
				t.Fatalf("no item %s of %s in %v", part, path, at)
			}
			v = at[i]
		default:
			t.Fatalf("nothing below %v for %s", v, path)
		}
	}
	return v
}

// until polls a path until ok says yes.
func (w *world) until(path string, ok func(object) bool) object {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for pause := time.NewTicker(5 * time.Millisecond); ; <-pause.C {
		got := w.want(http.StatusOK, "GET", path, "")
		if ok(got) {
			pause.Stop()
			return got
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not come to what was waited for: %v\n%s", path, got, w.log)
		}
	}
}

const (
	scopeEverybody = `{"orgUnits":[{"path":"/","on":true}],"accessGroups":[],"groups":[],"domains":[]}`
	weekThenDelete = `{"appOff":{"suspendAfter":"within24h","deleteAfter":"7d"},"suspended":{"suspendAfter":"1d","deleteAfter":"21d"},"deleted":{}}`
)

// scopeOf is a scope of org units alone, each as JSON.
func scopeOf(units ...string) string {
	return `{"orgUnits":[` + strings.Join(units, ",") + `],"accessGroups":[],"groups":[],"domains":[]}`
}

// configured is a world that is ready to be turned on.
func configured(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.configure()
	return w
}

func (w *world) configure() {
	w.t.Helper()
	w.want(http.StatusOK, "PUT", app+"/authorization", `{"accessToken":"`+appToken+`"}`)
	w.want(http.StatusOK, "PUT", app+"/scope", scopeEverybody)
	w.want(http.StatusOK, "PUT", app+"/deprovisioning", weekThenDelete)
}

// on is a world that is on and has swept.
func on(t *testing.T) *world {
	t.Helper()
	w := configured(t)
	w.want(http.StatusOK, "POST", app+"/turnOn", "")
	w.swept()
	return w
}

func (w *world) swept() object {
	w.t.Helper()
	return w.until(app, func(s object) bool {
		sweep, ok := s["sweep"].(object)
		return ok && sweep["state"] == "done"
	})
}

func user(email string) string { return app + "/users/" + url.PathEscape(email) }
