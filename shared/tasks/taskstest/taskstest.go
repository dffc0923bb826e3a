// Package taskstest owns the conformance suite of the task queue port.
//
// It promises that an adapter which passes keeps the port's contract and sends
// what Google Cloud Tasks sends, as far as an HTTP endpoint can see. It never
// asks how an adapter stores or dispatches; what an adapter cannot do, its
// harness says.
package taskstest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/tasks"
)

// Harness is one queue, delivering, for one test.
type Harness struct {
	Queue tasks.Queue
	// Name is the queue that delivers to the endpoint.
	Name string
	// Concurrency is the most deliveries at a time.
	Concurrency int
	// Now is the queue's business time.
	Now func() time.Time
	// Advance sets business time forward; nil when it is the real time, and the
	// suite then waits.
	Advance func(time.Duration)
	// Restart ends the delivering process without a goodbye and starts another
	// on the same storage; nil when the queue outlives any process of ours.
	Restart func() tasks.Queue
	// Authorization is the header of every delivery; empty when it is a signed
	// token that the adapter's own tests check.
	Authorization string
}

// Start starts a queue, empty, that delivers to endpoint, and stops it when the test ends.
type Start func(t *testing.T, endpoint string) Harness

// Delivery is what the endpoint saw of one delivery.
type Delivery struct {
	Method, Path string
	Header       http.Header
	Body         string
	// At is business time, Real the machine's, when it came.
	At, Real time.Time
}

// answer says how the endpoint answers the nth delivery (from 1) of a task.
type answer func(w http.ResponseWriter, r *http.Request, n int)

func ok(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNoContent) }

// fixture is a harness with its endpoint.
type fixture struct {
	Harness
	t      *testing.T
	mu     sync.Mutex
	now    func() time.Time
	byName map[string][]Delivery
	// open is how many deliveries have not been answered yet.
	open int
}

// begin starts an endpoint that answers so, and a queue that delivers to it.
func begin(t *testing.T, start Start, respond answer) *fixture {
	t.Helper()
	f := &fixture{t: t, byName: map[string][]Delivery{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed
		}
		name := r.Header.Get("X-CloudTasks-TaskName")
		f.mu.Lock()
		d := Delivery{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: string(body), At: f.now(), Real: time.Now()}
		f.byName[name] = append(f.byName[name], d)
		n := len(f.byName[name])
		f.open++
		f.mu.Unlock()
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.open--
		}()
		respond(w, r, n)
	}))
	t.Cleanup(server.Close)
	f.mu.Lock() // a queue that finds tasks at once waits for now
	defer f.mu.Unlock()
	f.Harness = start(t, server.URL+"/deliver")
	f.now = f.Harness.Now
	return f
}

// enqueue stores tasks of the harness's queue.
func (f *fixture) enqueue(list ...tasks.Task) {
	f.t.Helper()
	for i := range list {
		list[i].Queue = f.Name
	}
	if err := f.Queue.Enqueue(context.Background(), list...); err != nil {
		f.t.Fatalf("Enqueue: %v", err)
	}
}

func (f *fixture) deliveries(name string) []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Delivery(nil), f.byName[name]...)
}

// answered reports whether every delivery so far has been answered.
func (f *fixture) answered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open == 0
}

// await returns the deliveries of a task once there are n.
func (f *fixture) await(name string, n int) []Delivery {
	f.t.Helper()
	f.until("deliveries of "+name, func() bool { return len(f.deliveries(name)) >= n })
	return f.deliveries(name)
}

// settle waits until a task enqueued now is delivered, so that one which was
// wrongly due before has had its chance.
func (f *fixture) settle(marker string) {
	f.t.Helper()
	f.enqueue(tasks.Task{Name: marker, Body: []byte(`{}`)})
	f.await(marker, 1)
}

// until waits for a condition.
func (f *fixture) until(what string, condition func() bool) {
	f.t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			f.t.Fatalf("no %s within 20 s", what)
		}
	}
}

// later is a business time that has not come: far off where the suite can set
// the clock, else near enough to wait for.
func (f *fixture) later() time.Time {
	if f.Advance == nil {
		return f.Now().Add(2 * time.Second)
	}
	return f.Now().Add(20 * 24 * time.Hour)
}

// reach lets business time come to t.
func (f *fixture) reach(t time.Time) {
	f.t.Helper()
	if f.Advance != nil {
		f.Advance(t.Sub(f.Now()))
		return
	}
	f.until("business time "+t.String(), func() bool { return !f.Now().Before(t) })
}
