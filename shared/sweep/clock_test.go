package sweep_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestClockBehindThePlan: somebody is due at once by the clock of the process
// that looked, and not yet by that of the sweep, which asks for their look all the same.
func TestClockBehindThePlan(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Configure(func(c *provision.Configuration) { c.Policies[0].Policy.Suspended.SuspendAfter = provision.Within24h })
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	p := w.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("directory user", 1, func() { w.Advance(2 * time.Second) })
	p.MeetNamed("state put configuration", 1, func() { w.Advance(-2 * time.Second) })
	w.Sweep()
	w.Queue.Until(w, time.Minute)
	if state := w.Record(id).Account.State; state != provision.AccountSuspended {
		t.Errorf("a minute after the sweep the account is %s: %+v", state, w.Record(id).Next)
	}
}
