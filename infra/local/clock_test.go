package main

import (
	"os"
	"testing"
	"time"
)

func openTime(t *testing.T, folder string, speed float64) *businessTime {
	t.Helper()
	b, err := openBusinessTime(folder, speed)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Business time that was moved is never earlier again, though the program is
// killed at once and started without a word of it.
func TestMovedTimeStays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := openTime(t, folder, 1)
	before := b.now()
	if d := time.Until(before); d.Abs() > time.Minute {
		t.Fatalf("business time begins %v from the machine's", d)
	}
	if err := b.advance(36 * time.Hour); err != nil {
		t.Fatal(err)
	}
	moved := b.now()
	if d := moved.Sub(before); d < 36*time.Hour || d > 36*time.Hour+time.Minute {
		t.Errorf("it moved by %v", d)
	}
	again := openTime(t, folder, 1) // killed: nothing was saved since
	if d := moved.Sub(again.now()); d > time.Minute {
		t.Errorf("after a restart it is %v earlier", d)
	}
	if err := again.advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := again.save(); err != nil {
		t.Fatal(err)
	}
	if d := openTime(t, folder, 1).now().Sub(before); d < 37*time.Hour {
		t.Errorf("two moves are %v together", d)
	}
}

func TestTimeMovesForwardOnly(t *testing.T) {
	t.Parallel()
	b := openTime(t, t.TempDir(), 1)
	before := b.now()
	for _, d := range []time.Duration{0, -time.Hour} {
		if b.advance(d) == nil {
			t.Errorf("moved by %v", d)
		}
	}
	if b.now().Before(before) {
		t.Error("it went back")
	}
}

// Time that cannot be stored does not move, since a restart would turn it back.
func TestTimeThatCannotBeStored(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := openTime(t, folder, 1)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if b.advance(time.Hour) == nil {
		t.Error("it was stored in a folder that is gone")
	}
	if d := time.Until(b.now()); d > time.Minute {
		t.Errorf("it moved by %v all the same", d)
	}
}

func TestTimeWithoutSense(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := keptIn(folder, "business-time").save([]byte("yesterday")); err != nil {
		t.Fatal(err)
	}
	if _, err := openBusinessTime(folder, 1); err == nil {
		t.Error("a file that holds no time was taken")
	}
}
