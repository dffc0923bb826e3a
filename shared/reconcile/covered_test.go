package reconcile_test

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestCovered: a look whose cause a later look has dealt with reads nothing, and
// no other is left out.
func TestCovered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		// settle is what happens after the change, and before the look that it caused.
		settle func(w *reconciletest.World, id string)
		reads  int // of the look that the change caused
		title  string
	}{
		{"nobody looked since", func(*reconciletest.World, string) {}, 1, "boss"},
		{"somebody looked since", func(w *reconciletest.World, id string) { w.Advance(time.Second); w.MustLook(id) }, 0, "boss"},
		{"somebody looked at the same moment, by another clock", func(w *reconciletest.World, id string) {
			w.Advance(999 * time.Millisecond)
			w.MustLook(id)
		}, 1, "boss"},
		{"the look since came to nothing", func(w *reconciletest.World, id string) {
			w.Advance(time.Minute)
			w.App.Meet = func(name, _ string) error {
				if name == "update" {
					return fault.New(fault.Throttled, "app: update", "too often")
				}
				return nil
			}
			if _, err := w.Look(id); err == nil {
				w.T.Error("the look did not fail")
			}
			w.App.Meet = nil
			w.Advance(time.Minute)
		}, 1, "boss"},
		{"somebody looked since, and then came another change", func(w *reconciletest.World, id string) {
			w.Advance(time.Minute)
			w.MustLook(id)
			w.Directory.Title(id, "chief")
			w.Advance(time.Hour)
		}, 0, "boss"}, // the new title has a hint of its own
		{"what a sweep listed", func(w *reconciletest.World, id string) {
			w.Advance(time.Minute)
			if sw := w.Sweep(); sw.State != provision.SweepDone {
				w.T.Errorf("the sweep is %s", sw.State)
			}
		}, 1, "boss"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			id := w.Directory.Hire(0)
			w.MustLook(id)
			w.Advance(time.Hour)
			w.Directory.Title(id, "boss")
			covered := w.Business()
			test.settle(w, id)
			reads := w.Directory.Count("user")
			if _, err := w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: id, Covered: covered}); err != nil {
				t.Fatal(err)
			}
			if got := w.Directory.Count("user") - reads; got != test.reads {
				t.Errorf("%d readings, want %d", got, test.reads)
			}
			if got := w.App.Of(id)[0].Attributes["title"]; got != test.title {
				t.Errorf("the title is %v, want %s", got, test.title)
			}
		})
	}
}
