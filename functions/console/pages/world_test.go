package pages_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/functions/console/pages"
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
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
	"example.com/autoprovision/shared/throttle"
	"example.com/autoprovision/shared/wiring"
)

const (
	adminToken = "the-administrator"
	appToken   = "app-token-that-nobody-may-see"
)

// world is the whole embedded system behind the pages, with the simulated
// services, and business time that a test can move.
type world struct {
	t         testing.TB
	pages     *pages.Pages
	system    *wiring.System
	directory *simworkspace.Workspace
	comeet    *simcomeet.Server
	cookies   map[string]string
	ahead     atomic.Int64
}

func (w *world) now() time.Time { return clock.System().Add(time.Duration(w.ahead.Load())) }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, cookies: map[string]string{}}
	log := slog.New(slog.DiscardHandler)
	w.directory = simworkspace.New(1, &simworkspace.Options{Clock: w.now})
	t.Cleanup(w.directory.Close)
	w.directory.Seed(simworkspace.DefaultCompany())
	w.comeet = simcomeet.New(&simcomeet.Options{Token: appToken, Now: w.now})
	comeetServer := httptest.NewServer(w.comeet.Handler())
	t.Cleanup(comeetServer.Close)

	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema(), sqlitequeue.Schema()}, nil)
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	store, err := sqlite.New(db)
	check(t, err)
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
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = queue.Close(ctx) // a sweep under way is cut off
		check(t, <-ended)
	})
	w.pages = pages.New(pages.Options{Service: w.system.Admin, SignIn: pages.TokenSignIn(secrets.NewValue(adminToken)), SessionKey: pages.Fixed(secrets.NewValue("key"))})
	return w
}

// direct answers requests with a handler, without a socket.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec.Result(), nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send sends a request as the browser would that has the world's cookies, and
// fails the test if the answer shows a token.
func (w *world) send(method, path string, form url.Values) *http.Response {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, r)
	res := rec.Result()
	for _, c := range res.Cookies() {
		w.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
		}
	}
	var all strings.Builder
	check(w.t, res.Header.Write(&all))
	all.WriteString(rec.Body.String())
	for _, secret := range []string{adminToken, appToken} {
		if strings.Contains(all.String(), secret) {
			w.t.Errorf("%s %s shows a token", method, path)
		}
	}
	return res
}

// get reads a page and expects a status.
func (w *world) get(status int, path string) string {
	w.t.Helper()
	return w.body(w.send("GET", path, nil), status, path)
}

// post sends a form and expects to be led to a place that begins with to.
func (w *world) post(path string, form url.Values, to string) string {
	w.t.Helper()
	res := w.send("POST", path, form)
	location := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, to) {
		w.t.Fatalf("POST %s: %d to %q, want %q\n%s", path, res.StatusCode, location, to, w.body(res, res.StatusCode, path))
	}
	return location
}

// refuse sends a form and expects it back with a problem.
func (w *world) refuse(status int, path string, form url.Values, text string) string {
	w.t.Helper()
	body := w.body(w.send("POST", path, form), status, path)
	if !strings.Contains(body, text) {
		w.t.Errorf("POST %s does not say %q:\n%s", path, text, body)
	}
	return body
}

func (w *world) body(res *http.Response, status int, path string) string {
	w.t.Helper()
	data, err := io.ReadAll(res.Body)
	check(w.t, err)
	if res.StatusCode != status {
		w.t.Fatalf("%s: %d, want %d\n%s", path, res.StatusCode, status, data)
	}
	return string(data)
}

func signedIn(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.post("/sign-in", url.Values{"token": {adminToken}}, "/")
	return w
}

// configured is a world that is ready to be turned on, set up through the pages.
func configured(t testing.TB) *world {
	t.Helper()
	w := signedIn(t)
	base := w.system.Admin.Connection.BaseURL
	w.post("/setup/start", url.Values{"sso": {"on"}, "invite": {"on"}, "google": {"on"}}, "/setup/token")
	w.post("/setup/token", url.Values{"accessToken": {" " + appToken + " "}, "baseUrl": {base}}, "/setup/attributes")
	w.post("/setup/attributes", defaultMapping(), "/setup/who")
	w.post("/setup/who", url.Values{"do": {"save"}, "unit": {"/", "/Sales"}, "state": {"on", ""}}, "/setup/time-frames")
	w.post("/setup/time-frames", frames("suspended", "within24h", "7d"), "/setup/review")
	return w
}

func defaultMapping() url.Values {
	return url.Values{"do": {"save"}, "app": {"userName", "name.givenName", "name.familyName", `emails[type eq "work"].value`, ""},
		"source0": {"primaryEmail"}, "source1": {"name.givenName"}, "source2": {"name.familyName"}, "source3": {"primaryEmail"}}
}

func frames(condition, suspend, remove string) url.Values {
	return url.Values{condition + ".suspendAfter": {suspend}, condition + ".deleteAfter": {remove}}
}

// on is a world that is on and has swept.
func on(t testing.TB) *world {
	t.Helper()
	w := configured(t)
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	return w
}

// until reads a page until it is as wanted.
func (w *world) until(path string, ok func(page string) bool) string {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for pause := time.NewTicker(10 * time.Millisecond); ; <-pause.C {
		page := w.get(http.StatusOK, path)
		if ok(page) {
			pause.Stop()
			return page
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not become what was waited for:\n%s", path, page)
		}
	}
}

// patch changes a person in the directory.
func (w *world) patch(email, change string) {
	w.t.Helper()
	r := httptest.NewRequest("PATCH", "http://directory.test/admin/directory/v1/users/"+email, strings.NewReader(change))
	res, err := w.directory.Transport().RoundTrip(r)
	check(w.t, err)
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("patching %s: %d", email, res.StatusCode)
	}
}

// create adds something to the directory.
func (w *world) create(path, body string) {
	w.t.Helper()
	res, err := w.directory.Transport().RoundTrip(httptest.NewRequest("POST", "http://directory.test"+path, strings.NewReader(body)))
	check(w.t, err)
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("POST %s: %d", path, res.StatusCode)
	}
}
