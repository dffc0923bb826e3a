package sqlitequeue_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
)

// TestFastClock runs business time 86,400 times as fast, a day a second.
func TestFastClock(t *testing.T) {
	t.Parallel()
	origin := clock.System()
	business := clock.Accelerated(clock.System, origin, origin, 86_400)
	due := map[string]time.Time{}
	var mu sync.Mutex
	var late []time.Duration
	e := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		now := business()
		mu.Lock()
		defer mu.Unlock()
		behind := now.Sub(due[r.Header.Get("X-CloudTasks-TaskName")])
		if behind < 0 {
			t.Errorf("delivered %v early", -behind)
		}
		late = append(late, behind/86_400)
	})
	p := launch(t, filepath.Join(t.TempDir(), "queue.db"), config(e.URL, business))
	defer p.end()
	const n = 20
	start := business()
	for i := range n {
		task := tasks.Task{Queue: tasks.Reconcile, Name: fmt.Sprint("t", i), Body: []byte(`{}`), At: start.Add(time.Duration(i+8) * time.Hour)}
		mu.Lock()
		due[task.Name] = task.At
		mu.Unlock()
		if err := p.queue.Enqueue(context.Background(), task); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "deliveries", func() bool { return len(e.delivered()) == n })
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(late)
	// The median, since the machine that runs the tests may stall.
	if late[n/2] > 50*time.Millisecond {
		t.Errorf("delivered %v late in the median, of %v", late[n/2], late)
	}
}

func TestClockThatShowsLessAfterRestart(t *testing.T) {
	t.Parallel()
	e := serve(t, nil)
	path := filepath.Join(t.TempDir(), "queue.db")
	ahead := func() time.Time { return clock.System().Add(1000 * time.Hour) }
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqlitequeue.New(file, config(e.URL, ahead))
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Enqueue(context.Background(), tasks.Task{Queue: tasks.Reconcile, Name: "at-once"}); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p := launch(t, path, config(e.URL, clock.Business(clock.System)))
	defer p.end()
	until(t, "delivery", func() bool { return len(e.delivered()) == 1 })
}

func TestNamesAreFreeAfterADay(t *testing.T) {
	t.Parallel()
	e := serve(t, nil)
	path := filepath.Join(t.TempDir(), "queue.db")
	real := newManual()
	c := config(e.URL, clock.Business(clock.System))
	c.Real = real.Now
	p := launch(t, path, c)
	enqueue(t, p, "name", "other")
	until(t, "empty queue", func() bool { return pending(t, p) == 0 })
	real.Advance(24*time.Hour - 1)
	enqueue(t, p, "name")
	if n := pending(t, p); n != 0 {
		t.Errorf("%d tasks pending; a name was free within a day", n)
	}
	real.Advance(1)
	enqueue(t, p, "name")
	until(t, "third delivery", func() bool { return len(e.delivered()) == 3 && pending(t, p) == 0 })
	p.end()

	p = launch(t, path, c) // which begins by removing old names
	defer p.end()
	until(t, "removal of the other name", func() bool {
		n := 0
		err := p.file.Query(context.Background(), func(rows *sql.Rows) error { return rows.Scan(&n) }, "SELECT count(*) FROM tasks")
		return err == nil && n == 1
	})
}

func TestPending(t *testing.T) {
	t.Parallel()
	e := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	now := newManual()
	p := launch(t, filepath.Join(t.TempDir(), "queue.db"), config(e.URL, now.Now))
	defer p.end()
	check := func(wantN int, wantDue time.Time) {
		t.Helper()
		n, due, err := p.queue.Pending(context.Background())
		if err != nil || n != wantN || !due.Equal(wantDue) {
			t.Errorf("Pending is %d since %v (error %v), want %d since %v", n, due, err, wantN, wantDue)
		}
	}
	check(0, time.Time{})
	later := now.Now().Add(time.Hour)
	if err := p.queue.Enqueue(context.Background(), tasks.Task{Queue: tasks.Reconcile, Name: "later", At: later}); err != nil {
		t.Fatal(err)
	}
	check(1, later)
	before := now.Now()
	enqueue(t, p, "failing")
	now.Advance(time.Minute)
	until(t, "second try", func() bool { return len(e.delivered()) > 1 })
	check(2, before)
}
