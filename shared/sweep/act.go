package sweep

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// act runs what was planned: it holds what passes the guard, all at once, and
// asks for the looks that run the rest (R12, R17).
func (r *run) act(ctx context.Context) error {
	if r.sw.Foreign == "" { // another customer's directory plans nothing (R8, R13)
		if err := r.update(ctx, func(c *provision.Configuration) bool { c.PlannedAt = r.sw.StartedAt; return true }); err != nil {
			return err
		}
	}
	if err := r.configuration(ctx); err != nil {
		return err
	}
	now := r.Business()
	due, err := r.dueNow(ctx, now)
	if err != nil {
		return err
	}
	late, err := r.Store.Rows(ctx, r.lateSet())
	if err != nil {
		return err
	}
	var looks []reconcile.Request
	for _, id := range late { // creates, after the renames (R16)
		looks = append(looks, reconcile.Request{UserID: id, SweepID: r.sw.ID, Configuration: r.c.Version})
	}
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete, provision.Create} {
		if len(due[kind]) == 0 {
			continue
		}
		over, err := r.over(ctx, kind, due[kind], now)
		if err != nil {
			return err
		}
		if over {
			if err := r.hold(ctx, kind, due[kind], now); err != nil {
				return err
			}
		}
		for _, one := range due[kind] {
			if !over || one.decided { // what an administrator released goes on all the same
				looks = append(looks, reconcile.Request{UserID: one.userID, SweepID: r.sw.ID, Configuration: r.c.Version})
			}
		}
	}
	if err := r.askAll(ctx, looks); err != nil {
		return err
	}
	r.sw.Stage = stageAct
	return r.save(ctx)
}

// dueOne is somebody whose operation is due. All of a company may be, so it
// holds no more than what act needs.
type dueOne struct {
	userID string
	// decided is true when an administrator has decided about what would hold it.
	decided bool
}

// dueNow lists the removals that are due, neither held nor waiting, and the
// people whose account was found gone. A planning look leaves to the sweep what
// is due by its own clock, which may be ahead of this one's.
func (r *run) dueNow(ctx context.Context, now time.Time) (map[provision.OperationKind][]dueOne, error) {
	due := map[provision.OperationKind][]dueOne{}
	add := func(kind provision.OperationKind, rec provision.Record) {
		due[kind] = append(due[kind], dueOne{rec.UserID, decide.Decided(rec, holdOf(kind, rec, now))})
	}
	err := r.each(ctx, state.Selection{Kind: state.SelectPending, Before: now.Add(reconcile.ClockSlack)}, func(rec provision.Record) {
		if rec.Hold == nil && rec.Next != nil && !waits(rec, now) {
			add(rec.Next.Operation, rec)
		}
	})
	if err != nil {
		return nil, err
	}
	err = r.each(ctx, state.Selection{Kind: state.SelectGone}, func(rec provision.Record) {
		if rec.Hold == nil && !rec.Account.Exists() && rec.InScope && rec.Lifecycle == provision.Active &&
			!rec.Dismissed(provision.Create) && !waiting(rec, provision.Create, now) {
			add(provision.Create, rec)
		}
	})
	return due, err
}

// waits reports whether nothing that is due of somebody's can be tried yet: what
// waits for its next try is not counted by the guard, and what is due is.
func waits(rec provision.Record, now time.Time) bool {
	other := func(at time.Time) bool { return !at.IsZero() && !at.After(now) }
	return waiting(rec, rec.Next.Operation, now) && !other(rec.CountSuspendAt) && !other(rec.CountDeleteAt)
}

func waiting(rec provision.Record, kind provision.OperationKind, now time.Time) bool {
	retry, ok := rec.Retry(kind)
	return ok && retry.At.After(now)
}

// over reports whether what is due of a kind passes the guard: the removals of a
// day, and all accounts that would be made anew at once, whenever they went missing.
func (r *run) over(ctx context.Context, kind provision.OperationKind, due []dueOne, now time.Time) (bool, error) {
	var n, base int
	var err error
	if kind.Removes() {
		n, base, err = reconcile.Removals(ctx, r.Store, kind, now)
	} else {
		n, base, err = reconcile.Missing(ctx, r.Store, now)
		n = max(n, len(due))
	}
	return err == nil && !r.c.Guard.Allows(n, base), err
}

// hold holds everybody on the list about whom nobody has decided.
func (r *run) hold(ctx context.Context, kind provision.OperationKind, list []dueOne, now time.Time) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	people := 0
	for _, one := range list {
		if !one.decided {
			people++
			g.Go(func() error { return r.holdOne(ctx, kind, one.userID, now) })
		}
	}
	if people > 0 {
		r.Log.WarnContext(ctx, "operations held", "operation", string(kind), "people", people)
	}
	return g.Wait()
}

// holdOf is what holds a record's next removal, or its new account.
func holdOf(kind provision.OperationKind, rec provision.Record, now time.Time) provision.Hold {
	hold := provision.Hold{Operation: kind, HeldAt: now}
	if kind.Removes() {
		hold.Condition, hold.Since = rec.Next.Cause.Condition, rec.Next.Cause.Since
	}
	return hold
}

func (r *run) holdOne(ctx context.Context, kind provision.OperationKind, userID string, now time.Time) error {
	rec, err := r.Store.Record(ctx, userID)
	if err != nil {
		return err
	}
	if kind.Removes() && (rec.Next == nil || rec.Next.Operation != kind || rec.Next.At.After(now.Add(reconcile.ClockSlack))) {
		return nil
	}
	hold := holdOf(kind, rec, now)
	if rec.Hold != nil || rec.Intent != nil || decide.Decided(rec, hold) {
		return nil
	}
	rec.Hold = &hold
	if _, err = r.Store.Commit(ctx, state.Change{Record: rec}); fault.Is(err, fault.Conflict) {
		return nil // somebody looks at them now, and counts the guard themselves
	}
	return err
}
