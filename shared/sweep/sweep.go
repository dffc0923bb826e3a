// Package sweep owns the full comparison of the directory with the accounts,
// and the preview of what a configuration would do, which is the same
// comparison without consequences.
//
// A sweep lists both sides, compares them with our records and asks for a look
// at each user who needs one. It promises that it changes nothing in the app
// itself; that it knows all its removals before the first of them runs (R12);
// that an incomplete listing fails it and decides nothing (R13); and that after
// a crash it goes on with the page at which it stopped. It never retries what
// waits for its time.
package sweep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// Store is what a sweep reads and writes.
type Store interface {
	state.Records
	state.Configurations
	state.Sweeps
	state.Previews
	state.Sources
	Expire(ctx context.Context, before time.Time) error
	Append(ctx context.Context, events ...provision.Event) error
}

// Ports are what a sweeper needs; all but PollEvery are required.
type Ports struct {
	Store     Store
	Directory directory.Users
	Roster    *roster.Roster
	Apps      reconcile.Apps
	Mapper    reconcile.Mapper
	Tasks     tasks.Queue
	Business  clock.Business
	Real      clock.Real
	// Sleep waits in real time, or until the context ends.
	Sleep func(ctx context.Context, d time.Duration) error
	NewID func() string
	Log   *slog.Logger
	// PollEvery is the longest pause, in real time, between two counts of the
	// looks that a sweep waits for; 0 for a quarter of a second. Where a store
	// charges for each count it is longer.
	PollEvery time.Duration
}

// Sweeper runs sweeps and previews. It is safe for concurrent use.
type Sweeper struct{ Ports }

// New returns a sweeper.
func New(p Ports) *Sweeper { return &Sweeper{p} }

// The stages of a running sweep.
const (
	stageList = "list" // listing, and asking for looks
	stageRest = "rest" // asking for looks at what the listing did not show
	stagePlan = "plan" // waiting until every removal is known
	stageAct  = "act"  // waiting until every look has ended
)

const (
	// pollEvery is PollEvery where none is given.
	pollEvery = 250 * time.Millisecond
	// stallTime is how long a sweep may get no further before it has failed, in real time.
	stallTime = 10 * time.Minute
	// progressEvery is how often progress is stored while looks are waited for.
	progressEvery = 500 * time.Millisecond
	// askAgainAfter is after how long without a look that ended some are asked for
	// again, in real time: twice this is a part of the 60 s that R4 allows after a lost task.
	askAgainAfter = 15 * time.Second
	// turnTime is how long one task works on a sweep before it hands over to the next.
	turnTime = 8 * time.Minute
)

var (
	errUnauthorized = errors.New("the app refuses the access token: reauthorize")
	errTurnedOff    = errors.New("autoprovisioning was turned off")
)

// Request asks for a sweep: now, or after the one that runs, at most one.
func (s *Sweeper) Request(ctx context.Context, cause string) (provision.Sweep, error) {
	for {
		all, err := s.Store.Sweeps(ctx)
		if err != nil {
			return provision.Sweep{}, err
		}
		asked := provision.Sweep{ID: s.NewID(), State: provision.SweepQueued, Cause: cause, QueuedAt: s.Business(), ProgressAt: s.Real()}
		switch {
		case !s.running(all.Current):
			all.Current = &asked
		case all.Current.State == provision.SweepQueued:
			asked = *all.Current
		case all.Queued != nil:
			asked = *all.Queued
		default:
			all.Queued = &asked
		}
		if _, err = s.Store.PutSweeps(ctx, all); fault.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return provision.Sweep{}, err
		}
		if all.Current.ID == asked.ID {
			err = s.enqueue(ctx, asked.ID, 0)
		}
		return asked, err
	}
}

// running reports whether a sweep is under way and has not stalled.
func (s *Sweeper) running(sw *provision.Sweep) bool {
	if sw == nil || sw.State == provision.SweepDone || sw.State == provision.SweepFailed {
		return false
	}
	return s.Real().Sub(sw.ProgressAt) < stallTime
}

func (s *Sweeper) enqueue(ctx context.Context, id string, turn int64) error {
	return s.Tasks.Enqueue(ctx, sweepTask(id, turn))
}

