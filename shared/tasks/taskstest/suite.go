package taskstest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/tasks"
)

// Run holds an adapter to the port's contract.
func Run(t *testing.T, start Start) {
	for name, test := range map[string]func(*testing.T, Start){
		"delivers what was enqueued":               testDelivers,
		"delivers each of many":                    testMany,
		"is never early":                           testNeverEarly,
		"gets to a time far ahead":                 testFarAhead,
		"uses a name once":                         testNames,
		"retries all but 2xx":                      testRetries,
		"retries what gets no answer":              testNoAnswer,
		"honours Retry-After":                      testRetryAfter,
		"refuses what is not valid, and all of it": testInvalid,
		"keeps to its concurrency":                 testConcurrency,
		"gives up with the caller's context":       testContext,
		"survives a kill":                          testRestart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start)
		})
	}
}

func testDelivers(t *testing.T, start Start) {
	f := begin(t, start, ok)
	before := f.Now()
	body := `{"user":"1` + strings.Repeat("0", tasks.MaxBody-12) + `"}`
	f.enqueue(tasks.Task{Name: "look_at-User1", Body: []byte(body)})
	d := f.await("look_at-User1", 1)[0]
	if d.Method != http.MethodPost || d.Path != "/deliver" {
		t.Errorf("delivered with %s %s", d.Method, d.Path)
	}
	if len(body) != tasks.MaxBody || d.Body != body {
		t.Errorf("delivered %d bytes, not the %d enqueued", len(d.Body), len(body))
	}
	for header, want := range map[string]string{
		"Content-Type":                      "application/json",
		"X-CloudTasks-QueueName":            f.Name,
		"X-CloudTasks-TaskRetryCount":       "0",
		"X-CloudTasks-TaskExecutionCount":   "0",
		"X-CloudTasks-TaskPreviousResponse": "",
	} {
		if got := d.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if got := d.Header.Get("Authorization"); f.Authorization != "" && got != f.Authorization || !strings.HasPrefix(got, "Bearer ") {
		t.Error("Authorization is not the bearer token")
	}
	seconds, err := strconv.ParseFloat(d.Header.Get("X-CloudTasks-TaskETA"), 64)
	if eta := time.UnixMicro(int64(seconds * 1e6)); err != nil || eta.Before(before.Add(-time.Second)) || eta.After(d.At.Add(time.Second)) {
		t.Errorf("X-CloudTasks-TaskETA is %q", d.Header.Get("X-CloudTasks-TaskETA"))
	}
}

func testMany(t *testing.T, start Start) {
	f := begin(t, start, ok)
	var list []tasks.Task
	for i := range 600 {
		list = append(list, tasks.Task{Name: fmt.Sprintf("task-%d", i), Body: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	f.enqueue(list...)
	for i, task := range list {
		if got, want := f.await(task.Name, 1)[0].Body, fmt.Sprintf(`{"n":%d}`, i); got != want {
			t.Fatalf("%s came with %q, want %q", task.Name, got, want)
		}
	}
}

func testNeverEarly(t *testing.T, start Start) {
	f := begin(t, start, ok)
	due := f.later()
	f.enqueue(
		tasks.Task{Name: "later", Body: []byte(`{}`), At: due},
		tasks.Task{Name: "past", Body: []byte(`{}`), At: f.Now().Add(-time.Hour)})
	f.await("past", 1)
	if f.Advance != nil {
		f.Advance(due.Sub(f.Now()) - time.Nanosecond)
		f.settle("just-before")
		if len(f.deliveries("later")) != 0 {
			t.Fatal("delivered before its time")
		}
	}
	f.reach(due)
	if d := f.await("later", 1)[0]; d.At.Before(due) {
		t.Errorf("delivered at %v, before %v", d.At, due)
	}
}

// testFarAhead sees that a task for months ahead comes at its time, and not much
// later, when what receives it early enqueues it again, as a look does.
func testFarAhead(t *testing.T, start Start) {
	const step = 9 * 24 * time.Hour
	var f *fixture
	var task tasks.Task
	f = begin(t, start, func(w http.ResponseWriter, r *http.Request, _ int) {
		if !strings.HasPrefix(r.Header.Get("X-CloudTasks-TaskName"), "marker") && f.now().Before(task.At) {
			f.enqueue(task)
		}
	})
	if f.Advance == nil {
		t.Skip("the clock is not ours to set")
	}
	task = tasks.Task{Name: "far", Body: []byte(`{}`), At: f.Now().Add(100 * 24 * time.Hour)}
	f.enqueue(task)
	for i := 0; f.Now().Add(step).Before(task.At); i++ {
		f.Advance(step)
		f.settle(fmt.Sprint("marker", i))
		f.until("the end of early deliveries", f.answered)
	}
	if n := len(f.deliveries("far")); n != 0 {
		t.Fatalf("%d deliveries under its name before its time", n)
	}
	f.reach(task.At)
	f.await("far", 1)
}

func testNames(t *testing.T, start Start) {
	f := begin(t, start, ok)
	due := f.later()
	f.enqueue(
		tasks.Task{Name: "waiting", Body: []byte(`"first"`), At: due},
		tasks.Task{Name: "waiting", Body: []byte(`"second"`)}, // in the same call
		tasks.Task{Name: "done", Body: []byte(`"first"`)})
	f.enqueue(tasks.Task{Name: "waiting", Body: []byte(`"third"`)})
	f.await("done", 1)
	f.enqueue(tasks.Task{Name: "done", Body: []byte(`"again"`)})
	f.settle("marker-1")
	f.reach(due)
	f.await("waiting", 1)
	f.enqueue(tasks.Task{Name: "waiting", Body: []byte(`"fourth"`)})
	f.settle("marker-2")
	for _, name := range []string{"waiting", "done"} {
		for _, d := range f.deliveries(name) {
			if d.Body != `"first"` {
				t.Errorf("%s was delivered with %s, though its name was in use", name, d.Body)
			}
		}
	}
}

func testRetries(t *testing.T, start Start) {
	statuses := []int{http.StatusInternalServerError, http.StatusNotFound, http.StatusFound, http.StatusConflict, http.StatusOK}
	f := begin(t, start, func(w http.ResponseWriter, _ *http.Request, n int) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(statuses[min(n, len(statuses))-1])
	})
	f.enqueue(tasks.Task{Name: "stubborn", Body: []byte(`{}`)})
	got := f.await("stubborn", len(statuses))
	// An answer of 5xx is no execution, as the real service counts.
	executions := []string{"0", "0", "1", "2", "3"}
	for i, d := range got {
		if d.Path != "/deliver" {
			t.Errorf("delivery %d followed a redirect", i)
		}
		previous := ""
		if i > 0 {
			previous = strconv.Itoa(statuses[i-1])
		}
		for header, want := range map[string]string{
			"X-CloudTasks-TaskRetryCount":       strconv.Itoa(i),
			"X-CloudTasks-TaskExecutionCount":   executions[i],
			"X-CloudTasks-TaskPreviousResponse": previous,
		} {
			if got := d.Header.Get(header); got != want {
				t.Errorf("delivery %d: %s is %q, want %q", i, header, got, want)
			}
		}
	}
	f.settle("marker")
	if n := len(f.deliveries("stubborn")); n != len(statuses) {
		t.Errorf("delivered %d times, the last of them after an answer of 2xx", n)
	}
}

func testNoAnswer(t *testing.T, start Start) {
	f := begin(t, start, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
	})
	f.enqueue(tasks.Task{Name: "unheard", Body: []byte(`{}`)})
	if got := f.await("unheard", 2)[1].Header.Get("X-CloudTasks-TaskRetryCount"); got != "1" {
		t.Errorf("the second delivery's retry count is %q", got)
	}
}

func testRetryAfter(t *testing.T, start Start) {
	f := begin(t, start, func(w http.ResponseWriter, r *http.Request, n int) {
		if n > 1 {
			return
		}
		w.Header().Set("Retry-After", "1")
		if r.Header.Get("X-CloudTasks-TaskName") == "throttled" {
			w.WriteHeader(http.StatusTooManyRequests)
		} else {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f.enqueue(tasks.Task{Name: "throttled", Body: []byte(`{}`)}, tasks.Task{Name: "unavailable", Body: []byte(`{}`)})
	for _, name := range []string{"throttled", "unavailable"} {
		d := f.await(name, 2)
		// The endpoint's clock is read a moment after it was asked and before it answers.
		if wait := d[1].Real.Sub(d[0].Real); wait < time.Second {
			t.Errorf("%s came again after %v, though told to wait a second", name, wait)
		}
	}
}

func testInvalid(t *testing.T, start Start) {
	f := begin(t, start, ok)
	good := tasks.Task{Queue: f.Name, Name: "good", Body: []byte(`{}`)}
	for what, bad := range map[string]tasks.Task{
		"an unknown queue":   {Queue: "no-such-queue", Name: "a"},
		"no name":            {Queue: f.Name},
		"a long name":        {Queue: f.Name, Name: strings.Repeat("n", tasks.MaxName+1)},
		"a name with a dot":  {Queue: f.Name, Name: "a.b"},
		"a name with a rune": {Queue: f.Name, Name: "ä"},
		"a long body":        {Queue: f.Name, Name: "long", Body: make([]byte, tasks.MaxBody+1)},
	} {
		if err := f.Queue.Enqueue(context.Background(), good, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", what, err)
		}
	}
	f.settle(strings.Repeat("n", tasks.MaxName))
	if len(f.deliveries("good")) != 0 {
		t.Error("a task was stored beside an invalid one")
	}
	if err := f.Queue.Enqueue(context.Background()); err != nil {
		t.Errorf("enqueueing nothing: %v", err)
	}
}

func testConcurrency(t *testing.T, start Start) {
	var mu sync.Mutex
	under, most := 0, 0
	release := make(chan struct{})
	f := begin(t, start, func(http.ResponseWriter, *http.Request, int) {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		<-release
		mu.Lock()
		under--
		mu.Unlock()
	})
	var list []tasks.Task
	for i := range 3 * f.Concurrency {
		list = append(list, tasks.Task{Name: fmt.Sprint("t", i), Body: []byte(`{}`)})
	}
	f.enqueue(list...)
	f.until("full use of the concurrency", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return under == f.Concurrency
	})
	close(release)
	for _, task := range list {
		f.await(task.Name, 1)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > f.Concurrency {
		t.Errorf("%d deliveries at a time, more than %d", most, f.Concurrency)
	}
}

func testContext(t *testing.T, start Start) {
	f := begin(t, start, ok)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := f.Queue.Enqueue(ctx, tasks.Task{Queue: f.Name, Name: "late", Body: []byte(`{}`)})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("with an ended context: %v, want fault.Unavailable", err)
	}
	f.enqueue(tasks.Task{Name: "late", Body: []byte(`{}`)}) // as the port asks after an error
	f.await("late", 1)
}

func testRestart(t *testing.T, start Start) {
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f := begin(t, start, func(_ http.ResponseWriter, r *http.Request, n int) {
		if r.Header.Get("X-CloudTasks-TaskName") == "under-way" && n == 1 {
			once.Do(func() { close(reached) })
			<-release
		}
	})
	defer close(release)
	if f.Restart == nil {
		t.Skip("the queue outlives any process of ours")
	}
	due := f.later()
	f.enqueue(
		tasks.Task{Name: "under-way", Body: []byte(`"u"`)},
		tasks.Task{Name: "later", Body: []byte(`"l"`), At: due},
		tasks.Task{Name: "done", Body: []byte(`"d"`)})
	f.await("done", 1)
	<-reached
	f.Queue = f.Restart()
	f.await("under-way", 2)
	f.enqueue(tasks.Task{Name: "later", Body: []byte(`"new"`)}, tasks.Task{Name: "done", Body: []byte(`"new"`)})
	f.settle("marker")
	if len(f.deliveries("later")) != 0 {
		t.Error("after a restart a task came before its time, or its name was used again")
	}
	f.reach(due)
	if got := f.await("later", 1)[0].Body; got != `"l"` {
		t.Errorf("after a restart the task came with %s", got)
	}
	for _, d := range f.deliveries("done") {
		if d.Body != `"d"` {
			t.Error("after a restart a used name was used again")
		}
	}
}
