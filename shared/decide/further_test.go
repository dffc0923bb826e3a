package decide_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// R4: conditions accumulate, and the earliest deadline counts; so a further
// condition makes a suspend and a hard delete due no later than they were.
func TestR4_AFurtherConditionNeverMovesADeadlineLater(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var policy provision.Deprovisioning
		for _, row := range []*provision.TimeFrames{&policy.AppOff, &policy.Suspended, &policy.Deleted} {
			row.SuspendAfter, row.DeleteAfter = frames(t)
		}
		c := provision.Configuration{On: true, TurnedOnAt: start, PlannedAt: start, Scope: &provision.Scope{},
			Authorization: provision.Authorization{State: provision.AuthorizationOK},
			Policies:      []provision.PolicyEdit{{Policy: policy, SavedAt: start}}}
		now := start.Add(time.Hour)
		rec := provision.Record{UserID: "1", LookedAt: now, Lifecycle: provision.Active, InScope: true,
			Account: provision.Link{ID: "a", State: provision.AccountActive, LinkedAt: start, ActiveSince: start}}
		// Each step begins one further condition and ends none: out of scope, suspended, deleted, in this
		// order or with any of them left out, since each later state hides the causes of the earlier ones.
		in := true
		for _, step := range []provision.ConditionName{provision.ConditionAppOff, provision.ConditionSuspended, provision.ConditionDeleted} {
			if rapid.Bool().Draw(t, "left out "+string(step)) {
				continue
			}
			user := provision.User{ID: "1", Email: "ana@example.com", Lifecycle: provision.Active}
			switch step {
			case provision.ConditionAppOff:
				in = false
			case provision.ConditionSuspended:
				user.Lifecycle = provision.Suspended
			case provision.ConditionDeleted:
				user.Lifecycle = provision.Deleted
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "hours")) * time.Hour)
			look := decide.Look{User: user, Scope: scope.Verdict{Known: user.Lifecycle != provision.Deleted, In: in}}
			after := decide.Decide(c, look, rec, now).Record
			if _, began := after.Condition(step); !began {
				t.Fatalf("%s did not begin", step)
			}
			suspend, remove := soonest(decide.Deadlines(c, rec))
			suspendAfter, removeAfter := soonest(decide.Deadlines(c, after))
			if movedLater(suspendAfter, suspend) || movedLater(removeAfter, remove) {
				t.Fatalf("%s moved suspend %v to %v, hard delete %v to %v", step, suspend, suspendAfter, remove, removeAfter)
			}
			rec = after
		}
	})
}

// soonest gives the earliest suspend and hard delete of all conditions; zero for never.
func soonest(list []decide.Deadline) (suspend, remove time.Time) {
	for _, d := range list {
		if movedLater(suspend, d.Suspend) {
			suspend = d.Suspend
		}
		if movedLater(remove, d.Delete) {
			remove = d.Delete
		}
	}
	return suspend, remove
}

// movedLater reports whether a deadline is later than another; zero is never.
func movedLater(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.After(b))
}

// TestComingThen: what follows a coming suspend is what is next once it has been done.
func TestComingThen(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var policy provision.Deprovisioning
		for _, row := range []*provision.TimeFrames{&policy.AppOff, &policy.Suspended} {
			row.SuspendAfter, row.DeleteAfter = frames(t)
		}
		c := provision.Configuration{On: true, TurnedOnAt: began, PlannedAt: began, Scope: &provision.Scope{},
			Authorization: provision.Authorization{State: provision.AuthorizationOK}, Policies: []provision.PolicyEdit{{Policy: policy, SavedAt: began}}}
		rec := provision.Record{UserID: "1", LookedAt: began, Lifecycle: provision.Active, InScope: true,
			Account: provision.Link{ID: "a", State: provision.AccountActive, LinkedAt: began, ActiveSince: began}}
		now := began.Add(time.Hour)
		look := decide.Look{User: provision.User{ID: "1", Email: "ana@example.com", Lifecycle: provision.Active}, Scope: scope.Verdict{Known: true}}
		rec = decide.Decide(c, look, rec, now).Record
		now = now.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "hours")) * time.Hour)
		look.User.Lifecycle = provision.Suspended
		rec = decide.Decide(c, look, rec, now).Record
		if rapid.Bool().Draw(t, "dismissed") {
			cond := rapid.SampledFrom(rec.Conditions).Draw(t, "condition")
			rec.Verdicts = []provision.Verdict{{Operation: provision.HardDelete, Condition: cond.Name, Since: cond.Since, At: now}}
			rec = decide.Decide(c, look, rec, now).Record
		}
		suspend, then := decide.Coming(c, rec, now)
		if rec.Next == nil || rec.Next.Operation != provision.Suspend {
			if suspend != nil && (rec.Next == nil || suspend.At.Before(rec.Next.At)) {
				t.Fatalf("%v comes before %v", suspend, rec.Next)
			}
			return
		}
		done := rec.Next.At
		if done.Before(now) {
			done = now
		}
		rec.Account.State, rec.Account.SuspendedAt = provision.AccountSuspended, done
		after := decide.Decide(c, look, rec, done).Record.Next
		if (then == nil) != (after == nil) || then != nil && *then != *after {
			t.Fatalf("%v was to follow, and %v does", then, after)
		}
	})
}
