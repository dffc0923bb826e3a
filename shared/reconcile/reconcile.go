// Package reconcile owns the one way in which anything changes in the app: a
// look at one user, which reads, decides, takes the account's lease, runs the
// operation and records the outcome.
//
// It promises that two workers never act on one user at a time; that every
// operation was preceded by a stored intent and a fresh reading of the
// configuration, and is followed by one event; that a crash between any two
// steps is repaired by the next look; and that nothing is taken away past the
// guard (R12) or on less than a fresh reading of the directory (R13). It never
// trusts what asked for the look: a task says only "look at this user again".
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/recent"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// Apps gives the app's accounts under a configuration's connection and token.
type Apps interface {
	// Accounts uses exactly the token whose version the configuration names;
	// fault.Unauthorized when that is not in the secret store any more.
	Accounts(ctx context.Context, c provision.Configuration) (app.Accounts, error)
}

// Mapper gives the attributes that a configuration's mapping makes of a user.
type Mapper interface {
	// Apply returns fault.Invalid, with words for an administrator, when the
	// mapping gives no usable value for this user.
	Apply(c provision.Configuration, u provision.User) (provision.Attributes, error)
}

// Store is what a look reads and writes.
type Store interface {
	state.Records
	state.Configurations
	EndLook(ctx context.Context, sweepID, userID string) error
}

// Ports are what a reconciler needs; all are required.
type Ports struct {
	Store     Store
	Directory directory.Users
	Roster    *roster.Roster
	Apps      Apps
	Mapper    Mapper
	Tasks     tasks.Queue
	Business  clock.Business
	Real      clock.Real
	// Sleep waits in real time, or until the context ends.
	Sleep func(ctx context.Context, d time.Duration) error
	// SweepEvery is the time between two sweeps of the schedule, in business time.
	SweepEvery time.Duration
	// NewID makes ids of intents, and so of events.
	NewID func() string
	Log   *slog.Logger
}

// Reconciler looks at users. It is safe for concurrent use.
type Reconciler struct {
	Ports
	owner   string
	breaker *breaker
	deleted *recent.Reading[map[string]provision.User] // the listing of deleted users, by id

	mu       sync.Mutex
	cached   provision.Configuration
	cachedAt time.Time
}

// New returns a reconciler that signs its leases with owner, unique to this process.
func New(p Ports, owner string) *Reconciler {
	r := &Reconciler{Ports: p, owner: owner, breaker: newBreaker(p.Real)}
	r.deleted = recent.New(p.Real, r.listDeleted)
	return r
}

// Result is what a look did.
type Result struct {
	// Done are the operations that succeeded, in order.
	Done []provision.OperationKind
	// Waiting says in a sentence why nothing more is done now; empty when there is nothing more to do.
	Waiting string
	// Record is the record as it now stands.
	Record provision.Record
}

// maxRounds bounds the operations of one look: suspend, hard delete, create,
// unsuspend and update at most once each, and a few rounds lost to other workers.
const maxRounds = 12

// Look looks at one user and does what must be done now. An error asks the
// caller to try again: fault.Unready and fault.Unavailable carry RetryAfter.
func (r *Reconciler) Look(ctx context.Context, req Request) (Result, error) {
	if req.UserID == "" {
		return Result{}, fault.Field("userId", "a look needs the directory id of a user")
	}
	var res Result
	req.began, req.early = r.Business(), req.Listing != nil
	for range maxRounds {
		done := len(res.Done)
		more, err := r.round(ctx, req, &res)
		if fault.Is(err, fault.Conflict) {
			continue // another worker was faster: read everything again
		}
		if err != nil || !more {
			return res, err
		}
		req.Listing, req.Covered = nil, time.Time{} // older than what was just done
		req.CheckAccount = req.CheckAccount && len(res.Done) == done
	}
	return res, &fault.Error{Kind: fault.Unready, Op: "reconcile: look", Detail: "this person's data is changing right now: try again in a minute", RetryAfter: time.Second}
}

// round is one pass of read, decide, act; more is true when another pass is due at once.
func (r *Reconciler) round(ctx context.Context, req Request, res *Result) (more bool, err error) {
	c, err := r.configuration(ctx, req.Configuration)
	if err != nil {
		return false, err
	}
	stored, err := r.Store.Record(ctx, req.UserID)
	if err != nil {
		return false, err
	}
	rec := stored.In(c.Connection.BaseURL)
	res.Record, res.Waiting = rec, ""
	if !c.On || !c.Ready() {
		res.Waiting = "autoprovisioning is off"
		return false, r.endLook(ctx, req)
	}
	if rec.Lease != nil && rec.Lease.Until.After(r.Real()) {
		return false, &fault.Error{Kind: fault.Unready, Op: "reconcile: look", Detail: "an operation for this person is already running: try again in a minute", RetryAfter: time.Second}
	}
	if stored.Intent != nil && rec.Intent == nil {
		return true, r.endDoubt(ctx, stored, rec)
	}
	if rec.Intent != nil {
		if more, err := r.recover(ctx, c, req, &rec, res); !errors.Is(err, errUnknown) {
			return more, err
		}
	}
	if req.needless(rec) {
		return false, nil
	}
	seen, d, err := r.decide(ctx, c, req, rec)
	if errors.Is(err, errTokenRefused) {
		return false, r.loseAuthorization(ctx, c, req, res)
	}
	if err != nil {
		return false, err
	}
	if seen.gone {
		return true, r.recordGone(ctx, rec)
	}
	if seen.back != nil {
		return true, r.recordBack(ctx, rec, *seen.back)
	}
	if res.Waiting = r.leaveToSweep(req, &d, &seen); d.Operation != nil {
		return r.act(ctx, c, req, d, seen, res)
	}
	return r.rest(ctx, c, req, rec, d, seen, res)
}

