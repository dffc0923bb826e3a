package sweep_test

import (
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR13HiddenGroup: a group within the configured one may not be read. Its
// members are let in all the same, nobody is taken to be out of it, by a sweep or
// by a look, and an administrator is told; once it can be read, who left leaves.
func TestR13HiddenGroup(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(4)
	w.Directory.Group("g", ids[0], ids[1])
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	done(t, w.Sweep())
	w.Directory.Hide("g", true)
	w.Directory.Group("g", ids[0], ids[2])
	w.Advance(2 * day)
	done(t, w.Sweep())
	w.MustLook(ids...)
	w.Queue.Until(w, time.Hour)
	if rec := w.Record(ids[1]); len(rec.Conditions) > 0 || len(w.App.Of(ids[1])) != 1 || !w.App.Of(ids[1])[0].Active {
		t.Errorf("who may be in the hidden group: %+v", rec)
	}
	if len(w.App.Of(ids[2])) != 1 || len(w.App.Of(ids[3])) != 0 {
		t.Errorf("the new member has %d accounts, nobody's member %d", len(w.App.Of(ids[2])), len(w.App.Of(ids[3])))
	}
	if faults := w.Configuration().Faults; len(faults) != 1 || !strings.Contains(faults[0].Why, "hidden@partner.example") || !strings.Contains(faults[0].Why, "g@example.com") {
		t.Errorf("faults %+v", faults)
	}
	w.Directory.Hide("g", false)
	done(t, w.Sweep())
	if w.App.Of(ids[1])[0].Active || len(w.Configuration().Faults) != 0 {
		t.Errorf("it can be read again: %+v, faults %+v", w.Record(ids[1]), w.Configuration().Faults)
	}
}
