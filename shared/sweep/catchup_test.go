package sweep_test

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestEditWhoseRequestIsLost: an edit, at any time before or during a sweep, that
// could not ask for its own gets it when it is sent again; and nothing more is
// asked for once a sweep has begun after it, or waits.
func TestEditWhoseRequestIsLost(t *testing.T) {
	t.Parallel()
	for n := 1; lostEdit(t, n); n++ {
	}
}

// lostEdit is one during the n-th call of a sweep, of which the next fails;
// false when there is no such call.
func lostEdit(t *testing.T, n int) bool {
	t.Helper()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(2)
	w.Directory.Group("g", ids[0])
	w.MustLook(ids...)
	w.Advance(time.Minute)
	p := w.Start()
	if _, err := p.Sweeper.Request(context.Background(), "schedule"); err != nil {
		t.Fatal(err)
	}
	p.Inject(reconciletest.Fault{Call: n + 1, How: reconciletest.Before}) // what goes on then is another turn of the same sweep
	p.Meet(n, func() {
		w.Configure(func(c *provision.Configuration) {
			c.Scope.Groups, c.Revision = []provision.GroupRef{{ID: "g"}}, c.Revision+1
		})
	})
	w.Queue.DeliverAll(w)
	calls := p.Calls()
	if len(calls) < n {
		return false
	}
	p.Inject(reconciletest.Fault{})
	again := func() {
		if err := p.Sweeper.CatchUp(context.Background(), w.Configuration(), "edit"); err != nil {
			t.Fatal(err)
		}
		w.Queue.DeliverAll(w)
	}
	again()
	again()
	if _, holds := w.Record(ids[1]).Condition(provision.ConditionAppOff); !holds {
		t.Errorf("an edit during call %d, %s, was lost", n, calls[n-1])
	}
	last, err := w.Store.Sweeps(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	again()
	if now, err := w.Store.Sweeps(context.Background()); err != nil || now.Version != last.Version {
		t.Errorf("an edit during call %d, %s, owes sweeps for ever: %v", n, calls[n-1], err)
	}
	return true
}
