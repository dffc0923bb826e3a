package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// MarkUnauthorized records that the app refuses the token that a configuration
// names: the app needs to be reauthorized, which is one event with the given id.
// It reports whether that is news; an answer to a token that is not the
// configured one any more marks nothing (R11).
func MarkUnauthorized(ctx context.Context, s state.Configurations, c provision.Configuration, eventID string, now time.Time) (news bool, err error) {
	return state.EditConfiguration(ctx, s, func(fresh *provision.Configuration) ([]provision.Event, error) {
		if fresh.Authorization.SecretVersion != c.Authorization.SecretVersion || fresh.Authorization.State != provision.AuthorizationOK {
			return nil, state.ErrUnchanged
		}
		fresh.Authorization.State, fresh.Authorization.LostAt = provision.NeedsReauthorizing, now
		return []provision.Event{{
			ID: eventID, Time: now, Name: provision.EventNotice,
			Outcome: provision.OutcomeFailed, Error: "The app refuses the access token: autoprovisioning needs to be reauthorized.",
		}}, nil
	})
}

// loseAuthorization stops everything until an administrator reauthorizes.
func (r *Reconciler) loseAuthorization(ctx context.Context, c provision.Configuration, req Request, res *Result) error {
	news, err := MarkUnauthorized(ctx, r.Store, c, r.NewID(), r.Business())
	if err != nil {
		return err
	}
	r.Forget()
	if news {
		r.Log.ErrorContext(ctx, "the app refuses the access token: reauthorize", "kind", "unauthorized")
	}
	res.Waiting = "the app needs to be reauthorized"
	return r.endLook(ctx, req)
}
