package health

import (
	"context"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// overduePage bounds what one report reads of what is overdue. Nothing is, as
// a rule, and then it is one read.
const overduePage = 50

// Overdue is a Backlog by the deadlines that are stored, for a queue that does
// not say what waits in it: the suspends and hard deletes that are due and that
// nothing keeps back. What is held, waits for a retry, or belongs to somebody
// archived or protected is due too, and stays so until somebody acts.
func Overdue(store state.Store, business clock.Business) func(ctx context.Context) (waiting int, oldestDue time.Time, err error) {
	return func(ctx context.Context) (waiting int, oldestDue time.Time, err error) {
		c, err := store.Configuration(ctx)
		if err != nil || !c.Runs() || c.PlannedAt.Before(c.TurnedOnAt) { // R8: the first sweep goes before
			return 0, time.Time{}, err
		}
		due, _, err := store.Select(ctx, state.Selection{Kind: state.SelectPending, Before: business(), Limit: overduePage})
		if err != nil {
			return 0, time.Time{}, err
		}
		for _, rec := range due {
			if keptBack(c, rec) {
				continue
			}
			waiting++
			// Before the turn-on nothing counts as due (R8).
			at := rec.Next.At
			if at.Before(c.TurnedOnAt) {
				at = c.TurnedOnAt
			}
			if oldestDue.IsZero() || at.Before(oldestDue) {
				oldestDue = at
			}
		}
		return waiting, oldestDue, nil
	}
}

// keptBack reports whether something known keeps what is due for a person from being done.
func keptBack(c provision.Configuration, rec provision.Record) bool {
	return rec.Hold != nil || len(rec.Retries) > 0 || rec.Lifecycle == provision.Archived || c.Protects(rec.UserID, rec.Account.ID)
}
