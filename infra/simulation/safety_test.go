package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// attempt is an operation at the moment at which the app is asked for it.
type attempt struct {
	*world
	worker *worker
	kind   provision.OperationKind
	at     time.Time
	// from is the earliest time of what the worker may have read of the directory.
	from time.Time
	// person and their stored record, on whose behalf it is.
	person *person
	rec    provision.Record
	// account that it is for; nil for a create, or when it is gone.
	account *account
}

// tolerance is how far two clocks are apart at most, with what is lost between
// seconds, and how long a write may come after the time that it carries.
func (w *world) tolerance() time.Duration {
	t := 2*w.faults.skew + 2*time.Second
	if w.stalls {
		t += longestStall
	}
	return t
}

// safety is the checkers that judge every operation. Each is readable alone: it
// says what is wrong, or nothing.
var safety = []struct {
	rule  string
	check func(attempt) string
}{
	{"operations: one worker at a time, with lease and intent", alone},
	{"operations, R8, R11: only under the present configuration, on and authorized", underPresent},
	{"R2: no account doubled", notDoubled},
	{"R2, R16, R17: nobody else's account is touched", ownAccount},
	{"R1: nobody is given access who is not active and in scope", entitled},
	{"R8: after a turn-on a sweep runs first", sweptFirst},
	{"R13: before a removal the person is read by id", readAgain},
	{"R13: another customer's directory decides nothing", ownDirectory},
	{"R13: who may be in scope loses nothing for being out of it", evidentlyOut},
	{"R19: a refusal is retried daily, not hammered", notHammered},
	{"R1, R2, R13: who is active and in scope keeps their access", notActive},
	{"R3, R8, R13: the reason given is true", trueReason},
	{"R6: nothing is done to an archived person", notArchived},
	{"R18: protected people are never suspended or deleted", notProtected},
	{"R4: no removal before its deadline", notEarly},
	{"R9: an edit makes no hard delete due within a day", notByEdit},
	{"R4: a suspend precedes the delete that its policy orders it before", suspendFirst},
	{"R6: what fell due while archived waits a day", notFromArchive},
	{"R12: what is held waits for an administrator", notHeld},
	{"R12: a release is for one person, operation and cause", trulyReleased},
	{"connection: no hard delete where the connection has none", deletesAtAll},
	{"R17: no new accounts while more are missing than the guard allows", notManyMissing},
	{"R12: no more removals in 24 hours than the guard allows", guarded},
	{"R4: a removal starts within 60 seconds, or a sweep after a lost task", punctual},
}

// started judges an operation at the moment at which the app is asked for it.
func (w *world) started(worker *worker, kind provision.OperationKind, id string) {
	a := attempt{world: w, worker: worker, kind: kind, at: time.Now(), from: worker.startedAt.Add(-time.Minute),
		person: w.company.person(worker.user), rec: w.memory.records[worker.user], account: w.app.get(id)}
	if w.faults.stale > 0 {
		a.from = a.from.Add(-staleFor)
	}
	why := ""
	if a.rec.Intent != nil && kind.Removes() {
		why = fmt.Sprintf(", %s since %s", a.rec.Intent.Cause.Condition, stamp(a.rec.Intent.Cause.Since.Add(-epoch)))
	}
	w.looking(worker, "the app")
	w.note("app", "%s %s for %s by %s%s", kind, id, worker.user, worker.instance.owner, why)
	if a.person == nil {
		w.accuse("R2", "%s %s on behalf of nobody", kind, id)
		return
	}
	for _, s := range safety {
		if wrong := s.check(a); wrong != "" {
			w.accuse(s.rule, "%s of %s for %s: %s", kind, id, a.person.id, wrong)
		}
	}
}

func alone(a attempt) string {
	now := a.at.Add(a.worker.instance.skew)
	switch {
	case a.rec.Intent == nil:
		return "no intent is stored"
	case a.rec.Intent.Operation != a.kind && (a.rec.Intent.Operation != provision.Create || a.kind != provision.Update):
		return "the intent is another: " + string(a.rec.Intent.Operation)
	case a.rec.Lease == nil || a.rec.Lease.Owner != a.worker.instance.owner:
		return "the lease is not the worker's"
	case !a.rec.Lease.Until.After(now):
		return "the lease has ended"
	case a.flying(a.worker):
		return "another worker's call is under way"
	}
	return ""
}

