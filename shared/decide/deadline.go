package decide

import (
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
			Delete:    deleteDue(c.Policies, cond),
			Ordered:   frames.SuspendAfter != provision.Never,
		}
		if cond.Name != provision.ConditionArchived {
			d.Suspend = afterArchiving(d.Suspend, cond, r)
			d.Delete = afterArchiving(d.Delete, cond, r)
		}
		// R4: a hard delete that was due when its suspend succeeded waits a day from then.
		if d.Ordered && r.Account.State == provision.AccountSuspended && !d.Delete.IsZero() &&
			!d.Delete.After(r.Account.SuspendedAt) {
			d.Delete = r.Account.SuspendedAt.Add(editGrace)
		}
		deadlines = append(deadlines, d)
	}
	return deadlines
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
// policy saved before the condition began just holds.
func deleteDue(policies []provision.PolicyEdit, cond provision.Condition) time.Time {
	var at time.Time // under the policies so far; zero for never
	for i, edit := range policies {
		wanted := due(cond.Since, edit.Policy.For(cond.Name).DeleteAfter)
		began := edit.SavedAt.After(cond.Since)
		superseded := i+1 < len(policies) && !policies[i+1].SavedAt.After(cond.Since)
		floor := edit.SavedAt.Add(editGrace)
		switch {
		case superseded:
			continue
		case wanted.IsZero() || !began || !wanted.Before(floor):
			at = wanted
		case !at.IsZero() && at.Before(floor):
			at = latest(wanted, at)
		default:
			at = floor
		}
	}
	if !at.IsZero() && at.Before(cond.Floor) {
		return cond.Floor
	}
	return at
}

// afterArchiving moves what fell due while the person was archived to a day after the archiving ended (R6).
func afterArchiving(at time.Time, cond provision.Condition, r provision.Record) time.Time {
	end := r.UnarchivedAt
	if at.IsZero() || end.IsZero() || !at.Before(end) || !cond.Since.Before(end) {
		return at
	}
	return end.Add(editGrace)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
