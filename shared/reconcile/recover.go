package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// recover finds out from the app what became of an intent whose worker did not
// say: it crashed, or got no answer. If it happened, it is recorded under the
// intent's id, so that one operation has one event, also after a crash. With
// errUnknown the look goes on without that knowledge, from the record as it then is.
func (r *Reconciler) recover(ctx context.Context, c provision.Configuration, req Request, stored *provision.Record, res *Result) (more bool, err error) {
	if !c.Runs() {
		res.Waiting = "reauthorize the app to finish an interrupted operation"
		return false, r.endLook(ctx, req)
	}
	rec := *stored
	if pause := r.breaker.pause(rec.UserID); pause > 0 {
		return false, paused(pause)
	}
	accounts, err := r.Apps.Accounts(ctx, c)
	if fault.Is(err, fault.Unauthorized) {
		return false, r.loseAuthorization(ctx, c, req, res)
	}
	if err != nil {
		return false, err
	}
	a := &attempt{Reconciler: r, c: c, req: req, accounts: accounts, rec: rec, res: res,
		op: decide.Operation{Kind: rec.Intent.Operation, Cause: rec.Intent.Cause, Attributes: rec.Intent.Attributes, Fingerprint: rec.Intent.Fingerprint}}
	rec.Lease = &provision.Lease{Owner: r.owner, Until: r.Real().Add(leaseTime)}
	if err := r.keep(ctx, &rec); err != nil {
		return false, err
	}
	a.rec = rec
	if pause := r.breaker.admit(rec.UserID); pause > 0 {
		a.rec.Lease = nil
		return false, errors.Join(r.keep(ctx, &a.rec), paused(pause))
	}
	out, happened, err := a.findOut(ctx)
	if err != nil {
		err = a.unanswered(ctx, err)
		*stored = a.rec
		return false, err
	}
	r.breaker.asked()
	if r.breaker.read(rec.UserID); happened { // the app served them, though it did not say so
		r.breaker.forget(rec.UserID)
	}
	return true, a.recovered(ctx, out, happened)
}

// recovered records what became of the intent.
func (a *attempt) recovered(ctx context.Context, out outcome, happened bool) error {
	intent, oldName := *a.rec.Intent, a.rec.Account.Applied["userName"]
	a.rec.Lease, a.rec.Intent = nil, nil
	var events []provision.Event
	var kind provision.OperationKind
	switch {
	case happened:
		var cause provision.Cause
		kind, cause = succeed(&a.rec, intent, out, a.c.Connection.BaseURL, a.Business())
		event := a.event(intent.ID, kind, provision.OutcomeDone, "")
		event.Cause = cause
		events = append(events, event)
	case out.status == gone:
		endAccount(&a.rec, a.Business())
		events = a.notices(intent)
	}
	if err := a.keep(ctx, &a.rec, events...); err != nil {
		return err
	}
	a.logEvents(ctx, events)
	if !happened {
		return nil
	}
	a.noteFailing(ctx, time.Time{}) // it had its effect, and perhaps nothing else is due
	a.res.Done = append(a.res.Done, kind)
	if !frees(kind, oldName, a.rec) {
		return nil
	}
	return a.lookAtWaitingFor(ctx, oldName)
}

// findOut reads the app for the effect of the intent.
func (a *attempt) findOut(ctx context.Context) (out outcome, happened bool, err error) {
	intent := a.rec.Intent
	if intent.Operation == provision.Create && intent.AccountID != "" {
		return a.findAdopted(ctx)
	}
	if intent.Operation == provision.Create {
		found, err := a.accounts.Find(ctx, a.rec.UserID, a.userName())
		if err != nil {
			return outcome{}, false, err
		}
		for _, account := range found {
			// What carries our id and the values that were to be written is what we made; anything
			// else, an account of theirs from before among it, is matched by the next pass (R2).
			if account.ExternalID == a.rec.UserID && len(found) == 1 && shows(account, intent.Attributes, nil) {
				return outcome{status: done, account: account}, true, nil
			}
		}
		return outcome{}, false, nil
	}
	account, err := a.accounts.Get(ctx, a.ref(intent.AccountID))
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
		happened = shows(account, intent.Attributes, a.previous()) && !slices.Contains(decide.Drift(a.rec, account), provision.ExternalID)
	}
	return out, happened, nil
}