func underPresent(a attempt) string {
	switch {
	case a.rec.Intent == nil: // another checker's
	case !a.worker.runs:
		return "the last configuration read was off or not authorized"
	case a.worker.revision != a.rec.Intent.Revision:
		return fmt.Sprintf("decided under revision %d, and %d was read last", a.rec.Intent.Revision, a.worker.revision)
	case a.rec.Intent.Revision < a.settled:
		return fmt.Sprintf("decided under revision %d, and the edit to %d has been answered", a.rec.Intent.Revision, a.settled)
	}
	return ""
}

func notDoubled(a attempt) string {
	if a.kind != provision.Create {
		return ""
	}
	for _, acc := range a.app.accounts {
		if acc.ExternalID == a.person.id || acc.owner == a.person.id {
			return "they have the account " + acc.ID
		}
	}
	return ""
}

func ownAccount(a attempt) string {
	acc := a.account
	if acc == nil || acc.owner == a.person.id {
		return ""
	}
	switch {
	case acc.owner != "":
		return "it is the account of " + acc.owner
	case a.kind != provision.Update:
		return "it is nobody's of ours"
	case acc.ExternalID != "" && acc.ExternalID != a.person.id && a.company.person(acc.ExternalID) != nil:
		return "its external id is another person's directory id"
	case acc.ExternalID == a.person.id || strings.EqualFold(acc.UserName, a.person.email) ||
		a.person.before != nil && strings.EqualFold(acc.UserName, a.person.before.email):
		return "" // adopted
	}
	return "it matches neither by external id nor by name"
}

// deletesAtAll: an administrator says whether the app has hard deletes.
func deletesAtAll(a attempt) string {
	if a.kind == provision.HardDelete && !slices.ContainsFunc(a.during(a.worker.startedAt, a.at), func(s setting) bool { return s.c.Connection.HardDelete }) {
		return "hard deletes are switched off"
	}
	return ""
}

// evidentlyOut: a removal for being out of scope needs that known, and not only
// that it was known once. Deleted people have no scope to know.
func evidentlyOut(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil || a.rec.Intent.Cause.Condition != provision.ConditionAppOff {
		return ""
	}
	for _, i := range a.person.between(a.from, a.at) {
		if s := a.person.past[i]; s.scope == out || s.lifecycle == provision.Deleted {
			return ""
		}
	}
	return "they are " + string(a.person.past[len(a.person.past)-1].scope)
}

func notActive(a attempt) string {
	if !a.kind.Removes() {
		return ""
	}
	for _, i := range a.person.between(a.from, a.at) {
		if !a.person.past[i].active() {
			return ""
		}
	}
	return "they are active and in scope"
}

// since is the earliest time that the reason given for a removal can have; ok
// is false when the reason cannot be true.
func (a attempt) since() (since time.Time, edit, ok bool) {
	for _, i := range a.person.between(a.from, a.at) {
		at, by, holds := a.condition(a.person, a.rec.Intent.Cause.Condition, i)
		if holds && (!ok || at.Before(since)) {
			since, edit, ok = at, by, true
		}
	}
	return since, edit, ok
}

func trueReason(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil {
		return ""
	}
	cause := a.rec.Intent.Cause
	claimed := cause.Since.Add(-epoch)
	since, _, ok := a.since()
	switch {
	case !ok:
		return "the condition does not hold: " + string(cause.Condition)
	case claimed.Before(since.Add(-a.tolerance())):
		return fmt.Sprintf("the condition %s is dated %s, and began %s", cause.Condition, stamp(claimed), stamp(since))
	case claimed.Before(a.turnedOn.Add(-a.tolerance())):
		return "the condition is dated before the last turn-on"
	case claimed.Before(a.unprotected[a.person.id].Add(-a.tolerance())):
		return "the condition is dated before protection ended"
	}
	return ""
}

func notArchived(a attempt) string {
	if a.kind.Removes() && a.rec.Intent != nil && a.rec.Intent.Cause.Condition == provision.ConditionArchived {
		return "" // ordered by an administrator's choice, which other checkers judge
	}
	for _, i := range a.person.between(a.from, a.at) {
		if a.person.past[i].lifecycle != provision.Archived {
			return ""
		}
	}
	return "they are archived"
}

func notProtected(a attempt) string {
	if !a.kind.Removes() {
		return ""
	}
	for _, s := range a.during(a.worker.startedAt, a.at) {
		if !slices.ContainsFunc(s.c.Protected, func(p provision.Protected) bool {
			return p.UserID == a.person.id || a.account != nil && p.AccountID == a.account.ID
		}) {
			return ""
		}
	}
	return "they are protected"
}
