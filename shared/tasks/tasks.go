// Package tasks owns the port to the queue of delayed work.
//
// It promises at-least-once delivery, not before the task's time, of each
// enqueued task to an HTTP endpoint; the order is not kept. Only a task for
// later than a queue can hold one, which is four weeks in the cloud, may come
// early, and whoever then enqueues it again gets it at its time. A task carries
// no authority: it only says "look at this user again". It never decides what a
// task means.
package tasks

import (
	"context"
	"time"

	"example.com/autoprovision/shared/fault"
)

// Limits of a task, which are those of Cloud Tasks as documented for its client.
const (
	// MaxBody is the most bytes of a body.
	MaxBody = 100 << 10
	// MaxName is the most characters of a name.
	MaxName = 500
)

// Queues. Each has its own rate and concurrency, set where the adapter is built.
const (
	// Reconcile delivers to POST /reconcile what should happen at once.
	Reconcile = "reconcile"
	// Bulk delivers to POST /reconcile too: what a sweep asks for, in a queue of
	// its own, so that nobody who leaves waits behind a first sync.
	Bulk = "bulk"
	// Sweep delivers to POST /sweep, one at a time.
	Sweep = "sweep"
)

// Task is one piece of delayed work.
type Task struct {
	// Queue is Reconcile, Bulk or Sweep.
	Queue string
	// Name makes the task unique for as long as it lives and up to a day after:
	// [A-Za-z0-9_-]{1,500}. Enqueueing a used name does nothing.
	Name string
	// Body is the JSON that is delivered.
	Body []byte
	// At is the earliest delivery, in business time; zero for at once.
	At time.Time
}

// Validate returns fault.Invalid for a task that no queue takes.
func (t Task) Validate() error {
	const op = "tasks: enqueue"
	if t.Name == "" || len(t.Name) > MaxName {
		return fault.New(fault.Invalid, op, "a task's name has 1 to %d characters", MaxName)
	}
	for _, c := range []byte(t.Name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return fault.New(fault.Invalid, op, "a task's name has letters, digits, _ and - only")
		}
	}
	if len(t.Body) > MaxBody {
		return fault.New(fault.Invalid, op, "a task's body has at most %d bytes", MaxBody)
	}
	return nil
}

// Queue enqueues work.
type Queue interface {
	// Enqueue stores tasks durably before it returns. A task whose name is in
	// use, or was lately, is left out without an error. It is not atomic: on an
	// error some may have been stored, and the caller enqueues all of them again.
	// It stores none when one is not valid or of an unknown queue (fault.Invalid).
	Enqueue(ctx context.Context, tasks ...Task) error
}
