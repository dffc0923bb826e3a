package sweep_test

import (
	"testing"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR13OtherCustomerAfterCrash: the listing was another customer's, which only
// the ids of the people in it tell, and the process crashes after it. Whoever
// goes on with the sweep takes nobody to be missing either.
func TestR13OtherCustomerAfterCrash(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.App.Expected = true
	w.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.Deleted = provision.TimeFrames{DeleteAfter: provision.Within24h}
	})
	ids := w.Directory.HireMany(3)
	w.MustLook(ids...)
	w.Directory.Swap()
	w.Directory.Move(reconciletest.Domain)
	for range 3 {
		w.Advance(day)
		w.Process().Inject(reconciletest.Fault{Call: 2, Name: "state rows", How: reconciletest.CrashBefore})
		done(t, w.Sweep())
		if faults := w.Configuration().Faults; len(faults) != 1 {
			t.Errorf("faults %+v", faults)
		}
	}
	for _, id := range ids {
		if rec := w.Record(id); len(w.App.Of(id)) != 1 || len(rec.Conditions) > 0 || rec.MissingSweep != "" {
			t.Errorf("%s: %d accounts, conditions %+v, missing since %q", id, len(w.App.Of(id)), rec.Conditions, rec.MissingSweep)
		}
	}
}

// TestR13PreviewOfOtherCustomer: a preview shows no removal on the word of
// another customer's directory either.
func TestR13PreviewOfOtherCustomer(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(3)
	w.MustLook(ids...)
	w.Directory.Change(ids[0], func(u *provision.User) { u.CustomerID, u.Lifecycle = "C2", provision.Suspended })
	w.Directory.Change(ids[1], func(u *provision.User) { u.CustomerID = "C2" })
	w.Directory.Delete(ids[1], w.Business(), true)
	w.Directory.Delete(ids[2], w.Business(), true)
	preview := previewed(t, w, w.Configuration())
	rows, _, err := w.Store.PreviewRows(t.Context(), preview.ID, provision.PreviewOperations, "", 10)
	if err != nil || len(rows) != 1 || rows[0].UserID != ids[2] {
		t.Errorf("it shows %+v, %v; want the company's own deleted person alone", rows, err)
	}
}

// TestR8OtherCustomer: a sweep through another customer's directory is not the
// one that comes before everything after a turn-on.
func TestR8OtherCustomer(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Advance(day)
	w.Configure(func(c *provision.Configuration) {
		c.TurnedOnAt = w.Business()
		c.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.Directory.Swap()
	done(t, w.Sweep())
	w.Directory.Swap()
	w.Directory.Suspend(id, w.Business())
	w.Advance(day)
	w.MustLook(id)
	if !w.App.Of(id)[0].Active {
		t.Error("access was taken away before the company's directory was swept")
	}
	done(t, w.Sweep())
	if w.App.Of(id)[0].Active {
		t.Error("not suspended after the first sweep")
	}
}
