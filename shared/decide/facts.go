package decide

import (
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// observe brings the record up to what the look saw: who they are, in which
// state, in scope or not, and which conditions hold. It decides nothing.
func observe(c provision.Configuration, l Look, r provision.Record, now time.Time) provision.Record {
	before, seenWithout := r, lastLook(c, r)
	if l.User.Email != "" {
		r.Email = l.User.Email
	}
	own := ownTime(l, r, seenWithout, now)
	observeArchiving(l, &r, own, now)
	r.Lifecycle = l.User.Lifecycle
	if l.Scope.Known {
		r.InScope, r.Reasons = l.Scope.In, l.Scope.Reasons
	}
	r.MissingSweep, r.MissingAt = "", time.Time{}

	b := beginner{c: c, l: l, before: before, r: r, now: now, own: own}
	var held []provision.Condition
	for _, name := range []provision.ConditionName{
		provision.ConditionAppOff, provision.ConditionArchived, provision.ConditionDeleted, provision.ConditionSuspended,
	} {
		if cond, ok := b.condition(name); ok {
			held = append(held, cond)
		}
	}
	r.Conditions = held
	r.Verdicts = bindVerdicts(r.Verdicts, held, now)
	return observeAccount(l, r, now)
}

// lastLook is the last time at which somebody looked at the directory and saw
// the user as the record says: the last committed look, or the last complete
// sweep, which commits nothing where nothing changed.
func lastLook(c provision.Configuration, r provision.Record) time.Time {
	if r.LookedAt.IsZero() {
		return time.Time{}
	}
	return latest(r.LookedAt, c.SweptAt)
}

// ownTime is the directory's own time of the suspension, archiving or deletion
// that a look saw, when it lies between the last look and this one; else now
// (R3). A suspension may be older than the end of an archiving that hid it,
// and began nothing before that (R6).
func ownTime(l Look, before provision.Record, seenWithout, now time.Time) time.Time {
	own := l.User.Since
	hidden := l.User.Lifecycle == provision.Suspended && !before.ArchivedAt.IsZero()
	if !hidden && !seenWithout.IsZero() && own.After(seenWithout) && own.Before(now) {
		return own
	}
	return now
}

// observeArchiving notes when archiving began and ended. It ends with a
// deletion, which wins over it, at the time of that (R6).
func observeArchiving(l Look, r *provision.Record, own, now time.Time) {
	switch {
	case l.User.Lifecycle == provision.Archived:
		if r.ArchivedAt.IsZero() {
			r.ArchivedAt = now
		}
	case !r.ArchivedAt.IsZero():
		r.ArchivedAt, r.UnarchivedAt = time.Time{}, now
		if l.User.Lifecycle == provision.Deleted {
			r.UnarchivedAt = own
		}
	}
}

// beginner begins, keeps and ends conditions (R3, R6).
type beginner struct {
	c      provision.Configuration
	l      Look
	before provision.Record // at the last committed look
	r      provision.Record
	now    time.Time
	// own is when what the look saw began, as far as the directory's word counts.
	own time.Time
}

// condition gives the named condition as it is after this look; ok is false when it does not hold.
func (b beginner) condition(name provision.ConditionName) (provision.Condition, bool) {
	cond, held := b.r.Condition(name)
	switch b.says(name) {
	case ends:
		return provision.Condition{}, false
	case begins:
		if !held && !b.r.Account.Exists() {
			return provision.Condition{}, false // R7: nothing to lose
		}
		if !held {
			cond, held = b.begin(name), true
		}
	}
	return b.notBefore(cond), held
}

type effect int

const (
	keeps effect = iota
	begins
	ends
)

// says tells what the look means for a condition: each ends only when its own cause ends.
func (b beginner) says(name provision.ConditionName) effect {
	state := b.l.User.Lifecycle
	switch name {
	case provision.ConditionDeleted:
		if state == provision.Deleted {
			return begins
		}
		return ends
	case provision.ConditionSuspended:
		switch state {
		case provision.Suspended:
			return begins
		case provision.Active:
			return ends
		}
	case provision.ConditionArchived:
		policy, _ := b.c.Policy()
		switch {
		case policy.Archived == nil:
			return ends
		case state == provision.Archived:
			return begins
		case state != provision.Deleted:
			return ends
		}
	case provision.ConditionAppOff:
		switch {
		case !b.l.Scope.Known || state == provision.Archived || state == provision.Deleted:
		case b.l.Scope.In:
			return ends
		case state == provision.Active:
			return begins
		}
	}
	return keeps
}

// begin dates a condition (R3): only being out of scope has no time of the directory's own.
func (b beginner) begin(name provision.ConditionName) provision.Condition {
	cond := provision.Condition{Name: name, Since: b.own}
	if name == provision.ConditionAppOff {
		cond.Since = b.now
	}
	if ended, ok := b.c.Unprotected[b.r.UserID]; ok && !b.l.User.Since.After(ended) {
		cond.Floor = ended.Add(editGrace) // it may have been there before protection ended (R18)
	}
	// R9: a condition that an edit began orders no hard delete within a day of
	// the edit. It may have been the edit unless a look under it saw them without
	// its cause; a sweep is no proof, since what it read of them may have decided nothing.
	switch name {
	case provision.ConditionAppOff:
		seen := b.before.InScope && (b.before.Lifecycle == provision.Active || b.before.Lifecycle == provision.Suspended)
		if !seen || b.before.LookedUnder < b.c.Revisions.Scope {
			cond.Floor = latest(cond.Floor, b.c.ScopeSavedAt.Add(editGrace))
		}
	case provision.ConditionArchived:
		chosen := b.chosen()
		if b.before.LookedUnder < chosen.Revision {
			cond.Floor = latest(cond.Floor, chosen.SavedAt.Add(editGrace))
		}
		cond.Since = latest(cond.Since, chosen.SavedAt) // it was no condition before it was chosen (R6)
	}
	return cond
}

// chosen is the edit that chose archived as a condition.
func (b beginner) chosen() provision.PolicyEdit {
	i := len(b.c.Policies) - 1
	for i > 0 && b.c.Policies[i-1].Policy.Archived != nil {
		i--
	}
	return b.c.Policies[i]
}

// notBefore keeps since from before the last turn-on (R8) and from before
// protection ended (R18), an edit that orders no hard delete within a day (R9).
func (b beginner) notBefore(cond provision.Condition) provision.Condition {
	if ended, ok := b.c.Unprotected[b.r.UserID]; ok && ended.After(cond.Since) {
		cond.Since = ended
		cond.Floor = latest(cond.Floor, ended.Add(editGrace))
	}
	cond.Since = latest(cond.Since, b.c.TurnedOnAt)
	return cond
}

// bindVerdicts drops verdicts whose condition no longer holds as they were
// given, and binds those of a confirmed preview to the condition once it began.
func bindVerdicts(verdicts []provision.Verdict, held []provision.Condition, now time.Time) []provision.Verdict {
	var kept []provision.Verdict
	for _, v := range verdicts {
		if v.Condition == "" { // a create (R17)
			kept = append(kept, v)
			continue
		}
		i := slices.IndexFunc(held, func(c provision.Condition) bool { return c.Name == v.Condition })
		switch {
		case v.Since.IsZero() && now.Sub(v.At) >= editGrace:
		case i >= 0 && v.Since.IsZero():
			v.Since = held[i].Since
			kept = append(kept, v)
		case i < 0 && v.Since.IsZero(), i >= 0 && v.Since.Equal(held[i].Since):
			kept = append(kept, v)
		}
	}
	return kept
}

// observeAccount takes over what the app shows, when the look carries it (R17).
func observeAccount(l Look, r provision.Record, now time.Time) provision.Record {
	if l.Account == nil || !r.Account.Exists() || l.Account.ID != r.Account.ID {
		return r
	}
	switch {
	case l.Account.Active && r.Account.State == provision.AccountSuspended:
		r.Account.State, r.Account.ActiveSince = provision.AccountActive, now
	case !l.Account.Active && r.Account.State == provision.AccountActive:
		r.Account.State, r.Account.SuspendedAt = provision.AccountSuspended, now
	}
	return r
}

// Drift lists the attributes in which the account departs from the app's own
// form of what we last wrote, the external id among them, those given up left
// out (R17).
func Drift(r provision.Record, account provision.Account) []string {
	var drifted []string
	for path, value := range r.Account.Form {
		got, ok := account.Attributes[path]
		if path == provision.ExternalID {
			got, ok = account.ExternalID, true
		}
		if (!ok || got != value) && !slices.Contains(r.Left, path) {
			drifted = append(drifted, path)
		}
	}
	slices.SortFunc(drifted, strings.Compare)
	return drifted
}
