package sweep

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
)

// retryAfter is how soon a sweep that failed is tried again, in business time.
const retryAfter = 10 * time.Minute

// Schedule asks for a sweep when one is due: when the last one is older than
// every, ten minutes after one that failed, and at once when an edit or a
// turn-on has not been followed by the one that it asked for, because a crash
// came between. every is in business time.
func (s *Sweeper) Schedule(ctx context.Context, every time.Duration) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil || !c.Runs() {
		return err
	}
	all, err := s.Store.Sweeps(ctx)
	if err != nil || s.running(all.Current) {
		return err
	}
	cause := due(c, all.Current, every, s.Business())
	if cause == "" {
		return nil
	}
	_, err = s.Request(ctx, cause)
	return err
}

// due is the cause of a sweep that should run now; empty when none should.
func due(c provision.Configuration, last *provision.Sweep, every time.Duration, now time.Time) string {
	if last == nil {
		return "schedule"
	}
	wait := every
	if last.State != provision.SweepDone { // it failed or stalled
		wait = min(every, retryAfter)
	}
	switch {
	case last.Revision < c.Revision && last.State == provision.SweepDone:
		return "edit"
	case !now.Before(last.QueuedAt.Add(wait)):
		return "schedule"
	}
	return ""
}