// findAdopted reads the account that was about to be adopted.
func (a *attempt) findAdopted(ctx context.Context) (out outcome, happened bool, err error) {
	account, err := a.accounts.Get(ctx, a.ref(a.rec.Intent.AccountID))
	if fault.Is(err, fault.NotFound) {
		return outcome{}, false, nil
	}
	if err != nil {
		return outcome{}, false, err
	}
	ours := account.ExternalID == a.rec.UserID && shows(account, a.rec.Intent.Attributes, nil)
	return outcome{status: done, account: account, adopted: true}, ours, nil
}

// shows reports whether an account has what was written, and nothing more of what was there before.
func shows(account provision.Account, wanted, previous provision.Attributes) bool {
	for path, value := range wanted {
		if account.Attributes[path] != value {
			return false
		}
	}
	for path := range previous {
		_, kept := wanted[path]
		if _, still := account.Attributes[path]; still && !kept {
			return false
		}
	}
	return true
}

// errUnknown says that it cannot be found out what became of an intent, for a
// reason of this one account's: the failure is recorded, and the look goes on.
var errUnknown = errors.New("what became of the operation cannot be found out")

// unanswered gives the lease back and keeps the intent, for a later look to find out.
func (a *attempt) unanswered(ctx context.Context, cause error) error {
	settle := context.WithoutCancel(ctx)
	out := classifyRead(cause)
	if out.status == denied {
		out = a.checkDenied(ctx, out)
	}
	whose := theApp
	switch {
	case out.status == ruledOut: // an answer about this account, from an app that takes the token
		whose = thePerson
	case out.status == appFailed && !out.throttled:
		whose = a.whose(ctx, a.c, a.accounts, a.rec.UserID, a.rec.Intent.AccountID != "")
	}
	var events []provision.Event
	if whose == thePerson && a.rec.Intent.Doubt == "" {
		events = append(events, a.fail(fault.Words(cause), true))
		a.rec.Intent = a.doubtful
	}
	a.rec.Lease = nil
	if err := a.keep(settle, &a.rec, events...); err != nil {
		return err
	}
	a.logEvents(ctx, events)
	switch {
	case whose == thePerson:
		a.breaker.asked()
		return errUnknown
	case out.status == tokenRefused:
		a.breaker.asked()
		return a.loseAuthorization(settle, a.c, a.req, a.res)
	}
	return a.leaveAlone(settle, a.req, whose, reading, out.text, out.retryAfter)
}

// endDoubt ends an operation on an app that is not the configured one any more,
// so that nobody will find out about it: that app may have done it, and the log
// says so (R14). rec is the record as it counts for the present app (R10).
func (r *Reconciler) endDoubt(ctx context.Context, stored, rec provision.Record) error {
	intent := stored.Intent
	rec.Lease = nil
	event := provision.Event{ID: intent.ID, Time: r.Business(), Name: provision.EventName(intent.Operation), UserID: stored.UserID, Email: stored.Email,
		AccountID: stored.Account.ID, Outcome: provision.OutcomeFailed, Cause: intent.Cause,
		Error: "another app was configured before it was known whether this one had done this"}
	if err := r.keep(ctx, &rec, event); err != nil {
		return err
	}
	r.logEvents(ctx, []provision.Event{event})
	return nil
}

// TakeOver gives back the leases of workers that cannot be alive any more, and
// asks for a look at each user with whom they were not finished: the call that
// made them act may have died with them. Only a process that is alone with the
// state may call it, before it starts to look.
func (r *Reconciler) TakeOver(ctx context.Context) error {
	cause := "taken-over-" + r.Business().Format(time.RFC3339Nano)
	for page, err := range state.Pages(ctx, r.Store, state.Selection{Kind: state.SelectIntent}) {
		if err != nil {
			return err
		}
		looks := make([]tasks.Task, len(page))
		for i, rec := range page {
			looks[i] = LookTask(Request{UserID: rec.UserID}, cause, time.Time{})
			if rec.Lease == nil {
				continue
			}
			rec.Lease = nil
			if err := r.keep(ctx, &rec); err != nil {
				return err
			}
		}
		if err := r.Tasks.Enqueue(ctx, looks...); err != nil {
			return err
		}
	}
	return nil
}
