package reconcile

import (
	"context"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// recover finds out from the app what became of an intent whose worker did not
// say: it crashed, or got no answer. If it happened, it is recorded under the
// intent's id, so that one operation has one event, also after a crash.
func (r *Reconciler) recover(ctx context.Context, c provision.Configuration, req Request, rec provision.Record, res *Result) (more bool, err error) {
	if !c.Runs() {
		res.Waiting = "an operation is unfinished, and the app needs to be reauthorized"
		return false, r.endLook(ctx, req)
	}
	if pause := r.breaker.pause(); pause > 0 {
		return false, paused(pause)
	}
	accounts, err := r.Apps.Accounts(ctx, c)
	if err != nil {
		return false, err
	}
	a := &attempt{Reconciler: r, c: c, req: req, accounts: accounts, rec: rec, res: res,
		op: decide.Operation{Kind: rec.Intent.Operation, Cause: rec.Intent.Cause, Attributes: rec.Intent.Attributes}}
	rec.Lease = &provision.Lease{Owner: r.owner, Until: r.Real().Add(leaseTime)}
	if err := r.keep(ctx, &rec); err != nil {
		return false, err
	}
	a.rec = rec
	if pause := r.breaker.admit(); pause > 0 {
		a.rec.Lease = nil
		return false, firstError(r.keep(ctx, &a.rec), paused(pause))
	}
	out, happened, err := a.findOut(ctx)
	if err != nil {
		return a.unanswered(ctx, err)
	}
	r.breaker.answered(rec.UserID)
	a.rec.Lease, a.rec.Intent = nil, nil
	switch {
	case happened:
		kind, cause := succeed(&a.rec, *rec.Intent, out, c.Connection.BaseURL, r.Business())
		event := a.event(rec.Intent.ID, kind, provision.OutcomeDone, "")
		event.Cause = cause
		res.Done = append(res.Done, kind)
		r.logEvents([]provision.Event{event})
		return true, r.keep(ctx, &a.rec, event)
	case out.status == gone:
		endAccount(&a.rec, r.Business())
	}
	return true, r.keep(ctx, &a.rec)
}

// findOut reads the app for the effect of the intent.
func (a *attempt) findOut(ctx context.Context) (out outcome, happened bool, err error) {
	intent := a.rec.Intent
	if intent.Operation == provision.Create {
		found, err := a.accounts.Find(ctx, a.rec.UserID, a.userName())
		if err != nil {
			return outcome{}, false, err
		}
		for _, account := range found {
			// Only what carries our id is surely ours; anything else is matched by the next pass (R2).
			if account.ExternalID == a.rec.UserID && len(found) == 1 {
				return outcome{status: done, account: account}, true, nil
			}
		}
		return outcome{}, false, nil
	}
	account, err := a.accounts.Get(ctx, intent.AccountID)
	switch {
	case fault.Is(err, fault.NotFound):
		return outcome{status: gone}, intent.Operation == provision.HardDelete, nil
	case err != nil:
		return outcome{}, false, err
	}
	out = outcome{status: done, account: account}
	switch intent.Operation {
	case provision.Suspend:
		happened = !account.Active
	case provision.Unsuspend:
		happened = account.Active
	case provision.Update:
		happened = shows(account, intent.Attributes)
	}
	return out, happened, nil
}

func shows(account provision.Account, wanted provision.Attributes) bool {
	for path, value := range wanted {
		if account.Attributes[path] != value {
			return false
		}
	}
	return true
}

// unanswered gives the lease back and keeps the intent, for a later look to find out.
func (a *attempt) unanswered(ctx context.Context, cause error) (more bool, err error) {
	settle := context.WithoutCancel(ctx)
	a.rec.Lease = nil
	if err := a.keep(settle, &a.rec); err != nil {
		return false, err
	}
	if fault.Is(cause, fault.Unauthorized, fault.Forbidden) {
		out := a.checkDenied(ctx, classifyRead(cause))
		a.breaker.answered(a.rec.UserID)
		if out.status == tokenRefused {
			return false, a.loseAuthorization(settle, a.c, a.req, a.res)
		}
		return false, cause
	}
	pause, _ := a.breaker.failed(a.rec.UserID, fault.RetryAfter(cause))
	return false, paused(pause)
}

// TakeOver gives back the leases of workers that cannot be alive any more. Only
// a process that is alone with the state may call it, before it starts to look;
// what the dead left unfinished is then found out by the next look at each user.
func (r *Reconciler) TakeOver(ctx context.Context) error {
	sel := state.Selection{Kind: state.SelectIntent, Limit: 500}
	for {
		page, next, err := r.Store.Select(ctx, sel)
		if err != nil {
			return err
		}
		for _, rec := range page {
			if rec.Lease == nil {
				continue
			}
			rec.Lease = nil
			if err := r.keep(ctx, &rec); err != nil {
				return err
			}
		}
		if sel.Token = next; next == "" {
			return nil
		}
	}
}
