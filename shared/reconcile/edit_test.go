package reconcile_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR9OldConfiguration: a process that has not heard of an edit of the scope
// looks at somebody whom it puts out. What it stores of its look is no proof
// that the edit began nothing: no hard delete runs within the day.
func TestR9OldConfiguration(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*reconciletest.World){
		"it begins an operation, and hears of it then": func(*reconciletest.World) {},
		"the app is being left alone": func(w *reconciletest.World) {
			other := w.Directory.Hire(1)
			w.MustLook(other)
			w.Directory.Title(other, "boss")
			w.Process().Inject(reconciletest.Fault{Call: 1, Name: "app update"})
			if _, err := w.Look(other); err == nil {
				w.T.Fatal("the app does not fail")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			w.App.Expected = true
			w.Configure(func(c *provision.Configuration) {
				c.Policies[0].Policy.AppOff = provision.TimeFrames{DeleteAfter: provision.Within24h}
			})
			id := w.Directory.Hire(0)
			w.MustLook(id)
			w.Advance(2 * day)
			meanwhile(w)
			w.MustLook(id) // has the configuration from now
			saved := w.Business()
			w.Configure(func(c *provision.Configuration) {
				c.Revision++
				c.Scope.OrgUnits[0].On, c.ScopeSavedAt, c.Revisions.Scope = false, saved, c.Revision
			})
			w.Advance(50 * time.Millisecond)
			w.Directory.Change(id, func(u *provision.User) { u.Email = "renamed@" + reconciletest.Domain })
			if _, err := w.Look(id); err != nil {
				w.Advance(time.Second)
				w.Process().Reconciler.Forget()
				w.MustLook(id)
			}
			w.Queue.Until(w, day-time.Minute)
			if rec := w.Record(id); len(w.App.Of(id)) != 1 || len(rec.Conditions) != 1 {
				t.Errorf("within the day: %d accounts, conditions %+v", len(w.App.Of(id)), rec.Conditions)
			}
			w.Queue.Until(w, 2*time.Minute)
			if len(w.App.Of(id)) != 0 {
				t.Errorf("not deleted after a day: %+v", w.Record(id).Next)
			}
		})
	}
}
