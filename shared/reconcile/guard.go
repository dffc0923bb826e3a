package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// guardWindow is the time over which removals are counted, backwards and forwards (R12).
const guardWindow = 24 * time.Hour

// guard holds a removal that would pass the limit, and a create after more
// accounts went missing than the limit (R12, R17). The record says when its
// removal is due, and was committed by compare-and-set before the count: that
// is its reservation. Of workers that count at the same time each therefore
// sees the others, and together they cannot pass the limit.
func (a *attempt) guard(ctx context.Context) (held bool, err error) {
	if a.op.Released {
		return false, nil
	}
	now := a.Business()
	var n, base int
	switch {
	case a.op.Kind.Removes():
		n, base, err = Removals(ctx, a.Store, a.op.Kind, now)
	case a.op.Kind == provision.Create && !a.rec.GoneAt.IsZero():
		n, base, err = Missing(ctx, a.Store, a.rec.GoneAt)
	default:
		return false, nil
	}
	if err != nil || a.c.Guard.Allows(n, base) {
		return false, err
	}
	a.rec.Hold = &provision.Hold{Operation: a.op.Kind, Condition: a.op.Cause.Condition, Since: a.op.Cause.Since, HeldAt: now}
	return true, nil
}

// Removals counts what the guard counts for a kind of removal: done in the last
// day without a confirmation, due in the next, and held; against the accounts
// that there were a day ago (R12).
func Removals(ctx context.Context, s state.Records, kind provision.OperationKind, now time.Time) (n, base int, err error) {
	baseKind := state.CountActiveAt
	if kind == provision.HardDelete {
		baseKind = state.CountManagedAt
	}
	return countAgainst(ctx, s, baseKind, now,
		state.Count{Kind: state.CountRemovals, Operation: kind, Time: now.Add(-guardWindow), Until: now.Add(guardWindow)})
}

// Missing counts the accounts that were found gone within a day of one that was,
// before or after, and are still missing, against those managed a day before (R17).
// However long ago that was: an app that fails may let nobody act on it for days.
func Missing(ctx context.Context, s state.Records, gone time.Time) (n, base int, err error) {
	return countAgainst(ctx, s, state.CountManagedAt, gone,
		state.Count{Kind: state.CountGone, Time: gone.Add(-guardWindow), Until: gone.Add(guardWindow)})
}

func countAgainst(ctx context.Context, s state.Records, baseKind state.CountKind, now time.Time, c state.Count) (n, base int, err error) {
	if base, err = s.Count(ctx, state.Count{Kind: baseKind, Time: now.Add(-guardWindow)}); err != nil {
		return 0, 0, err
	}
	n, err = s.Count(ctx, c)
	return n, base, err
}
