package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/fault"
)

// noteFailing records since when the app as a whole fails, or with zero that it
// does not. It is for an administrator to see, and nothing depends on it.
func (r *Reconciler) noteFailing(ctx context.Context, since time.Time) {
	for {
		c, err := r.Store.Configuration(ctx)
		if err == nil && c.FailingSince.IsZero() == since.IsZero() {
			return // known already
		}
		if err == nil {
			c.FailingSince = since
			_, err = r.Store.PutConfiguration(ctx, c)
		}
		switch {
		case err == nil:
			return
		case !fault.Is(err, fault.Conflict):
			r.Log.WarnContext(ctx, "how the app does is not stored", "error", err.Error())
			return
		}
	}
}
