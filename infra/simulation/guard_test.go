package simulation

import (
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/tasks"
)

func notHeld(a attempt) string {
	if h, held := a.holds[a.person.id]; held && h.Operation == a.kind && a.rec.Intent != nil && a.released() == nil {
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
	if !a.kind.Removes() || a.released() != nil || a.account == nil || a.kind == provision.Suspend && !a.account.Active {
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

// notManyMissing judges a new account for somebody whose account was deleted by
// hand, made by a sweep: it knows how many were missing when it began.
func notManyMissing(a attempt) string {
	sw := a.memory.sweeps.Current
	_, lost := a.lost[a.person.id]
	if a.kind != provision.Create || !lost || a.released() != nil || a.worker.queue != tasks.Bulk || sw == nil {
		return ""
	}
	missing, limit := 0, provision.Guard{}
	for _, p := range a.company.people {
		at, gone := a.lost[p.id]
		if gone && p.past[len(p.past)-1].active() && at.Before(sw.StartedAt.Add(-epoch-a.tolerance())) && a.at.Sub(at) < 24*time.Hour-a.tolerance() {
			missing++
		}
	}
	for _, s := range a.during(a.worker.startedAt, a.at) {
		limit.MinUsers, limit.MaxShare = max(limit.MinUsers, s.c.Guard.MinUsers), max(limit.MaxShare, s.c.Guard.MaxShare)
	}
	start := a.at.Add(-24 * time.Hour)
	if base := a.census(start, provision.HardDelete) + a.unseenByHand(start); missing > limit.MinUsers && float64(missing) > limit.MaxShare*float64(base) {
		return fmt.Sprintf("%d of %d accounts are missing, and nobody confirmed new ones", missing, base)
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
// need have seen since, or that cannot be read: they count as they were, and so as
// part of the base (R12).
func (w *world) unseenByHand(before time.Time) int {
	accounts := map[string]bool{}
	for _, h := range w.byHand {
		acc := w.app.get(h.account)
		if h.at.Before(before) && (w.running(h.at, time.Now()) < unseen || acc != nil && acc.broken()) {
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

// leaves reports whether somebody on the held list may leave it: an
// administrator decided, or the cause went away.
func (w *world) leaves(h provision.Hold, after provision.Record) bool {
	decided := slices.ContainsFunc(after.Verdicts, func(v provision.Verdict) bool { return v.Operation == h.Operation && v.Condition == h.Condition })
	condition, holds := after.Condition(h.Condition)
	return decided || h.Operation == provision.Create || !holds || !condition.Since.Equal(h.Since) || !after.Account.Exists() ||
		h.Operation == provision.Suspend && after.Account.State == provision.AccountSuspended ||
		!w.ordered(h) || w.memory.config.Protects(after.UserID, after.Account.ID)
}

// ordered reports whether each policy orders what is held that was in force while
// whoever lets it go may have read it: another may be stored before they commit.
func (w *world) ordered(h provision.Hold) bool {
	rec := provision.Record{Intent: &provision.Intent{Cause: provision.Cause{Condition: h.Condition, Since: h.Since}}}
	a := attempt{world: w, rec: rec, at: time.Now()}
	return !slices.ContainsFunc(w.during(a.at.Add(-time.Minute), a.at), func(s setting) bool {
		return len(s.c.Policies) == 0 || !a.due(s.c, h.Operation)
	})
}
