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
	// failing are the people for whom operations fail, unread those whose accounts
	// could not be read, with how often in a row.
	failing map[string]trouble
	unread  map[string]int
	last    string // the person over whom the app failed last
}

// trouble is one person's failed operations.
type trouble struct {
	// times is how many there were, and own how many of them may be the person's own.
	times, own int
	// served is breaker.served at the last of them, and at its time.
	served int
	at     time.Time
}

// The pause doubles from the first to the last; Retry-After overrides it.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 2 * time.Minute
	// partPause is the last one while the app answers, and fails at operations.
	partPause = 10 * time.Second
	// ownAfter is after how many failures a failure may be the person's own.
	ownAfter = 3
	// oneCause is how long after a failed operation another may be for the same reason.
	oneCause = 10 * time.Minute
)

func newBreaker(now clock.Real) *breaker {
	return &breaker{now: now, failing: map[string]trouble{}, unread: map[string]int{}}
}

// pause returns how long the app is to be left alone still, as far as a user is
// concerned; 0 when it is not. Whoever it failed over last lets others go first:
// that shows whose fault it is, and keeps nobody waiting.
func (b *breaker) pause(userID string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait(userID)
}

func (b *breaker) wait(userID string) time.Duration {
	until := b.until
	if userID == b.last && b.failures > 0 {
		until = until.Add(firstPause)
	}
	return max(until.Sub(b.now()), 0)
}

// admit returns how long to leave the app alone; 0 means go on, and then one of
// answered, asked, failed or theirs must be called. While it is not known whether
// the app has recovered, one call at a time finds out.
func (b *breaker) admit(userID string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.wait(userID); wait > 0 {
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
	delete(b.failing, userID)
	delete(b.unread, userID)
}

// forget says that the app has served a user after all, at an unknown time.
func (b *breaker) forget(userID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failing, userID)
}

// asked says that the app answered a question: no proof that operations succeed again.
func (b *breaker) asked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = time.Time{}
}

// read says that a person's account could be read.
func (b *breaker) read(userID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.unread, userID)
}

// unreadable counts a reading of a person's account to which the app gave no
// sensible answer. It is true when that has come several times in a row, so that
// it may be their account's fault: whoever asks then compares it with another's.
func (b *breaker) unreadable(userID string) (again bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unread[userID]++
	return b.unread[userID] >= ownAfter
}

// fails counts an operation on a user to which the app gave no answer or a 5xx.
// again is true when that has come several times, and own when it may be the
// person's own failure: the app failed over nobody else, or served others in between.
func (b *breaker) fails(userID string) (again, own bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, t := b.now(), b.failing[userID]
	if now.Sub(t.at) > oneCause {
		t = trouble{}
	}
	if t.times > 0 && t.served != b.served || !b.failsOthers(userID, now) {
		t.own++
	}
	t.times, t.served, t.at = t.times+1, b.served, now
	b.failing[userID] = t
	return t.times >= ownAfter, t.own >= ownAfter
}

// failsOthers reports whether the app has lately failed for others than a user, and served nobody since.
func (b *breaker) failsOthers(userID string, now time.Time) bool {
	for other, t := range b.failing {
		if other != userID && t.served == b.served && now.Sub(t.at) <= oneCause {
			return true
		}
	}
	return false
}

// troubled reports whether the app fails a person, as far as is known.
func (b *breaker) troubled(userID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failing[userID].times+b.unread[userID] > 0
}

// theirs says that a failure was the person's own: the app answers others.
func (b *breaker) theirs() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probe = 0, time.Time{}
}

// excuse says that a person's failures were the app's: it does not answer others either.
func (b *breaker) excuse(userID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t, fails := b.failing[userID]; fails {
		t.times, t.own = 0, 0
		b.failing[userID] = t
	}
	delete(b.unread, userID)
}

// down reports whether the app failed several times in a row: less is a hiccup.
func (b *breaker) down() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= ownAfter
}

// failed says that the app gave no answer, a 429 or a 5xx over a user. It returns how long
// to pause. What fails during a pause was under way when it began: it is the
// same failure, and doubles nothing. longest is how long a pause may become.
func (b *breaker) failed(userID string, retryAfter, longest time.Duration) (pause time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe, b.last = time.Time{}, userID
	if retryAfter > 0 {
		b.last = "" // the app says itself when to come again, to everybody
	}
	now := b.now()
	pause = retryAfter
	if !b.until.After(now) {
		b.failures++
		if pause <= 0 {
			pause = min(firstPause<<min(b.failures-1, 16), longest)
		}
	}
	if until := now.Add(pause); until.After(b.until) {
		b.until = until
	}
	return b.until.Sub(now)
}
