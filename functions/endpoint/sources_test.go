package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/throttle"
	"example.com/autoprovision/shared/wiring"
)

// queue counts what is enqueued, or is out of order.
type queue struct {
	n    int
	down bool
}

func (q *queue) Enqueue(_ context.Context, list ...tasks.Task) error {
	if q.down {
		return fault.New(fault.Internal, "queue", "down")
	}
	q.n += len(list)
	return nil
}

// fallible is a store that may be out of order.
type fallible struct {
	state.Store
	down bool
}

func (f *fallible) Channels(ctx context.Context) ([]state.PushChannel, error) {
	if f.down {
		return nil, fault.New(fault.Unavailable, "state", "down")
	}
	return f.Store.Channels(ctx)
}

func (f *fallible) Configuration(ctx context.Context) (provision.Configuration, error) {
	if f.down {
		return provision.Configuration{}, fault.New(fault.Unavailable, "state", "down")
	}
	return f.Store.Configuration(ctx)
}

// world is the endpoints over the whole system with a queue that delivers nothing.
type world struct {
	*endpoint.Endpoints
	directory *simworkspace.Workspace
	store     *fallible
	queue     *queue
	token     string
	log       bytes.Buffer
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{queue: &queue{}, directory: simworkspace.New(1, &simworkspace.Options{Push: &http.Client{Transport: nobody{}}})}
	t.Cleanup(w.directory.Close)
	w.directory.Seed(simworkspace.DefaultCompany())
	client, err := workspace.New(t.Context(), &http.Client{Transport: w.directory.Transport()},
		&workspace.Options{BaseURL: "http://directory.test/", Limiter: throttle.New(rate.Inf, 1)})
	check(t, err)
	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	plain, err := sqlite.New(db)
	check(t, err)
	vault, err := file.Open(folder)
	check(t, err)
	w.store = &fallible{Store: plain}
	profile := comeet.Profile()
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	system := wiring.Build(wiring.Parts{Profile: profile, Store: w.store, Tasks: w.queue, Secrets: vault, Directory: client,
		Business: clock.System, Real: clock.System, Log: log, Connection: profile.Connection, PushAddress: "https://push.invalid/directory-push"})
	check(t, system.Admin.Init(t.Context()))
	c, err := w.store.Configuration(t.Context())
	check(t, err)
	c.On, c.Scope, c.Policies = true, &provision.Scope{Groups: []provision.GroupRef{{ID: "g"}}}, []provision.PolicyEdit{{}}
	c.Authorization.State = provision.AuthorizationOK
	_, err = w.store.PutConfiguration(t.Context(), c)
	check(t, err)
	onlyWith := func(password string) endpoint.Caller {
		return func(r *http.Request) error {
			if r.Header.Get("Authorization") != password {
				return fault.New(fault.Unauthorized, "test", "not you")
			}
			return nil
		}
	}
	w.Endpoints = &endpoint.Endpoints{Reconciler: system.Reconciler, Sweeper: system.Sweeper, Push: system.Push, Audit: system.Audit,
		Health: system.Health, Store: w.store, Now: clock.System, NewID: system.Admin.NewID, Log: log, Queue: onlyWith("queue"), Publisher: onlyWith("publisher")}
	if code := w.call(w.RenewChannels, "", "Authorization", "queue"); code != http.StatusNoContent {
		t.Fatalf("renew channels: %d\n%s", code, w.log.String())
	}
	token, _, err := vault.Latest(t.Context(), secrets.ChannelToken)
	check(t, err)
	w.token = token.Reveal()
	return w
}

type nobody struct{}

func (nobody) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: req}, nil
}

// call posts a body with header keys and values in turn.
func (w *world) call(h http.HandlerFunc, body string, header ...string) int {
	return w.callIn(context.Background(), h, body, header...)
}

func (w *world) callIn(ctx context.Context, h http.HandlerFunc, body string, header ...string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h(rec, r)
	return rec.Code
}

func (w *world) channel(t *testing.T) string {
	t.Helper()
	list, err := w.store.Channels(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("channels %v, %v", list, err)
	}
	return list[0].ID
}

const pushed = `{"kind":"admin#directory#user","id":"111220860655841818702"}`

func TestDirectoryPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.channel(t)
	push := func(body, channel, token string) int {
		w.queue.n = 0
		return w.call(w.DirectoryPush, body, "X-Goog-Channel-ID", channel, "X-Goog-Channel-Token", token, "X-Goog-Resource-State", "update",
			"Content-Type", "application/json; utf-8")
	}
	for _, test := range []struct {
		what, body, channel, token string
		status, enqueued           int
	}{
		{"a notification", pushed, id, w.token, 204, 2},
		{"of a channel that is forgotten", pushed, "another", w.token, 204, 0},
		{"without sense", "{", id, w.token, 204, 0},
		{"too large", strings.Repeat(" ", 2<<20), id, w.token, 204, 0},
		{"without the token", pushed, id, "", 401, 0},
		{"with another token", pushed, id, "wrong", 401, 0},
		{"with the token's beginning", pushed, id, w.token[:len(w.token)-1], 401, 0},
		{"with the token and more", pushed, id, w.token + "x", 401, 0},
		{"with the channel's id for a token", pushed, id, id, 401, 0},
	} {
		if status := push(test.body, test.channel, test.token); status != test.status || w.queue.n != test.enqueued {
			t.Errorf("%s: status %d, %d enqueued", test.what, status, w.queue.n)
		}
	}
	// A fault that passes never becomes an answer after which nothing is sent again.
	w.queue.down = true
	if status := push(pushed, id, w.token); status != http.StatusServiceUnavailable {
		t.Errorf("queue down: %d", status)
	}
	w.queue.down, w.store.down = false, true
	if status := push(pushed, id, w.token); status != http.StatusServiceUnavailable {
		t.Errorf("store down: %d", status)
	}
	rec := httptest.NewRecorder()
	w.DirectoryPush(rec, httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(errors.New("cut off"))))
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("cut off: %d", rec.Code)
	}
	if strings.Contains(w.log.String(), w.token) {
		t.Error("the channel's token is in the log")
	}
}

