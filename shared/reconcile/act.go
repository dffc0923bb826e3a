package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/spent"
)

const (
	// leaseTime is how long a worker may act on one user; it covers the
	// longest operation, with its reading back.
	leaseTime = 3 * time.Minute
	// operationTime is the longest that the calls of one operation take
	// before they are given up; it ends before the lease does.
	operationTime = readBackTime + time.Minute
	// readBackTime is for how long an effect is waited for (R19).
	readBackTime = time.Minute
)

// attempt is one operation on its way from decided to recorded.
type attempt struct {
	*Reconciler
	c        provision.Configuration
	req      Request
	accounts app.Accounts
	rec      provision.Record
	op       decide.Operation
	seen     sighting
	res      *Result
	// doubtful is an intent of which it stays unknown what became; nil for none.
	doubtful *provision.Intent
	// failing is true when the configuration says that the app fails.
	failing bool
}

// act runs the operation that was decided: lease and intent, fresh
// configuration, guard, call, outcome. more is true when the look should go on
// with another pass.
func (r *Reconciler) act(ctx context.Context, c provision.Configuration, req Request, d decide.Decision, seen sighting, res *Result) (more bool, err error) {
	a := &attempt{Reconciler: r, c: c, req: req, rec: d.Record, op: *d.Operation, seen: seen, res: res}
	seen.stamp(&a.rec)
	if a.op.Impossible != "" {
		if moved, err := r.moved(ctx, c); err != nil || moved {
			return moved, err
		}
		a.rec = decide.FailedTry(a.rec, a.op, provision.RetryFailed, a.op.Impossible, "", r.Business())
		return a.finish(ctx, a.event(r.NewID(), a.op.Kind, provision.OutcomeFailed, a.op.Impossible))
	}
	if pause := r.breaker.pause(a.rec.UserID); pause > 0 {
		return false, a.postpone(ctx, pause)
	}
	a.accounts, err = r.Apps.Accounts(ctx, c)
	if fault.Is(err, fault.Unauthorized) {
		return false, r.loseAuthorization(ctx, c, req, res)
	}
	if err != nil {
		return false, err
	}
	if err := a.begin(ctx); err != nil {
		return false, err
	}
	// From here on the intent is stored, and is settled whatever becomes of the caller.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTime)
	defer cancel()
	return a.perform(ctx, settle)
}

// begin commits the lease with the intent.
func (a *attempt) begin(ctx context.Context) error {
	a.doubtful = a.rec.Intent
	a.rec.Lease = &provision.Lease{Owner: a.owner, Until: a.Real().Add(leaseTime)}
	a.rec.Intent = &provision.Intent{
		ID: a.NewID(), Operation: a.op.Kind, Cause: a.op.Cause, StartedAt: a.Business(), Revision: a.c.Revision,
		Attributes: a.op.Attributes, Released: a.op.Released, Fingerprint: a.op.Fingerprint,
	}
	if a.op.Kind != provision.Create {
		a.rec.Intent.AccountID = a.rec.Account.ID
	}
	return a.keep(ctx, &a.rec)
}

// perform runs the operation under the lease and records what came of it.
func (a *attempt) perform(ctx, settle context.Context) (more bool, err error) {
	// Right before the operation, the configuration is read again: when it is
	// not the one that was decided under, everything is decided anew.
	fresh, err := a.freshConfiguration(ctx)
	if err != nil || fresh.Revision != a.c.Revision || !fresh.Runs() {
		return err == nil, errors.Join(err, a.abandon(settle))
	}
	a.failing = !fresh.FailingSince.IsZero()
	held, err := a.guard(ctx)
	if err != nil {
		return false, errors.Join(err, a.abandon(settle))
	}
	if held {
		a.Log.WarnContext(ctx, "operation held", "user", a.rec.UserID, "operation", string(a.op.Kind), "condition", string(a.op.Cause.Condition))
		return a.finish(settle)
	}
	if a.Real().Add(operationTime).After(a.rec.Lease.Until) {
		return true, a.abandon(settle) // too late to be sure that it ends before the lease
	}
	if pause := a.breaker.admit(a.rec.UserID); pause > 0 {
		return false, errors.Join(a.abandon(settle), paused(pause))
	}
	call, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	out := a.run(call)
	if out.status == denied {
		out = a.checkDenied(call, out)
	}
	return a.record(settle, out)
}

