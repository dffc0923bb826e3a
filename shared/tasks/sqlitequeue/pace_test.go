package sqlitequeue

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		ran, due time.Duration // business time that went by in a real second, and from then to due
		want     time.Duration
	}{
		"real time, soon":        {time.Second, 100 * time.Millisecond, 100 * time.Millisecond},
		"real time, far off":     {time.Second, time.Hour, lookAgain},
		"a day a second":         {24 * time.Hour, time.Hour, time.Second / 24},
		"due already":            {time.Second, -time.Hour, shortest},
		"due in next to nothing": {24 * time.Hour, time.Second, shortest},
		"standing still":         {0, time.Hour, firstLook},
	} {
		var p pace
		p.look(start, start)
		if got := p.until(start.Add(time.Hour)); got != firstLook {
			t.Errorf("%s: with one look, sleeps %v, want %v", what, got, firstLook)
		}
		p.look(start.Add(c.ran), start.Add(time.Second))
		if got := p.until(start.Add(c.ran + c.due)); got.Round(time.Microsecond) != c.want.Round(time.Microsecond) {
			t.Errorf("%s: sleeps %v, want %v", what, got, c.want)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 5: 3200 * time.Millisecond, 9: 51200 * time.Millisecond,
		10: time.Minute, 1000: time.Minute,
	} {
		r := result{task: task{tries: tries}, retryAfter: -1}
		for range 100 {
			if got := r.wait(); got < want || got >= want+want/4 {
				t.Errorf("after %d failures the wait is %v, want %v and up to a quarter more", tries, got, want)
			}
		}
	}
	for asked, want := range map[time.Duration]time.Duration{0: minBackoff, time.Second: time.Second, 24 * time.Hour: maxRetryAfter} {
		if got := (result{task: task{tries: 8}, retryAfter: asked}).wait(); got != want {
			t.Errorf("asked to wait %v, waits %v, want %v", asked, got, want)
		}
	}
}