// leaveToSweep takes out of a decision what the running sweep has to count or find out
// before it is done, and says so; empty when there is no such thing (R12, R17).
func (r *Reconciler) leaveToSweep(req Request, d *decide.Decision, seen *sighting) string {
	op := d.Operation
	switch {
	case op == nil:
	case req.Plan && (op.Kind.Removes() || op.Kind == provision.Create && !d.Record.GoneAt.IsZero()):
		d.Operation, seen.unread = nil, nil
		return "waiting for the running sweep to count all suspends and hard deletes"
	case op.Kind == provision.Create && req.foundGone(d.Record):
		d.Operation, d.WakeAt = nil, r.Business().Add(othersTime)
		return "waiting for the running sweep to check whether more accounts are missing"
	}
	return ""
}

// rest ends a round that has no operation to do.
func (r *Reconciler) rest(ctx context.Context, c provision.Configuration, req Request, before provision.Record, d decide.Decision, seen sighting, res *Result) (more bool, err error) {
	if seen.unreadable != "" && !waitsToRead(d.Record, r.Business()) {
		return r.recordUnread(ctx, c, req, d, seen, res)
	}
	if more, err := r.settle(ctx, c, req, before, d, seen, res); err != nil || more {
		return more, err
	}
	return r.plannedMeanwhile(ctx, c, req, d.Record)
}

// decide sees and decides, and sees again where the first sighting is not fresh
// enough for what it leads to.
func (r *Reconciler) decide(ctx context.Context, c provision.Configuration, req Request, rec provision.Record) (sighting, decide.Decision, error) {
	seen, err := r.seeBoth(ctx, c, req, rec, roster.CacheAge)
	if err != nil || seen.relinks() {
		return seen, decide.Decision{}, err
	}
	d := decide.Decide(c, seen.look, seen.record, r.Business())
	if !needsFresh(req, rec, seen, d) {
		return seen, d, nil
	}
	req.Listing = nil
	seen, err = r.seeBoth(ctx, c, req, rec, roster.Fresh)
	if err != nil || seen.relinks() {
		return seen, decide.Decision{}, err
	}
	return seen, decide.Decide(c, seen.look, seen.record, r.Business()), nil
}

// plannedMeanwhile reports whether a removal that waited for the sweep after a
// turn-on (R8) was committed only after that sweep had gone through what is due.
func (r *Reconciler) plannedMeanwhile(ctx context.Context, c provision.Configuration, req Request, rec provision.Record) (bool, error) {
	if req.Plan || rec.Next == nil || rec.Next.At.After(r.Business()) || !c.PlannedAt.Before(c.TurnedOnAt) {
		return false, nil
	}
	fresh, err := r.freshConfiguration(ctx)
	return err == nil && !fresh.PlannedAt.Before(fresh.TurnedOnAt), err
}

// needsFresh reports whether what was decided may only be decided on a fresh
// reading: of the user by id, for all but a create or an update and for
// whatever cancels a deadline; of the org units, domains and memberships too,
// for what being out of scope takes away, and of the domains for what a
// deletion does: a directory without the user may be another customer's (R13).
// By a listing nobody gets out of scope: they may only be absent from a group's members.
func needsFresh(req Request, before provision.Record, seen sighting, d decide.Decision) bool {
	op := d.Operation
	_, wasOff := before.Condition(provision.ConditionAppOff)
	if _, isOff := d.Record.Condition(provision.ConditionAppOff); isOff && !wasOff && seen.listed {
		return true
	}
	if op != nil && op.Kind.Removes() {
		if req.Plan {
			return false // it is only recorded, and read again when its turn comes
		}
		rests := op.Cause.Condition == provision.ConditionAppOff || seen.look.User.Lifecycle == provision.Deleted
		return seen.listed || rests && seen.orgAge > roster.Fresh
	}
	if !seen.listed {
		return false
	}
	ends := slices.ContainsFunc(before.Conditions, func(c provision.Condition) bool {
		_, holds := d.Record.Condition(c.Name)
		return !holds
	})
	return ends || op != nil && op.Kind == provision.Unsuspend
}

// configuration is the configuration: at most a minute old and of at least the
// given version when it says that the app is on, and fresh when it says that it is not.
func (r *Reconciler) configuration(ctx context.Context, version int64) (provision.Configuration, error) {
	r.mu.Lock()
	c, at := r.cached, r.cachedAt
	r.mu.Unlock()
	if c.Runs() && c.Version >= version && r.Real().Sub(at) < roster.CacheAge {
		return c, nil
	}
	return r.freshConfiguration(ctx)
}

func (r *Reconciler) freshConfiguration(ctx context.Context) (provision.Configuration, error) {
	at := r.Real()
	c, err := r.Store.Configuration(ctx)
	if err != nil {
		return c, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Version >= r.cached.Version { // else a reading that began earlier ends later
		r.cached, r.cachedAt = c, at
	}
	return c, nil
}

// Forget drops the cached configuration, after an edit in this process.
func (r *Reconciler) Forget() {
	r.mu.Lock()
	r.cachedAt = time.Time{}
	r.mu.Unlock()
}

// refused reports whether an error is the app's own refusal of this one operation.
func refused(err error) bool {
	return fault.Is(err, fault.Invalid, fault.Conflict)
}