// abandon takes back an intent that was not sent.
func (a *attempt) abandon(ctx context.Context) error {
	a.rec.Intent, a.rec.Lease = a.doubtful, nil
	return a.keep(ctx, &a.rec)
}

// checkDenied finds out whether a 401 or 403 was about the token, by one read with the same (R11).
func (a *attempt) checkDenied(ctx context.Context, out outcome) outcome {
	switch err := a.accounts.Verify(ctx); {
	case err == nil:
		out.status = ruledOut
	case fault.Is(err, fault.Unauthorized, fault.Forbidden):
		out.status = tokenRefused
	default:
		verified := classify(provision.Account{}, err)
		verified.untouched = out.untouched
		return verified
	}
	return out
}

// record stores the outcome, with its event, under the intent's id.
func (a *attempt) record(ctx context.Context, out outcome) (more bool, err error) {
	switch out.status {
	case appFailed:
		return a.recordAppFailure(ctx, out)
	case tokenRefused:
		a.breaker.asked()
		return false, errors.Join(a.leave(ctx, out), a.loseAuthorization(ctx, a.c, a.req, a.res))
	case undecided:
		a.breaker.asked()
		return false, errors.Join(a.abandon(ctx), out.err)
	}
	a.served(ctx, out)
	if !out.untouched {
		a.doubtful = nil
	}
	intent, now := *a.rec.Intent, a.Business()
	switch out.status {
	case stale:
		a.req.Listing = nil
		return true, a.abandon(ctx)
	case reopened:
		a.rec.Account.State, a.rec.Account.ActiveSince = provision.AccountActive, now
		return true, a.abandon(ctx)
	case done:
		oldName := a.rec.Account.Applied["userName"]
		kind, cause := succeed(&a.rec, intent, out, a.c.Connection.BaseURL, now)
		a.repaired(now)
		a.res.Done = append(a.res.Done, kind)
		event := a.event(intent.ID, kind, provision.OutcomeDone, "")
		event.Cause = cause
		if more, err = a.finish(ctx, event); err == nil && frees(kind, oldName, a.rec) {
			err = a.lookAtWaitingFor(ctx, oldName)
		}
		return more, err
	case gone:
		endAccount(&a.rec, now)
		return a.finish(ctx, a.notices(intent)...)
	}
	reason, result := provision.RetryFailed, provision.OutcomeFailed
	switch out.status {
	case ruledOut:
		reason, result = provision.RetryRefused, provision.OutcomeRefused
	case conflicting:
		reason = provision.RetryConflict
	}
	a.rec = decide.FailedTry(a.rec, a.op, reason, out.text, out.accountID, now)
	return a.finish(ctx, a.event(intent.ID, intent.Operation, result, out.text))
}

// served tells the breaker that the app has served an operation, if it was asked to.
func (a *attempt) served(ctx context.Context, out outcome) {
	if out.unasked {
		a.breaker.asked()
		return
	}
	a.breaker.answered(a.rec.UserID)
	if a.failing {
		a.noteFailing(ctx, time.Time{})
	}
}

// recordAppFailure leaves the intent behind when the app may have acted, so
// that the next look finds out, and pauses the app's queue (R2).
func (a *attempt) recordAppFailure(ctx context.Context, out outcome) (more bool, err error) {
	whose := theApp
	if !out.throttled {
		whose = a.whose(ctx, a.c, a.accounts, a.rec.UserID, out.reading)
	}
	if whose == thePerson {
		if a.failing {
			a.noteFailing(ctx, time.Time{})
		}
		event := a.fail(out.text, !out.untouched)
		return a.finish(ctx, event)
	}
	err = a.leave(ctx, out)
	return false, errors.Join(err, a.leaveAlone(ctx, a.req, whose, string(a.op.Kind), out.text, out.retryAfter))
}

// fail makes the intent a failed try, and returns its event. One that the app
// may have carried out all the same stays, to be found out about by each look:
// under another id, since this event has its own.
func (a *attempt) fail(why string, mayHaveHappened bool) provision.Event {
	event := a.event(a.rec.Intent.ID, a.op.Kind, provision.OutcomeFailed, why)
	a.rec = decide.FailedTry(a.rec, a.op, provision.RetryFailed, why, "", a.Business())
	if mayHaveHappened {
		intent := *a.rec.Intent
		intent.ID, intent.Doubt = a.NewID(), why
		a.doubtful = &intent
	}
	return event
}

