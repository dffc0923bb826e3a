package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
)

// carrier answers requests without a network.
type carrier func(*http.Request) (status int, body string)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := c(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// slowApp is an app that takes its time for a call, and may allow only so many a
// second. It counts the accounts that it makes.
type slowApp struct {
	takes time.Duration // 0 for 50 ms
	allow *rate.Limiter
	made  int64
}

func (a *slowApp) answer(r *http.Request) (status int, body string) {
	time.Sleep(cmp.Or(a.takes, 50*time.Millisecond))
	switch {
	case a.allow != nil && !a.allow.Allow():
		return http.StatusTooManyRequests, ""
	case r.Method == http.MethodPost:
		return http.StatusCreated, fmt.Sprintf(`{"id":"a%d","userName":"x","active":true}`, atomic.AddInt64(&a.made, 1))
	}
	return http.StatusOK, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}`
}

// operationTime and createCalls are what an operation of the reconciler has, and
// how many calls on the app it takes to make an account.
const (
	operationTime = 2 * time.Minute
	createCalls   = 3
)

// looks are the program's queues before an app, with looks that only make accounts.
type looks struct {
	t      *testing.T
	queue  *sqlitequeue.Queue
	client *scim.Client
	failed atomic.Int64
	// left is when a look at somebody who leaves ended.
	left atomic.Pointer[time.Time]
}

func newLooks(t *testing.T, c provision.Connection, app *slowApp) *looks {
	t.Helper()
	c.BaseURL, c.MediaType = "https://app.example.com/scim/v2", scim.MediaSCIM
	l := &looks{t: t}
	l.client = scim.New(c, func(context.Context) (secrets.Value, error) { return secrets.NewValue("token"), nil },
		&scim.Options{Transport: carrier(app.answer)})
	file, err := sqlitefile.Open(filepath.Join(t.TempDir(), "queue.db"), []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	l.queue, err = sqlitequeue.New(file, sqlitequeue.Config{Queues: endpoints("http://local"), Transport: carrier(l.deliver),
		Business: clock.System, Real: clock.System, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := limitQueues(l.queue, c); err != nil {
		t.Fatal(err)
	}
	return l
}

// run delivers until the context ends, and looks at the app's rate as the program does.
func (l *looks) run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- l.queue.Run(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Second):
			if err := limitQueues(l.queue, l.client.Present()); err != nil {
				l.t.Error(err)
			}
		}
	}
}

// deliver is a look, which gives up when its operation's time is over.
func (l *looks) deliver(r *http.Request) (status int, body string) {
	var req reconcile.Request
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		l.t.Error(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), operationTime)
	defer cancel()
	name := req.UserID + "@example.com"
	_, err := l.client.Find(ctx, req.UserID, name) // two calls, as a suspend takes
	if err == nil && req.UserID == leaver {
		now := time.Now()
		l.left.Store(&now)
		return http.StatusNoContent, ""
	}
	if err == nil {
		_, err = l.client.Create(ctx, req.UserID, provision.Attributes{"userName": name})
	}
	if err != nil && r.Context().Err() == nil {
		l.failed.Add(1)
		return http.StatusServiceUnavailable, ""
	}
	return http.StatusNoContent, ""
}

const leaver = "leaver"

// ask enqueues looks at so many people, of the queues in turn.
func (l *looks) ask(people int, queues ...string) {
	l.t.Helper()
	var list []tasks.Task
	for n := range people {
		task := reconcile.LookTask(reconcile.Request{UserID: fmt.Sprint(n)}, "look", time.Time{})
		task.Queue = queues[n%len(queues)]
		list = append(list, task)
	}
	if err := l.queue.Enqueue(l.t.Context(), list...); err != nil {
		l.t.Fatal(err)
	}
}

// TestSlowAppIsUsed: both queues are full of people who get an account, which
// takes three calls in the two minutes that an operation has. The more looks share
// a slow app, the longer each waits for its turns; so few run at a time that none
// waits in vain.
func TestSlowAppIsUsed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		connection provision.Connection
		app        slowApp
		perSecond  float64 // calls that the app serves
	}{
		"two calls a second":           {provision.Connection{RequestsPerSecond: 2, Concurrency: 4}, slowApp{}, 2},
		"one call a second":            {provision.Connection{RequestsPerSecond: 1, Concurrency: 64}, slowApp{}, 1},
		"a call every ten seconds":     {provision.Connection{RequestsPerSecond: 0.1, Concurrency: 4}, slowApp{}, 0.1},
		"calls of four seconds":        {provision.Connection{Concurrency: 4}, slowApp{takes: 4 * time.Second}, 1},
		"calls of twenty seconds":      {provision.Connection{Concurrency: 4}, slowApp{takes: 20 * time.Second}, 0.2},
		"one call a second, found out": {provision.Connection{Concurrency: 4}, slowApp{allow: rate.NewLimiter(1, 5)}, 0.7},
		"the slowest, found out":       {provision.Connection{RequestsPerSecond: 100, Concurrency: 64}, slowApp{allow: rate.NewLimiter(0.6, 5)}, 0.4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := tt.app
				l := newLooks(t, tt.connection, &app)
				ideal := int(tt.perSecond * time.Hour.Seconds() / createCalls)
				l.ask(2*ideal, tasks.Reconcile, tasks.Bulk)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := l.run(ctx); err != nil {
					t.Error(err)
				}
				made := int(app.made)
				t.Logf("%s: %d accounts made in an hour, the app would bear %d; %d looks failed", name, made, ideal, l.failed.Load())
				if made < ideal*9/10 {
					t.Error("looks waited in vain")
				}
			})
		})
	}
}

// TestLeaverPassesFirstSync: somebody leaves during a first sync, whose looks all
// wait for the app before theirs does.
func TestLeaverPassesFirstSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(t, provision.Connection{RequestsPerSecond: 1, Concurrency: 4}, &slowApp{})
		l.ask(2000, tasks.Bulk)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- l.run(ctx) }()
		time.Sleep(10 * time.Minute)
		began := time.Now()
		if err := l.queue.Enqueue(ctx, reconcile.LookTask(reconcile.Request{UserID: leaver}, "leaves", time.Time{})); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		left := l.left.Load()
		if left == nil {
			t.Fatal("somebody who leaves keeps access for an hour")
		}
		took := left.Sub(began)
		t.Logf("two calls took %v at one a second", took)
		if took > 25*time.Second {
			t.Error("they waited behind the first sync")
		}
	})
}
