package endpoint

import (
	"errors"
	"net/http"
	"sync"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/reconcile"
)

const (
	// giveUpAfter is how often a look fails by itself before it becomes an event
	// and waits for the next sweep.
	giveUpAfter = 12
	// mostFailing bounds how many looks are counted at a time.
	mostFailing = 10_000
)

// failures counts how often each task failed by itself. The queue's own count
// will not do: it also has what a paused app kept from being tried, and what
// found no instance. This one lives as long as the process, to which nearly all
// tries of one task come; after its end a look is given up later.
type failures struct {
	mu     sync.Mutex
	byTask map[string]int
}

// count counts one more failure of the request's task, and reports whether it is
// time to give up.
func (f *failures) count(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byTask == nil || len(f.byTask) >= mostFailing {
		f.byTask = map[string]int{}
	}
	task := r.Header.Get("X-Cloudtasks-Taskname")
	f.byTask[task]++
	return f.byTask[task] >= giveUpAfter
}

// forget is for a task that does not come again.
func (f *failures) forget(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byTask, r.Header.Get("X-Cloudtasks-Taskname"))
}

// own reports whether a look failed by itself: a paused app, another worker's
// lease, a quota that is used up and a request that was cut off are no try of the
// user's, and end by themselves.
func own(r *http.Request, err error) bool {
	return !errors.Is(err, reconcile.ErrPaused) && !fault.Is(err, fault.Unready, fault.Throttled) && r.Context().Err() == nil
}
