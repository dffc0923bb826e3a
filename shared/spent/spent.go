// Package spent owns how long one piece of work took, and on what it waited.
//
// It promises that whoever waits need not know whether anybody counts: without
// a Watch it costs nothing. Waits on one thing that overlap count each. It
// decides nothing, and keeps nothing beyond the piece of work.
package spent

import (
	"context"
	"sync"
	"time"
)

// On is what was waited on.
type On int

// The waits that are told apart. Limiter is the spacing of calls, ours and by
// what a service asked for; Directory and App are calls under way.
const (
	Queue On = iota
	Limiter
	Directory
	App
	kinds
)

var names = [kinds]string{"queue", "limiter", "directory", "app"}

type key struct{}

// Time is what one piece of work has spent so far. It is safe for concurrent use.
type Time struct {
	begun time.Time

	mu sync.Mutex
	on [kinds]time.Duration
}

// Watch counts the waits under the context that it returns.
func Watch(ctx context.Context) (context.Context, *Time) {
	t := &Time{begun: time.Now()}
	return context.WithValue(ctx, key{}, t), t
}

// Wait begins a wait; what it returns ends it.
func Wait(ctx context.Context, on On) (end func()) {
	t, ok := ctx.Value(key{}).(*Time)
	if !ok {
		return func() {}
	}
	begun := time.Now()
	return func() { t.Add(on, time.Since(begun)) }
}

// Add counts a wait that is over.
func (t *Time) Add(on On, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on[on] += max(d, 0)
}

// Attrs are the time since Watch as took, and each wait that there was by its
// name, as key and value in turn for a line of a log; none without a Watch. The
// wait in the queue is not part of took.
func Attrs(ctx context.Context) []any {
	t, ok := ctx.Value(key{}).(*Time)
	if !ok {
		return nil
	}
	attrs := []any{"took", time.Since(t.begun).Round(time.Microsecond)}
	t.mu.Lock()
	defer t.mu.Unlock()
	for on, d := range t.on {
		if d > 0 {
			attrs = append(attrs, names[on], d.Round(time.Microsecond))
		}
	}
	return attrs
}
