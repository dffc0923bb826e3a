package simulation

import (
	"fmt"
	"time"

	"example.com/autoprovision/shared/provision"
)

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
	if cause.Condition == provision.ConditionArchived && policy.Archived != nil {
		frames = *policy.Archived
	}
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
	if a.kind != provision.HardDelete || a.rec.Intent == nil || a.released() != nil {
		return ""
	}
	claimed := a.rec.Intent.Cause.Since.Add(-epoch)
	dayAgo := a.at.Add(-24*time.Hour + a.tolerance())
	// What was in force when the reason began, as far as two clocks can tell.
	for _, s := range a.during(latest(dayAgo, claimed.Add(a.tolerance())), a.worker.startedAt) {
		// An edit at the instant at which the worker began may have come after that.
		if s.at.Before(a.worker.startedAt) && !a.due(s.c, a.kind) {
			return fmt.Sprintf("revision %d, in force within the last day, does not order it by now", s.c.Revision)
		}
	}
	since, edit, ok := a.since()
	ended := a.unprotected[a.person.id]
	switch {
	case ok && edit && since.After(dayAgo):
		return "an edit of the scope began its reason within the last day"
	case ok && ended.After(dayAgo) && since.Before(ended.Add(-a.tolerance())): // a later reason is no edit's doing
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

// punctual judges what fell due after everything had been right for a while.
func punctual(a attempt) string {
	if !a.kind.Removes() || a.rec.Intent == nil || a.released() != nil || a.quietSince.IsZero() || a.account != nil && a.account.broken() {
		return ""
	}
	if a.rest.silent(a.person) { // nobody was told: another checker knows when it is seen
		return ""
	}
	due, bound := a.rec.Intent.Cause.Deadline.Add(-epoch), time.Minute+a.tolerance()
	if a.lossy {
		bound += 25 * time.Hour // the wake-up may have been lost before: the next sweep finds it
	}
	if late := a.at.Sub(due); due.After(a.quietSince.Add(time.Hour)) && late > bound && !a.wasHeld[a.person.id] {
		return "it was due " + late.String() + " ago"
	}
	return ""
}
