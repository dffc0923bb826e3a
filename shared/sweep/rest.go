package sweep

import (
	"context"
	"maps"
	"slices"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// unlisted looks for what no page showed: deleted users, users who are in no
// listing, accounts that the app does not show or shows otherwise, and work
// whose wake-up was lost.
func (r *run) unlisted(ctx context.Context, v *survey) error {
	listed, err := r.Store.Rows(ctx, r.sw.ID)
	if err != nil {
		return err
	}
	present := make(map[string]struct{}, len(listed))
	for _, id := range listed {
		present[id] = struct{}{}
	}
	wanted := newWanted(r.sw.ID, r.c.Version, present)
	wanted.foreign = r.sw.Foreign != ""
	for _, id := range slices.Concat(v.app.differing, slices.Sorted(maps.Values(v.app.ended))) {
		wanted.add(reconcile.Request{UserID: id, CheckAccount: true})
	}
	now := r.Business()
	for _, l := range v.links {
		_, isListed := present[l.userID]
		_, isShown := v.app.seen[l.accountID]
		switch {
		case !isShown:
			wanted.add(reconcile.Request{UserID: l.userID, CheckAccount: true})
		case !isListed && !l.deleted && r.sw.Foreign == "":
			wanted.add(reconcile.Request{UserID: l.userID})
		}
	}
	for _, sel := range []state.Selection{
		{Kind: state.SelectPending, Before: now}, {Kind: state.SelectRetry, Before: now}, {Kind: state.SelectIntent},
	} {
		if err := r.each(ctx, sel, func(rec provision.Record) {
			underWay := rec.Lease != nil && rec.Lease.Until.After(r.Real())
			seen := !rec.LookedAt.Before(r.sw.StartedAt) // what is due of theirs was found in this sweep
			idle := sel.Kind == state.SelectPending && (rec.Hold != nil || waits(rec, now))
			if !underWay && !seen && !idle {
				wanted.add(reconcile.Request{UserID: rec.UserID})
			}
		}); err != nil {
			return err
		}
	}
	return r.askAll(ctx, wanted.list)
}

// wanted collects planning looks, one for each user.
type wanted struct {
	sweepID       string
	configuration int64
	present       map[string]struct{} // users whom the listing showed
	foreign       bool                // that listing was another customer's, and shows nobody to be absent (R13)
	list          []reconcile.Request
	index         map[string]int
}

func newWanted(sweepID string, configuration int64, present map[string]struct{}) *wanted {
	return &wanted{sweepID: sweepID, configuration: configuration, present: present, index: map[string]int{}}
}

func (w *wanted) add(req reconcile.Request) {
	req.SweepID, req.Plan, req.Configuration = w.sweepID, true, w.configuration
	_, listed := w.present[req.UserID]
	req.Absent = !listed && !w.foreign
	if i, known := w.index[req.UserID]; known {
		w.list[i].CheckAccount = w.list[i].CheckAccount || req.CheckAccount
		return
	}
	w.index[req.UserID] = len(w.list)
	w.list = append(w.list, req)
}