// leave gives the lease back, and keeps the intent for a later look to find out
// about unless the app surely did nothing.
func (a *attempt) leave(ctx context.Context, out outcome) error {
	a.rec.Lease = nil
	if out.untouched {
		a.rec.Intent = a.doubtful
	}
	return a.keep(ctx, &a.rec)
}

// notices is what to log of an operation that found no account: a suspend ends
// with a notice (R19), and anything else makes a new account.
func (a *attempt) notices(intent provision.Intent) []provision.Event {
	if intent.Operation != provision.Suspend {
		return nil
	}
	notice := a.event(intent.ID, intent.Operation, provision.OutcomeDone, "")
	notice.Name, notice.Cause.Text = provision.EventNotice, "the account to be suspended was not in the app any more"
	return []provision.Event{notice}
}

// frees reports whether an operation leaves the user name that the account had to others.
func frees(kind provision.OperationKind, oldName any, after provision.Record) bool {
	return kind == provision.HardDelete || kind == provision.Update && oldName != after.Account.Applied["userName"]
}

// finish ends the operation: it decides once more on the same look, so that
// what is next, what needs a person and the outcome are one commit, and sees to
// the next wake-up. more is true when something else is due now.
func (a *attempt) finish(ctx context.Context, events ...provision.Event) (more bool, err error) {
	a.rec.Intent, a.rec.Lease = a.doubtful, nil
	look := a.seen.look
	look.Account, look.Forced = nil, false
	d := decide.Decide(a.c, look, a.rec, a.Business())
	ended := a.req
	if d.Operation != nil {
		ended.SweepID = "" // the look goes on
	} else {
		a.seen.settled(&d.Record)
	}
	if err := a.commit(ctx, &d.Record, ended, events...); err != nil {
		return false, err
	}
	a.rec = d.Record
	a.res.Record, a.res.Waiting = d.Record, waiting(d.Record)
	a.logEvents(ctx, events)
	return d.Operation != nil, a.wakeUp(ctx, a.req, d.WakeAt)
}

// postpone keeps what was seen, so that no condition begins later than it did,
// and asks to be called again when the app may be asked again.
func (a *attempt) postpone(ctx context.Context, pause time.Duration) error {
	if Changed(a.seen.record, a.rec) && worthKeeping(a.rec) {
		if err := a.keep(ctx, &a.rec); err != nil {
			return err
		}
	}
	return paused(pause)
}

// ErrPaused is the cause of the error that a look returns while the app is
// left alone after failures: no fault of the user's, however often it comes.
var ErrPaused = errors.New("the app is left alone for a while after failures")

func paused(d time.Duration) error {
	return &fault.Error{Kind: fault.Unavailable, Op: "reconcile: operate", Err: ErrPaused, RetryAfter: d}
}

// lookAtWaitingFor looks again at people whose conflict was about a name that is free now (R16).
func (a *attempt) lookAtWaitingFor(ctx context.Context, name any) error {
	freed, _ := name.(string)
	if freed == "" {
		return nil
	}
	others, err := a.Store.RecordsByEmail(ctx, freed)
	if err != nil {
		return err
	}
	for _, other := range others {
		conflicts := slices.ContainsFunc(other.Retries, func(r provision.Retry) bool { return r.Reason == provision.RetryConflict })
		if other.UserID == a.rec.UserID || !conflicts { // what else waits is not for the name
			continue
		}
		task := LookTask(Request{UserID: other.UserID, Forced: true}, "freed-"+a.res.Record.LookedAt.String(), time.Time{})
		if err := a.Tasks.Enqueue(ctx, task); err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) event(id string, kind provision.OperationKind, outcome provision.Outcome, text string) provision.Event {
	return provision.Event{
		ID: id, Time: a.Business(), Name: provision.EventName(kind), UserID: a.rec.UserID, Email: a.rec.Email,
		AccountID: a.rec.Account.ID, Outcome: outcome, Cause: a.op.Cause, Error: text,
	}
}

func (r *Reconciler) logEvents(ctx context.Context, events []provision.Event) {
	for _, e := range events {
		attrs := []any{"event", e.Name, "user", e.UserID, "outcome", string(e.Outcome),
			"condition", string(e.Cause.Condition), "cause", e.Cause.Text, "error", e.Error}
		r.Log.InfoContext(ctx, "operation", append(attrs, spent.Attrs(ctx)...)...)
	}
}
