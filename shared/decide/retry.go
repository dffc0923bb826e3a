package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
)

// schedule is how long a person's failed operation waits after each try; the
// last repeats (R2).
var schedule = [...]time.Duration{5 * time.Minute, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// FailedTry is the record after an operation went wrong: it waits by the
// schedule of R2, or a day when the app refused it by rule (R19).
func FailedTry(r provision.Record, op Operation, reason provision.RetryReason, text, accountID string, now time.Time) provision.Record {
	retry := provision.Retry{
		Operation: op.Kind, Reason: reason, Tries: 1, Since: now,
		Fingerprint: op.Fingerprint, Error: text, AccountID: accountID,
	}
	if before, ok := r.Retry(op.Kind); ok && before.Fingerprint == op.Fingerprint {
		retry.Tries, retry.Since = before.Tries+1, before.Since
	}
	wait := schedule[min(retry.Tries, len(schedule))-1]
	if reason == provision.RetryRefused {
		wait = schedule[len(schedule)-1]
	}
	retry.At = now.Add(wait)
	r.Retries = append(WithoutRetry(r, op.Kind), retry)
	return r
}

// WithoutRetry is the waiting operations of every other kind.
func WithoutRetry(r provision.Record, kind provision.OperationKind) []provision.Retry {
	var rest []provision.Retry
	for _, retry := range r.Retries {
		if retry.Operation != kind {
			rest = append(rest, retry)
		}
	}
	return rest
}

// waits reports whether an operation of a kind went wrong and its next try is not yet due.
func (d *decider) waits(kind provision.OperationKind) (provision.Retry, bool) {
	retry, ok := d.r.Retry(kind)
	return retry, ok && !d.l.Forced && d.now.Before(retry.At) && retry.Fingerprint == d.fingerprint(kind)
}

// dropStaleRetries forgets waiting operations that are not called for any more.
func (d *decider) dropStaleRetries() {
	access := d.l.User.Lifecycle == provision.Active && d.l.Scope.In && len(d.r.Conditions) == 0
	state := d.r.Account.State
	// Of who is suspended or deleted it is known that nothing but a removal is called for, whatever their scope.
	known := d.l.Scope.Known || d.l.User.Lifecycle == provision.Suspended || d.l.User.Lifecycle == provision.Deleted
	d.r.Retries = slices.DeleteFunc(slices.Clone(d.r.Retries), func(retry provision.Retry) bool {
		if retry.Reason == provision.RetryUnread { // whoever they are, the account is to be read again, also one that we know as removed
			return d.r.Account.ID == "" || d.l.Account != nil
		}
		switch retry.Operation {
		case provision.Suspend:
			return state != provision.AccountActive || !d.orders(retry.Operation)
		case provision.HardDelete:
			return !d.r.Account.Exists() || !d.orders(retry.Operation)
		case provision.Create:
			return known && (!access || d.r.Account.Exists()) || d.r.Dismissed(retry.Operation)
		case provision.Unsuspend:
			return known && (!access || state != provision.AccountSuspended)
		case provision.Update:
			return known && (!access || !d.r.Account.Exists())
		}
		return false
	})
	if len(d.r.Retries) == 0 {
		d.r.Retries = nil
	}
}

// orders reports whether a condition orders a removal of a kind still: its cause
// has not gone away, nobody dismissed it or protects the person, and no suspend
// has to come before it (R4). While archived, all of them wait.
func (d *decider) orders(kind provision.OperationKind) bool {
	switch {
	case d.protected():
		return false
	case d.l.User.Lifecycle == provision.Archived:
		return len(d.r.Conditions) > 0
	}
	return slices.ContainsFunc(d.ordered(), func(m removal) bool { return m.kind == kind && !m.blocked })
}

// fingerprint is of everything that a try of an operation depends on: this
// person's own data, their conditions, and the sections of the configuration
// that bear on it. When it changes, the operation is tried again at once (R2).
func (d *decider) fingerprint(kind provision.OperationKind) string {
	basis := struct {
		Kind         provision.OperationKind
		Email        string
		State        provision.Lifecycle
		Desired      provision.Attributes
		Conditions   []provision.Condition
		Token        string
		Connection   int64
		Mapping      int64
		Policy       int64
		MappingError string
	}{
		Kind: kind, Email: d.l.User.Email, State: d.l.User.Lifecycle, Desired: d.l.Desired, Conditions: d.r.Conditions,
		Token: d.c.Authorization.SecretVersion, Connection: d.c.Revisions.Connection, MappingError: d.l.MappingError,
	}
	if d.l.User.Lifecycle == provision.Deleted { // of whom a listing tells the address, and a reading by id nothing
		basis.Email = ""
	}
	if kind.Removes() {
		basis.Policy = d.c.Revisions.Deprovisioning
	} else {
		basis.Mapping = d.c.Revisions.Mapping
	}
	data, err := json.Marshal(basis)
	if err != nil {
		panic("decide: attributes do not marshal: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
