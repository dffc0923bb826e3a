// Package reconciletest owns a small company for tests of the packages that
// act on it: a directory, an app and a queue in memory, over the real embedded
// state, with clocks that move only when told.
//
// It promises that the app accuses: a second account for one person, and the
// loss of an account by somebody who is active and in scope, fail the test
// themselves. Any call of any port can be made to fail before or after its
// effect, or to be the last of a process that crashes. It knows no rule.
package reconciletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

// Start is when every story begins, in business time and in real time.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// BaseURL is the app's.
const BaseURL = "https://app.example.com/scim/v2"

// Day is a day.
const Day = 24 * time.Hour

// SweepEvery is the schedule's.
const SweepEvery = 4 * time.Hour

// World is a company with its app.
type World struct {
	T         testing.TB
	Store     state.Store
	Directory *Directory
	App       *App
	Queue     *Queue

	mu             sync.Mutex
	business, real time.Time
	ids            int
	sleeps         int
	process        *Process
}

// New is a company of nobody, whose app is turned on for everybody, whose first
// sweep is done, and whose time frames are 1 and 7 days for every condition.
func New(t testing.TB) *World {
	t.Helper()
	file, err := sqlitefile.Open(filepath.Join(t.TempDir(), "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := sqlite.New(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Store: store, business: Start, real: Start}
	w.Directory = newDirectory()
	w.App = newApp(w)
	w.Queue = newQueue()
	frames := provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"}
	w.Configure(func(c *provision.Configuration) {
		*c = provision.Configuration{
			Revision: 1, On: true, TurnedOnAt: Start.Add(-30 * Day), PlannedAt: Start.Add(-Day), SweptAt: Start.Add(-Day),
			Authorization: provision.Authorization{State: provision.AuthorizationOK, SecretVersion: "1"},
			Connection:    provision.Connection{BaseURL: BaseURL, HardDelete: true},
			Scope: &provision.Scope{OrgUnits: []provision.OrgUnitState{{ID: "root", Path: "/", On: true}},
				PrimaryDomain: Domain, CustomerID: Customer},
			ScopeSavedAt: Start.Add(-30 * Day),
			Policies: []provision.PolicyEdit{{SavedAt: Start.Add(-30 * Day),
				Policy: provision.Deprovisioning{AppOff: frames, Suspended: frames, Deleted: frames}}},
			Guard: provision.DefaultGuard,
		}
	})
	return w
}

// Configure changes the stored configuration, without a new revision unless edit makes one.
func (w *World) Configure(edit func(*provision.Configuration)) {
	w.T.Helper()
	c := w.Configuration()
	version := c.Version
	edit(&c)
	c.Version = version
	if _, err := w.Store.PutConfiguration(context.Background(), c); err != nil {
		w.T.Fatal(err)
	}
}

// Configuration is the stored one.
func (w *World) Configuration() provision.Configuration {
	w.T.Helper()
	c, err := w.Store.Configuration(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// Record is the stored record of a user.
func (w *World) Record(id string) provision.Record {
	w.T.Helper()
	rec, err := w.Store.Record(context.Background(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	return rec
}

// Edit changes the stored record of a user.
func (w *World) Edit(id string, change func(*provision.Record)) {
	w.T.Helper()
	rec := w.Record(id)
	change(&rec)
	if _, err := w.Store.Commit(context.Background(), state.Change{Record: rec}); err != nil {
		w.T.Fatal(err)
	}
}

// Events are the log's, oldest first, each as "name outcome cause".
func (w *World) Events() []string { w.T.Helper(); return w.EventsOf("") }

// EventsOf are those of one user.
func (w *World) EventsOf(id string) []string {
	w.T.Helper()
	page, next, err := w.Store.Events(context.Background(), state.EventFilter{UserID: id, Limit: 500})
	if err != nil || next != "" {
		w.T.Fatalf("events: %v, more after %q", err, next)
	}
	list := make([]string, len(page))
	for i, e := range page {
		list[len(page)-1-i] = strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Name, e.Outcome, e.Cause.Text))
	}
	return list
}

// Business and Real are the clocks.
func (w *World) Business() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.business }

// Real is the machine's clock.
func (w *World) Real() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.real }

// OpenIntents is how many operations of an earlier revision than this may still begin.
func (w *World) OpenIntents(revision int64) int {
	w.T.Helper()
	n, err := w.Store.Count(context.Background(), state.Count{Kind: state.CountOpenIntents, Revision: revision, Time: w.Real()})
	if err != nil {
		w.T.Fatal(err)
	}
	return n
}

// Advance moves both clocks.
func (w *World) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.business, w.real = w.business.Add(d), w.real.Add(d)
}

// NewID makes ids that sort in the order of their making.
func (w *World) NewID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id-%06d", w.ids)
}

