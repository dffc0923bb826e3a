package sqlitequeue_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/tasks"
)

// TestLimit: fewer and more deliveries at a time, from one moment to the next.
func TestLimit(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	release := make(chan struct{})
	e := serve(t, func(http.ResponseWriter, *http.Request) {
		n := open.Add(1)
		defer open.Add(-1)
		most.Store(max(most.Load(), n))
		<-release
	})
	p := launch(t, filepath.Join(t.TempDir(), "queue.db"), config(e.URL, clock.Business(clock.System)))
	defer p.end()
	limit := func(n int) {
		t.Helper()
		if err := p.queue.Limit(tasks.Reconcile, n); err != nil {
			t.Fatal(err)
		}
	}
	limit(2)
	for i := range 20 {
		enqueue(t, p, fmt.Sprint("task-", i))
	}
	until(t, "two deliveries", func() bool { return open.Load() == 2 })
	limit(6) // more than the endpoint's own
	until(t, "six deliveries", func() bool { return open.Load() == 6 })
	limit(1)
	for range 6 {
		release <- struct{}{} // those under way go on
	}
	until(t, "one delivery", func() bool { return open.Load() == 1 })
	most.Store(0)
	for range 13 {
		release <- struct{}{}
	}
	until(t, "the last delivery", func() bool { return len(e.delivered()) == 20 })
	if n := most.Load(); n > 1 {
		t.Errorf("%d deliveries at a time, want 1", n)
	}
	close(release)
	until(t, "an empty queue", func() bool { return pending(t, p) == 0 })
	for queue, n := range map[string]int{"nothing": 1, tasks.Reconcile: 0} {
		if err := p.queue.Limit(queue, n); !fault.Is(err, fault.Invalid) {
			t.Errorf("Limit(%q, %d) = %v, want fault.Invalid", queue, n, err)
		}
	}
}
