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
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// RepairWindow is how long a repair of drift is remembered (R17).
const RepairWindow = 7 * 24 * time.Hour

// maxRepairs is how often an attribute is put right within RepairWindow (R17).
const maxRepairs = 3

// Look is what one look at the directory saw of one user, and what the mapping makes of it.
type Look struct {
	// User as the directory has them. Lifecycle Unknown decides nothing (R13).
	User provision.User
	// Scope is the verdict of R1.
	Scope scope.Verdict
	// Desired are the mapped attributes; MappingError says in words why there are none.
	Desired      provision.Attributes
	MappingError string
	// Account is the account as the app has it; nil when this look did not read it.
	Account *provision.Account
	// Now is true when an administrator asked for this look, which brings retries forward (R2).
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

// frozen is true for an archived user while archived is no condition (R6).
func (d *decider) frozen() bool {
	policy, _ := d.c.Policy()
	return d.l.User.Lifecycle == provision.Archived && policy.Archived == nil
}

// removal is one suspend or hard delete that a condition orders.
type removal struct {
	kind provision.OperationKind
	at   time.Time
	cond provision.Condition
	// blocked is true for a hard delete whose suspend, ordered by the same policy, has not succeeded (R4).
	blocked bool
	// verdict of an administrator; nil for none.
	verdict *provision.Verdict
}

func (m removal) cause() provision.Cause {
	return provision.Cause{Condition: m.cond.Name, Since: m.cond.Since, Deadline: m.at}
}

// removals lists what the conditions order, dismissed ones and those of
// protected and of archived people left out, earliest first.
func (d *decider) removals() []removal {
	if !d.r.Account.Exists() || d.protected() || d.frozen() {
		return nil
	}
	return d.ordered()
}

func (d *decider) protected() bool { return d.c.Protects(d.r.UserID, d.r.Account.ID) }

// ordered lists what the conditions order, whether or not the person is protected.
func (d *decider) ordered() []removal {
	active := d.r.Account.State == provision.AccountActive
	var list []removal
	for _, dl := range Deadlines(d.c, d.r) {
		if d.l.User.Lifecycle == provision.Archived && dl.Condition.Name != provision.ConditionArchived {
			continue // R6: the others wait until the archiving ends
		}
		if active && !dl.Suspend.IsZero() {
			list = append(list, removal{kind: provision.Suspend, at: dl.Suspend, cond: dl.Condition})
		}
		if !dl.Delete.IsZero() {
			list = append(list, removal{kind: provision.HardDelete, at: dl.Delete, cond: dl.Condition, blocked: active && dl.Ordered})
		}
	}
	list = slices.DeleteFunc(list, func(m removal) bool {
		v := d.verdict(m)
		return v != nil && !v.Release
	})
	for i := range list {
		list[i].verdict = d.verdict(list[i])
	}
	slices.SortStableFunc(list, func(a, b removal) int { return a.at.Compare(b.at) })
	return list
}

func (d *decider) verdict(m removal) *provision.Verdict {
	for i, v := range d.r.Verdicts {
		if v.Operation == m.kind && v.Condition == m.cond.Name && v.Since.Equal(m.cond.Since) {
			return &d.r.Verdicts[i]
		}
	}
	return nil
}

// Decided reports whether an administrator has confirmed or dismissed what a hold would keep (R12).
func Decided(r provision.Record, h provision.Hold) bool {
	return slices.ContainsFunc(r.Verdicts, func(v provision.Verdict) bool {
		return v.Operation == h.Operation && v.Condition == h.Condition && v.Since.Equal(h.Since)
	})
}

// next is the coming removal: the earliest that is not blocked.
func next(list []removal) *provision.Pending {
	for _, m := range list {
		if !m.blocked {
			return &provision.Pending{Operation: m.kind, At: m.at, Cause: m.cause()}
		}
	}
	return nil
}

// count says what the guard counts: the earliest removal of each kind, unless
// an administrator released it or it waits for a retry or for its suspend, from
// which it will be a day away (R12, R4).
func (d *decider) count(list []removal) {
	counted := func(kind provision.OperationKind) time.Time {
		if _, waits := d.waits(kind); waits {
			return time.Time{}
		}
		for _, m := range list {
			if m.kind == kind && m.verdict == nil && (!m.blocked || m.at.After(d.now)) {
				return m.at
			}
		}
		return time.Time{}
	}
	d.r.CountSuspendAt = counted(provision.Suspend)
	d.r.CountDeleteAt = counted(provision.HardDelete)
}

// keepHold drops the hold when its cause went away or an administrator decided (R12).
func (d *decider) keepHold(list []removal) {
	if d.wantsNoAccount() { // the cause of a held, released or dismissed create (R17) has gone away
		d.r.Verdicts = slices.DeleteFunc(slices.Clone(d.r.Verdicts), func(v provision.Verdict) bool { return v.Operation == provision.Create })
		if len(d.r.Verdicts) == 0 {
			d.r.Verdicts = nil
		}
		if h := d.r.Hold; h != nil && h.Operation == provision.Create {
			d.r.Hold = nil
		}
	}
	h := d.r.Hold
	if h == nil || h.Operation == provision.Create {
		return
	}
	if cond, holds := d.r.Condition(h.Condition); d.l.User.Lifecycle == provision.Archived && holds && cond.Since.Equal(h.Since) {
		return // being archived ends no other condition, so that the cause has not gone away (R6)
	}
	if !slices.ContainsFunc(list, func(m removal) bool {
		return m.kind == h.Operation && m.cond.Name == h.Condition && m.cond.Since.Equal(h.Since) && m.verdict == nil
	}) {
		d.r.Hold = nil
	}
}

// wantsNoAccount is true for somebody who needs no new account, as far as that is known.
func (d *decider) wantsNoAccount() bool {
	switch d.l.User.Lifecycle {
	case provision.Suspended, provision.Deleted:
		return true
	case provision.Active:
		return d.r.Account.Exists() || d.l.Scope.Known && !d.l.Scope.In
	}
	return d.r.Account.Exists()
}

// dueRemoval is the suspend or hard delete to run now: a due suspend first, and
// a hard delete only when it is not blocked, held or waiting itself.
func (d *decider) dueRemoval(list []removal) *Operation {
	if d.c.PlannedAt.Before(d.c.TurnedOnAt) {
		return nil // R8: a sweep runs first
	}
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
		if _, waits := d.waits(kind); waits {
			continue
		}
		i := slices.IndexFunc(list, func(m removal) bool {
			return m.kind == kind && !m.at.After(d.now) && !m.blocked && !d.held(m) && d.evident(m)
		})
		if i >= 0 {
			m := list[i]
			return &Operation{Kind: kind, Cause: m.cause(), Released: m.verdict != nil, Fingerprint: d.fingerprint(kind)}
		}
	}
	return nil
}

