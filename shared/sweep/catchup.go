package sweep

import (
	"context"

	"example.com/autoprovision/shared/provision"
)

// CatchUp asks for the sweep that a running configuration owes for its last
// edit or turn-on: none has begun since, nor waits, because a fault or a crash
// came between what was stored and its request. One that is the next to begin is
// asked for again, since it may be its task that was lost.
func (s *Sweeper) CatchUp(ctx context.Context, c provision.Configuration, cause string) error {
	if !c.Runs() {
		return nil
	}
	all, err := s.Store.Sweeps(ctx)
	if err != nil || all.Queued != nil {
		return err
	}
	if sw := all.Current; sw != nil && sw.State != provision.SweepQueued && sw.Revision >= c.Revision {
		return nil
	}
	_, err = s.Request(ctx, cause)
	return err
}
