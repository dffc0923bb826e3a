package reconcile

import (
	"context"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// culprit is whose failure it is that the app gave no sensible answer, or a 5xx, over one person (R2).
type culprit int

const (
	// theApp fails everybody, and costs no person a step.
	theApp culprit = iota
	// someOperations fail in an app that answers: over several people, so that
	// nobody can tell whether over everybody.
	someOperations
	// thePerson alone: the app answers others what it does not answer about them.
	thePerson
)

// whose finds out whose a failure over a person is. reading is true for a reading
// of their account by its id: another's account shows whose fault that is.
// Changing another's account is no test, so that failures to change theirs must
// speak for themselves.
func (r *Reconciler) whose(ctx context.Context, c provision.Configuration, accounts app.Accounts, userID string, reading bool) culprit {
	var again, own bool
	if reading {
		again = r.breaker.unreadable(userID)
		own = again
	} else {
		again, own = r.breaker.fails(userID)
	}
	switch {
	case !again:
		return theApp
	case !r.answersOthers(ctx, c, accounts, userID):
		r.breaker.excuse(userID)
		return theApp
	case !own:
		return someOperations
	}
	r.breaker.theirs()
	return thePerson
}

// leaveAlone pauses everybody's operations, after the app failed over one
// person, and returns the error that asks for their look again. While the app
// answers, no sweep waits for that.
func (r *Reconciler) leaveAlone(ctx context.Context, req Request, whose culprit, operation, why string, retryAfter time.Duration) error {
	longest := lastPause
	if whose == someOperations {
		longest = partPause
		if err := r.endLook(ctx, req); err != nil {
			return err
		}
	}
	pause := r.breaker.failed(req.UserID, retryAfter, longest)
	r.Log.WarnContext(ctx, "the app fails", "user", req.UserID, "operation", operation, "error", why, "pause", pause)
	if r.breaker.down() {
		r.noteFailing(ctx, r.Business())
	}
	return paused(pause)
}

// askedOthers is how many others' accounts are read at most before the app is
// taken to fail everybody: some of them may be as broken as the one in question.
const askedOthers = 3

// answersOthers reads other people's accounts until one is answered, those first
// with whom nothing is wrong as far as is known; without another account,
// whatever shows that the app answers.
func (r *Reconciler) answersOthers(ctx context.Context, c provision.Configuration, accounts app.Accounts, userID string) bool {
	page, _, err := r.Store.Select(ctx, state.Selection{Kind: state.SelectLinked, Limit: 50})
	if err != nil {
		return false
	}
	var others, troubled []provision.Record
	for _, rec := range page {
		rec = rec.In(c.Connection.BaseURL)
		switch {
		case rec.UserID == userID || !rec.Account.Exists():
		case r.breaker.troubled(rec.UserID):
			troubled = append(troubled, rec)
		default:
			others = append(others, rec)
		}
	}
	others = append(others, troubled...)
	if len(others) == 0 {
		return accounts.Verify(ctx) == nil
	}
	for _, other := range others[:min(askedOthers, len(others))] {
		if _, err = accounts.Get(ctx, refOf(other, other.Account.ID, nil)); err == nil || fault.Is(err, fault.NotFound) {
			return true
		}
		r.breaker.unreadable(other.UserID)
	}
	return false
}

// recordUnread ends a look that could not read the account, as it should have,
// and has nothing else to do. The account is read again by the schedule of R2.
func (r *Reconciler) recordUnread(ctx context.Context, c provision.Configuration, req Request, d decide.Decision, seen sighting, res *Result) (more bool, err error) {
	if moved, err := r.moved(ctx, c); err != nil || moved {
		return moved, err
	}
	a := &attempt{Reconciler: r, c: c, req: req, rec: d.Record, op: decide.Operation{Kind: provision.Update}, seen: seen, res: res}
	seen.stamp(&a.rec)
	a.rec = decide.FailedTry(a.rec, a.op, provision.RetryUnread, seen.unreadable, "", r.Business())
	event := a.event(r.NewID(), a.op.Kind, provision.OutcomeFailed, seen.unreadable)
	event.Name, event.Cause.Text = provision.EventNotice, "the account in the app could not be read"
	return a.finish(ctx, event)
}
