package sweep

import (
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// addRemovals writes the suspend and the hard delete that would come for a person:
// the next one, and what comes at another time than without the edit or turn-on.
func (w *previewer) addRemovals(v *survey, f finding, row provision.PreviewRow) {
	if !f.record.Account.Exists() {
		return
	}
	before := w.recordWithout(v, f)
	with, otherwise := comes(v.c, w.confirmed(v, f.decision.Record, before), f.at), removals{}
	if w.without != nil {
		otherwise = comes(*w.without, before, f.at)
	}
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
		switch m, was := with[kind], otherwise[kind]; {
		case m == nil && was == nil:
		case m == nil:
			w.rows = append(w.rows, provision.PreviewRow{Kind: provision.PreviewFreed, UserID: row.UserID, Email: row.Email, AccountID: row.AccountID,
				Operation: kind, Condition: was.Cause.Condition, Was: tried(before, *was)})
		case was == nil || !was.At.Equal(m.At) || next(f.decision, kind):
			w.addRemoval(v, f, row, before, *m, was)
		}
	}
}

// addRemoval writes one of them, with when it comes otherwise; nil for never.
func (w *previewer) addRemoval(v *survey, f finding, row provision.PreviewRow, before provision.Record, m provision.Pending, was *provision.Pending) {
	rec := f.decision.Record
	row.Operation, row.Condition, row.Why, row.DueAt = m.Operation, m.Cause.Condition, removalWhy(m, f), tried(rec, m)
	if was != nil {
		row.Was = tried(before, *was)
	}
	if cond, began := f.record.Condition(row.Condition); began && cond.Since.Equal(m.Cause.Since) {
		row.Since = cond.Since
	}
	row.Held = held(rec, m)
	row.Confirms = !row.Held && (was == nil || m.At.Before(was.At)) && w.concerns(v, rec, before, m.Operation, row.Condition)
	w.rows = append(w.rows, row)
	if row.Held {
		w.p.Held++
		return
	}
	if row.Confirms {
		w.p.Confirms++
	}
	w.count(m.Operation)
}

// removals are those that are to come, by their kind.
type removals map[provision.OperationKind]*provision.Pending

// comes is what is to come for a record; what is overdue comes now, the suspend first.
func comes(c provision.Configuration, rec provision.Record, now time.Time) removals {
	suspend, remove := decide.Coming(c, rec, now)
	for _, m := range []*provision.Pending{suspend, remove} {
		if m != nil {
			m.At = latest(m.At, now)
		}
	}
	if suspend != nil && remove != nil && remove.At.Before(suspend.At) {
		suspend = nil // it finds no account
	}
	return removals{provision.Suspend: suspend, provision.HardDelete: remove}
}

// recordWithout is the record as a look would leave it without the edit: by the
// same listing, so that what nobody has looked at yet is not taken for the edit's doing.
func (w *previewer) recordWithout(v *survey, f finding) provision.Record {
	if w.without == nil {
		return f.record
	}
	look := decide.Look{User: f.user, Scope: f.verdict}
	switch {
	case v.org.Foreign(*w.without.Scope, f.user) != "":
		look.User.Lifecycle = provision.Unknown
	case f.verdict.Known:
		look.Scope = scope.Evaluate(*w.without.Scope, v.org, f.user, v.member(f.user.ID))
	}
	return decide.Decide(*w.without, look, f.record, f.at).Record
}

// tried is when a removal is tried: one that went wrong waits for its next try.
func tried(rec provision.Record, m provision.Pending) time.Time {
	retry, _ := rec.Retry(m.Operation)
	return latest(m.At, retry.At)
}

// next reports whether a removal is what is done now or comes next.
func next(d decide.Decision, kind provision.OperationKind) bool {
	return d.Operation != nil && d.Operation.Kind == kind || d.Record.Next != nil && d.Record.Next.Operation == kind
}

// concerns reports whether a removal that a condition orders can be the doing of
// the edit or turn-on: the condition began with it, it shortens the time frame,
// or the person is protected no longer.
func (w *previewer) concerns(v *survey, rec, before provision.Record, kind provision.OperationKind, name provision.ConditionName) bool {
	if w.without == nil {
		return true
	}
	old, _ := w.without.Policy()
	edited, _ := v.c.Policy()
	_, held := before.Condition(name)
	return !held || w.without.Protects(rec.UserID, rec.Account.ID) || edited.For(name).After(kind).Shorter(old.For(name).After(kind))
}

// confirmed is the record as it is once the preview has been confirmed: a hard
// delete that is released waits no day for the edit (R9).
func (w *previewer) confirmed(v *survey, rec, before provision.Record) provision.Record {
	rec.Verdicts = slices.Clone(rec.Verdicts)
	for _, cond := range rec.Conditions {
		if w.concerns(v, rec, before, provision.HardDelete, cond.Name) {
			rec.Verdicts = append(rec.Verdicts, provision.Verdict{Operation: provision.HardDelete, Condition: cond.Name, Since: cond.Since,
				Release: true, At: latest(w.Business(), w.p.CreatedAt)})
		}
	}
	return rec
}

// held reports whether a removal waits for an administrator already.
func held(rec provision.Record, m provision.Pending) bool {
	return rec.Hold != nil && rec.Hold.Keeps(m.Operation) &&
		!decide.Decided(rec, provision.Hold{Operation: m.Operation, Condition: m.Cause.Condition, Since: m.Cause.Since})
}

func removalWhy(m provision.Pending, f finding) string {
	why := "the directory says: " + string(f.user.Lifecycle)
	if m.Cause.Condition == provision.ConditionAppOff {
		why = "out of scope: " + strings.Join(f.verdict.Reasons, "; ")
	}
	if held(f.decision.Record, m) { // the API has no other field for it
		why += "; held for an administrator's decision"
	}
	return why
}
