package decide_test

import (
	"fmt"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

const day = 24 * time.Hour

// oracle keeps the deadlines of one person as the rules say, step by step as
// things happen. It knows nothing of how package decide derives them afterwards
// from what is stored, and shares no code with it.
type oracle struct {
	w     *world
	p     *person
	rows  map[provision.ConditionName][2]time.Duration // suspend and hard delete; negative for never
	holds map[provision.ConditionName]*holding
	// maybe is when an edit happened that may have begun a condition which was
	// seen only later: the hard delete may then wait until a day after it (R9).
	maybe map[provision.ConditionName]time.Time
	// unprotected is when the person's protection ended.
	unprotected time.Time
	// unhealthy is true once the app refused or the guard held something: then only "not before" can be said.
	unhealthy bool
}

// holding is one condition that holds.
type holding struct {
	since      time.Time
	suspend    time.Time // zero for never
	remove     time.Time // zero for never
	floor      time.Time // of R9, for the hard delete
	unarchived time.Time
	// firstSuspend and firstRemove are the deadlines before what happened moved
	// them: what fell due in any archiving waits for a day after the last (R6).
	firstSuspend, firstRemove time.Time
}

const never = time.Duration(-1)

func (o *oracle) ordersSuspend(name provision.ConditionName) bool { return o.rows[name][0] >= 0 }

func after(since time.Time, frame time.Duration) time.Time {
	if frame < 0 {
		return time.Time{}
	}
	return since.Add(frame)
}

// begin starts a condition that does not hold yet, for somebody who has an account (R3, R7).
func (o *oracle) begin(name provision.ConditionName, now, floor time.Time) {
	if o.holds[name] != nil || !o.p.record.Account.Exists() {
		return
	}
	own := map[provision.Lifecycle]time.Time{provision.Deleted: o.p.deletedAt, provision.Archived: o.p.archivedAt, provision.Suspended: o.p.suspendedAt}
	if after := o.unprotected.Add(day); after.After(floor) && !own[o.lifecycle()].After(o.unprotected) {
		floor = after // it may have been there before
	}
	o.holds[name] = &holding{since: now, floor: floor}
	o.fresh(name)
}

// fresh counts a condition from its since.
func (o *oracle) fresh(name provision.ConditionName) {
	h := o.holds[name]
	h.firstSuspend, h.firstRemove = after(h.since, o.rows[name][0]), later(after(h.since, o.rows[name][1]), h.floor)
	h.suspend, h.remove = h.firstSuspend, h.firstRemove
	h.unarchived = time.Time{}
}

// later is the later of a deadline and a floor; never stays never.
func later(at, floor time.Time) time.Time {
	if !at.IsZero() && at.Before(floor) {
		return floor
	}
	return at
}

// lifecycle of the person now: archived wins over suspended, deleted over archived (R6).
func (o *oracle) lifecycle() provision.Lifecycle {
	switch {
	case !o.p.deletedAt.IsZero():
		return provision.Deleted
	case !o.p.archivedAt.IsZero():
		return provision.Archived
	case !o.p.suspendedAt.IsZero():
		return provision.Suspended
	}
	return provision.Active
}

// happened tells the oracle that the directory changed; was is the lifecycle before.
func (o *oracle) happened(was provision.Lifecycle, scopeEdited bool) {
	now, is := o.w.now, o.lifecycle()
	if was == provision.Archived && is != provision.Archived {
		for name, h := range o.holds {
			if name != provision.ConditionArchived {
				h.unarchived = now
				h.suspend = later(h.suspend, o.meanwhile(h, h.firstSuspend))
				// An edit may have moved it first, or not: then the earlier is not too early, and the later in time.
				first := o.meanwhile(h, h.firstRemove)
				last := o.meanwhile(h, later(h.firstRemove, o.maybe[name].Add(day)))
				if last.Before(first) {
					first, last = last, first
				}
				h.remove = later(later(h.remove, first), o.meanwhile(h, after(h.since, o.rows[name][1])))
				if last.After(first) {
					o.maybe[name] = last.Add(-day)
				}
			}
		}
	}
	var floor time.Time
	if scopeEdited {
		floor = now.Add(day)
	}
	_, chosen := o.rows[provision.ConditionArchived]
	switch is {
	case provision.Active:
		delete(o.holds, provision.ConditionSuspended)
		delete(o.holds, provision.ConditionDeleted)
		delete(o.holds, provision.ConditionArchived)
		if o.p.verdict.In {
			delete(o.holds, provision.ConditionAppOff)
		} else {
			o.begin(provision.ConditionAppOff, now, floor)
		}
	case provision.Suspended:
		delete(o.holds, provision.ConditionDeleted)
		delete(o.holds, provision.ConditionArchived)
		if o.p.verdict.In {
			delete(o.holds, provision.ConditionAppOff)
		}
		o.begin(provision.ConditionSuspended, now, time.Time{})
	case provision.Archived:
		delete(o.holds, provision.ConditionDeleted)
		if chosen {
			o.begin(provision.ConditionArchived, now, time.Time{})
		}
	case provision.Deleted:
		o.begin(provision.ConditionDeleted, now, time.Time{})
	}
}

// meanwhile is what became due while the person was archived (R6).
func (o *oracle) meanwhile(h *holding, at time.Time) time.Time {
	if !at.IsZero() && at.Before(h.unarchived) && h.since.Before(h.unarchived) {
		return h.unarchived.Add(day)
	}
	return at
}

// edit is a new row of the policy, saved now (R9).
func (o *oracle) edit(name provision.ConditionName, suspend, remove time.Duration) {
	now, before := o.w.now, o.ordersSuspend(name)
	_, had := o.rows[name]
	if !had {
		o.maybe[name] = now
	}
	o.rows[name] = [2]time.Duration{suspend, remove}
	if name == provision.ConditionArchived && !had && o.lifecycle() == provision.Archived {
		o.begin(name, now, now.Add(day))
		return
	}
	h := o.holds[name]
	if h == nil {
		return
	}
	h.firstSuspend = after(h.since, suspend)
	h.suspend = o.meanwhile(h, h.firstSuspend)
	was, wanted := h.remove, later(after(h.since, remove), h.floor)
	if before && suspend < 0 && o.p.record.Account.State == provision.AccountActive {
		was = time.Time{} // it waited for a suspend that had not succeeded
	}
	floor := now.Add(day)
	switch {
	case wanted.IsZero() || !wanted.Before(floor):
		h.firstRemove = wanted
	case was.IsZero() || !was.Before(floor):
		h.firstRemove = floor
	case wanted.After(was) || suspend < 0:
		h.firstRemove = later(wanted, was)
	default:
		return // it stays as it was
	}
	h.remove = later(o.meanwhile(h, h.firstRemove), o.meanwhile(h, after(h.since, remove)))
}

// restart is a turn-on, or the end of protection: every condition counts from now (R8, R18).
func (o *oracle) restart(floor time.Time) {
	for name, h := range o.holds {
		h.since = o.w.now
		if floor.After(h.floor) {
			h.floor = floor
		}
		o.fresh(name)
	}
}

// done notes an operation that succeeded.
func (o *oracle) done(op decide.Operation) {
	if op.Kind != provision.Suspend {
		return
	}
	for name, h := range o.holds {
		if o.ordersSuspend(name) && !h.remove.IsZero() && !h.remove.After(o.w.now) {
			h.remove = o.w.now.Add(day) // R4
		}
	}
}

// inert is true while nothing may be taken away: off, protected, or archived and not chosen.
func (o *oracle) inert() bool {
	_, chosen := o.rows[provision.ConditionArchived]
	return !o.w.cfg.On || len(o.w.cfg.Protected) > 0 || o.p.unknown || o.lifecycle() == provision.Archived && !chosen
}

// allows says why an operation may not run now; nil when it may.
func (o *oracle) allows(r provision.Record, op decide.Operation) error {
	now := o.w.now
	active := o.lifecycle() == provision.Active && o.p.verdict.Known && o.p.verdict.In
	if !op.Kind.Removes() {
		if !active || len(o.holds) > 0 || !o.w.cfg.On {
			return fmt.Errorf("%s: %s of somebody who is not active and in scope", now, op.Kind)
		}
		return nil
	}
	h := o.holds[op.Cause.Condition]
	switch {
	case active:
		return fmt.Errorf("%s: %s of an active person in scope", now, op.Kind)
	case o.inert():
		return fmt.Errorf("%s: %s while off, protected, unknown or archived", now, op.Kind)
	case h == nil:
		return fmt.Errorf("%s: %s for %s, which does not hold", now, op.Kind, op.Cause.Condition)
	case o.lifecycle() == provision.Archived && op.Cause.Condition != provision.ConditionArchived:
		return fmt.Errorf("%s: %s for %s while archived", now, op.Kind, op.Cause.Condition)
	case op.Kind == provision.HardDelete && o.ordersSuspend(op.Cause.Condition) && r.Account.State != provision.AccountSuspended:
		return fmt.Errorf("%s: hard delete before the suspend that the same policy orders", now)
	}
	due := h.suspend
	if op.Kind == provision.HardDelete {
		due = h.remove
	}
	if due.IsZero() || now.Before(due) {
		return fmt.Errorf("%s: %s for %s before its deadline %s", now, op.Kind, op.Cause.Condition, due)
	}
	return nil
}

// overdue says what should have run by now; nil for nothing.
func (o *oracle) overdue() error {
	account := o.p.record.Account
	if o.unhealthy || o.inert() || !account.Exists() {
		return nil
	}
	for name, h := range o.holds {
		if o.lifecycle() == provision.Archived && name != provision.ConditionArchived {
			continue
		}
		passed := func(at time.Time) bool { return !at.IsZero() && !at.After(o.w.now) }
		if account.State == provision.AccountActive && passed(h.suspend) {
			return fmt.Errorf("%s: the suspend for %s was due at %s", o.w.now, name, h.suspend)
		}
		if o.w.now.Before(o.maybe[name].Add(day)) {
			continue
		}
		if passed(h.remove) && (account.State == provision.AccountSuspended || !o.ordersSuspend(name)) {
			return fmt.Errorf("%s: the hard delete for %s was due at %s", o.w.now, name, h.remove)
		}
	}
	return nil
}
