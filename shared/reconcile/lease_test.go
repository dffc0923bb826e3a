package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestTwoWorkers lets a second process look at the same person during each call
// of the first one.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sc := s.scene(t)
			for i, name := range sc.calls() {
				what := fmt.Sprintf("another look during call %d, %s", i+1, name)
				id := sc.begin()
				second, first := sc.w.Start(), sc.w.Start()
				first.Meet(i+1, func() {
					if _, err := second.Reconciler.Look(context.Background(), reconcile.Request{UserID: id}); err != nil && !fault.Is(err, fault.Unready) {
						t.Errorf("%s: %v", what, err)
					}
				})
				again(t, what, sc.w, id)
				sc.check(t, what)
			}
		})
	}
}

// TestEditsSettle edits the configuration during each call: once no intent of
// an earlier revision is open, nothing decided under it may still begin.
func TestEditsSettle(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sc := s.scene(t)
			w := sc.w
			sealed := 0
			for i, name := range sc.calls() {
				what := fmt.Sprintf("turned off during call %d, %s", i+1, name)
				id := sc.begin()
				var revision int64
				w.Process().Meet(i+1, func() {
					w.Configure(func(c *provision.Configuration) {
						c.On, c.Revision = false, c.Revision+1
						revision = c.Revision
					})
					if w.App.Sealed = w.OpenIntents(revision) == 0; w.App.Sealed {
						sealed++
					}
				})
				if _, err := w.Look(id); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if w.OpenIntents(revision) != 0 {
					t.Errorf("%s: an intent stays open", what)
				}
				w.App.Sealed = false
				w.Configure(func(c *provision.Configuration) { c.On, c.Revision = true, c.Revision+1 })
				again(t, what+", and on again", w, id)
				sc.check(t, what+", and on again")
			}
			if sealed == 0 {
				t.Error("no edit settled at once")
			}
		})
	}
}

// TestLateWorker is a worker that slept for so long after it took the lease
// that its operation might outlast it.
func TestLateWorker(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	p := w.Start()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("state configuration", 2, func() { w.Advance(2 * time.Minute) })
	p.MeetNamed("app create", 1, func() {
		if lease := w.Record(id).Lease; lease == nil || lease.Until.Sub(w.Real()) < 2*time.Minute {
			t.Errorf("the operation begins with a lease %v at %v", lease, w.Real())
		}
	})
	w.MustLook(id)
	if got := w.App.Of(id); len(got) != 1 {
		t.Errorf("accounts: %v", got)
	}
}

// TestEarlyTask: a task that comes a little early does not take the deadline with it.
func TestEarlyTask(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.Advance(time.Second)
	w.MustLook(id)
	due := w.Record(id).Next.At
	w.Advance(due.Sub(w.Business()) - 50*time.Millisecond)
	w.Queue.Drop() // the one for the deadline is delivered now
	w.MustLook(id)
	w.Queue.Until(w, time.Minute)
	if w.App.Of(id)[0].Active {
		t.Error("the deadline passed and nobody looked")
	}
}

// TestEarlyTasks: nor do two tasks, each early by the clock of the process that it comes to.
func TestEarlyTasks(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.Advance(time.Second)
	w.MustLook(id)
	due := w.Record(id).Next.At
	w.Advance(due.Sub(w.Business()) - 4*time.Second)
	for _, wakeAt := range []time.Time{due, due.Add(4 * time.Second)} { // the queue's time; ours stands still
		w.Queue.Drop()
		if _, err := w.Process().Reconciler.Look(t.Context(), reconcile.Request{UserID: id, WakeAt: wakeAt}); err != nil {
			t.Fatal(err)
		}
		waiting := w.Queue.Waiting()
		if len(waiting) != 1 || !waiting[0].At.Equal(wakeAt.Add(4*time.Second)) {
			t.Errorf("after the task for %v: %+v", wakeAt, waiting)
		}
	}
}
