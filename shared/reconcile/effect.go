package reconcile

import (
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

// succeed changes the record as a successful operation does. It returns the
// operation and cause to log: adopting is logged as an update (R2). Nothing was done
// before it was begun: the clock of whoever found it done may be behind the other's.
func succeed(rec *provision.Record, intent provision.Intent, out outcome, appURL string, now time.Time) (provision.OperationKind, provision.Cause) {
	kind, cause := intent.Operation, intent.Cause
	if now.Before(intent.StartedAt) {
		now = intent.StartedAt
	}
	link := &rec.Account
	switch intent.Operation {
	case provision.Create:
		*link = provision.Link{
			ID: out.account.ID, State: provision.AccountActive, App: appURL, Adopted: out.adopted,
			LinkedAt: now, ActiveSince: now, Applied: intent.Attributes, Form: formOf(intent.Attributes, out.account, nil),
		}
		if out.adopted {
			kind, cause = provision.Update, provision.Cause{Text: "adopted"}
		}
		if !out.account.Active {
			link.State, link.SuspendedAt = provision.AccountSuspended, now
		}
		rec.GoneAt = time.Time{}
	case provision.Update:
		link.Applied, link.Form = withLeft(intent.Attributes, rec), formOf(intent.Attributes, out.account, link.Form)
	case provision.Suspend:
		link.State, link.SuspendedAt = provision.AccountSuspended, now
		rec.CountSuspendAt = time.Time{} // done now, and so not due as well: the guard counts it once
		if !intent.Released {
			rec.SuspendDoneAt = now
		}
	case provision.Unsuspend:
		link.State, link.ActiveSince = provision.AccountActive, now
	case provision.HardDelete:
		link.State, link.RemovedAt = provision.AccountNone, now
		rec.CountSuspendAt, rec.CountDeleteAt = time.Time{}, time.Time{}
		if !intent.Released {
			rec.DeleteDoneAt = now
		}
	}
	rec.Retries = decide.WithoutRetry(*rec, intent.Operation)
	rec.Verdicts = withoutVerdict(rec.Verdicts, intent) // a release is for one operation (R12)
	return kind, cause
}

// withLeft keeps the last written value of attributes that were given up, so
// that a change of theirs in the directory is noticed (R17).
func withLeft(written provision.Attributes, rec *provision.Record) provision.Attributes {
	applied := make(provision.Attributes, len(written)+len(rec.Left))
	for path, value := range written {
		applied[path] = value
	}
	for _, path := range rec.Left {
		if value, ok := rec.Account.Applied[path]; ok {
			applied[path] = value
		}
	}
	return applied
}

// formOf is the app's own form of what was written (R17): of the attributes
// that its answer shows, its values; all of ours when it showed none. So it is
// with the external id, which stays as it was in the form before when the
// answer showed nothing: an app that keeps none is not told again and again.
func formOf(written provision.Attributes, account provision.Account, before provision.Attributes) provision.Attributes {
	form := make(provision.Attributes, len(written)+1)
	if shown, known := before[provision.ExternalID]; known && account.Attributes == nil {
		form[provision.ExternalID] = shown
	} else if account.ExternalID != "" && (account.Attributes != nil || before == nil) {
		form[provision.ExternalID] = account.ExternalID
	}
	for path, value := range written {
		if account.Attributes == nil {
			form[path] = value
		} else if shown, ok := account.Attributes[path]; ok {
			form[path] = shown
		}
	}
	return form
}

func withoutVerdict(verdicts []provision.Verdict, used provision.Intent) []provision.Verdict {
	var kept []provision.Verdict
	for _, v := range verdicts {
		if v.Operation != used.Operation || v.Condition != used.Cause.Condition {
			kept = append(kept, v)
		}
	}
	return kept
}

// repaired remembers which attributes an update put right (R17).
func (a *attempt) repaired(now time.Time) {
	if len(a.op.Drifted) == 0 {
		return
	}
	repairs := make(map[string][]time.Time)
	for path, times := range a.rec.Repairs {
		for _, t := range times {
			if now.Sub(t) < decide.RepairWindow {
				repairs[path] = append(repairs[path], t)
			}
		}
	}
	for _, path := range a.op.Drifted {
		repairs[path] = append(repairs[path], now)
	}
	a.rec.Repairs = repairs
}

// endAccount marks the record's account as found gone (R7, R17).
func endAccount(rec *provision.Record, now time.Time) {
	rec.Account.State, rec.Account.RemovedAt = provision.AccountNone, now
	rec.GoneAt = now
	rec.Next, rec.CountSuspendAt, rec.CountDeleteAt = nil, time.Time{}, time.Time{}
}
