package reconcile_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR13OtherCustomer: a directory that answers for another customer takes
// nothing away, whatever it says of a person and whichever way it does: not by
// what it says now, and not by confirming what was recorded before. By the time
// that it answers for the company again, nothing has happened.
func TestR13OtherCustomer(t *testing.T) {
	t.Parallel()
	change := func(edit func(*provision.User)) func(*reconciletest.World, string) {
		return func(w *reconciletest.World, id string) { w.Directory.Change(id, edit) }
	}
	for name, test := range map[string]struct {
		// before happens in the company's own directory, and is looked at.
		before func(*reconciletest.World, string)
		// swap is true when the other customer's directory does not know the person.
		swap bool
		// unlisted is true when nobody in the listing is the other customer's.
		unlisted bool
		// foreign is what the other customer's directory says of the person; nil for nothing.
		foreign func(*reconciletest.World, string)
	}{
		"does not have them": {swap: true},
		"lists them as deleted": {unlisted: true, foreign: func(w *reconciletest.World, id string) {
			w.Directory.Change(id, func(u *provision.User) { u.CustomerID = "C2" })
			w.Directory.Delete(id, w.Business(), true)
		}},
		"lists them as deleted, under its own domain": {foreign: func(w *reconciletest.World, id string) {
			w.Directory.Change(id, func(u *provision.User) { u.CustomerID = "" })
			w.Directory.Delete(id, w.Business(), true)
			w.Directory.Move("other.example")
		}},
		"has them suspended": {foreign: change(func(u *provision.User) { u.CustomerID, u.Lifecycle = "C2", provision.Suspended })},
		"has them suspended, and names no customer": {foreign: func(w *reconciletest.World, id string) {
			w.Directory.Change(id, func(u *provision.User) { u.CustomerID, u.Lifecycle = "", provision.Suspended })
			w.Directory.Move("other.example")
		}},
		"has them archived":                   {foreign: change(func(u *provision.User) { u.CustomerID, u.Lifecycle = "C2", provision.Archived })},
		"has them in an org unit that is off": {foreign: change(func(u *provision.User) { u.CustomerID, u.OrgUnitPath = "C2", "/Off" })},
		"has them with a deletion mark":       {foreign: change(func(u *provision.User) { u.CustomerID, u.Lifecycle = "C2", provision.Deleted })},
		"a suspension recorded before": {swap: true, before: func(w *reconciletest.World, id string) {
			w.Directory.Suspend(id, w.Business())
		}},
		"an org unit turned off before": {swap: true, before: change(func(u *provision.User) { u.OrgUnitPath = "/Off" })},
		"a deletion recorded before, of somebody who was restored": {swap: true, before: func(w *reconciletest.World, id string) {
			w.Directory.Delete(id, w.Business(), true)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			w.App.Expected = true
			w.Configure(func(c *provision.Configuration) {
				frames := provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "2d"}
				c.Policies[0].Policy = provision.Deprovisioning{AppOff: frames, Suspended: frames, Deleted: frames, Archived: &frames}
			})
			ids := w.Directory.HireMany(3)
			w.MustLook(ids...)
			w.Advance(time.Minute)
			if test.before != nil {
				test.before(w, ids[0])
				w.MustLook(ids[0])
			}
			conditions := len(w.Record(ids[0]).Conditions)
			w.App.Forget()
			if test.swap {
				w.Directory.Swap()
			}
			if test.foreign != nil {
				test.foreign(w, ids[0])
			}
			w.Advance(2 * time.Minute)
			for range 4 {
				w.MustLook(ids[0])
				w.Sweep()
				w.Queue.Until(w, day)
			}
			rec := w.Record(ids[0])
			if len(w.App.Writes()) > 0 || len(rec.Conditions) != conditions || rec.MissingSweep != "" {
				t.Errorf("writes %v, conditions %+v, missing since %q", w.App.Writes(), rec.Conditions, rec.MissingSweep)
			}
			if faults := w.Configuration().Faults; (len(faults) == 0) != test.unlisted {
				t.Errorf("faults shown to the administrator: %+v", faults)
			}
		})
	}
}
