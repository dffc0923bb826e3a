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

// RequestOwed asks for a sweep unless one that was asked for at a time or later
// is under way, waits, or has ended: whoever had to ask for it then may have crashed.
func (s *Sweeper) RequestOwed(ctx context.Context, since time.Time, cause string) error {
	all, err := s.Store.Sweeps(ctx)
	if err != nil || all.Queued != nil || begun(all.Current) && !all.Current.QueuedAt.Before(since) {
		return err
	}
	_, err = s.Request(ctx, cause) // if it waits to begin, its task may have been lost
	return err
}

func begun(sw *provision.Sweep) bool { return sw != nil && sw.State != provision.SweepQueued }

// due is the cause of a sweep that should run now; empty when none should.
func due(c provision.Configuration, last *provision.Sweep, every time.Duration, now time.Time) string {
	if last == nil {
		return "schedule"
	}
	edited := latest(c.TurnedOnAt, c.ScopeSavedAt)
	if n := len(c.Policies); n > 0 {
		edited = latest(edited, c.Policies[n-1].SavedAt)
	}
	wait := every
	if last.State != provision.SweepDone { // it failed or stalled
		wait = min(every, retryAfter)
	}
	switch {
	case edited.After(last.QueuedAt) && last.State == provision.SweepDone:
		return "edit"
	case !now.Before(last.QueuedAt.Add(wait)):
		return "schedule"
	}
	return ""
}