// maxSleeps bounds a test that waits for something that never comes.
const maxSleeps = 20_000

// Sleep moves the clocks instead of waiting, and lets the queue deliver what
// looks are due meanwhile.
func (w *World) Sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	w.sleeps++
	tooMany, p := w.sleeps > maxSleeps, w.process
	w.mu.Unlock()
	if tooMany {
		w.T.Error("somebody waits without an end")
		return context.DeadlineExceeded
	}
	w.Advance(d)
	if p != nil && !p.Dead() {
		w.Queue.deliverLooks(ctx, w, p)
	}
	return ctx.Err()
}

// Mapper maps the address to userName, and every entry of the resource to the
// attribute of its name; the title "!" cannot be mapped.
type Mapper struct{}

// Apply implements reconcile.Mapper.
func (Mapper) Apply(_ provision.Configuration, u provision.User) (provision.Attributes, error) {
	attributes := provision.Attributes{"userName": u.Email}
	var resource map[string]string
	if len(u.Resource) > 0 {
		if err := json.Unmarshal(u.Resource, &resource); err != nil {
			return nil, err
		}
	}
	var problems []error
	for _, path := range slices.Sorted(maps.Keys(resource)) {
		if resource[path] == "!" {
			problems = append(problems, fault.Field(path, "the %s has no usable value", path))
		}
		attributes[path] = resource[path]
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return attributes, nil
}

// Check implements admin.Mapper.
func (Mapper) Check([]provision.MappedAttribute) error { return nil }

// Process is one instance of the system: a reconciler and a sweeper of its own.
type Process struct {
	Reconciler *reconcile.Reconciler
	Sweeper    *sweep.Sweeper
	// What it is made of, for whoever acts beside it.
	Store        state.Store
	Users        directory.Users
	Organization directory.Organization
	Apps         reconcile.Apps
	Tasks        tasks.Queue

	world *World
	name  string
	mu    sync.Mutex
	calls []string
	fault Fault
	meets []meeting
	gone  bool
}

// Start starts a process; the one started last gets the queue's deliveries.
func (w *World) Start() *Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.start()
}

func (w *World) start() *Process {
	w.ids++
	p := &Process{world: w, name: fmt.Sprintf("process-%d", w.ids)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p.Store, p.Users, p.Organization = &store{w.Store, p}, &users{w.Directory, p}, &organization{w.Directory, p}
	p.Apps, p.Tasks = &apps{w.App, p}, &enqueuer{w.Queue, p}
	people := roster.New(p.Organization, w.Real)
	p.Reconciler = reconcile.New(reconcile.Ports{
		Store: p.Store, Directory: p.Users, Roster: people, Apps: p.Apps, Mapper: Mapper{},
		Tasks: p.Tasks, Business: w.Business, Real: w.Real, Sleep: w.Sleep, SweepEvery: SweepEvery, NewID: w.NewID, Log: log,
	}, p.name)
	p.Sweeper = sweep.New(sweep.Ports{
		Store: p.Store, Directory: p.Users, Roster: people, Apps: p.Apps, Mapper: Mapper{},
		Tasks: p.Tasks, Business: w.Business, Real: w.Real, Sleep: w.Sleep, NewID: w.NewID, Log: log,
	})
	w.process = p
	return p
}

// Process is the one that runs, started when there is none.
func (w *World) Process() *Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return w.start()
	}
	return w.process
}

// Look looks at one user now.
func (w *World) Look(id string) (reconcile.Result, error) {
	return w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: id})
}

// MustLook looks at one user, who has nothing in the way.
func (w *World) MustLook(ids ...string) {
	w.T.Helper()
	for _, id := range ids {
		if _, err := w.Look(id); err != nil {
			w.T.Fatalf("look at %s: %v", id, err)
		}
	}
}

// Restart ends the process, as a kill does, lets its leases run out, and starts another.
func (w *World) Restart() *Process {
	w.mu.Lock()
	if w.process != nil {
		w.process.kill()
	}
	w.mu.Unlock()
	w.Advance(4 * time.Minute)
	return w.Start()
}

// Sweep runs a whole sweep, with the looks that it asks for, and returns how it ended.
func (w *World) Sweep() provision.Sweep {
	w.T.Helper()
	if w.Process().Dead() {
		w.Restart()
	}
	if _, err := w.Process().Sweeper.Request(context.Background(), "button"); err != nil {
		w.T.Fatal(err)
	}
	w.Queue.DeliverAll(w)
	sw, err := w.Process().Sweeper.Current(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	return *sw
}
