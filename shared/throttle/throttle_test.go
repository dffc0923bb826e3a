package throttle_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/throttle"
)

// calls makes n calls by so many workers and returns how long all took.
func calls(t *testing.T, l *throttle.Limiter, workers, n int) time.Duration {
	t.Helper()
	begun := time.Now()
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range left {
				if err := l.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

func TestOneRateForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New(10, 5)
		if took := calls(t, l, 8, 45); took != 4*time.Second { // 5 at once, then ten a second
			t.Errorf("45 calls took %v", took)
		}
		if took := calls(t, throttle.New(rate.Inf, 0), 8, 10_000); took != 0 {
			t.Errorf("without a limit 10,000 calls took %v", took)
		}
	})
}

// TestFallsAndRises: by three tenths at a refusal, once for all refusals of a
// second, and back in nine; never above what was set, never to a stop.
func TestFallsAndRises(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New(40, 40)
		is := func(when string, want rate.Limit) {
			t.Helper()
			if got := l.Rate(); got < want-0.001 || got > want+0.001 {
				t.Errorf("%s: %v a second, want %v", when, got, want)
			}
		}
		is("at first", 40)
		for range 30 {
			l.Refused(0)
		}
		is("after thirty refusals at once", 28)
		time.Sleep(3 * time.Second)
		is("3 s later", 32)
		time.Sleep(6 * time.Second)
		is("9 s after the refusal", 40)
		l.Refused(0)
		time.Sleep(3 * time.Second)
		l.Refused(0)
		is("refused at 32", 22.4)
		time.Sleep(time.Hour)
		is("an hour later", 40)
		for range 100 {
			l.Refused(0)
			time.Sleep(time.Second)
		}
		if got := l.Rate(); got < 0.5 || got > 1 {
			t.Errorf("after refusals for 100 s: %v a second", got)
		}
		slow := throttle.New(0.1, 1)
		slow.Refused(0)
		if got := slow.Rate(); got != 0.1 {
			t.Errorf("a slow rate became %v", got)
		}
	})
}

// TestUnlimited: without a set rate, the one that was refused falls.
func TestUnlimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New(rate.Inf, 0)
		for range 3 {
			calls(t, l, 4, 200)
			time.Sleep(time.Second)
		}
		l.Refused(0)
		if got := l.Rate(); got != 140 {
			t.Errorf("200 calls a second were refused, and became %v", got)
		}
		if took := calls(t, l, 50, 301); took < 1800*time.Millisecond || took > 2200*time.Millisecond { // the rate rises meanwhile
			t.Errorf("301 calls took %v", took)
		}
		time.Sleep(time.Hour)
		if got := l.Rate(); got < 10_000 {
			t.Errorf("an hour later %v", got)
		}
	})
}

// TestLeftAlone: nobody calls before the service's own time, also who waited already.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New(10, 1)
		begun := time.Now()
		var mu sync.Mutex
		var first time.Duration
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := l.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if at := time.Since(begun); at > 450*time.Millisecond && (first == 0 || at < first) {
					first = at
				}
			})
		}
		time.Sleep(450 * time.Millisecond)
		l.Refused(7 * time.Second)
		all.Wait()
		if first < 7450*time.Millisecond || first > 8*time.Second {
			t.Errorf("the next call came after %v", first)
		}
	})
}

// TestAhead: pages that are read one after the other come soon, however many
// others wait, and the others come too.
func TestAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := throttle.New(40, 1)
		ctx, stop := context.WithCancel(t.Context())
		var others atomic.Int64
		var all sync.WaitGroup
		for range 80 {
			all.Go(func() {
				for l.Wait(ctx) == nil {
					others.Add(1)
				}
			})
		}
		begun := time.Now()
		for range 100 {
			if err := l.Ahead(ctx); err != nil {
				t.Error(err)
			}
			time.Sleep(20 * time.Millisecond) // the call
		}
		took, n := time.Since(begun), others.Load()
		stop()
		all.Wait()
		if took > 8*time.Second || n < 80 {
			t.Errorf("100 pages took %v, and %d other calls were made meanwhile", took, n)
		}
	})
}

func TestNoRoomInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		l := throttle.New(10, 10)
		l.Refused(20 * time.Second)
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := l.Wait(short); !fault.Is(err, fault.Throttled) || fault.RetryAfter(err) != 20*time.Second {
			t.Errorf("before the service's time: %v, retry after %v", err, fault.RetryAfter(err))
		}
		l.Refused(2 * time.Minute)
		if err := l.Wait(t.Context()); !fault.Is(err, fault.Throttled) || fault.RetryAfter(err) != 2*time.Minute {
			t.Errorf("longer than anybody waits: %v, retry after %v", err, fault.RetryAfter(err))
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("both took %v, want no waiting for nothing", took)
		}
		slow := throttle.New(0.1, 1)
		if err := slow.Wait(short); err != nil {
			t.Error(err)
		}
		if err := slow.Wait(short); !fault.Is(err, fault.Throttled) {
			t.Errorf("a call every ten seconds, five seconds left: %v", err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		for _, l := range []*throttle.Limiter{l, throttle.New(rate.Inf, 0)} {
			if err := l.Wait(stopped); !fault.Is(err, fault.Unavailable, fault.Throttled) {
				t.Errorf("stopped: %v", err)
			}
		}
	})
}

// TestShared: two processes that know nothing of each other share a quota of 60
// a second, about evenly, and use most of it.
func TestShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		quota := rate.NewLimiter(60, 6)
		served := make([]int, 2)
		refused := 0
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range served {
			l := throttle.New(200, 1)
			all.Go(func() {
				for l.Wait(ctx) == nil {
					mu.Lock()
					if quota.Allow() {
						served[i]++
					} else {
						refused++
						l.Refused(0)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		sum, fewer := served[0]+served[1], min(served[0], served[1])
		if sum < 60*600*3/4 || refused > sum/20 || fewer < sum/4 {
			t.Errorf("served %v of 36,000, refused %d", served, refused)
		}
		t.Logf("served %v of 36,000, refused %d", served, refused)
	})
}
