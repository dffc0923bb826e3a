package sweep_test

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestEditWhoseRequestIsLost: an edit, at any time before or during a sweep, that
// could not ask for its own is owed one, and gets it at the next beat; and none
// is owed once a sweep has begun after it, or waits.
func TestEditWhoseRequestIsLost(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := reconciletest.New(t)
		ids := w.Directory.HireMany(2)
		w.Directory.Group("g", ids[0])
		w.MustLook(ids...)
		w.Advance(time.Minute)
		p, ctx := w.Start(), context.Background()
		owed := func() bool {
			owed, err := p.Sweeper.Owed(ctx, w.Configuration())
			if err != nil {
				t.Fatal(err)
			}
			return owed
		}
		if _, err := p.Sweeper.Request(ctx, "schedule"); err != nil {
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
			return
		}
		p.Inject(reconciletest.Fault{})
		if _, holds := w.Record(ids[1]).Condition(provision.ConditionAppOff); !holds && !owed() {
			t.Errorf("an edit during call %d, %s, is owed no sweep", n, calls[n-1])
		}
		w.Advance(10 * time.Minute) // as long as the next one waits after one that the fault has failed
		if err := p.Sweeper.Schedule(ctx, 4*time.Hour); err != nil {
			t.Fatal(err)
		}
		if owed() {
			t.Errorf("an edit during call %d, %s, is owed a second sweep", n, calls[n-1])
		}
		w.Queue.DeliverAll(w)
		if _, holds := w.Record(ids[1]).Condition(provision.ConditionAppOff); !holds {
			t.Errorf("an edit during call %d, %s, was lost", n, calls[n-1])
		}
		if owed() {
			t.Errorf("after an edit during call %d, %s, a sweep is owed for ever", n, calls[n-1])
		}
	}
}
