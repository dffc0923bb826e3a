package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// noteFailing records since when the app as a whole fails, or with zero that it
// does not. It is for an administrator to see, and nothing depends on it.
func (r *Reconciler) noteFailing(ctx context.Context, since time.Time) {
	_, err := state.EditConfiguration(ctx, r.Store, func(c *provision.Configuration) ([]provision.Event, error) {
		if c.FailingSince.IsZero() == since.IsZero() {
			return nil, state.ErrUnchanged // known already
		}
		c.FailingSince = since
		return nil, nil
	})
	if err != nil {
		r.Log.WarnContext(ctx, "how the app does is not stored", "error", err.Error())
	}
}
