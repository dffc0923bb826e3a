package decide

import (
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
)

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

// frozen is true for an archived user while archived is no condition (R6).
func (d *decider) frozen() bool {
	policy, _ := d.c.Policy()
	return d.l.User.Lifecycle == provision.Archived && policy.Archived == nil
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
// which it will be a day away (R12, R4). One that the app may have carried out
// counts while nobody can find out.
func (d *decider) count(list []removal) {
	counted := func(kind provision.OperationKind) time.Time {
		if _, waits := d.waits(kind); waits {
			if i := d.r.Intent; i != nil && i.Operation == kind && i.Doubt != "" && !i.Released {
				return i.StartedAt
			}
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
