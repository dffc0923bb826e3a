package reconcile

import (
	"context"
	"maps"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// status is how a call on the app came out.
type status int

const (
	// done: the app shows the effect.
	done status = iota
	// stale: a fresher reading of the directory is needed first; nothing was sent.
	stale
	// reopened: the account that was to be deleted was suspended, and is active; nothing was sent.
	reopened
	// gone: the account that was to be changed is not there.
	gone
	// ruledOut: the app refuses this operation by rule (R19).
	ruledOut
	// conflicting: another account is in the way (R2, R16).
	conflicting
	// ineffective: the app said yes, and shows no effect (R19).
	ineffective
	// denied: 401 or 403; the token must be checked (R11).
	denied
	// tokenRefused: it was the token.
	tokenRefused
	// undecided: the directory or the state could not be read; nothing was sent.
	undecided
	// appFailed: no answer, 429 or 5xx; unless untouched, the operation may have happened.
	appFailed
)

// outcome is what became of one operation on the app.
type outcome struct {
	status status
	// account as the app has it now; ID empty when not known.
	account provision.Account
	// adopted is true when a create took over an account that was there.
	adopted bool
	// text says what went wrong, in words.
	text string
	// accountID is the account in the way of a conflict.
	accountID string
	// untouched is true when the app surely did nothing, unasked when it was not
	// called with anything that could show whether it serves operations.
	untouched, unasked bool
	retryAfter         time.Duration
	// throttled is true for a 429, which is never one person's fault; reading is
	// true when it was the account that could not be read.
	throttled, reading bool
	// err is why nothing could be decided.
	err error
}

// run makes the calls of the operation.
func (a *attempt) run(ctx context.Context) outcome {
	id := a.rec.Account.ID
	switch a.op.Kind {
	case provision.Create:
		return a.create(ctx)
	case provision.Update:
		account, err := a.accounts.Update(ctx, id, a.rec.UserID, a.op.Attributes, a.previous())
		if fault.Is(err, fault.Conflict) {
			return a.nameTaken(ctx, id, err)
		}
		return classify(account, err)
	case provision.Suspend, provision.Unsuspend:
		active := a.op.Kind == provision.Unsuspend
		if err := a.accounts.SetActive(ctx, a.ref(id), active); err != nil {
			return classify(provision.Account{}, err)
		}
		return a.readBack(ctx, id, func(account provision.Account, found bool) bool { return found && account.Active == active })
	case provision.HardDelete:
		return a.hardDelete(ctx, id)
	}
	return outcome{status: ruledOut, untouched: true, text: "there is no operation " + string(a.op.Kind)}
}

// hardDelete reads the account first: one that somebody has activated by hand is
// suspended first, where the policy orders that (R4).
func (a *attempt) hardDelete(ctx context.Context, id string) outcome {
	if !a.c.Connection.HardDelete {
		return outcome{status: ruledOut, untouched: true, unasked: true, text: "hard deletes are switched off in the connection settings"}
	}
	account, err := a.accounts.Get(ctx, a.ref(id))
	switch {
	case fault.Is(err, fault.NotFound):
		return outcome{status: done} // R19
	case err != nil:
		out := classifyRead(err)
		out.reading = true
		return out
	case account.Active && a.rec.Account.State == provision.AccountSuspended:
		return outcome{status: reopened}
	}
	if err := a.accounts.Delete(ctx, a.ref(id)); err != nil && !fault.Is(err, fault.NotFound) {
		return classify(provision.Account{}, err)
	}
	return a.readBack(ctx, id, func(_ provision.Account, found bool) bool { return !found })
}

// previous is what an update replaces, without what was given up (R17).
func (a *attempt) previous() provision.Attributes {
	previous := maps.Clone(a.rec.Account.Applied)
	for _, path := range a.rec.Left {
		delete(previous, path)
	}
	return previous
}

// ref means an account with an id, which is or becomes this user's.
func (a *attempt) ref(id string) app.Ref {
	return refOf(a.rec, id, a.op.Attributes)
}

// refOf means a user's account; attributes are what is being written, nil for nothing.
func refOf(rec provision.Record, id string, attributes provision.Attributes) app.Ref {
	ref := app.Ref{ID: id, ExternalID: rec.UserID}
	if ref.UserName, _ = rec.Account.Applied["userName"].(string); ref.UserName == "" {
		ref.UserName, _ = attributes["userName"].(string)
	}
	return ref
}

// classify sorts an answer of the app.
func classify(account provision.Account, err error) outcome {
	switch {
	case err == nil:
		return outcome{status: done, account: account}
	case fault.Is(err, fault.NotFound):
		return outcome{status: gone}
	case fault.Is(err, fault.Unauthorized, fault.Forbidden):
		return outcome{status: denied, text: fault.Words(err), untouched: true}
	case fault.Is(err, fault.Throttled):
		return outcome{status: appFailed, text: fault.Words(err), untouched: true, throttled: true, retryAfter: fault.RetryAfter(err)}
	case refused(err):
		return outcome{status: ruledOut, text: fault.Words(err), untouched: true}
	}
	return outcome{status: appFailed, text: fault.Words(err), retryAfter: fault.RetryAfter(err)}
}

// readBack reads the account until it shows the effect, for up to a minute (R19).
func (a *attempt) readBack(ctx context.Context, id string, shows func(_ provision.Account, found bool) bool) outcome {
	deadline := a.Real().Add(readBackTime)
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 15*time.Second) {
		account, err := a.accounts.Get(ctx, a.ref(id))
		if err != nil && !fault.Is(err, fault.NotFound) {
			out := classify(account, err)
			out.untouched, out.reading = false, true // the operation itself was answered with success
			return out
		}
		found := err == nil
		switch {
		case shows(account, found):
			return outcome{status: done, account: account}
		case !found:
			return outcome{status: gone}
		case a.Real().Add(pause).After(deadline):
			return outcome{status: ineffective, account: account,
				text: "the app answered with success, and a minute later still shows no effect"}
		}
		if err := a.Sleep(ctx, pause); err != nil {
			return outcome{status: appFailed, text: "interrupted while reading back"}
		}
	}
}
