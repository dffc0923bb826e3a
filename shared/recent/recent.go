// Package recent owns one reading of something outside for all who need it at
// about the same time.
//
// It promises that nobody is given what a reading said that began before the
// time they name, and that readings of one thing follow each other, never
// beside each other. It never keeps an error: each who waited for the reading
// gets it, and the next one reads again.
package recent

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/autoprovision/shared/clock"
)

// Reading is what is read, and what the last reading said. It is safe for
// concurrent use, and so must be what it says.
type Reading[T any] struct {
	now    clock.Real
	read   func(context.Context) (T, error)
	flight singleflight.Group

	mu    sync.Mutex
	begun int
	last  one[T]
}

// one is one reading: what it said, when it began, and its number, from 1.
type one[T any] struct {
	said  T
	began time.Time
	n     int
}

// New returns a reading that was not read yet.
func New[T any](now clock.Real, read func(context.Context) (T, error)) *Reading[T] {
	return &Reading[T]{now: now, read: read}
}

// Since is what a reading says that began at since, which must not be in the future, or later.
func (r *Reading[T]) Since(ctx context.Context, since time.Time) (T, error) {
	return r.get(ctx, func(o one[T]) bool { return !o.began.Before(since) })
}

// Begun is how many readings have begun so far.
func (r *Reading[T]) Begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// After is what a reading says that began after the first n had, whatever the time.
func (r *Reading[T]) After(ctx context.Context, n int) (T, error) {
	return r.get(ctx, func(o one[T]) bool { return o.n > n })
}

func (r *Reading[T]) get(ctx context.Context, will func(one[T]) bool) (T, error) {
	r.mu.Lock()
	got := r.last
	r.mu.Unlock()
	for got.n == 0 || !will(got) {
		v, err, _ := r.flight.Do("", func() (any, error) {
			return r.begin(context.WithoutCancel(ctx)) // for everybody who waits, not for the first alone
		})
		if err != nil {
			var none T
			return none, err
		}
		got = v.(one[T]) // which may have been under way for too long when it was asked for
	}
	return got.said, nil
}

func (r *Reading[T]) begin(ctx context.Context) (one[T], error) {
	r.mu.Lock()
	r.begun++
	got := one[T]{began: r.now(), n: r.begun}
	r.mu.Unlock()
	said, err := r.read(ctx)
	if err != nil {
		return got, err
	}
	got.said = said
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = got
	return got, nil
}