const upload = `{"protoPayload":{"serviceName":"admin.googleapis.com","methodName":"google.admin.AdminService.usersBulkUpload"}}`

func TestAuditEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	binary := []string{"Authorization", "publisher", "Ce-Id", "1", "Ce-Specversion", "1.0", "Ce-Source", "//pubsub.googleapis.com/projects/p/topics/t",
		"Ce-Type", "google.cloud.pubsub.topic.v1.messagePublished", "Content-Type", "application/json"}
	for _, test := range []struct {
		what, body       string
		header           []string
		status, enqueued int
	}{
		{"an entry", upload, binary, 204, 2}, // a sweep and a second one
		{"a structured CloudEvent", `{"specversion":"1.0","id":"1","source":"s","type":"t","data":` + upload + `}`,
			[]string{"Authorization", "publisher", "Content-Type", "application/cloudevents+json"}, 204, 2},
		{"without sense", `{"message":{"data":"aGVsbG8="}}`, binary, 204, 0},
		{"too large", strings.Repeat(" ", 2<<20), binary, 204, 0},
		{"from anybody", upload, nil, 401, 0},
	} {
		w.queue.n = 0
		if status := w.call(w.AuditEvent, test.body, test.header...); status != test.status || w.queue.n != test.enqueued {
			t.Errorf("%s: status %d, %d enqueued", test.what, status, w.queue.n)
		}
	}
	if log := w.log.String(); !strings.Contains(log, "source=audit") || !strings.Contains(log, "not the JSON of a LogEntry") {
		t.Errorf("the reason is not logged: %s", log)
	}
	w.queue.down = true
	if status := w.call(w.AuditEvent, upload, binary...); status != http.StatusServiceUnavailable {
		t.Errorf("queue down: %d", status)
	}
	w.queue.down, w.store.down = false, true
	if status := w.call(w.AuditEvent, upload, binary...); status != http.StatusServiceUnavailable {
		t.Errorf("store down: %d", status)
	}
}

func TestRenewChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // which renews
	if log := w.log.String(); !strings.Contains(log, "msg=sources push=alive") {
		t.Errorf("logged %s", log)
	}
	if status := w.call(w.RenewChannels, ""); status != http.StatusUnauthorized {
		t.Errorf("from anybody: %d", status)
	}
	w.store.down = true
	if status := w.call(w.RenewChannels, "", "Authorization", "queue"); status != http.StatusServiceUnavailable {
		t.Errorf("store down: %d", status)
	}
}

// A sweep that failed is asked for again long before the schedule's next one.
func TestRenewChannelsAsksForASweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		state  provision.SweepState
		ago    time.Duration
		cause  string
		sweeps int
	}{
		{provision.SweepDone, 4 * time.Hour, "the schedule's own may just be starting", 0},
		{provision.SweepDone, 5 * time.Hour, "the schedule's was lost", 1},
		{provision.SweepFailed, 5 * time.Minute, "failed just now", 0},
		{provision.SweepFailed, 11 * time.Minute, "failed", 1},
	} {
		all, err := w.store.Sweeps(t.Context())
		check(t, err)
		all.Queued, all.Current = nil, &provision.Sweep{ID: "last", State: test.state, QueuedAt: clock.System().Add(-test.ago)}
		_, err = w.store.PutSweeps(t.Context(), all)
		check(t, err)
		w.queue.n = 0
		if status := w.call(w.RenewChannels, "", "Authorization", "queue"); status != http.StatusNoContent || w.queue.n != test.sweeps {
			t.Errorf("%s: status %d, %d sweeps asked for", test.cause, status, w.queue.n)
		}
	}
}

// What alerts are counted from is logged above all when channels cannot be opened.
func TestReportWithoutChannels(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]simworkspace.Faults{
		"refused":   {RedirectTo: "http://elsewhere.invalid/"},
		"no answer": {LatencyMS: 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			check(t, w.store.DeleteChannel(t.Context(), w.channel(t)))
			faults.Methods = []string{"users.watch"}
			w.directory.SetFaults(faults)
			w.log.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if status := w.callIn(ctx, w.RenewChannels, "", "Authorization", "queue"); status < 500 {
				t.Errorf("status %d although no channel could be opened", status)
			}
			if log := w.log.String(); !strings.Contains(log, "level=WARN msg=sources push=down") {
				t.Errorf("logged %s", log)
			}
		})
	}
}
