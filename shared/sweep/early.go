package sweep

import (
	"context"
	"errors"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/scope"
)

var errNotRead = errors.New("the members are being read")

// early waits until the members of the groups are known. Meanwhile it asks for
// the new accounts of those users on a page whom the members read so far put in
// scope: a first sync creates while it still lists, since a yes is not changed
// by what is still to be read. It returns the other users of the page.
func (r *run) early(ctx context.Context, v *survey, users []provision.User, at, readAt time.Time) ([]provision.User, error) {
	// Before it, an account that is there already may be theirs (R2).
	if whole, err := v.whenever(v.listed); whole || err != nil {
		return users, err
	}
	for {
		if whole, err := v.whenever(v.members.More()); whole || err != nil {
			return users, err
		}
		var sure, rest []provision.User
		for _, u := range users {
			if verdict := scope.Evaluate(*v.c.Scope, v.org, u, v.memberSoFar(u.ID)); verdict.Known && verdict.In {
				sure = append(sure, u)
			} else {
				rest = append(rest, u)
			}
		}
		found, err := v.page(v.ctx, sure, v.memberSoFar)
		if err != nil {
			return nil, err
		}
		var looks []reconcile.Request
		for _, f := range found {
			op := f.decision.Operation
			if op == nil || op.Kind != provision.Create || plans(f) || v.takenByRename(f) {
				rest = append(rest, f.user)
				continue
			}
			req, _, err := r.need(ctx, v, f, at, readAt)
			if err != nil {
				return nil, err
			}
			looks = append(looks, req)
		}
		if err := r.askAll(ctx, looks); err != nil {
			return nil, err
		}
		users = rest
	}
}

// whenever waits for part, or until the members are known as a whole. Where both
// are there the whole is preferred: nothing is left to be early for.
func (v *survey) whenever(part <-chan struct{}) (whole bool, err error) {
	select {
	case <-part:
	case <-v.scoped:
	case <-v.ctx.Done():
		return true, v.await(v.scoped)
	}
	select {
	case <-v.scoped:
		return true, nil
	default:
		return false, nil
	}
}

// memberSoFar is member while the lists are being read: it knows no no.
func (v *survey) memberSoFar(userID string) scope.Members {
	return func(groupID string) (bool, error) {
		if in, _ := v.members.Has(groupID, userID); in {
			return true, nil
		}
		return false, errNotRead
	}
}