// held reports whether a removal must wait for an administrator: while one is
// held, another of the same kind would do the same, so only a release passes
// (R12). A record keeps one hold: a held suspend keeps back every hard delete
// too, or the two would take turns on the list without an end.
func (d *decider) held(m removal) bool {
	h := d.r.Hold
	return h != nil && m.verdict == nil && h.Keeps(m.kind)
}

// evident is false while it is not known whether somebody is still out of scope,
// if that is why the access goes (R13). A deleted person has no scope to know.
func (d *decider) evident(m removal) bool {
	return m.cond.Name != provision.ConditionAppOff || d.l.Scope.Known || d.l.User.Lifecycle == provision.Deleted
}

// access is the create, unsuspend or update that an active person in scope needs (R2, R5).
func (d *decider) access() *Operation {
	if d.l.User.Lifecycle != provision.Active || !d.l.Scope.Known || !d.l.Scope.In || len(d.r.Conditions) > 0 {
		return nil
	}
	var op *Operation
	switch d.r.Account.State {
	case provision.AccountActive:
		op = d.update()
	case provision.AccountSuspended:
		op = &Operation{Kind: provision.Unsuspend, Cause: provision.Cause{Text: "no condition holds any more"}}
		if d.l.Account != nil && d.r.Account.SuspendedAt.Equal(d.now) { // this look found it so
			op.Cause.Text = "suspended by hand in the app"
		}
		if _, waits := d.waits(op.Kind); waits {
			op = d.update() // a refused unsuspend keeps nothing else back
		}
	default:
		op = d.create()
	}
	if op == nil {
		return nil
	}
	if _, waits := d.waits(op.Kind); waits {
		return nil
	}
	op.Fingerprint = d.fingerprint(op.Kind)
	return op
}

