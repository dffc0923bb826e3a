package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Configurations is where the loss of the authorization is recorded.
type Configurations interface {
	Configuration(ctx context.Context) (provision.Configuration, error)
	PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error)
}

// MarkUnauthorized records that the app refuses the token that a configuration
// names: the app needs to be reauthorized, which is one event with the given id.
// It reports whether that is news; an answer to a token that is not the
// configured one any more marks nothing (R11).
func MarkUnauthorized(ctx context.Context, s Configurations, c provision.Configuration, eventID string, now time.Time) (news bool, err error) {
	for {
		fresh, err := s.Configuration(ctx)
		if err != nil {
			return false, err
		}
		if fresh.Authorization.SecretVersion != c.Authorization.SecretVersion || fresh.Authorization.State != provision.AuthorizationOK {
			return false, nil
		}
		fresh.Authorization.State, fresh.Authorization.LostAt = provision.NeedsReauthorizing, now
		_, err = s.PutConfiguration(ctx, fresh, provision.Event{
			ID: eventID, Time: now, Name: provision.EventNotice,
			Outcome: provision.OutcomeFailed, Error: "The app refuses the access token: autoprovisioning needs to be reauthorized.",
		})
		if !fault.Is(err, fault.Conflict) {
			return err == nil, err
		}
	}
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
