package reconcile

import (
	"context"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
)

// listedDeleted is the user as the listing of deleted ones has them; the zero User when it does not.
//
// Looks share the listing, since each would else page through all of it: a
// thousand who leave at one moment would cost its pages a thousand times. What
// it says of who was deleted counts if its reading began at most roster.Fresh
// ago, as all that takes access away; the 404 or the deletion mark that led here
// was read for this very look, and confirms it (R13). That it does not name
// somebody counts only of a reading that began after that: they may just have
// been deleted. A sweep looks at whom a whole listing did not show, and may have
// a no that is as old as a yes: it decides nothing before the next sweep's.
func (r *Reconciler) listedDeleted(ctx context.Context, req Request) (provision.User, error) {
	begun := r.deleted.Begun()
	users, err := r.deleted.Since(ctx, r.Real().Add(-roster.Fresh))
	if u, listed := users[req.UserID]; listed || err != nil || req.Absent {
		return u, err
	}
	users, err = r.deleted.After(ctx, begun)
	return users[req.UserID], err
}

// listDeleted is the whole listing of deleted users, by id.
func (r *Reconciler) listDeleted(ctx context.Context) (map[string]provision.User, error) {
	users := make(map[string]provision.User)
	for token := ""; ; {
		page, err := r.Directory.ListDeleted(ctx, token)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Users {
			u.Lifecycle = provision.Deleted
			users[u.ID] = u
		}
		if token = page.Next; token == "" {
			return users, nil
		}
	}
}
