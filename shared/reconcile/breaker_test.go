package reconcile

import (
	"fmt"
	"strings"
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
	for n := range workers {
		if wait := b.admit(fmt.Sprint(n)); wait != 0 {
			t.Fatalf("not admitted while the app works: %v", wait)
		}
	}
	for n := range workers {
		if pause := b.failed(fmt.Sprint(n), 0, lastPause); pause > firstPause {
			t.Fatalf("the pause after a blip is %v, want at most %v", pause, firstPause)
		}
	}
	if pause := b.failed("x", 3*firstPause, lastPause); pause != 3*firstPause || b.pause("y") != pause {
		t.Errorf("pauses %v and %v, want the longest that the app asked for, %v", pause, b.pause("y"), 3*firstPause)
	}
	last := "" // the app said itself when to come again
	for _, want := range []time.Duration{2 * firstPause, 4 * firstPause} {
		now = now.Add(b.pause("y"))
		if last != "" && b.admit(last) != firstPause {
			t.Errorf("whoever failed last does not let others go first")
		}
		last = want.String()
		if wait := b.admit(last); wait != 0 {
			t.Fatalf("nobody is let in to find out: %v", wait)
		}
		if pause := b.failed(last, 0, lastPause); pause != want {
			t.Errorf("pause %v after another failure, want %v", pause, want)
		}
	}
}

// TestWhoseFailure tells after which failures to change accounts the last may be
// the person's own. A letter is a person over whom the app fails, a small one
// somebody whom it serves, and a dot a quarter of an hour.
func TestWhoseFailure(t *testing.T) {
	t.Parallel()
	for story, own := range map[string]bool{
		"AAA":       true,  // nobody else has anything to do
		"AAbA":      true,  // others are served
		"AbAbA":     true,  //
		"AA":        false, // too few to tell
		"AAaA":      false, // it passed
		"ABABAB":    false, // it is the app
		"ABAAA":     false, //
		"ABAcAA":    true,  // it was the app, and is theirs now
		"ABcABdA":   true,  // others are served, and fail
		"B.AAA":     true,  // what was with others is long ago
		"AA.A":      false, // so is what was with them
		"ABCABCABC": false, //
	} {
		now := time.Unix(0, 0)
		b := newBreaker(func() time.Time { return now })
		var may bool
		for _, c := range story {
			switch who := strings.ToUpper(string(c)); {
			case c == '.':
				now = now.Add(15 * time.Minute)
			case who == string(c):
				_, may = b.fails(who)
			default:
				b.answered(who)
			}
		}
		if may != own {
			t.Errorf("%s: may be the person's own: %v, want %v", story, may, own)
		}
	}
}
