package sqlitequeue_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
	"example.com/autoprovision/shared/tasks/taskstest"
)

// manual is a business clock that moves only when told.
type manual struct {
	mu  sync.Mutex
	now time.Time
}

func newManual() *manual { return &manual{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// process is one run of the embedded queue on a file.
type process struct {
	t     *testing.T
	file  *sqlitefile.File
	queue *sqlitequeue.Queue
	kill  context.CancelFunc
	ended chan error
}

func launch(t *testing.T, path string, c sqlitequeue.Config) *process {
	t.Helper()
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqlitequeue.New(file, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(context.Background())
	p := &process{t: t, file: file, queue: queue, kill: kill, ended: make(chan error, 1)}
	go func() { p.ended <- queue.Run(ctx) }()
	return p
}

// end cuts off what is under way, as the end of a process does.
func (p *process) end() {
	p.t.Helper()
	p.kill()
	if err := <-p.ended; err != nil {
		p.t.Errorf("Run: %v", err)
	}
	if err := p.file.Close(); err != nil {
		p.t.Errorf("close file: %v", err)
	}
}

// config delivers one queue to an endpoint.
func config(endpoint string, business clock.Business) sqlitequeue.Config {
	return sqlitequeue.Config{
		Queues:   map[string]sqlitequeue.Endpoint{tasks.Reconcile: {URL: endpoint, Concurrency: 4}},
		Token:    secrets.NewValue("local-token"),
		Business: business,
		Real:     clock.System,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	taskstest.Run(t, func(t *testing.T, endpoint string) taskstest.Harness {
		path := filepath.Join(t.TempDir(), "queue.db")
		now := newManual()
		p := launch(t, path, config(endpoint, now.Now))
		t.Cleanup(func() { p.end() })
		return taskstest.Harness{
			Queue: p.queue, Name: tasks.Reconcile, Concurrency: 4, Now: now.Now, Advance: now.Advance,
			Authorization: "Bearer local-token",
			Restart: func() tasks.Queue {
				p.end()
				p = launch(t, path, config(endpoint, now.Now))
				return p.queue
			},
		}
	})
}
