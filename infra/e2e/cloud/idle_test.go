package cloud

import (
	"fmt"
	"time"
)

// soon is how far ahead a task is under way already: hints wait for others of
// their kind, those for sweeps for up to two seconds.
const soon = 3 * time.Second

// underWay says what is not done yet of what was begun, in the order in which one
// thing follows from another; empty when there is nothing.
func (w *world) underWay() string {
	if n := w.workspace.Sending(); n > 0 {
		return fmt.Sprintf("the directory sends %d messages", n)
	}
	if n := w.audit.waiting(); n > 0 {
		return fmt.Sprintf("%d messages of the audit log are with Pub/Sub", n)
	}
	if next := w.queue.Next(); w.queue.Running() > 0 || !next.IsZero() && next.Before(w.now().Add(soon)) {
		return "tasks wait:\n" + w.queue.Waiting()
	}
	return ""
}

// idle waits until nothing is under way.
func (w *world) idle() {
	w.t.Helper()
	until(w.t, "all is idle", func() bool { return w.underWay() == "" })
}

// pass lets time pass at once, when nothing is under way for which it would be
// as if it had stood still for so long.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.idle()
	w.advance(d)
}

// settle waits until nothing is under way, and lets the looks that are due some
// minutes after a hint come too.
func (w *world) settle() {
	w.t.Helper()
	w.pass(8 * time.Minute)
	w.idle()
}