// Current is the sweep that runs or ran last, with its progress; nil when there was none.
func (s *Sweeper) Current(ctx context.Context) (*provision.Sweep, error) {
	all, err := s.Store.Sweeps(ctx)
	if err != nil || all.Current == nil {
		return nil, err
	}
	sw := *all.Current
	if (sw.State == provision.SweepRunning || sw.State == provision.SweepQueued) && !s.running(&sw) {
		sw.State, sw.Reason = provision.SweepFailed, "no progress for ten minutes"
	}
	return &sw, nil
}

// Run works on a sweep until it ends or its turn does. An error asks for the
// task to be delivered again.
func (s *Sweeper) Run(ctx context.Context, id string) error {
	run := &run{Sweeper: s, until: s.Real().Add(turnTime)}
	if ok, err := run.load(ctx, id); !ok || err != nil {
		return err
	}
	err := run.work(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errHandOver):
		return s.enqueue(ctx, id, run.sw.Turn)
	case errors.Is(err, errTakenOver):
		return run.elsewhere(ctx)
	case ctx.Err() != nil:
		return err // stopped from outside: the task comes again
	case passes(err) && s.Real().Sub(run.sw.ProgressAt) < stallTime:
		return err // the task comes again, and goes on where this one stopped
	}
	return run.fail(context.WithoutCancel(ctx), err)
}

// passes reports whether an error is of the state, the queue or the app, and of
// the kind that passes; a listing of the directory that was cut short is not.
func passes(err error) bool {
	return fault.Is(err, fault.Unavailable, fault.Throttled, fault.Unready, fault.Conflict)
}

var (
	// errHandOver ends a turn.
	errHandOver = errors.New("the turn ends")
	// errTakenOver ends a turn whose sweep another delivery works on, or nobody any more.
	errTakenOver = errors.New("another worker runs this sweep")
)

// run is one turn of work on one sweep.
type run struct {
	*Sweeper
	all   provision.Sweeps
	sw    *provision.Sweep
	c     provision.Configuration
	until time.Time
	// stored is how many pages this turn has stored.
	stored int
	// claims are those of accounts that match a person in scope which were not stored yet.
	claims []string
}

// load reads the sweep and takes the turn; ok is false when there is nothing to do.
func (r *run) load(ctx context.Context, id string) (ok bool, err error) {
	if r.all, err = r.Store.Sweeps(ctx); err != nil {
		return false, err
	}
	r.sw = r.all.Current
	switch {
	case r.sw == nil || r.sw.State == provision.SweepDone || r.sw.State == provision.SweepFailed:
		return false, nil
	case r.sw.ID != id && r.sw.State == provision.SweepQueued:
		return false, r.enqueue(ctx, r.sw.ID, 0) // this one ended, and may have crashed before it could say so
	case r.sw.ID != id:
		return false, nil
	}
	r.sw.Turn++
	r.all.Version, err = r.Store.PutSweeps(ctx, r.all)
	return err == nil, err
}

func (r *run) configuration(ctx context.Context) (err error) {
	r.c, err = r.Store.Configuration(ctx)
	return err
}

// runs is the reason why the sweep cannot go on; nil when it can.
func (r *run) runs() error {
	switch {
	case !r.c.On || !r.c.Ready():
		return errTurnedOff
	case r.c.Authorization.State != provision.AuthorizationOK:
		return errUnauthorized
	}
	return nil
}

// start marks a sweep that waited as running, under the revision that it finds.
// Only then is the configuration read that counts: an edit whose request still
// found this sweep waiting was stored before, and asked for no other.
func (r *run) start(ctx context.Context) error {
	starts := r.sw.State == provision.SweepQueued
	if starts {
		if err := r.configuration(ctx); err != nil {
			return err
		}
		if err := r.put(ctx, func() {
			r.sw.State, r.sw.Stage, r.sw.StartedAt, r.sw.ProgressAt = provision.SweepRunning, stageList, r.Business(), r.Real()
			r.sw.Revision = r.c.Revision
		}); err != nil {
			return err
		}
		r.Log.InfoContext(ctx, "sweep started", "sweep", r.sw.ID, "cause", r.sw.Cause)
	}
	if err := r.configuration(ctx); err != nil {
		return err
	}
	if starts { // after the turn-on that it found, whatever the clock of whoever turned on says (R8)
		r.sw.StartedAt = latest(r.sw.StartedAt, r.c.TurnedOnAt)
	}
	return r.runs()
}

