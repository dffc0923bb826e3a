package sweep_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR17ExternalID: an external id that was changed by hand is put right like
// any other attribute of ours, three times in seven days, and then listed.
func TestR17ExternalID(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Sweep()
	account := w.Record(id).Account.ID
	for i, by := range []string{"", "another-provisioner", ""} {
		w.Advance(time.Hour)
		w.App.Change(account, func(a *provision.Account) { a.ExternalID = by })
		done(t, w.Sweep())
		if len(w.App.Of(id)) != 1 {
			t.Fatalf("change %d, to %q, is not put right: %v", i+1, by, w.EventsOf(id))
		}
	}
	w.Advance(time.Hour)
	w.App.Change(account, func(a *provision.Account) { a.ExternalID = "again" })
	done(t, w.Sweep())
	list := w.Record(id).Attention
	if len(w.App.Of(id)) != 0 || len(list) != 1 || list[0].Kind != provision.AttentionDrift {
		t.Errorf("put right for the fourth time in a day, or not listed: %+v", list)
	}
}

// TestR17ExternalIDAfterCrash: an update that was lost on its way is not taken
// for done because every mapped attribute is as it should be.
func TestR17ExternalIDAfterCrash(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Sweep()
	w.Advance(time.Hour)
	w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { a.ExternalID = "" })
	w.Process().Inject(reconciletest.Fault{Name: "app update", Call: 1, How: reconciletest.CrashBefore})
	w.Sweep()
	if len(w.App.Of(id)) != 1 {
		t.Errorf("not put right after a crash: %v", w.EventsOf(id))
	}
}
