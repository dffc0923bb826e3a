// Package throttle owns how fast this process calls one service: a rate that
// falls when the service says that it is called too often, and rises again,
// slowly, for as long as it does not.
//
// It promises that all callers who share a Limiter keep one rate together, that
// the rate never passes the one that was set, that it never falls to a stop,
// and that nobody calls before the time that the service asked for. It knows no
// service, sends nothing itself and never decides whether a call is worth it.
//
// The rate rises by a fixed step and falls by a fixed share, as TCP's does
// (RFC 5681 section 3.1), so that processes which share a quota, and know
// nothing of each other, come to share it evenly.
package throttle

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/fault"
)

const (
	// kept is the share of the rate that a refusal leaves (RFC 9438 section 4.6).
	kept = 0.7
	// onceIn is the time in which refusals count as one: they answer calls that
	// were on their way together.
	onceIn = time.Second
	// recovery is how long the rate takes to rise from nothing to where it was refused.
	recovery = 30 * time.Second
	// slowest is the rate below which no refusal brings it, in calls a second.
	slowest rate.Limit = 0.5
	// longest is how long a caller without a deadline waits because the service asked for it.
	longest = time.Minute
)

// Limiter spaces the calls on one service. It is safe for concurrent use.
type Limiter struct {
	least, most rate.Limit
	rate        *rate.Limiter
	turn        chan struct{} // holds a value while somebody waits who let others ahead

	mu sync.Mutex
	// refused is the rate at the last refusal, and refusedAt its time; zero before the first.
	refused   rate.Limit
	refusedAt time.Time
	raisedAt  time.Time // when the rate was last brought up to date
	until     time.Time // nobody calls before this
	seen      window
}

// New returns a limiter for most calls a second, rate.Inf for any number, and
// up to burst of them at once, which counts only for a rate that is not Inf.
func New(most rate.Limit, burst int) *Limiter {
	return &Limiter{least: min(slowest, most), most: most, rate: rate.NewLimiter(most, max(1, burst)), turn: make(chan struct{}, 1)}
}

// Wait returns nil when it is time for a call. Errors: fault.Unavailable when
// the context was cancelled, fault.Throttled, with RetryAfter if the service said when,
// when the time for a call does not come before the context's deadline, or the
// service asked for more than a minute.
func (l *Limiter) Wait(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
		return l.Ahead(ctx)
	case <-ctx.Done():
		return ended(ctx)
	}
}

// Ahead is Wait for a call that stands for many, such as a page of a listing. It
// waits behind others of its kind, and behind one call of Wait at most: where
// many wait, one after the other would otherwise come last each time.
func (l *Limiter) Ahead(ctx context.Context) error {
	for {
		pause, now := l.prepare()
		if deadline, ok := ctx.Deadline(); pause > longest || ok && pause > 0 && now.Add(pause).After(deadline) {
			return &fault.Error{Kind: fault.Throttled, Op: op, RetryAfter: pause, Detail: "the service asked to be left alone for longer"}
		}
		if !sleep(ctx, pause) {
			return ended(ctx)
		}
		switch err := l.rate.Wait(ctx); {
		case err != nil && ctx.Err() == nil:
			return fault.New(fault.Throttled, op, noRoom)
		case err != nil:
			return ended(ctx)
		case l.leaves():
			return nil
		}
	}
}

const (
	op     = "throttle: wait"
	noRoom = "the rate leaves no room in time"
)

// ended is the error of a caller whose context ended while it waited.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Throttled, op, noRoom)
	}
	return fault.Wrap(fault.Unavailable, op, ctx.Err())
}

// Refused says that the service answered a call with "too often", and how long
// it asked to be left alone; 0 when it did not say.
func (l *Limiter) Refused(retryAfter time.Duration) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	present := l.raise(now)
	if until := now.Add(retryAfter); until.After(l.until) {
		l.until = until
	}
	if !l.refusedAt.IsZero() && now.Sub(l.refusedAt) < onceIn {
		return
	}
	if present == rate.Inf {
		present = l.seen.rate()
	}
	l.refused, l.refusedAt = present, now
	l.rate.SetLimitAt(now, max(present*kept, l.least))
}

// Rate is the present rate in calls a second; rate.Inf for any number.
func (l *Limiter) Rate() rate.Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.raise(time.Now())
}

// prepare brings the rate up to date, and returns for how long nobody may call.
func (l *Limiter) prepare() (pause time.Duration, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = time.Now()
	l.raise(now)
	return max(l.until.Sub(now), 0), now
}

// leaves counts a call, unless the service has asked to be left alone meanwhile.
func (l *Limiter) leaves() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.until.After(now) {
		return false
	}
	l.seen.add(now)
	return true
}

// raise brings the rate up to what it has risen to since it was last brought up to date.
func (l *Limiter) raise(now time.Time) rate.Limit {
	present := l.rate.Limit()
	if l.refusedAt.IsZero() || present >= l.most {
		return present
	}
	from := l.refusedAt
	if l.raisedAt.After(from) {
		from = l.raisedAt
	}
	if l.until.After(from) {
		from = l.until // a rate at which nothing was called has proved nothing
	}
	if !now.After(from) {
		return present
	}
	l.raisedAt = now
	present = min(present+l.refused*rate.Limit(now.Sub(from).Seconds()/recovery.Seconds()), l.most)
	l.rate.SetLimitAt(now, present)
	return present
}

// window counts calls by the second, to know the rate of those whom no limit spaces.
type window struct {
	second         time.Time
	current, whole int // calls in this second, and in the last before it that had any
}

func (w *window) add(now time.Time) {
	if now.Sub(w.second) >= time.Second {
		w.second, w.whole, w.current = now, w.current, 0
	}
	w.current++
}

// rate is calls a second, at least one.
func (w *window) rate() rate.Limit { return rate.Limit(max(w.current, w.whole, 1)) }

// sleep reports whether the context outlived the pause.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
