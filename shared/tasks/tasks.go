// Package tasks owns the port to the queue of delayed work.
//
// It promises at-least-once delivery, not before the task's time, of each
// enqueued task to an HTTP endpoint; the order is not kept. A task carries no
// authority: it only says "look at this user again". It never decides what a
// task means.
package tasks

import (
	"context"
	"time"
)

// Queues. Each has its own rate and concurrency, set where the adapter is built.
const (
	// Reconcile delivers to POST /reconcile.
	Reconcile = "reconcile"
	// Sweep delivers to POST /sweep, one at a time.
	Sweep = "sweep"
)

// Task is one piece of delayed work.
type Task struct {
	// Queue is Reconcile or Sweep.
	Queue string
	// Name makes the task unique for as long as it lives and up to a day after:
	// [A-Za-z0-9_-]{1,500}. Enqueueing a used name does nothing.
	Name string
	// Body is the JSON that is delivered.
	Body []byte
	// At is the earliest delivery, in business time; zero for at once.
	At time.Time
}

// Queue enqueues work.
type Queue interface {
	// Enqueue stores tasks durably before it returns. A task whose name is in
	// use, or was lately, is left out without an error. It is not atomic: on an
	// error some may have been stored, and the caller enqueues all of them again.
	Enqueue(ctx context.Context, tasks ...Task) error
}