func (d *decider) create() *Operation {
	if h := d.r.Hold; h != nil && h.Operation == provision.Create {
		return nil // R17: more were missing at once than the guard allows
	}
	op := &Operation{Kind: provision.Create, Cause: provision.Cause{Text: "in scope"}, Attributes: d.l.Desired, Impossible: d.l.MappingError}
	switch {
	case !d.r.GoneAt.IsZero():
		op.Cause.Text = "the account was not in the app any more"
	case !d.r.Account.RemovedAt.IsZero():
		op.Cause.Text = "in scope again"
	}
	for _, v := range d.r.Verdicts {
		if v.Operation == provision.Create {
			if !v.Release {
				return nil
			}
			op.Released = true
		}
	}
	return op
}

// update is needed when the mapped attributes are not those last written, or
// the app shows others (R16, R17).
func (d *decider) update() *Operation {
	op := &Operation{Kind: provision.Update, Impossible: d.l.MappingError}
	if d.l.MappingError != "" {
		op.Cause.Text = "the mapping fails"
		return op
	}
	d.forgiveChanged()
	if d.l.Account != nil {
		op.Drifted = d.giveUp(Drift(d.r, *d.l.Account))
	}
	op.Attributes = without(d.l.Desired, d.r.Left)
	switch applied := without(d.r.Account.Applied, d.r.Left); {
	case !op.Attributes.Equal(applied):
		op.Cause.Text = "changed in the directory"
		if op.Attributes["userName"] != applied["userName"] {
			op.Cause.Text = "renamed"
		}
	case len(op.Drifted) > 0:
		op.Cause.Text = "changed by hand in the app"
	default:
		if d.l.Account != nil { // seen as it should be: what went wrong is called for no more
			d.r.Retries = WithoutRetry(d.r, provision.Update)
		}
		return nil
	}
	return op
}

// forgiveChanged takes up again an attribute that was given up, once the directory has another value for it.
func (d *decider) forgiveChanged() {
	d.r.Left = slices.DeleteFunc(slices.Clone(d.r.Left), func(path string) bool {
		return d.l.Desired[path] != d.r.Account.Applied[path]
	})
	if len(d.r.Left) == 0 {
		d.r.Left = nil
	}
}

// giveUp leaves attributes that were put right three times in seven days to
// whoever changes them, and returns the others (R17).
func (d *decider) giveUp(drifted []string) []string {
	var repair []string
	for _, path := range drifted {
		recent := 0
		for _, t := range d.r.Repairs[path] {
			if d.now.Sub(t) < RepairWindow {
				recent++
			}
		}
		if recent < maxRepairs {
			repair = append(repair, path)
		} else {
			d.r.Left = append(d.r.Left, path)
		}
	}
	return repair
}

func without(a provision.Attributes, paths []string) provision.Attributes {
	if len(paths) == 0 {
		return a
	}
	rest := make(provision.Attributes, len(a))
	for path, value := range a {
		if !slices.Contains(paths, path) {
			rest[path] = value
		}
	}
	return rest
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
