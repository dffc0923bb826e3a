package simulation

import (
	"context"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// decision is an administrator's word on one operation of one person for one cause (R12).
type decision struct {
	person    string
	operation provision.OperationKind
	condition provision.ConditionName
	// since is the condition's; zero for one that a previewed edit was yet to
	// begin, until it has: it must within a day.
	since   time.Time
	release bool
	at      time.Time
}

// decided finds the word that an administrator has given on an operation for
// exactly this cause; nil for none.
func (w *world) decided(person string, kind provision.OperationKind, condition provision.ConditionName, since time.Time, release bool) *decision {
	of := func(d decision) bool {
		return d.person == person && d.operation == kind && d.condition == condition && d.release == release
	}
	if i := slices.IndexFunc(w.decisions, func(d decision) bool { return of(d) && d.since.Equal(since) }); i >= 0 {
		return &w.decisions[i]
	}
	for i, d := range w.decisions {
		begun := since.Add(-epoch)
		if of(d) && d.since.IsZero() && begun.Before(d.at.Add(24*time.Hour+w.tolerance())) {
			w.decisions[i].since = since // and for no other cause from now on
			return &w.decisions[i]
		}
	}
	return nil
}

// released is the word that lets an operation pass the guard, and waits for no edit; nil for none.
func (a attempt) released() *decision {
	if a.rec.Intent == nil {
		return nil
	}
	if !a.kind.Removes() { // a new account, perhaps by adopting one (R17)
		return a.decided(a.person.id, provision.Create, "", time.Time{}, true)
	}
	cause := a.rec.Intent.Cause
	return a.decided(a.person.id, a.kind, cause.Condition, cause.Since, true)
}

// trulyReleased: what passes as confirmed was confirmed, for this cause and no other.
func trulyReleased(a attempt) string {
	if a.rec.Intent != nil && a.rec.Intent.Released && a.released() == nil {
		return "it passes as confirmed, and no administrator confirmed it for this cause"
	}
	return ""
}

// dismissed reports whether the record carries the word of an administrator, who
// has given it, that an operation is not to be done for a cause.
func (w *world) dismissed(rec provision.Record, kind provision.OperationKind, condition provision.ConditionName, since time.Time) bool {
	return w.decided(rec.UserID, kind, condition, since, false) != nil && slices.ContainsFunc(rec.Verdicts, func(v provision.Verdict) bool {
		return !v.Release && v.Operation == kind && v.Condition == condition && v.Since.Equal(since)
	})
}

// noNewAccount reports whether an administrator has dismissed somebody's new account (R17).
func (w *world) noNewAccount(p *person) bool {
	return w.dismissed(w.memory.records[p.id], provision.Create, "", time.Time{})
}

// allDismissed reports whether an administrator has dismissed what each condition
// of somebody's would do to their account. A dismissed suspend keeps the hard
// delete back that the policy orders it before (R4).
func (w *world) allDismissed(p *person) bool {
	rec := w.memory.records[p.id]
	policy, _ := w.memory.config.Policy()
	conditions := slices.DeleteFunc(slices.Clone(rec.Conditions), func(c provision.Condition) bool {
		return p.lifecycle() == provision.Archived && c.Name != provision.ConditionArchived // it waits, dismissed or not (R6)
	})
	for _, c := range conditions {
		ordered := policy.For(c.Name).SuspendAfter != provision.Never
		if !w.dismissed(rec, provision.HardDelete, c.Name, c.Since) && !(ordered && w.dismissed(rec, provision.Suspend, c.Name, c.Since)) {
			return false
		}
	}
	return len(conditions) > 0
}

// deciding notes what an administrator decides before the product can act on it.
func (w *world) deciding(ctx context.Context, list []decision, do func() error) error {
	if err := w.park(ctx, "harness: decide", time.Time{}, func(*worker) {
		for _, d := range list {
			d.at = time.Now()
			w.decisions = append(w.decisions, d)
			w.stirred[d.person] = d.at
		}
	}); err != nil {
		return err
	}
	return do()
}

// decideHeld confirms or dismisses what is held now.
func (w *world) decideHeld(release bool) {
	w.administer("decide held", func(ctx context.Context, in *instance) error {
		list, err := in.admin.Held(ctx)
		if err != nil || list == nil {
			return err
		}
		page, _, err := in.admin.HeldPage(ctx, "", 500)
		if err != nil {
			return err
		}
		var words []decision
		for _, rec := range page {
			words = append(words, decision{person: rec.UserID, operation: rec.Hold.Operation, condition: rec.Hold.Condition, since: rec.Hold.Since, release: release})
		}
		return w.deciding(ctx, words, func() error { return in.admin.DecideHeld(ctx, list.ID, nil, release) })
	}, nil)
}

// previewed makes a preview, and does what confirms it.
func (w *world) previewed(ctx context.Context, in *instance, p admin.Proposal, do func(id string) error) error {
	preview, err := in.admin.Preview(ctx, p)
	if err != nil {
		return err
	}
	rows, _, err := in.admin.PreviewRows(ctx, preview.ID, provision.PreviewOperations, "", 500)
	if err != nil {
		return err
	}
	var words []decision
	for _, row := range rows {
		if row.Confirms {
			words = append(words, decision{person: row.UserID, operation: row.Operation, condition: row.Condition, since: row.Since, release: true})
		}
	}
	return w.deciding(ctx, words, func() error { return do(preview.ID) })
}
