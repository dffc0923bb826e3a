package sweep

import (
	"cmp"
	"context"
	"errors"
	"time"

	"example.com/autoprovision/shared/reconcile"
)

// Counting many looks costs as much as they are many, and they take long: a
// hundred thousand are counted every five seconds.
const (
	countCost = 50 * time.Microsecond
	seldom    = 5 * time.Second
)

// wait waits until no look of a set is owed any more.
func (r *run) wait(ctx context.Context, looks string) error {
	left, saved, again := -1, r.Real(), lost{patience: askAgainAfter}
	pause := 5 * time.Millisecond
	for {
		n, err := r.Store.LooksLeft(ctx, looks)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		now := r.Real()
		if now.Sub(saved) >= progressEvery {
			some := left >= 0 && n < left
			if err := r.progress(ctx, some); err != nil {
				return err
			}
			if some {
				again.patience = askAgainAfter
			}
			left, saved = n, now
		}
		if now.Sub(r.sw.ProgressAt) > stallTime {
			return errors.New("no progress for ten minutes")
		}
		if now.Sub(r.sw.ProgressAt) > again.patience {
			if err := r.askAgain(ctx, looks, &again); err != nil {
				return err
			}
		}
		if now.After(r.until) {
			return errHandOver
		}
		if err := r.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, max(cmp.Or(r.PollEvery, pollEvery), min(time.Duration(n)*countCost, seldom)))
	}
}

// progress stores how many looks have ended if some have, and stops when it was turned off meanwhile.
func (r *run) progress(ctx context.Context, some bool) error {
	if err := r.configuration(ctx); err != nil {
		return err
	}
	if err := r.runs(); err != nil || !some {
		return err
	}
	if err := r.countLooked(ctx); err != nil {
		return err
	}
	return r.save(ctx)
}

func (r *run) countLooked(ctx context.Context) error {
	left := 0
	for _, plan := range []bool{false, true} {
		n, err := r.Store.LooksLeft(ctx, reconcile.Request{SweepID: r.sw.ID, Plan: plan}.Looks())
		if err != nil {
			return err
		}
		left += n
	}
	r.sw.Looked = max(r.sw.ToLook-left, 0) // what a crash cut short may be owed and not counted
	return nil
}
