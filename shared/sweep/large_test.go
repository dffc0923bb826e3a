package sweep_test

import (
	"strings"
	"testing"

	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/tasks"
)

// TestLargeProfile: somebody's profile is larger than a task may be. The look at
// them reads it by id; nobody else waits for that, and no sweep fails.
func TestLargeProfile(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(10)
	large := strings.Repeat("x", tasks.MaxBody)
	w.Directory.Title(ids[4], large)
	done(t, w.Sweep())
	if n := len(w.App.All()); n != 10 || w.App.Of(ids[4])[0].Attributes["title"] != large {
		t.Fatalf("%d accounts after the first sync", n)
	}
	w.Directory.Title(ids[4], large+"!")
	w.Directory.Suspend(ids[5], w.Business())
	w.Advance(day)
	done(t, w.Sweep())
	if w.App.Of(ids[4])[0].Attributes["title"] != large+"!" || len(w.Record(ids[5]).Conditions) != 1 {
		t.Errorf("the second sweep: conditions %+v", w.Record(ids[5]).Conditions)
	}
}
