package decide

import (
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
)

// RepairWindow is how long a repair of drift is remembered (R17).
const RepairWindow = 7 * 24 * time.Hour

// maxRepairs is how often an attribute is put right within RepairWindow (R17).
const maxRepairs = 3

// access is the create, unsuspend or update that an active person in scope needs (R2, R5).
func (d *decider) access() *Operation {
	if d.l.User.Lifecycle != provision.Active || !d.l.Scope.Known || !d.l.Scope.In || len(d.r.Conditions) > 0 {
		return nil
	}
	var op *Operation
	switch d.r.Account.State {
	case provision.AccountActive:
		op = d.update()
	case provision.AccountSuspended:
		op = &Operation{Kind: provision.Unsuspend, Cause: provision.Cause{Text: "no condition holds any more"}}
		if d.l.Account != nil && d.r.Account.SuspendedAt.Equal(d.now) { // this look found it so
			op.Cause.Text = "suspended by hand in the app"
		}
		if _, waits := d.waits(op.Kind); waits {
			op = d.update() // a refused unsuspend keeps nothing else back
		}
	default:
		op = d.create()
	}
	if op == nil {
		return nil
	}
	if _, waits := d.waits(op.Kind); waits {
		return nil
	}
	op.Fingerprint = d.fingerprint(op.Kind)
	return op
}

func (d *decider) create() *Operation {
	if h := d.r.Hold; h != nil && h.Operation == provision.Create {
		return nil // R17: more were missing at once than the guard allows
	}
	op := &Operation{Kind: provision.Create, Cause: provision.Cause{Text: "in scope"}, Attributes: d.l.Desired, Impossible: d.l.MappingError}
	switch {
	case !d.r.GoneAt.IsZero():
		op.Cause.Text = "the account was not in the app any more"
	case !d.r.Account.RemovedAt.IsZero():
		op.Cause.Text = "in scope again"
	}
	for _, v := range d.r.Verdicts {
		if v.Operation == provision.Create {
			if !v.Release {
				return nil
			}
			op.Released = true
		}
	}
	return op
}

// update is needed when the mapped attributes are not those last written, or
// the app shows others (R16, R17).
func (d *decider) update() *Operation {
	op := &Operation{Kind: provision.Update, Impossible: d.l.MappingError}
	if d.l.MappingError != "" {
		op.Cause.Text = "the mapping fails"
		return op
	}
	d.forgiveChanged()
	if d.l.Account != nil {
		op.Drifted = d.giveUp(Drift(d.r, *d.l.Account))
	}
	op.Attributes = without(d.l.Desired, d.r.Left)
	switch applied := without(d.r.Account.Applied, d.r.Left); {
	case !op.Attributes.Equal(applied):
		op.Cause.Text = "changed in the directory"
		if op.Attributes["userName"] != applied["userName"] {
			op.Cause.Text = "renamed"
		}
	case len(op.Drifted) > 0:
		op.Cause.Text = "changed by hand in the app"
	default:
		if d.l.Account != nil { // seen as it should be: what went wrong is called for no more
			d.r.Retries = WithoutRetry(d.r, provision.Update)
		}
		return nil
	}
	return op
}

// forgiveChanged takes up again an attribute that was given up, once the directory has another value for it.
func (d *decider) forgiveChanged() {
	d.r.Left = slices.DeleteFunc(slices.Clone(d.r.Left), func(path string) bool {
		return d.l.Desired[path] != d.r.Account.Applied[path]
	})
	if len(d.r.Left) == 0 {
		d.r.Left = nil
	}
}

// giveUp leaves attributes that were put right three times in seven days to
// whoever changes them, and returns the others (R17).
func (d *decider) giveUp(drifted []string) []string {
	var repair []string
	for _, path := range drifted {
		recent := 0
		for _, t := range d.r.Repairs[path] {
			if d.now.Sub(t) < RepairWindow {
				recent++
			}
		}
		if recent < maxRepairs {
			repair = append(repair, path)
		} else {
			d.r.Left = append(d.r.Left, path)
		}
	}
	return repair
}

func without(a provision.Attributes, paths []string) provision.Attributes {
	if len(paths) == 0 {
		return a
	}
	rest := make(provision.Attributes, len(a))
	for path, value := range a {
		if !slices.Contains(paths, path) {
			rest[path] = value
		}
	}
	return rest
}
