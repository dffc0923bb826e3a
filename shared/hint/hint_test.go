package hint

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

// queue keeps the first task of each name for ever, as the port's worst case does.
type queue struct {
	byName map[string]tasks.Task
	down   bool
}

func newQueue() *queue { return &queue{byName: map[string]tasks.Task{}} }

func (q *queue) Enqueue(_ context.Context, list ...tasks.Task) error {
	if q.down {
		return fault.New(fault.Unavailable, "queue", "down")
	}
	for _, t := range list {
		if err := t.Validate(); err != nil {
			return err
		}
		if _, used := q.byName[t.Name]; !used {
			q.byName[t.Name] = t
		}
	}
	return nil
}

// looks are the times at which a user is looked at, by task time.
func (q *queue) looks(t interface{ Fatal(...any) }, user string) []time.Time {
	var at []time.Time
	for _, task := range q.byName {
		var req reconcile.Request
		if err := json.Unmarshal(task.Body, &req); err != nil {
			t.Fatal(err)
		}
		if task.Queue == tasks.Reconcile && req.UserID == user {
			at = append(at, task.At)
		}
	}
	return at
}

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// Whatever the moments of the hints, and wherever restarts set the clock back:
// each hint has a look that begins after it and within two slots, and a second
// one two to seven minutes later. A used name is never taken again, so a name
// that came twice for different changes would fail this.
func TestEveryHintHasALookAfterIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue()
		now := start
		process := 0
		h := New(q, func() time.Time { return now }, "0")
		for range rapid.IntRange(1, 40).Draw(t, "hints") {
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				// What is due is delivered before the restart, so that it may cover nothing later.
				for name, task := range q.byName {
					if !task.At.After(now) {
						task.Body = []byte("{}")
						q.byName[name] = task
					}
				}
				process++
				now = now.Add(-time.Duration(rapid.IntRange(0, 2000).Draw(t, "back")) * time.Millisecond)
				h = New(q, func() time.Time { return now }, string(rune('0'+process)))
			}
			if err := h.Users(t.Context(), "u1"); err != nil {
				t.Fatal(err)
			}
			soon, late := false, false
			for _, at := range q.looks(t, "u1") {
				after := at.Sub(now)
				soon = soon || after > 0 && after <= slot
				late = late || after >= secondLook && after <= bucket+secondLook
			}
			if !soon || !late {
				t.Fatalf("hint at %v: look soon %v, second look %v", now, soon, late)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "wait")) * time.Millisecond)
		}
	})
}

func TestBurstIsFewLooks(t *testing.T) {
	t.Parallel()
	q, now := newQueue(), start
	h := New(q, func() time.Time { return now }, "p")
	for range 1000 { // a thousand hints within a second
		if err := h.Users(t.Context(), "u1", "u2"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Millisecond)
	}
	for _, user := range []string{"u1", "u2"} {
		if n := len(q.looks(t, user)); n != 5 { // one each quarter second, and the second look
			t.Errorf("%s: %d looks, want 5", user, n)
		}
	}
}

func TestQueueDown(t *testing.T) {
	t.Parallel()
	q := newQueue()
	q.down = true
	h := New(q, func() time.Time { return start }, "p")
	if err := h.Users(t.Context(), "u1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("users: %v", err)
	}
	if err := h.Sweep(t.Context(), "k"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("sweep: %v", err)
	}
}

// The listing of a sweep just after a change may be the one before it: a second
// one follows as for looks, one for many changes. What may be no change at all
// asks for two sweeps in a quarter of an hour, the last after the last of it.
func TestSweepsAreFew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ask  func(h *Hints, n int) error
		want int
		last time.Duration
	}{
		"told":      {func(h *Hints, n int) error { return h.SweepTwice(t.Context(), string(rune('a'+n))) }, 10 + 2, 12 * time.Minute},
		"suspected": {func(h *Hints, _ int) error { return h.SweepSeldom(t.Context()) }, 2, 17 * time.Minute},
	} {
		q, now := newQueue(), start
		h := New(q, func() time.Time { return now }, "p")
		for n := range 10 {
			if err := test.ask(h, n); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Minute)
		}
		soon, last := 0, time.Time{}
		for _, task := range q.byName {
			if task.At.Before(start.Add(3 * time.Second)) {
				soon++
			}
			if task.At.After(last) {
				last = task.At
			}
		}
		if len(q.byName) != test.want || soon != 1 || last.Sub(start) != test.last {
			t.Errorf("%s: %d sweeps, the first %v soon, the last after %v; want %d, and %v", name, len(q.byName), soon, last.Sub(start), test.want, test.last)
		}
	}
}

func TestSweepIsAskedForOncePerKey(t *testing.T) {
	t.Parallel()
	q, now := newQueue(), start
	h := New(q, func() time.Time { return now }, "p")
	for _, key := range []string{"a", "a", "b"} {
		if err := h.Sweep(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	if len(q.byName) != 2 {
		t.Errorf("%d tasks, want one for each key", len(q.byName))
	}
	for _, task := range q.byName {
		var d sweep.Task
		if err := json.Unmarshal(task.Body, &d); err != nil || task.Queue != tasks.Sweep || d.Cause != "directory" || d.SweepID != "" {
			t.Errorf("task %+v: %v", task, err)
		}
	}
}
