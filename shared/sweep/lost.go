package sweep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/tasks"
)

const (
	// fewOwed looks are all asked for again at once: that costs little.
	fewOwed = 5
	// morePatience is how many times longer no look must have ended before another is
	// asked for while one that was asked for waits: once more, that is, before the
	// sweep has failed.
	morePatience = 16
)

// lost finds out whether looks of a set were lost, by a crash or the queue, while
// none of them ends. Those that wait in the queue, since the app asked to be left
// alone for a minute, must not all be asked for again: each costs a directory read
// at each try. So one is, unless few are owed. When it ends soon, and no other does,
// the others are lost.
type lost struct {
	// patience is for how long none must have ended before any is asked for again.
	patience time.Duration
	// asked are those asked for last, at is when, and left is how many were owed then.
	asked map[string]bool
	at    time.Time
	left  int
	times int
}

// choose returns which of the looks that are owed, of which there are some, to
// ask for again now; endedAt is when one ended last.
func (l *lost) choose(owed []string, now, endedAt time.Time) []string {
	others := slices.DeleteFunc(slices.Clone(owed), func(id string) bool { return l.asked[id] })
	waits := len(others) < len(owed) // some that were asked for have not ended
	alone := !waits && len(l.asked) > 0 && l.left-len(l.asked) == len(others)
	first := l.patience == askAgainAfter
	l.patience *= morePatience
	var chosen []string
	switch {
	case waits && first:
		return nil // they share the fate of the others, it seems
	case waits && len(others) > 0: // and may be lost too
		chosen = others[:1]
	case len(owed) <= fewOwed, alone && endedAt.Sub(l.at) < askAgainAfter:
		chosen = owed
	case alone: // or they went first when the app could be asked again
		chosen = owed[:min(2*len(l.asked), len(owed))]
	default:
		chosen = owed[:1]
	}
	l.asked, l.at, l.left = map[string]bool{}, now, len(owed)
	for _, id := range chosen {
		l.asked[id] = true
	}
	l.times++
	return chosen
}

// askAgain enqueues looks that are owed once more, under names of their own: a name
// of a task that was lost stays used up for a day. What the listings said of them is
// lost too, so that the account is read (R17).
func (r *run) askAgain(ctx context.Context, set string, l *lost) error {
	owed, err := r.Store.Looks(ctx, set)
	if err != nil || len(owed) == 0 {
		return err
	}
	chosen := l.choose(owed, r.Real(), r.sw.ProgressAt)
	if len(chosen) == 0 {
		return nil
	}
	r.Log.WarnContext(ctx, "looks asked for again", "sweep", r.sw.ID, "looks", len(chosen), "owed", len(owed))
	cause := fmt.Sprintf("sweep-%s-again-%d-%d", set, r.sw.Turn, l.times)
	for ids := range slices.Chunk(chosen, 500) {
		list := make([]tasks.Task, len(ids))
		for i, id := range ids {
			req := reconcile.Request{UserID: id, SweepID: r.sw.ID, Plan: r.sw.Stage == stagePlan, CheckAccount: true, Configuration: r.c.Version}
			list[i] = reconcile.LookTask(req, cause, time.Time{})
		}
		if err := r.Tasks.Enqueue(ctx, list...); err != nil {
			return err
		}
	}
	return nil
}
