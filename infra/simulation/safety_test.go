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

// tolerance is how far two clocks are apart at most, with what is lost between seconds.
func (w *world) tolerance() time.Duration { return 2*w.faults.skew + 2*time.Second }

// safety is the checkers that judge every operation. Each is readable alone: it
// says what is wrong, or nothing.
var safety = []struct {
	rule  string
	check func(attempt) string
}{
	{"§3: one worker at a time, with lease and intent", alone},
	{"§3, R8, R11: only under the present configuration, on and authorized", underPresent},
	{"R2: no account doubled", notDoubled},
	{"R2, R16, R17: nobody else's account is touched", ownAccount},
	{"R1, R2, R13: who is active and in scope keeps their access", notActive},
	{"R3, R13: the reason given is true", trueReason},
	{"R6: nothing is done to an archived person", notArchived},
	{"R18: protected people are never suspended or deleted", notProtected},
	{"R4: no removal before its deadline", notEarly},
	{"R9: an edit makes no hard delete due within a day", notByEdit},
	{"R4: a suspend precedes the delete that its policy orders it before", suspendFirst},
	{"R6: what fell due while archived waits a day", notFromArchive},
	{"R12: what is held waits for an administrator", notHeld},
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

// orders says when a policy orders a removal, counted from the time that the
// operation's reason claims; ok is false for never.
func (a attempt) orders(c provision.Configuration, kind provision.OperationKind) (at time.Time, ok bool) {
	if len(c.Policies) == 0 {
		return at, false
	}
	cause := a.rec.Intent.Cause
	policy := c.Policies[len(c.Policies)-1].Policy
	frames := map[provision.ConditionName]provision.TimeFrames{provision.ConditionAppOff: policy.AppOff,
		provision.ConditionSuspended: policy.Suspended, provision.ConditionDeleted: policy.Deleted}[cause.Condition]
	delay := frames.SuspendAfter
	if kind == provision.HardDelete {
		delay = frames.DeleteAfter
	}
	days := map[provision.Delay]int{"within24h": 0, "1d": 1, "2d": 2, "3d": 3, "7d": 7, "21d": 21}
	n, ok := days[delay]
	return cause.Since.Add(-epoch).Add(time.Duration(n) * 24 * time.Hour), ok
}

func (a attempt) due(c provision.Configuration, kind provision.OperationKind) bool {
	at, ok := a.orders(c, kind)
	return ok && !a.at.Before(at.Add(-a.tolerance()))
}

func notEarly(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil {
		return ""
	}
	for _, s := range a.during(a.worker.startedAt, a.at) {
		if a.due(s.c, a.kind) {
			return ""
		}
	}
	return "no policy orders it by now"
}

func notByEdit(a attempt) string {
	if a.kind != provision.HardDelete || a.rec.Intent == nil || a.released[a.person.id] {
		return ""
	}
	claimed := a.rec.Intent.Cause.Since.Add(-epoch)
	dayAgo := a.at.Add(-24*time.Hour + a.tolerance())
	// What was in force when the reason began, as far as two clocks can tell.
	for _, s := range a.during(latest(dayAgo, claimed.Add(a.tolerance())), a.worker.startedAt) {
		if !a.due(s.c, a.kind) {
			return fmt.Sprintf("revision %d, in force within the last day, does not order it by now", s.c.Revision)
		}
	}
	if since, edit, ok := a.since(); ok && edit && since.After(dayAgo) {
		return "an edit of the scope began its reason within the last day"
	}
	if a.unprotected[a.person.id].After(dayAgo) {
		return "they were protected within the last day"
	}
	return ""
}

func suspendFirst(a attempt) string {
	if a.kind != provision.HardDelete || a.rec.Intent == nil || a.account == nil {
		return ""
	}
	var wrong string
	for _, s := range a.during(a.worker.startedAt, a.at) {
		deleteAt, _ := a.orders(s.c, provision.HardDelete)
		_, ordered := a.orders(s.c, provision.Suspend)
		switch {
		case ordered && a.account.Active && a.account.reopenedAt.Before(a.worker.startedAt): // else it was read before that
			wrong = "the account is active"
		case ordered && !latest(deleteAt, a.grace(s.c)).After(a.account.suspendedAt.Add(-a.tolerance())) &&
			a.at.Before(a.account.suspendedAt.Add(24*time.Hour-a.tolerance())):
			wrong = "it was due when the suspend ran, less than a day ago"
		default:
			return ""
		}
	}
	return wrong
}

// grace is until when a day after an edit or an archiving may have kept a hard delete from being due (R6, R9).
func (a attempt) grace(c provision.Configuration) time.Time {
	began := latest(c.ScopeSavedAt, c.Policies[len(c.Policies)-1].SavedAt).Add(-epoch)
	began = latest(began, a.unprotected[a.person.id])
	for i, s := range a.person.past[1:] {
		if a.person.past[i].lifecycle == provision.Archived {
			began = latest(began, s.from)
		}
	}
	return began.Add(24 * time.Hour)
}

func notFromArchive(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil {
		return ""
	}
	due, ok := a.orders(a.memory.config, a.kind)
	for i := 1; i < len(a.person.past) && ok; i++ {
		before, after := a.person.past[i-1], a.person.past[i]
		ended := before.lifecycle == provision.Archived && after.lifecycle != provision.Archived && after.from.Sub(before.from) >= unseen
		if ended && a.rec.Intent.Cause.Since.Add(-epoch).Before(before.from) && due.Before(after.from.Add(-a.tolerance())) &&
			due.After(before.from) && a.at.Before(after.from.Add(24*time.Hour-a.tolerance())) {
			return "it fell due while they were archived, which ended less than a day ago"
		}
	}
	return ""
}

func notHeld(a attempt) string {
	if h, held := a.holds[a.person.id]; held && h.Operation == a.kind && a.rec.Intent != nil && !a.rec.Intent.Released {
		return "it is held since " + stamp(h.HeldAt.Add(-epoch))
	}
	return ""
}

// removed is a suspend or hard delete that took effect.
type removed struct {
	at        time.Time
	kind      provision.OperationKind
	person    string
	confirmed bool
}

// guarded counts what took effect in the last day, this one included, against
// the accounts of ours at the start of the day.
func guarded(a attempt) string {
	if !a.kind.Removes() || a.released[a.person.id] || a.account == nil || a.kind == provision.Suspend && !a.account.Active {
		return ""
	}
	dayAgo := a.at.Add(-24*time.Hour + a.tolerance())
	people := map[string]bool{a.person.id: true}
	for _, r := range a.removals {
		if r.kind == a.kind && r.at.After(dayAgo) && !r.confirmed {
			people[r.person] = true
		}
	}
	start := a.at.Add(-24 * time.Hour)
	n, base := len(people), a.census(start, a.kind)+a.unseenByHand(start)
	guard := provision.Guard{}
	for _, s := range a.during(a.worker.startedAt, a.at) {
		guard.MinUsers, guard.MaxShare = max(guard.MinUsers, s.c.Guard.MinUsers), max(guard.MaxShare, s.c.Guard.MaxShare)
	}
	if n > guard.MinUsers && float64(n) > guard.MaxShare*float64(base) {
		return fmt.Sprintf("it is the %dth of %d accounts in a day, and nobody confirmed it", n, base)
	}
	return ""
}

// punctual judges what fell due after everything had been right for a while.
func punctual(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil || a.rec.Intent.Released || a.quietSince.IsZero() {
		return ""
	}
	due, bound := a.rec.Intent.Cause.Deadline.Add(-epoch), time.Minute+a.tolerance()
	if a.lossy {
		bound += 24 * time.Hour // the wake-up may have been lost before: the next sweep finds it
	}
	if late := a.at.Sub(due); due.After(a.quietSince.Add(time.Hour)) && late > bound && !a.wasHeld[a.person.id] {
		return "it was due " + late.String() + " ago"
	}
	return ""
}

// count is how many accounts of ours there were at a time.
type count struct {
	at             time.Time
	active, linked int
}

// handed is an account of ours that somebody suspended or deleted by hand in the app.
type handed struct {
	at      time.Time
	account string
}

// unseenByHand counts the accounts changed by hand before a time that no sweep
// need have seen since: they count as they were, and so as part of the base (R12).
func (w *world) unseenByHand(before time.Time) int {
	accounts := map[string]bool{}
	for _, h := range w.byHand {
		if h.at.Before(before) && w.running(h.at, time.Now()) < unseen {
			accounts[h.account] = true
		}
	}
	return len(accounts)
}

// census is the most accounts of ours within a few minutes of a time; an operation takes that long.
func (w *world) census(at time.Time, kind provision.OperationKind) int {
	best, last := 0, 0
	for _, c := range w.counts {
		n := c.linked
		if kind == provision.Suspend {
			n = c.active
		}
		if c.at.Before(at.Add(-10 * time.Minute)) {
			last = n
		} else if c.at.Before(at.Add(10 * time.Minute)) {
			best = max(best, n)
		}
	}
	return max(best, last)
}

// count takes the census after a change.
func (w *world) count() {
	c := count{at: time.Now()}
	for _, acc := range w.app.accounts {
		if acc.owner != "" {
			c.linked++
			if acc.Active {
				c.active++
			}
		}
	}
	w.counts = append(w.counts, c)
}

// happened notes the effect of an operation.
func (w *world) happened(worker *worker, kind provision.OperationKind, acc *account, changed bool) {
	w.note("app", "%s %s done, changed %t", kind, acc.ID, changed)
	if !changed {
		return
	}
	w.count()
	rec := w.memory.records[worker.user]
	if kind.Removes() {
		w.removals = append(w.removals, removed{time.Now(), kind, worker.user, w.released[worker.user]})
	}
	if rec.Intent != nil {
		w.effects = append(w.effects, done{intent: rec.Intent.ID, kind: kind, account: acc.ID, person: worker.user})
	}
}

// done is an effect on the app, which must be one event (R14).
type done struct {
	intent, account, person string
	kind                    provision.OperationKind
}

// committed notes what a commit of a record says.
func (w *world) committed(events []provision.Event, after provision.Record) {
	w.logged(events)
	id := after.UserID
	h, held := w.holds[id]
	switch {
	case after.Hold != nil:
		if !held {
			w.wasHeld[id] = true
			w.note("hold", "%s %s of %s", id, after.Hold.Operation, after.Hold.Condition)
		}
		w.holds[id] = *after.Hold
	case held && w.leaves(h, after):
		w.note("hold", "%s released", id)
		delete(w.holds, id)
	case held:
		w.accuse("R12: nothing else releases what is held", "%s of %s for %s left the list, and its cause holds", h.Operation, h.Condition, id)
	}
}

// leaves reports whether somebody on the held list may leave it: an
// administrator decided, or the cause went away.
func (w *world) leaves(h provision.Hold, after provision.Record) bool {
	decided := slices.ContainsFunc(after.Verdicts, func(v provision.Verdict) bool { return v.Operation == h.Operation && v.Condition == h.Condition })
	condition, holds := after.Condition(h.Condition)
	return decided || h.Operation == provision.Create || !holds || !condition.Since.Equal(h.Since) || !after.Account.Exists() ||
		h.Operation == provision.Suspend && after.Account.State == provision.AccountSuspended ||
		len(w.memory.config.Policies) == 0 || !w.ordered(h) || w.memory.config.Protects(after.UserID, after.Account.ID)
}

// ordered reports whether the present policy orders what is held at all.
func (w *world) ordered(h provision.Hold) bool {
	rec := provision.Record{Intent: &provision.Intent{Cause: provision.Cause{Condition: h.Condition, Since: h.Since}}}
	a := attempt{world: w, rec: rec, at: time.Now()}
	return a.due(w.memory.config, h.Operation)
}

// logged notes events.
func (w *world) logged(events []provision.Event) {
	for _, e := range events {
		if _, known := w.events[e.ID]; known {
			continue
		}
		w.events[e.ID] = e
		w.note("event", "%s %s %s %s %s", e.Name, e.UserID, e.Outcome, e.Cause.Text, e.Error)
		if strings.Contains(fmt.Sprint(e), tokenMark) {
			w.accuse("R15: tokens are in the secret store only", "an event holds a token: %s", e.Name)
		}
	}
}

// tokenMark is in every token of the app.
const tokenMark = "secret-token-"
