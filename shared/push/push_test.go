package push

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/throttle"
)

// world is channels over the real client, the simulated directory, a real
// store and real secrets; time stands still unless a test moves it.
type world struct {
	*Channels
	t         *testing.T
	directory *simworkspace.Workspace
	store     *sqlite.Store
	queue     *queue
	heard     int
	log       bytes.Buffer

	mu  sync.Mutex
	at  time.Time
	ids int
}

// queue keeps what was enqueued.
type queue struct {
	tasks []tasks.Task
	err   error
}

func (q *queue) Enqueue(_ context.Context, list ...tasks.Task) error {
	if q.err != nil {
		return q.err
	}
	q.tasks = append(q.tasks, list...)
	return nil
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, queue: &queue{}, at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	w.directory = simworkspace.New(1, &simworkspace.Options{Now: w.now, Clock: w.now,
		Push: &http.Client{Transport: nobody{}}})
	t.Cleanup(w.directory.Close)
	w.directory.Seed(simworkspace.DefaultCompany())
	client, err := workspace.New(t.Context(), &http.Client{Transport: w.directory.Transport()},
		&workspace.Options{BaseURL: "http://directory.test/", Limiter: throttle.New(rate.Inf, 1)})
	w.must(err)
	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	w.must(err)
	t.Cleanup(func() { _ = db.Close() })
	w.store, err = sqlite.New(db)
	w.must(err)
	vault, err := file.Open(folder)
	w.must(err)
	w.Channels = New(Ports{
		Watcher: client, Store: w.store, Secrets: vault, Hints: hint.New(w.queue, w.now, "p"),
		Heard: func(context.Context) { w.heard++ }, Real: w.now,
		NewID:   func() string { w.ids++; return "channel-" + strconv.Itoa(w.ids) },
		Log:     slog.New(slog.NewTextHandler(&w.log, nil)),
		Address: "https://push.invalid/directory-push",
	})
	w.turn(true)
	return w
}

// nobody takes every notification.
type nobody struct{}

func (nobody) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: req}, nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) turn(on bool) {
	w.t.Helper()
	c, err := w.store.Configuration(w.t.Context())
	w.must(err)
	c.On = on
	if on {
		c.TurnedOnAt = w.now()
	}
	_, err = w.store.PutConfiguration(w.t.Context(), c)
	w.must(err)
}

func (w *world) renew() {
	w.t.Helper()
	w.must(w.Renew(w.t.Context()))
}

// channels are the ids in use and the retired ones.
func (w *world) channels() (inUse, retired []string) {
	w.t.Helper()
	list, err := w.store.Channels(w.t.Context())
	w.must(err)
	for _, ch := range list {
		if ch.RetiredAt.IsZero() {
			inUse = append(inUse, ch.ID)
		} else {
			retired = append(retired, ch.ID)
		}
	}
	return inUse, retired
}

func (w *world) wantChannels(inUse, retired string) {
	w.t.Helper()
	in, out := w.channels()
	if strings.Join(in, " ") != inUse || strings.Join(out, " ") != retired {
		w.t.Errorf("in use %v, retired %v; want %q and %q", in, out, inUse, retired)
	}
}

// open counts the channels that the directory has.
func (w *world) open() int { return w.directory.Channels() }

func TestRenewedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	w.wantChannels("channel-1", "")
	w.pass(4*time.Hour + 47*time.Minute)
	w.renew() // not due: 80 % of six hours are 4 h 48 min
	w.wantChannels("channel-1", "")
	w.pass(time.Minute)
	w.renew()
	w.wantChannels("channel-2", "channel-1")
	if n := w.open(); n != 1 {
		t.Errorf("the directory has %d channels, want the old one stopped", n)
	}
	w.pass(graceTime)
	w.renew()
	w.wantChannels("channel-2", "")
}

// For four days of renewals every five minutes, with the directory out of order
// now and then for an hour, there is a channel at every moment.
func TestNeverWithoutAChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	for step := range 4 * 24 * 12 {
		w.directory.SetFaults(simworkspace.Faults{})
		if step%50 < 12 {
			w.directory.SetFaults(simworkspace.Faults{ServerErrors: 1000, Methods: []string{"users.watch", "channels.stop"}})
		}
		in, _ := w.channels()
		if len(in) == 0 || w.open() == 0 {
			t.Fatalf("at %v: in use %v, the directory has %d", w.now(), in, w.open())
		}
		w.pass(5 * time.Minute)
		_ = w.Renew(t.Context()) // what fails is tried again by the next call
		if all, err := w.store.Channels(t.Context()); err != nil || len(all) > 20 {
			t.Fatalf("%d channels are remembered: %v", len(all), err)
		}
	}
}

func TestOneForEachEventWhenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.SetFaults(simworkspace.Faults{WatchNeedsEvent: true})
	w.renew()
	list, err := w.store.Channels(t.Context())
	w.must(err)
	var events []string
	for _, ch := range list {
		if ch.RetiredAt.IsZero() {
			events = append(events, ch.Event)
		}
	}
	slices.Sort(events)
	if got := strings.Join(events, " "); got != "add delete makeAdmin undelete update" || w.open() != 5 {
		t.Errorf("events %q, and the directory has %d channels", got, w.open())
	}
	w.renew() // not due
	if w.ids != 6 {
		t.Errorf("%d channels were asked for, want 6", w.ids)
	}
	w.directory.SetFaults(simworkspace.Faults{})
	w.pass(5 * time.Hour)
	w.renew()
	if in, retired := w.channels(); len(in) != 1 || len(retired) != 5 || w.open() != 1 {
		t.Errorf("in use %v, retired %v, the directory has %d; want one again", in, retired, w.open())
	}
}

func TestClosedAtTurnOffAndOpenedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	w.turn(false)
	w.must(w.Close(t.Context()))
	w.wantChannels("", "")
	w.renew() // off: nothing is opened
	if w.open() != 0 {
		t.Errorf("the directory has %d channels while off", w.open())
	}
	w.turn(true)
	w.renew()
	w.wantChannels("channel-2", "")

	// A stop that fails is tried again, also when the channel was not closed at the turn-off.
	w.turn(false)
	w.directory.SetFaults(simworkspace.Faults{RedirectTo: "http://elsewhere.invalid/", Methods: []string{"channels.stop"}})
	w.renew()
	w.wantChannels("", "channel-2")
	if !strings.Contains(w.log.String(), "channel=channel-2") {
		t.Errorf("a stop that failed is not logged: %q", w.log.String())
	}
	w.directory.SetFaults(simworkspace.Faults{})
	w.renew()
	w.wantChannels("", "")
	if w.open() != 0 {
		t.Errorf("the directory has %d channels while off", w.open())
	}
}

// A process that ended between record, call and answer leaves a record without
// an answer; another channel is opened, and what may come through the first is heard.
func TestCutOffWhileOpening(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.store.PutChannel(t.Context(), state.PushChannel{ID: "cut-off", OpenedAt: w.now()}))
	w.renew()
	w.wantChannels("channel-1 cut-off", "")
	w.pass(answerTime + time.Minute)
	w.renew()
	w.wantChannels("channel-1", "cut-off")
	w.pass(graceTime)
	w.renew()
	w.wantChannels("channel-1", "")
}

// A program that listens elsewhere than before does not wait for the end of a
// channel that delivers to nobody.
func TestAnotherAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	w.Address = "https://elsewhere.invalid/directory-push"
	w.renew()
	w.wantChannels("channel-2", "channel-1")
}

func TestNoAddressNoChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Address = ""
	w.renew()
	w.wantChannels("", "")
}

func (w *world) message(channel string) Message {
	w.t.Helper()
	s, err := w.store.Sources(w.t.Context())
	w.must(err)
	token, err := w.Secrets.Version(w.t.Context(), secrets.ChannelToken, s.ChannelToken)
	w.must(err)
	return Message{ChannelID: channel, Token: token.Reveal(), State: "update",
		Body: []byte(`{"kind":"admin#directory#user","id":"111220860655841818702","etag":"\"x\"","primaryEmail":"a@example.com"}`)}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	w.pass(5 * time.Hour)
	w.renew() // channel-1 is retired, channel-2 in use
	broken := w.message("channel-2")
	broken.Body = []byte(`{"id":"a@example.com"}`)
	forged := w.message("channel-2")
	forged.Token += "x"
	sync := w.message("channel-2")
	sync.State, sync.Body = "sync", nil
	tests := []struct {
		name  string
		m     Message
		kind  fault.Kind
		fails bool
		looks int // the look and the second one
		heard int
	}{
		{"in use", w.message("channel-2"), 0, false, 2, 1},
		{"retired, but sent before it was", w.message("channel-1"), 0, false, 2, 1},
		{"forgotten", w.message("channel-0"), 0, false, 0, 0},
		{"sync", sync, 0, false, 0, 1},
		{"no user", broken, fault.Invalid, true, 0, 0},
		{"another's token", forged, fault.Unauthorized, true, 0, 0},
		{"no token", Message{ChannelID: "channel-2", State: "sync"}, fault.Unauthorized, true, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.queue.tasks, w.heard = nil, 0
			err := w.Receive(t.Context(), test.m)
			if (err != nil) != test.fails || test.fails && !fault.Is(err, test.kind) {
				t.Errorf("error %v", err)
			}
			if len(w.queue.tasks) != test.looks || w.heard != test.heard {
				t.Errorf("%d tasks, heard %d; want %d and %d", len(w.queue.tasks), w.heard, test.looks, test.heard)
			}
		})
	}
}

// Whatever keeps it from being enqueued asks for it again, and is never taken for a refusal.
func TestReceiveWhenTheQueueIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	for _, kind := range []fault.Kind{fault.Unavailable, fault.Internal, fault.Invalid, fault.Unauthorized, fault.Throttled} {
		w.queue.err = fault.New(kind, "queue", "down")
		if err := w.Receive(t.Context(), w.message("channel-1")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("queue %v: error %v", kind, err)
		}
	}
	if w.heard != 0 {
		t.Errorf("heard %d although nothing was enqueued", w.heard)
	}
}

// The simulated directory's own notification, as it comes over HTTP, is understood.
func TestReceivesWhatTheDirectorySends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = w.Receive(r.Context(), Message{ChannelID: r.Header.Get("X-Goog-Channel-Id"), Token: r.Header.Get("X-Goog-Channel-Token"),
				State: r.Header.Get("X-Goog-Resource-State"), Body: body})
		}
		got <- err
		out.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	other := simworkspace.New(2, nil)
	defer other.Close()
	other.Seed(simworkspace.DefaultCompany())
	client, err := workspace.New(t.Context(), &http.Client{Transport: other.Transport()}, &workspace.Options{BaseURL: "http://directory.test/"})
	w.must(err)
	w.Watcher, w.Address = client, server.URL
	w.must(w.Open(t.Context()))
	w.must(<-got) // sync
	id, _ := other.UserID("maya.cohen@example.com")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "http://directory.test/admin/directory/v1/users/"+id, strings.NewReader(`{"suspended":true}`))
	w.must(err)
	resp, err := other.Transport().RoundTrip(req)
	w.must(err)
	resp.Body.Close()
	w.must(<-got)
	if len(w.queue.tasks) != 2 || !strings.Contains(string(w.queue.tasks[0].Body), id) {
		t.Errorf("tasks %v, want a look at %s", w.queue.tasks, id)
	}
}
