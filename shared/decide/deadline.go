package decide

import (
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
)

// editGrace is how long after an edit a hard delete that the edit made due waits (R9), how long
// after a late suspend the hard delete waits (R4), and what fell due while archived after that (R6).
const editGrace = 24 * time.Hour

// Deadline is when one condition orders a suspend and a hard delete; zero for never.
type Deadline struct {
	Condition provision.Condition
	// Suspend and Delete count from the condition's since by the time frames,
	// moved later by R6 and R9 where they apply.
	Suspend, Delete time.Time
	// Ordered is true when the policy orders a suspend before the hard delete.
	Ordered bool
}

// Deadlines gives the deadlines of each condition that holds on the record.
func Deadlines(c provision.Configuration, r provision.Record) []Deadline {
	policy, ok := c.Policy()
	if !ok {
		return nil
	}
	deadlines := make([]Deadline, 0, len(r.Conditions))
	for _, cond := range r.Conditions {
		frames := policy.For(cond.Name)
		d := Deadline{
			Condition: cond,
			Suspend:   due(cond.Since, frames.SuspendAfter),
			Delete:    deleteDue(c.Policies, cond, r),
			Ordered:   frames.SuspendAfter != provision.Never,
		}
		if cond.Name != provision.ConditionArchived {
			d.Suspend = afterArchiving(d.Suspend, cond, r)
			d.Delete = afterArchiving(d.Delete, cond, r)
			if meanwhile(due(cond.Since, frames.DeleteAfter), cond, r) { // by the time frames, whatever an edit moved
				d.Delete = latest(d.Delete, r.UnarchivedAt.Add(editGrace))
			}
		}
		if d.Ordered {
			d.Delete = afterLateSuspend(d.Delete, r.Account)
		}
		deadlines = append(deadlines, d)
	}
	return deadlines
}

// Coming are the suspend and the hard delete that are to come for a record as
// Decide left it, if each is done when it is due and nothing else changes; nil for
// none. What was dismissed is not among them, nor a hard delete that waits for a
// suspend which is not to come (R4). Where the hard delete is the earlier, the
// suspend finds no account.
func Coming(c provision.Configuration, r provision.Record, now time.Time) (suspend, remove *provision.Pending) {
	d := decider{c: c, l: Look{User: provision.User{Lifecycle: r.Lifecycle}}, r: r, now: now}
	list := d.removals()
	if i := slices.IndexFunc(list, func(m removal) bool { return m.kind == provision.Suspend }); i >= 0 {
		suspend = &provision.Pending{Operation: provision.Suspend, At: list[i].at, Cause: list[i].cause()}
		d.r.Account.State, d.r.Account.SuspendedAt = provision.AccountSuspended, latest(list[i].at, now)
		list = d.removals()
	}
	return suspend, next(list)
}

// due is since and a delay; zero for never.
func due(since time.Time, delay provision.Delay) time.Time {
	d, ok := delay.Duration()
	if !ok {
		return time.Time{}
	}
	return since.Add(d)
}

// deleteDue applies the policies in the order in which they were saved, so
// that no edit makes the hard delete due sooner than a day after it (R9). A
// policy saved before the condition began just holds; so does the first of
// several, since the ones before it were dropped a day after it or later.
func deleteDue(policies []provision.PolicyEdit, cond provision.Condition, r provision.Record) time.Time {
	var at time.Time // under the policies so far; zero for never
	var before *provision.TimeFrames
	for i, edit := range policies {
		if i+1 < len(policies) && !policies[i+1].SavedAt.After(cond.Since) {
			continue // replaced before the condition began
		}
		frames := edit.Policy.For(cond.Name)
		if before != nil && frames == *before {
			continue // an edit elsewhere
		}
		wanted := due(cond.Since, frames.DeleteAfter)
		floor := edit.SavedAt.Add(editGrace)
		var soon time.Time // the deadline that the edit found
		if before != nil {
			soon = found(at, *before, frames, edit.SavedAt, cond, r)
		}
		holds := i == 0 && len(policies) > 1 || !edit.SavedAt.After(cond.Since)
		before = &frames
		switch {
		case wanted.IsZero() || holds || !wanted.Before(floor) || released(r, cond, edit.SavedAt):
			at = wanted
		case soon.IsZero() || !soon.Before(floor):
			at = floor
		case wanted.After(soon):
			at = wanted
		case frames.SuspendAfter == provision.Never:
			at = soon // which nothing moves any more that a late suspend had moved
		}
	}
	if !at.IsZero() && at.Before(cond.Floor) && !released(r, cond, cond.Floor.Add(-editGrace)) {
		return cond.Floor
	}
	return at
}

// found is the deadline that an edit found: moved by what had happened until then
// (R4, R6), and none while a suspend was ordered ahead of it that the edit drops and
// that had not succeeded (R4).
func found(at time.Time, before, frames provision.TimeFrames, edited time.Time, cond provision.Condition, r provision.Record) time.Time {
	if cond.Name != provision.ConditionArchived && !r.UnarchivedAt.After(edited) {
		at = afterArchiving(at, cond, r)
	}
	switch {
	case before.SuspendAfter == provision.Never:
		return at
	case r.Account.State == provision.AccountSuspended && r.Account.SuspendedAt.Before(edited):
		return afterLateSuspend(at, r.Account)
	case frames.SuspendAfter == provision.Never:
		return time.Time{}
	}
	return at
}

// afterLateSuspend moves a hard delete that was due already when its suspend
// succeeded to a day from then (R4).
func afterLateSuspend(at time.Time, account provision.Link) time.Time {
	if at.IsZero() || account.State != provision.AccountSuspended || at.After(account.SuspendedAt) {
		return at
	}
	return account.SuspendedAt.Add(editGrace)
}

// released reports whether an administrator released the hard delete since an
// edit: by the preview that came with it, or later (R9, R12).
func released(r provision.Record, cond provision.Condition, edited time.Time) bool {
	return slices.ContainsFunc(r.Verdicts, func(v provision.Verdict) bool {
		return v.Release && v.Operation == provision.HardDelete && v.Condition == cond.Name &&
			v.Since.Equal(cond.Since) && !v.At.Before(edited)
	})
}

// afterArchiving moves what fell due while the person was archived to a day after the archiving ended (R6).
func afterArchiving(at time.Time, cond provision.Condition, r provision.Record) time.Time {
	if !meanwhile(at, cond, r) {
		return at
	}
	return r.UnarchivedAt.Add(editGrace)
}

// meanwhile reports whether a deadline of a condition was over when the person's archiving ended.
func meanwhile(at time.Time, cond provision.Condition, r provision.Record) bool {
	return !at.IsZero() && at.Before(r.UnarchivedAt) && cond.Since.Before(r.UnarchivedAt)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
