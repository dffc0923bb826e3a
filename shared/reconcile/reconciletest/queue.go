package reconciletest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

// Queue is a queue in memory, which delivers only when told.
type Queue struct {
	mu    sync.Mutex
	used  map[string]bool
	tasks []waiting
	// LoseLooks loses every look that is enqueued.
	LoseLooks bool
}

// waiting is a task that has not been done yet.
type waiting struct {
	tasks.Task
	notBefore time.Time // real time
}

func newQueue() *Queue { return &Queue{used: map[string]bool{}} }

// Waiting are the tasks that wait, in the order in which they came.
func (q *Queue) Waiting() (list []tasks.Task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tasks {
		list = append(list, t.Task)
	}
	return list
}

// Drop loses every task that waits.
func (q *Queue) Drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = nil
}

func (q *Queue) enqueue(list []tasks.Task) error {
	for _, t := range list {
		if err := t.Validate(); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range list {
		if !q.used[t.Name] {
			q.used[t.Name] = true
			if !q.LoseLooks || t.Queue == tasks.Sweep {
				q.tasks = append(q.tasks, waiting{Task: t})
			}
		}
	}
	return nil
}

// take takes one task that is due, of one of the queues.
func (q *Queue) take(w *World, queues ...string) (waiting, bool) {
	business, real := w.Business(), w.Real()
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, t := range q.tasks {
		if slices.Contains(queues, t.Queue) && !t.At.After(business) && !t.notBefore.After(real) {
			q.tasks = slices.Delete(q.tasks, i, i+1)
			return t, true
		}
	}
	return waiting{}, false
}

func (q *Queue) giveBack(t waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, t)
}

// deliver makes one delivery; what fails comes again.
func (q *Queue) deliver(ctx context.Context, w *World, p *Process, t waiting) {
	var err error
	if t.Queue == tasks.Sweep {
		var body sweep.Task
		if err = json.Unmarshal(t.Body, &body); err == nil && body.PreviewID != "" {
			err = p.Sweeper.Preview(ctx, body.PreviewID)
		} else if err == nil {
			err = p.Sweeper.Run(ctx, body.SweepID)
		}
	} else {
		var req reconcile.Request
		if err = json.Unmarshal(t.Body, &req); err == nil {
			_, err = p.Reconciler.Look(ctx, req)
		}
	}
	if err != nil {
		t.notBefore = w.Real().Add(max(fault.RetryAfter(err), time.Second))
		q.giveBack(t)
	}
}

// maxDeliveries bounds what a test delivers at once.
const maxDeliveries = 5_000

// deliverLooks delivers the looks that are due, until none is.
func (q *Queue) deliverLooks(ctx context.Context, w *World, p *Process) {
	for range maxDeliveries {
		t, ok := q.take(w, tasks.Reconcile, tasks.Bulk)
		if !ok || p.Dead() {
			if ok {
				q.giveBack(t)
			}
			return
		}
		q.deliver(ctx, w, p, t)
	}
	w.T.Errorf("%d looks at once, and more to come", maxDeliveries)
}

// DeliverAll delivers whatever is due until nothing is, and lets those that
// failed come again for a while. A process that died is started anew.
func (q *Queue) DeliverAll(w *World) {
	w.T.Helper()
	for range maxDeliveries {
		p := w.Process()
		if p.Dead() {
			p = w.Restart()
		}
		t, ok := q.take(w, tasks.Reconcile, tasks.Bulk, tasks.Sweep)
		if ok {
			q.deliver(context.Background(), w, p, t)
			continue
		}
		if !q.retries(w) {
			return
		}
		w.Advance(time.Second)
	}
	w.T.Errorf("%d deliveries, and more to come", maxDeliveries)
}

// For delivers what is due for so long, also what never succeeds.
func (q *Queue) For(w *World, d time.Duration) {
	for end := w.Real().Add(d); w.Real().Before(end); w.Advance(100 * time.Millisecond) {
		q.deliverLooks(context.Background(), w, w.Process())
	}
}

// retries reports whether something that is due waits for its next try.
func (q *Queue) retries(w *World) bool {
	business := w.Business()
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.tasks, func(t waiting) bool { return !t.notBefore.IsZero() && !t.At.After(business) })
}

// Until delivers what is due until a time from now on, moving the clocks from task to task.
func (q *Queue) Until(w *World, d time.Duration) {
	w.T.Helper()
	end := w.Business().Add(d)
	for range maxDeliveries {
		q.DeliverAll(w)
		next := end
		for _, t := range q.Waiting() {
			if t.At.Before(next) {
				next = t.At
			}
		}
		now := w.Business()
		if !next.Before(end) {
			w.Advance(max(end.Sub(now), 0))
			q.DeliverAll(w)
			return
		}
		w.Advance(max(next.Sub(now), time.Millisecond))
	}
	w.T.Error("the queue never empties")
}

// enqueuer is the port tasks.Queue of one process.
type enqueuer struct {
	q *Queue
	p *Process
}

func (e *enqueuer) Enqueue(_ context.Context, list ...tasks.Task) error {
	return run(e.p, "queue enqueue", func() error { return e.q.enqueue(list) })
}
