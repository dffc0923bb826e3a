package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/tasks"
)

// Counting many looks costs as much as they are many, and they take long: a
// hundred thousand are counted every five seconds.
const (
	countCost = 50 * time.Microsecond
	seldom    = 5 * time.Second
)

// wait waits until no look of a set is owed any more.
func (r *run) wait(ctx context.Context, looks string) error {
	left, saved, asked := -1, r.Real(), false
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
			if err := r.progress(ctx, left >= 0 && n < left); err != nil {
				return err
			}
			left, saved = n, now
		}
		if now.Sub(r.sw.ProgressAt) > stallTime {
			return errors.New("no progress for ten minutes")
		}
		if !asked && now.Sub(r.sw.ProgressAt) > askAgainAfter {
			if err := r.askAgain(ctx, looks); err != nil {
				return err
			}
			asked = true
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

// askAgain enqueues the looks that are owed once more: a crash or the queue may
// have lost some. What the listings said of them is lost too, so that the
// account is read (R17).
func (r *run) askAgain(ctx context.Context, set string) error {
	owed, err := r.Store.Looks(ctx, set)
	if err != nil {
		return err
	}
	r.Log.WarnContext(ctx, "looks asked for again", "sweep", r.sw.ID, "looks", len(owed))
	for ids := range slices.Chunk(owed, 500) {
		list := make([]tasks.Task, len(ids))
		for i, id := range ids {
			req := reconcile.Request{UserID: id, SweepID: r.sw.ID, Plan: r.sw.Stage == stagePlan, CheckAccount: true, Configuration: r.c.Version}
			list[i] = reconcile.LookTask(req, fmt.Sprintf("sweep-%s-again-%d", set, r.sw.Turn), time.Time{})
		}
		if err := r.Tasks.Enqueue(ctx, list...); err != nil {
			return err
		}
	}
	return nil
}
