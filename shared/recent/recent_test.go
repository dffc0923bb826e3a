package recent_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/recent"
)

// slow takes five seconds, and says when it began.
type slow struct {
	reads int
	err   error
}

func (s *slow) read(ctx context.Context) (time.Time, error) {
	began := time.Now()
	s.reads++
	time.Sleep(5 * time.Second)
	return began, errors.Join(s.err, ctx.Err())
}

// TestJoinedTooLate: a reading that somebody else had begun too long ago is not
// recent when it ends.
func TestJoinedTooLate(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{time.Second: 1, 4 * time.Second: 2} {
		synctest.Test(t, func(t *testing.T) {
			var s slow
			r := recent.New(clock.System, s.read)
			read := func() {
				since := time.Now().Add(-2 * time.Second)
				if began, err := r.Since(t.Context(), since); err != nil || began.Before(since) {
					t.Errorf("began at %v, %v; asked for since %v", began, err, since)
				}
			}
			go read()
			time.Sleep(after)
			read()
			if s.reads != want {
				t.Errorf("%d readings for one who asked after %v, want %d", s.reads, after, want)
			}
		})
	}
}

// TestShared: many who ask during one reading cost one more, whoever of them
// gives up, and none for what is recent enough.
func TestShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slow
		r := recent.New(clock.System, s.read)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := r.Since(ctx, time.Now()); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		leave()
		all.Wait()
		if _, err := r.Since(t.Context(), time.Now().Add(-time.Minute)); err != nil || s.reads != 2 {
			t.Errorf("%v; %d readings, want 2", err, s.reads)
		}
	})
}

// TestErrors: an error is for those who waited, and not kept.
func TestErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := slow{err: errors.New("no")}
		r := recent.New(clock.System, s.read)
		if _, err := r.Since(t.Context(), time.Now()); !errors.Is(err, s.err) {
			t.Errorf("error %v", err)
		}
		s.err = nil
		if _, err := r.Since(t.Context(), time.Now().Add(-time.Minute)); err != nil || s.reads != 2 {
			t.Errorf("%v after %d readings", err, s.reads)
		}
	})
}

// TestAfter: whoever needs what is true now gets it also while the clock stands still.
func TestAfter(t *testing.T) {
	t.Parallel()
	said, now := 0, time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	r := recent.New(func() time.Time { return now }, func(context.Context) (int, error) { return said, nil })
	check := func(want, got int, err error) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("it says %d, %v, want %d", got, err, want)
		}
	}
	before := r.Begun()
	got, err := r.Since(t.Context(), now)
	check(0, got, err)
	said = 1
	got, err = r.After(t.Context(), before)
	check(0, got, err)
	got, err = r.Since(t.Context(), now)
	check(0, got, err)
	got, err = r.After(t.Context(), r.Begun())
	check(1, got, err)
}
