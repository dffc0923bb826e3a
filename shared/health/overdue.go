package health

import (
	"context"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

const (
	// overduePage is how much is read at a time of what is overdue. Nothing is,
	// as a rule, and then it is one read.
	overduePage = 500
	// overdueAge is how old an answer may be: behind a long list of held people it
	// takes many reads, and the console asks every second while a sweep runs.
	overdueAge = time.Minute
)

// Overdue is a Backlog by the deadlines that are stored, for a queue that does
// not say what waits in it: the suspends and hard deletes that are due and that
// nothing keeps back, one page of them at most. What is held, waits for a retry,
// or belongs to somebody archived or protected is due too, and stays so until
// somebody acts.
func Overdue(store state.Store, business clock.Business) func(ctx context.Context) (waiting int, oldestDue time.Time, err error) {
	var mu sync.Mutex
	var last struct {
		waiting int
		oldest  time.Time
		at      time.Time
	}
	return func(ctx context.Context) (waiting int, oldestDue time.Time, err error) {
		mu.Lock()
		defer mu.Unlock()
		now := business()
		if !last.at.IsZero() && now.Sub(last.at) < overdueAge {
			return last.waiting, last.oldest, nil
		}
		c, err := store.Configuration(ctx)
		if err != nil {
			return 0, time.Time{}, err
		}
		waiting, oldestDue, err = overdue(ctx, store, c, now)
		if err == nil {
			last.waiting, last.oldest, last.at = waiting, oldestDue, now
		}
		return waiting, oldestDue, err
	}
}

// overdue pages on, oldest first, until a page has something that counts.
func overdue(ctx context.Context, store state.Store, c provision.Configuration, now time.Time) (waiting int, oldestDue time.Time, err error) {
	if !c.Runs() || c.PlannedAt.Before(c.TurnedOnAt) { // R8: the first sweep goes before
		return 0, time.Time{}, nil
	}
	for due, err := range state.Pages(ctx, store, state.Selection{Kind: state.SelectPending, Before: now, Limit: overduePage}) {
		if err != nil {
			return 0, time.Time{}, err
		}
		for _, rec := range due {
			if keptBack(c, rec, now) {
				continue
			}
			if waiting++; waiting == 1 {
				oldestDue = rec.Next.At
			}
		}
		if waiting > 0 {
			break
		}
	}
	if waiting > 0 && oldestDue.Before(c.TurnedOnAt) { // before the turn-on nothing counts as due (R8)
		oldestDue = c.TurnedOnAt
	}
	return waiting, oldestDue, nil
}

// keptBack reports whether something known keeps the next operation of a person
// from being done. What is wrong with another operation of theirs does not (R16).
func keptBack(c provision.Configuration, rec provision.Record, now time.Time) bool {
	retry, retried := rec.Retry(rec.Next.Operation)
	held := rec.Hold != nil && rec.Hold.Keeps(rec.Next.Operation)
	policy, _ := c.Policy()
	frozen := rec.Lifecycle == provision.Archived && policy.Archived == nil
	return held || retried && retry.At.After(now) || frozen || c.Protects(rec.UserID, rec.Account.ID)
}
