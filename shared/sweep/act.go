package sweep

import (
	"context"
	"slices"
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
	if err := r.update(ctx, func(c *provision.Configuration) bool { c.PlannedAt = r.sw.StartedAt; return true }); err != nil {
		return err
	}
	if err := r.configuration(ctx); err != nil {
		return err
	}
	now := r.Business()
	due, err := r.dueNow(ctx, now)
	if err != nil {
		return err
	}
	late, err := r.Store.Listed(ctx, r.lateSet())
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
		over, err := r.over(ctx, kind, now)
		if err != nil {
			return err
		}
		free := due[kind]
		if over { // what an administrator released goes on all the same
			var held []provision.Record
			free, held = split(free, func(rec provision.Record) bool { return decide.Decided(rec, holdOf(kind, rec, now)) })
			if err := r.hold(ctx, kind, held, now); err != nil {
				return err
			}
		}
		for _, rec := range free {
			looks = append(looks, reconcile.Request{UserID: rec.UserID, SweepID: r.sw.ID, Configuration: r.c.Version})
		}
	}
	for len(looks) > 0 {
		n := min(len(looks), 500)
		r.sw.Pages++
		if err := r.ask(ctx, r.sw.Pages, nil, looks[:n]); err != nil {
			return err
		}
		looks = looks[n:]
	}
	r.sw.Stage = stageAct
	return r.save(ctx)
}

// dueNow lists the removals that are due, neither held nor waiting, and the
// people whose account was found gone.
func (r *run) dueNow(ctx context.Context, now time.Time) (map[provision.OperationKind][]provision.Record, error) {
	due := map[provision.OperationKind][]provision.Record{}
	err := r.each(ctx, state.Selection{Kind: state.SelectPending, Before: now}, func(rec provision.Record) {
		if rec.Hold == nil && rec.Next != nil && !waits(rec, now) {
			due[rec.Next.Operation] = append(due[rec.Next.Operation], slim(rec))
		}
	})
	if err != nil {
		return nil, err
	}
	err = r.each(ctx, state.Selection{Kind: state.SelectGone}, func(rec provision.Record) {
		if rec.Hold == nil && !rec.Account.Exists() && rec.InScope && rec.Lifecycle == provision.Active &&
			!dismissed(rec, provision.Create) && !waiting(rec, provision.Create, now) {
			due[provision.Create] = append(due[provision.Create], slim(rec))
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

func dismissed(rec provision.Record, kind provision.OperationKind) bool {
	return slices.ContainsFunc(rec.Verdicts, func(v provision.Verdict) bool { return v.Operation == kind && !v.Release })
}

// slim drops what holding does not need, so that many fit in memory.
func slim(rec provision.Record) provision.Record {
	return provision.Record{UserID: rec.UserID, Next: rec.Next, CountSuspendAt: rec.CountSuspendAt, CountDeleteAt: rec.CountDeleteAt, Verdicts: rec.Verdicts}
}

func (r *run) over(ctx context.Context, kind provision.OperationKind, now time.Time) (bool, error) {
	count := reconcile.Missing
	if kind.Removes() {
		count = func(ctx context.Context, s state.Records, now time.Time) (int, int, error) {
			return reconcile.Removals(ctx, s, kind, now)
		}
	}
	n, base, err := count(ctx, r.Store, now)
	return err == nil && !r.c.Guard.Allows(n, base), err
}

// hold holds everybody on the list who was not released.
func (r *run) hold(ctx context.Context, kind provision.OperationKind, list []provision.Record, now time.Time) error {
	r.Log.Warn("operations held", "operation", string(kind), "people", len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for _, rec := range list {
		g.Go(func() error { return r.holdOne(ctx, kind, rec.UserID, now) })
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

// split parts a list by a question.
func split(list []provision.Record, yes func(provision.Record) bool) (with, without []provision.Record) {
	for _, rec := range list {
		if yes(rec) {
			with = append(with, rec)
		} else {
			without = append(without, rec)
		}
	}
	return with, without
}

func (r *run) holdOne(ctx context.Context, kind provision.OperationKind, userID string, now time.Time) error {
	rec, err := r.Store.Record(ctx, userID)
	if err != nil {
		return err
	}
	if kind.Removes() && (rec.Next == nil || rec.Next.Operation != kind || rec.Next.At.After(now)) {
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