func (r *run) work(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	if r.sw.Stage == stageList || r.sw.Stage == stageRest {
		if err := r.list(ctx); err != nil {
			return err
		}
	}
	if r.sw.Stage == stagePlan {
		if err := r.wait(ctx, reconcile.Request{SweepID: r.sw.ID, Plan: true}.Looks()); err != nil {
			return err
		}
		if err := r.act(ctx); err != nil {
			return err
		}
	}
	if err := r.wait(ctx, r.sw.ID); err != nil {
		return err
	}
	return r.done(ctx)
}

// save stores progress; errTakenOver when this is not the sweep's turn any more.
// A request for another sweep, which may come at any time, is kept.
func (r *run) save(ctx context.Context) error {
	r.sw.ProgressAt = r.Real()
	return r.put(ctx, func() {})
}

// put stores the sweeps, after arranging what was stored meanwhile.
func (r *run) put(ctx context.Context, arrange func()) error {
	for {
		arrange()
		version, err := r.Store.PutSweeps(ctx, r.all)
		if err == nil {
			r.all.Version = version
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		stored, err := r.Store.Sweeps(ctx)
		if err != nil {
			return err
		}
		if stored.Current == nil || stored.Current.ID != r.sw.ID || stored.Current.Turn != r.sw.Turn || stored.Version == r.all.Version {
			return errTakenOver
		}
		r.all = provision.Sweeps{Version: stored.Version, Current: r.sw, Queued: stored.Queued}
	}
}

// done ends the sweep, and starts the one that was asked for meanwhile.
func (r *run) done(ctx context.Context) error {
	if err := r.configuration(ctx); err != nil {
		return err
	}
	if err := r.runs(); err != nil {
		return err
	}
	if err := r.update(ctx, func(c *provision.Configuration) bool { c.SweptAt = r.sw.StartedAt; return true }); err != nil {
		return err
	}
	if err := r.Store.Expire(ctx, r.Business().Add(-provision.EventRetention)); err != nil {
		return err
	}
	if err := r.remind(ctx); err != nil {
		return err
	}
	if err := r.Store.DropSets(ctx, r.sw.ID); err != nil {
		return err
	}
	r.sw.Looked = r.sw.ToLook
	r.sw.State, r.sw.Stage, r.sw.FinishedAt = provision.SweepDone, "", r.Business()
	r.Log.InfoContext(ctx, "sweep done", "sweep", r.sw.ID, "listed", r.sw.Listed, "looks", r.sw.ToLook)
	return r.end(ctx)
}

// fail ends the sweep for a reason, in words, unless another has taken its place.
func (r *run) fail(ctx context.Context, cause error) error {
	r.sw.State, r.sw.Stage, r.sw.FinishedAt, r.sw.Reason = provision.SweepFailed, "", r.Business(), fault.Words(cause)
	if errors.Is(cause, errUnauthorized) {
		if _, err := reconcile.MarkUnauthorized(ctx, r.Store, r.c, r.NewID(), r.Business()); err != nil {
			return err
		}
	}
	err := r.end(ctx)
	if errors.Is(err, errTakenOver) {
		return r.elsewhere(ctx)
	}
	r.Log.ErrorContext(ctx, "sweep failed", "sweep", r.sw.ID, "reason", r.sw.Reason)
	return err
}

// elsewhere ends the task: whatever has taken the sweep's place lasts until it ends.
func (r *run) elsewhere(ctx context.Context) error {
	r.Log.InfoContext(ctx, "sweep goes on elsewhere", "sweep", r.sw.ID)
	return nil
}

// end stores that the sweep has ended, or the next one in its place, so that a
// crash loses neither.
func (r *run) end(ctx context.Context) error {
	var next *provision.Sweep
	err := r.put(ctx, func() {
		if next = r.all.Queued; next != nil {
			next.ProgressAt = r.Real()
			r.all.Current, r.all.Queued = next, nil
		}
	})
	if err != nil || next == nil {
		return err
	}
	return r.enqueue(ctx, next.ID, 0)
}

// update changes the configuration by compare-and-set, without a new revision;
// edit returns false to leave it as it is.
func (s *Sweeper) update(ctx context.Context, edit func(*provision.Configuration) bool) error {
	_, err := state.EditConfiguration(ctx, s.Store, func(c *provision.Configuration) ([]provision.Event, error) {
		if !edit(c) {
			return nil, state.ErrUnchanged
		}
		return nil, nil
	})
	return err
}
