package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR12CountedOnce: as many people leave as may in a day, and the worker that
// suspends the first one dies. Whenever somebody else is looked at while it is
// found out what became of that suspend, it is one of them, and nobody is held.
func TestR12CountedOnce(t *testing.T) {
	t.Parallel()
	const leavers = 5 // the most that the guard lets through
	// begin returns a world in which the first of two leavers is to be recovered.
	begin := func(t *testing.T) (w *reconciletest.World, first, last string) {
		w = reconciletest.New(t)
		w.Configure(func(c *provision.Configuration) { c.Policies[0].Policy.Suspended.SuspendAfter = provision.Within24h })
		ids := w.Directory.HireMany(20)
		w.MustLook(ids...)
		w.Advance(2 * day)
		for _, id := range ids[2:leavers] {
			w.Directory.Suspend(id, w.Business())
			w.MustLook(id)
		}
		first, last = ids[0], ids[1]
		w.Directory.Suspend(first, w.Business())
		w.Process().Inject(reconciletest.Fault{Name: "app suspend", Call: 1, How: reconciletest.CrashAfter})
		if _, err := w.Look(first); err == nil {
			t.Fatal("the worker did not die")
		}
		w.Advance(4 * time.Minute) // longer than a lease
		w.Directory.Suspend(last, w.Business())
		return w, first, last
	}
	w, first, _ := begin(t)
	p := w.Start()
	p.Inject(reconciletest.Fault{})
	if _, err := p.Reconciler.Look(t.Context(), reconcile.Request{UserID: first}); err != nil {
		t.Fatal(err)
	}
	calls := p.Calls()
	for i, name := range calls {
		what := fmt.Sprintf("looked at during call %d, %s", i+1, name)
		w, first, last := begin(t)
		p, other := w.Start(), w.Start()
		p.Inject(reconciletest.Fault{})
		p.Meet(i+1, func() {
			if _, err := other.Reconciler.Look(t.Context(), reconcile.Request{UserID: last}); err != nil && !fault.Is(err, fault.Unready) {
				t.Errorf("%s: %v", what, err)
			}
		})
		if _, err := p.Reconciler.Look(t.Context(), reconcile.Request{UserID: first}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		w.MustLook(first, last)
		for _, id := range []string{first, last} {
			if rec := w.Record(id); rec.Hold != nil || rec.Account.State != provision.AccountSuspended {
				t.Errorf("%s: %s is %s, held %+v", what, id, rec.Account.State, rec.Hold)
			}
		}
	}
}
