// Package decide owns the decision: what to do now about one user's account,
// and when to look again.
//
// It promises a pure function of the configuration, one look at the directory,
// our record and the time, that covers the rules which one person's data
// decide (R1 to R9, R13, R16, R18), and that deciding again on its own result
// gives nothing. It imports the standard library and the types only, and never
// reads, writes or asks the time.
package decide

import (
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// Look is what one look at the directory saw of one user, and what the mapping makes of it.
type Look struct {
	// User as the directory has them. Lifecycle Unknown decides nothing (R13).
	User provision.User
	// Scope is the verdict of R1.
	Scope scope.Verdict
	// Desired are the mapped attributes of somebody active and in scope, and of
	// nobody else; MappingError says in words why there are none.
	Desired      provision.Attributes
	MappingError string
	// Account is the account as the app has it; nil when this look did not read it.
	Account *provision.Account
	// Forced is true when an administrator asked for this look, which brings retries forward (R2).
	Forced bool
}

// Operation is one call on the app to make now.
type Operation struct {
	Kind  provision.OperationKind
	Cause provision.Cause
	// Attributes to write, for create and update.
	Attributes provision.Attributes
	// Released is true when an administrator confirmed it (R12).
	Released bool
	// Impossible says in words why it fails without asking the app: a mapping error.
	Impossible string
	// Fingerprint is of everything this try depends on (R2).
	Fingerprint string
	// Drifted are the attributes that it puts right (R17).
	Drifted []string
}

// Decision is the outcome.
type Decision struct {
	// Record is the record as it should be stored: facts, conditions, what is next, what needs a person.
	Record provision.Record
	// Operation to run now; nil for none.
	Operation *Operation
	// WakeAt is when to look again although nothing has changed; zero for no need.
	WakeAt time.Time
}

// Decide decides about one user. The record is the stored one; its version,
// lease and intent pass through.
func Decide(c provision.Configuration, l Look, r provision.Record, now time.Time) Decision {
	if l.User.Lifecycle == provision.Unknown {
		d := decider{c: c, l: Look{User: provision.User{Lifecycle: r.Lifecycle}}, r: r, now: now}
		return Decision{Record: r, WakeAt: d.wake(d.removals())}
	}
	d := decider{c: c, l: l, r: observe(c, l, r, now), now: now}
	wakeAt := d.plan()
	d.r.Attention = d.attention()
	return Decision{Record: d.r, Operation: d.op, WakeAt: wakeAt}
}

type decider struct {
	c   provision.Configuration
	l   Look
	r   provision.Record
	now time.Time
	op  *Operation
}

// plan fills what is next and what to do now, and says when to look again.
func (d *decider) plan() (wakeAt time.Time) {
	d.dropStaleRetries()
	candidates := d.removals()
	d.r.Next = next(candidates)
	d.count(candidates)
	d.keepHold(candidates)
	if d.c.Runs() { // R8, R11
		if d.op = d.dueRemoval(candidates); d.op == nil {
			d.op = d.access()
		}
	}
	return d.wake(candidates)
}

// wake is when to look again: at the earliest removal or retry to come. A
// removal that is due already is not among them; what keeps it back ends with a
// retry, an administrator's word, or what a sweep sees.
func (d *decider) wake(list []removal) time.Time {
	var at time.Time
	if !d.c.Runs() {
		return at // turning on and reauthorizing sweep
	}
	consider := func(t time.Time) {
		if t.After(d.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, m := range list {
		if !m.blocked {
			consider(m.at)
		}
	}
	for _, retry := range d.r.Retries {
		consider(retry.At)
	}
	return at
}
