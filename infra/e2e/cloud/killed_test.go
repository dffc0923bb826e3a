package cloud

import (
	"fmt"
	"time"
)

// powerCut ends all functions at once, and starts them when nobody waits for the
// dead any more. While time passes nothing is delivered: it would pass for those
// who are alive too, who would have stood still for so long.
func (w *world) powerCut() {
	w.t.Helper()
	w.queue.Hold()
	for _, p := range w.functions {
		p.kill()
	}
	until(w.t, "no delivery is under way", func() bool { return w.queue.Running() == 0 })
	w.advance(4 * time.Minute) // longer than a lease
	for _, p := range w.functions {
		p.start(w.t)
	}
	w.queue.Resume()
}

// killed: while many join and leave, the processes die again and again.
func (w *world) killed(t teller) {
	const leavers = 5 // more at once would be held for the administrator (R12)
	began := time.Now()
	ids := make([]string, 30)
	for i := range ids {
		ids[i] = w.hire(fmt.Sprintf("new%02d", i), "/")
		if target := []string{"reconcile", "directory-push", "reconcile", "sweep", "reconcile", "audit-event"}[i%6]; i%2 == 1 {
			if target == "sweep" {
				w.schedule("sweep")
			}
			w.functions[target].kill()
			w.functions[target].start(t)
		}
	}
	w.powerCut()
	w.idle()
	for _, id := range ids[:leavers] {
		w.dir("PATCH", "/users/"+id, object{"suspended": true})
	}
	w.powerCut()
	w.idle()
	w.schedule("renew-channels")
	w.sweep()
	w.settle()
	for i, id := range ids {
		want, suspended := "active", 0
		if i < leavers {
			want, suspended = "suspended", 1
		}
		if got := w.account(id); got != want {
			t.Errorf("%d is %s, not %s", i, got, want)
		}
		if n := w.events(id, "Create User By Auto Provisioning"); n != 1 {
			t.Errorf("%d: %d events of one create", i, n)
		}
		if n := w.events(id, "Suspend Auto Provisioned User"); n != suspended {
			t.Errorf("%d: %d events of a suspend, want %d", i, n, suspended)
		}
	}
	t.Logf("%d joined and %d left under fire, all right after %v", len(ids), leavers, time.Since(began).Round(time.Millisecond))
}
