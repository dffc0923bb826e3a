// Package sqlitequeue owns the embedded adapter of the task queue: tasks in
// the one SQLite file, delivered over HTTP as Google Cloud Tasks delivers them
// (https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler).
//
// It promises that a task whose Enqueue returned nil is delivered, also after a
// kill and a restart, until an endpoint answers 2xx; that it is never delivered
// before its business time; and that a name is used once while its task lives
// and for a day after. What is being delivered is known in memory only, so a
// restart delivers it again: an endpoint must bear that, as with Cloud Tasks.
// It never looks into a body.
package sqlitequeue

import (
	"context"
	"database/sql"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
)

const (
	// nameLifetime is how long a name stays used after its task is done, in real
	// time; Cloud Tasks says up to 24 hours.
	nameLifetime = 24 * time.Hour
	// defaultTimeout bounds a delivery as Cloud Tasks' default dispatch deadline does.
	defaultTimeout = 10 * time.Minute
	// enqueueGroup is how many tasks one write stores, so that a long list does
	// not keep other writers waiting.
	enqueueGroup = 250
)

// Endpoint is where and how one queue delivers.
type Endpoint struct {
	URL string
	// Concurrency is the most deliveries at a time, at least 1, until Limit says otherwise.
	Concurrency int
	// Timeout bounds one delivery, in real time; 0 for 10 minutes.
	Timeout time.Duration
}

// Config is what a queue needs.
type Config struct {
	// Queues are the endpoints by the name of their queue.
	Queues map[string]Endpoint
	// Token is the bearer token of every delivery; it stands for the OIDC token of Cloud Tasks.
	Token secrets.Value
	// Business is the time of Task.At, Real that of retries and used names.
	Business clock.Business
	Real     clock.Real
	// Transport carries the deliveries; nil for one of its own without a proxy.
	Transport http.RoundTripper
	// Log hears of failed deliveries (debug) and of a store that refuses (error); nil for slog.Default.
	Log *slog.Logger
}

// Queue implements tasks.Queue, and delivers while Run runs.
type Queue struct {
	file    *sqlitefile.File
	config  Config
	client  *http.Client
	log     *slog.Logger
	lanes   map[string]*lane
	results chan result

	// deliveries is the context of all deliveries; cut ends it.
	deliveries context.Context
	cut        context.CancelFunc
	// stop is closed when no more tasks are to be taken, finished when Run returns.
	stop     chan struct{}
	stopOnce sync.Once
	finished chan struct{}
	mu       sync.Mutex
	started  bool
	closed   bool // before it was started
}

var _ tasks.Queue = (*Queue)(nil)

// Schema is the table, for sqlitefile.Open.
func Schema() sqlitefile.Schema {
	return sqlitefile.Schema{Name: "queue", Steps: []string{table}}
}

// New returns the queue in a file that was opened with Schema. It takes over
// what an earlier process left, and delivers nothing until Run.
func New(file *sqlitefile.File, c Config) (*Queue, error) {
	const op = "sqlitequeue: new"
	if c.Business == nil || c.Real == nil || len(c.Queues) == 0 {
		return nil, fault.New(fault.Invalid, op, "a queue needs both clocks and an endpoint")
	}
	q := &Queue{file: file, config: c, log: c.Log, lanes: map[string]*lane{}, results: make(chan result, recordGroup),
		stop: make(chan struct{}), finished: make(chan struct{})}
	if q.log == nil {
		q.log = slog.Default()
	}
	concurrency := 0
	for name, e := range c.Queues {
		if u, err := url.Parse(e.URL); err != nil || u.Host == "" || e.Concurrency < 1 || e.Timeout < 0 {
			return nil, fault.New(fault.Invalid, op, "queue %s needs an absolute URL and a concurrency of at least 1", name)
		}
		if e.Timeout == 0 {
			e.Timeout = defaultTimeout
		}
		q.lanes[name] = newLane(q, name, e)
		concurrency += e.Concurrency
	}
	q.client = newClient(c.Transport, concurrency)
	q.deliveries, q.cut = context.WithCancel(context.Background())
	if err := q.adopt(); err != nil {
		return nil, err
	}
	return q, nil
}

// adopt puts right the times that a clock which now shows an earlier time than
// before the restart would keep from coming: those of tasks for at once, and of
// retries. (Accelerated business time starts anew with each process.)
func (q *Queue) adopt() error {
	business, real := nanos(q.config.Business()), q.config.Real()
	return q.file.Write(context.Background(), func(tx sqlitefile.Tx) error {
		if _, err := tx.Exec("UPDATE tasks SET at = ?1 WHERE done_at IS NULL AND immediate AND at > ?1", business); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE tasks SET retry_at = ?1 WHERE retry_at > ?1", nanos(real.Add(maxRetryAfter)))
		return err
	})
}

// Enqueue implements tasks.Queue. It works also before Run and after Close.
func (q *Queue) Enqueue(ctx context.Context, list ...tasks.Task) error {
	for _, t := range list {
		if err := t.Validate(); err != nil {
			return err
		}
		if q.lanes[t.Queue] == nil {
			return fault.New(fault.Invalid, "tasks: enqueue", "there is no queue %q", t.Queue)
		}
	}
	for len(list) > 0 {
		group := list[:min(len(list), enqueueGroup)]
		list = list[len(group):]
		if err := q.add(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// Limit sets how many deliveries of a queue there are at a time; fault.Invalid for
// an unknown queue or for none.
func (q *Queue) Limit(queue string, concurrency int) error {
	l := q.lanes[queue]
	if l == nil || concurrency < 1 {
		return fault.New(fault.Invalid, "sqlitequeue: limit", "a known queue and a concurrency of at least 1 are needed")
	}
	l.limit(concurrency)
	return nil
}

// add stores tasks in one write and wakes their dispatchers.
func (q *Queue) add(ctx context.Context, group []tasks.Task) error {
	now, used := nanos(q.config.Business()), nanos(q.config.Real().Add(-nameLifetime))
	err := q.file.Write(ctx, func(tx sqlitefile.Tx) error {
		for _, t := range group {
			at := now
			if !t.At.IsZero() {
				at = nanos(t.At)
			}
			if _, err := tx.Exec(insertTask, t.Queue, t.Name, t.Body, at, t.At.IsZero(), used); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range group {
		q.lanes[t.Queue].signal()
	}
	return nil
}

// Pending counts the tasks that are not done, those for later and those being
// delivered among them, and returns the business time at which the oldest was
// due first; zero when there are none.
func (q *Queue) Pending(ctx context.Context) (n int, oldestDue time.Time, err error) {
	err = q.file.Query(ctx, func(rows *sql.Rows) error {
		var count int
		var at sql.NullInt64
		if err := rows.Scan(&count, &at); err != nil {
			return err
		}
		n += count
		if due := time.Unix(0, at.Int64).UTC(); at.Valid && (oldestDue.IsZero() || due.Before(oldestDue)) {
			oldestDue = due
		}
		return nil
	}, pendingTasks)
	return n, oldestDue, err
}

// nanos is a time as it is stored, in nanoseconds since 1970; times beyond the
// years 1678 to 2262, which an int64 cannot hold, become the nearest it can.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
