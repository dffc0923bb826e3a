package sqlitequeue_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
)

// childPath in the environment makes the test binary a process that enqueues
// to the file there until it is killed.
const childPath = "AUTOPROVISION_TEST_QUEUE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := enqueueForever(path); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// enqueueForever prints the name of each task whose Enqueue has returned.
func enqueueForever(path string) error {
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		return err
	}
	queue, err := sqlitequeue.New(file, config("http://127.0.0.1:1/", clock.Business(clock.System)))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("task-%d-%d", w, i)
				if err := queue.Enqueue(context.Background(), tasks.Task{Queue: tasks.Reconcile, Name: name, Body: []byte(`{}`)}); err != nil {
					failed <- err
					return
				}
				fmt.Println(name) // one write call, so lines do not mix
			}
		}()
	}
	return <-failed
}

// endpoint collects the names of tasks, and answers as told.
type endpoint struct {
	t      *testing.T
	URL    string
	mu     sync.Mutex
	names  []string
	answer func(w http.ResponseWriter, r *http.Request)
}

func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *endpoint {
	t.Helper()
	e := &endpoint{t: t, answer: answer}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the connection is used again
	e.mu.Lock()
	e.names = append(e.names, r.Header.Get("X-CloudTasks-TaskName"))
	e.mu.Unlock()
	if e.answer != nil {
		e.answer(w, r)
	}
}

func (e *endpoint) delivered() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.names)
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("no %s within 20 s", what)
		}
	}
}

func enqueue(t *testing.T, p *process, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := p.queue.Enqueue(context.Background(), tasks.Task{Queue: tasks.Reconcile, Name: name, Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
}

// pending is how many tasks are not done.
func pending(t *testing.T, p *process) int {
	t.Helper()
	n, _, err := p.queue.Pending(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	killAfter := 50 + rand.IntN(400)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "task-") {
			t.Fatalf("the child says %q", lines.Text())
		}
		if acknowledged = append(acknowledged, lines.Text()); len(acknowledged) == killAfter {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // says that it was killed
	e := serve(t, nil)
	p := launch(t, path, config(e.URL, clock.Business(clock.System)))
	defer p.end()
	until(t, "empty queue", func() bool { return pending(t, p) == 0 })
	came := map[string]bool{}
	for _, name := range e.delivered() {
		came[name] = true
	}
	for _, name := range acknowledged {
		if !came[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
}

func TestCloseWaitsForDeliveries(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	e := serve(t, func(http.ResponseWriter, *http.Request) {
		close(started)
		<-release
	})
	path := filepath.Join(t.TempDir(), "queue.db")
	c := config(e.URL, clock.Business(clock.System))
	c.Queues[tasks.Reconcile] = sqlitequeue.Endpoint{URL: e.URL, Concurrency: 1}
	p := launch(t, path, c)
	enqueue(t, p, "first", "second")
	<-started
	closed := make(chan error)
	go func() { closed <- p.queue.Close(context.Background()) }()
	enqueue(t, p, "third") // what a delivery under way enqueues is kept
	select {
	case err := <-closed:
		t.Fatalf("Close returned during a delivery: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := pending(t, p); n != 2 {
		t.Errorf("%d tasks left, want the two that were not begun", n)
	}
	p.end()
	if got := e.delivered(); !slices.Equal(got, []string{"first"}) {
		t.Errorf("delivered %v", got)
	}
}

func TestCloseCutsOff(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}, 2), make(chan struct{})
	e := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		if r.Header.Get("X-CloudTasks-TaskRetryCount") != "0" {
			t.Error("a delivery cut off by Close counts as failed")
		}
		<-release
	})
	path := filepath.Join(t.TempDir(), "queue.db")
	p := launch(t, path, config(e.URL, clock.Business(clock.System)))
	enqueue(t, p, "slow")
	<-started
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := p.queue.Close(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Close past its bound: %v", err)
	}
	p.end()
	p = launch(t, path, config(e.URL, clock.Business(clock.System)))
	defer p.end()
	<-started
	close(release)
	until(t, "empty queue", func() bool { return pending(t, p) == 0 })
}

func TestCloseBeforeRun(t *testing.T) {
	t.Parallel()
	file, err := sqlitefile.Open(filepath.Join(t.TempDir(), "queue.db"), []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	queue, err := sqlitequeue.New(file, config("http://127.0.0.1:1/", clock.Business(clock.System)))
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := queue.Run(context.Background()); err != nil {
		t.Errorf("Run after Close: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	e := serve(t, nil)
	path := filepath.Join(t.TempDir(), "queue.db")
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlitequeue.Schema()}, &sqlitefile.Options{MaxPages: 60})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqlitequeue.New(file, config(e.URL, clock.Business(clock.System)))
	if err != nil {
		t.Fatal(err)
	}
	stored := 0
	for ; err == nil; stored++ {
		err = queue.Enqueue(context.Background(), tasks.Task{Queue: tasks.Reconcile, Name: fmt.Sprint("t", stored), Body: make([]byte, 10_000)})
	}
	stored--
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "free some space") || stored == 0 {
		t.Fatalf("after %d tasks: %v", stored, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- queue.Run(ctx) }()
	until(t, "delivery of what is stored", func() bool { return len(e.delivered()) == stored })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	file, err := sqlitefile.Open(filepath.Join(t.TempDir(), "queue.db"), []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for what, edit := range map[string]func(*sqlitequeue.Config){
		"no business clock": func(c *sqlitequeue.Config) { c.Business = nil },
		"no real clock":     func(c *sqlitequeue.Config) { c.Real = nil },
		"no queues":         func(c *sqlitequeue.Config) { c.Queues = nil },
		"a relative URL":    func(c *sqlitequeue.Config) { c.Queues["q"] = sqlitequeue.Endpoint{URL: "/reconcile", Concurrency: 1} },
		"no concurrency":    func(c *sqlitequeue.Config) { c.Queues["q"] = sqlitequeue.Endpoint{URL: "http://127.0.0.1/"} },
	} {
		c := config("http://127.0.0.1:1/", clock.Business(clock.System))
		edit(&c)
		if _, err := sqlitequeue.New(file, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", what, err)
		}
	}
}
