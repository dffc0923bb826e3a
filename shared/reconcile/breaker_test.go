package reconcile

import (
	"testing"
	"time"
)

// TestBurst: calls that were under way together when the app began to fail are
// one failure of it (R2), so that a blip costs no more than the first pause.
func TestBurst(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newBreaker(func() time.Time { return now })
	const workers = 48
	for range workers {
		if wait := b.admit(); wait != 0 {
			t.Fatalf("not admitted while the app works: %v", wait)
		}
	}
	for range workers {
		if pause := b.failed(0); pause > firstPause {
			t.Fatalf("the pause after a blip is %v, want at most %v", pause, firstPause)
		}
	}
	if pause := b.failed(3 * firstPause); pause != 3*firstPause || b.pause() != pause {
		t.Errorf("pauses %v and %v, want the longest that the app asked for, %v", pause, b.pause(), 3*firstPause)
	}
	for _, want := range []time.Duration{2 * firstPause, 4 * firstPause} {
		now = now.Add(b.pause())
		if wait := b.admit(); wait != 0 {
			t.Fatalf("nobody is let in to find out: %v", wait)
		}
		if pause := b.failed(0); pause != want {
			t.Errorf("pause %v after another failure, want %v", pause, want)
		}
	}
}
