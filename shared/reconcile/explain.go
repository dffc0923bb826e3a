package reconcile

import (
	"context"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
)

// Explanation is what a look at one user would see and decide now.
type Explanation struct {
	Look     decide.Look
	Decision decide.Decision
	// Stored is the record before the look.
	Stored provision.Record
}

// Explain looks at one user as Look does, and neither stores nor does anything.
func (r *Reconciler) Explain(ctx context.Context, userID string) (Explanation, error) {
	c, err := r.freshConfiguration(ctx)
	if err != nil {
		return Explanation{}, err
	}
	rec, err := r.Store.Record(ctx, userID)
	if err != nil {
		return Explanation{}, err
	}
	rec = rec.In(c.Connection.BaseURL)
	seen, err := r.see(ctx, c, Request{UserID: userID}, rec, roster.CacheAge)
	if err != nil {
		return Explanation{}, err
	}
	return Explanation{Look: seen.look, Decision: decide.Decide(c, seen.look, seen.record, r.Business()), Stored: rec}, nil
}
