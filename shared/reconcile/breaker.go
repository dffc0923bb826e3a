package reconcile

import (
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
)

// breaker pauses operations while the app as a whole fails: no answer, 429 and
// 5xx across people are one failure of the app (R2). It is this process's own
// view; every instance learns it from its own calls.
type breaker struct {
	now clock.Real

	mu       sync.Mutex
	failures int
	until    time.Time
	probe    time.Time // until when one call finds out whether the app has recovered
	served   int       // operations that the app has answered sensibly
	people   map[string]trouble
}

// trouble is one person's failures that may be their own.
type trouble struct {
	times  int
	served int // breaker.served at the last of them
}

// The pause doubles from the first to the last; Retry-After overrides it.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 2 * time.Minute
	// ownAfter is after how many failures, with other people served in between, a failure is the person's own.
	ownAfter = 3
)

func newBreaker(now clock.Real) *breaker {
	return &breaker{now: now, people: make(map[string]trouble)}
}

// pause returns how long the app is to be left alone still; 0 when it is not.
func (b *breaker) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.until.Sub(b.now()), 0)
}

// admit returns how long to leave the app alone; 0 means go on, and then one of
// answered, asked, blames or failed must be called. While it is not known whether the app has
// recovered, one call at a time finds out.
func (b *breaker) admit() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.until.Sub(b.now()); wait > 0 {
		return wait
	}
	if b.failures == 0 {
		return 0
	}
	if b.probe.After(b.now()) {
		return firstPause
	}
	b.probe = b.now().Add(operationTime) // a caller that died says nothing any more
	return 0
}

// answered says that the app answered an operation on a user sensibly.
func (b *breaker) answered(userID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until, b.probe = 0, time.Time{}, time.Time{}
	b.served++
	delete(b.people, userID)
}

// asked says that the app answered a question: no proof that operations succeed again.
func (b *breaker) asked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = time.Time{}
}

// blames counts an operation on a user to which the app gave no answer or a
// 5xx. It is true when the app has served other people between several of this
// person's failures, so that the failure is the person's.
func (b *breaker) blames(userID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.people[userID]
	if t.times > 0 && b.served == t.served {
		t.times = 0 // nobody was served since: it is the app
	}
	t.times, t.served = t.times+1, b.served
	b.people[userID] = t
	if t.times < ownAfter {
		return false
	}
	delete(b.people, userID)
	b.probe = time.Time{}
	return true
}

// failed says that the app gave no answer, a 429 or a 5xx. It returns how long
// to pause. What fails during a pause was under way when it began: it is the
// same failure, and doubles nothing.
func (b *breaker) failed(retryAfter time.Duration) (pause time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = time.Time{}
	now := b.now()
	pause = retryAfter
	if !b.until.After(now) {
		b.failures++
		if pause <= 0 {
			pause = min(firstPause<<min(b.failures-1, 16), lastPause)
		}
	}
	if until := now.Add(pause); until.After(b.until) {
		b.until = until
	}
	return b.until.Sub(now)
}
