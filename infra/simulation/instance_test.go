package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/push"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/sweep"
)

// instance is one process: the use cases put together as shared/wiring does,
// with a clock of its own that is wrong by skew.
type instance struct {
	world *world
	owner string
	skew  time.Duration
	//nolint:containedctx // the life of the process
	ctx    context.Context
	cancel context.CancelFunc
	dead   atomic.Bool
	ids    atomic.Int64
	// working is what it works on.
	working []*worker

	handler http.Handler
	admin   *admin.Service
	push    *push.Channels
}

// boot replaces the instance at a place, or makes the first one there.
func (w *world) boot(place int) {
	w.booted++
	in := &instance{world: w, owner: fmt.Sprintf("process%d", w.booted)}
	if w.faults.skew > 0 {
		in.skew = time.Duration(w.rng.Int64N(2*int64(w.faults.skew))) - w.faults.skew
	}
	in.ctx, in.cancel = context.WithCancel(context.Background())
	business := func() time.Time { return time.Now().Add(in.skew + epoch).UTC().Round(0) }
	realTime := func() time.Time { return time.Now().Add(in.skew).UTC().Round(0) }
	newID := func() string { return fmt.Sprintf("%s-%06d", in.owner, in.ids.Add(1)) }
	log := slog.New(slog.NewTextHandler(&w.logs, &slog.HandlerOptions{Level: slog.LevelInfo}))

	st, dir, apps, queue, secrets := store{in}, workspace{in}, apps{in}, tasksPort{in}, vault{in}
	profile := comeet.Profile()
	mapper := mapping.NewCompiled(profile)
	people := roster.New(dir, realTime)
	reconciler := reconcile.New(reconcile.Ports{
		Store: st, Directory: dir, Roster: people, Apps: apps, Mapper: mapper, Tasks: queue,
		Business: business, Real: realTime, Sleep: in.sleep, SweepEvery: 4 * time.Hour, NewID: newID, Log: log,
	}, in.owner)
	sweeper := sweep.New(sweep.Ports{
		Store: st, Directory: dir, Roster: people, Apps: apps, Mapper: mapper, Tasks: queue,
		Business: business, Real: realTime, Sleep: in.sleep, NewID: newID, Log: log,
	})
	hints := hint.New(queue, business, in.owner)
	sources := health.New(health.Ports{Store: st, Business: business, Real: realTime, Log: log, Pushed: true, SweepEvery: 4 * time.Hour})
	in.push = push.New(push.Ports{
		Watcher: dir, Store: st, Secrets: secrets, Hints: hints, Heard: sources.Push,
		Real: realTime, NewID: newID, Log: log, Address: "https://push.example.com",
	})
	connection := profile.Connection
	connection.BaseURL = appURL
	in.admin = admin.New(admin.Ports{
		Profile: profile, Store: st, Secrets: secrets, Directory: dir, Apps: apps, Mapper: mapper,
		Push: in.push, Reconciler: reconciler, Sweeper: sweeper, Tasks: queue,
		Business: business, Real: realTime, Sleep: in.sleep, NewID: newID, Log: log,
		Connection: connection, FixedBaseURL: true,
	})
	reader := audit.New(audit.Ports{Store: st, Directory: dir, Hints: hints, Health: sources, Business: business, Log: log, AppName: "Comeet"},
		audit.DefaultTable())
	anybody := func(*http.Request) error { return nil } // who calls is for the endpoints' own tests
	ends := &endpoint.Endpoints{Reconciler: reconciler, Sweeper: sweeper, Push: in.push, Audit: reader, Health: sources, Store: st,
		Now: business, NewID: newID, Log: log, Queue: anybody, Publisher: anybody}
	mux := http.NewServeMux()
	mux.HandleFunc("/reconcile", ends.Reconcile)
	mux.HandleFunc("/sweep", ends.Sweep)
	mux.HandleFunc("/directory-push", ends.DirectoryPush)
	mux.HandleFunc("/audit-event", ends.AuditEvent)
	in.handler = mux
	w.instances[place] = in
}

// sleep lets the scheduler do other things for a while.
func (in *instance) sleep(ctx context.Context, d time.Duration) error {
	return in.world.park(ctx, "sleep", time.Now().Add(d), func(*worker) {})
}

// die ends the process: nothing that it still does has an effect, and what was
// delivered to it is delivered again. Another takes its place.
func (in *instance) die() {
	w := in.world
	w.note("crash", "%s", in.owner)
	in.dead.Store(true)
	in.cancel()
	w.drop(in)
	for _, worker := range slices.Clone(in.working) {
		worker.end(true)
	}
	w.boot(slices.Index(w.instances, in))
}
