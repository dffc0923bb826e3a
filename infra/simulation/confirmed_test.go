package simulation

import (
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
)

// confirmed judges every word that a commit leaves on a person: an administrator
// has given it, and the confirmed preview of an edit or a turn-on releases what
// that brings about or moves sooner, and nothing else.
func (w *world) confirmed(worker *worker, before, after provision.Record) {
	for _, v := range after.Verdicts {
		if slices.Contains(before.Verdicts, v) {
			continue
		}
		if w.decided(after.UserID, v.Operation, v.Condition, v.Since, v.Release) == nil {
			w.accuse("R12: a release is for one person, operation and cause", "%s because of %s for %s: no administrator decided it", v.Operation, v.Condition, after.UserID)
		}
		if !v.Release || worker.edit == nil && !worker.turnsOn {
			continue
		}
		if wrong := w.unconcerned(worker, before, v); wrong != "" {
			w.accuse("R12: a confirmed edit releases nobody but whom it concerns", "%s because of %s for %s: %s", v.Operation, v.Condition, after.UserID, wrong)
		}
	}
}

// mayHold reports whether a condition can hold for somebody, as far as a worker can have seen.
func (w *world) mayHold(worker *worker, p *person, name provision.ConditionName) bool {
	return slices.ContainsFunc(p.between(worker.startedAt.Add(-time.Minute-staleFor), time.Now()), func(i int) bool {
		_, _, ok := w.condition(p, name, i)
		return ok
	})
}

// unconcerned says why an edit has nothing to do with a removal, or nothing.
func (w *world) unconcerned(worker *worker, rec provision.Record, v provision.Verdict) string {
	p := w.company.person(rec.UserID)
	if !v.Since.IsZero() && !w.mayHold(worker, p, v.Condition) { // else it waits for its condition, which a listing may have told wrong
		return "there is no reason for it"
	}
	if worker.turnsOn { // nothing is done before
		return ""
	}
	i := slices.IndexFunc(w.settings, func(s setting) bool { return s.c.Revision == worker.wrote })
	saved, old := w.settings[i], w.settings[i-1].c
	if h := rec.Hold; h != nil && (h.Operation == v.Operation || h.Operation == provision.Suspend) && h.HeldAt.Add(-epoch).Before(saved.at.Add(-w.tolerance())) {
		return "it was held before"
	}
	switch e := worker.edit; {
	case e.Deprovisioning != nil:
		a := attempt{world: w, at: saved.at, rec: provision.Record{Intent: &provision.Intent{Cause: provision.Cause{Condition: v.Condition}}}}
		was, ordered := a.orders(old, v.Operation)
		if at, orders := a.orders(saved.c, v.Operation); !orders || ordered && !at.Before(was) {
			return "its time frame is no shorter"
		}
	case old.Scope == nil: // nothing could happen to anybody before
	case e.Scope != nil:
		if v.Condition != provision.ConditionAppOff {
			return "the scope has nothing to do with it"
		}
		if !slices.ContainsFunc(p.between(worker.startedAt.Add(-time.Minute-staleFor), saved.at.Add(-1)), func(i int) bool { return p.past[i].scope != out }) {
			return "they were out of scope before"
		}
	case e.Protected != nil:
		if !old.Protects(rec.UserID, rec.Account.ID) {
			return "they were not protected before"
		}
	default:
		return "the edit takes nothing from anybody"
	}
	return ""
}
