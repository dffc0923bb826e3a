package sqlitequeue

import (
	"context"
	"database/sql"
	"encoding/json"
	"sync"
	"time"

	"example.com/autoprovision/shared/fault"
)

const (
	// lookAgain is the longest sleep while a task waits for its business time,
	// since business time may be set forward without a word.
	lookAgain = 250 * time.Millisecond
	// firstLook is the sleep while the speed of business time is not known yet.
	firstLook = 10 * time.Millisecond
	// shortest keeps a fast clock from making the dispatcher spin.
	shortest = time.Millisecond
	// afterTrouble is the pause after the store has refused.
	afterTrouble = time.Second
)

// task is a stored task that is due.
type task struct {
	id                     int64
	name                   string
	body                   []byte
	at                     int64
	tries, answers, status int
}

// lane dispatches one queue.
type lane struct {
	q        *Queue
	name     string
	endpoint Endpoint
	wake     chan struct{} // something may be due sooner than thought
	room     chan struct{} // one more may be delivered than thought
	pace     pace

	mu sync.Mutex
	// running are deliveries under way, of which there are to be concurrency at most.
	running, concurrency int
	// known are the tasks in memory: taken, being delivered, or with a result not stored yet.
	known map[int64]bool
}

func newLane(q *Queue, name string, e Endpoint) *lane {
	return &lane{q: q, name: name, endpoint: e, concurrency: e.Concurrency,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), known: map[int64]bool{}}
}

// Run delivers until Close is called and its deliveries have ended, and then
// returns nil; at once, when Close was called already. When ctx ends,
// deliveries under way are cut off. It is called once.
func (q *Queue) Run(ctx context.Context) error {
	q.mu.Lock()
	again, closed := q.started, q.closed
	q.started = true
	q.mu.Unlock()
	if closed {
		return nil
	}
	if again {
		return fault.New(fault.Internal, "sqlitequeue: run", "a queue runs once")
	}
	defer close(q.finished)
	defer context.AfterFunc(ctx, func() { q.stopTaking(); q.cut() })()

	var lanes, keepers sync.WaitGroup
	for _, l := range q.lanes {
		lanes.Go(l.run)
	}
	keepers.Go(q.record)
	keepers.Go(q.purge)
	lanes.Wait()
	close(q.results)
	keepers.Wait()
	q.cut()
	q.client.CloseIdleConnections()
	return nil
}

// Close takes no more tasks, waits for the deliveries under way, and stores how
// they ended. When ctx ends first it cuts them off, to be delivered again by the
// next process, and returns ctx's error as fault.Unavailable. The file stays open.
func (q *Queue) Close(ctx context.Context) error {
	q.stopTaking()
	q.mu.Lock()
	running := q.started
	q.closed = !running
	q.mu.Unlock()
	if !running {
		q.cut()
		return nil
	}
	select {
	case <-q.finished:
		return nil
	case <-ctx.Done():
		q.cut()
		<-q.finished
		return fault.Wrap(fault.Unavailable, "sqlitequeue: close", ctx.Err())
	}
}

func (q *Queue) stopTaking() { q.stopOnce.Do(func() { close(q.stop) }) }

// run takes due tasks and delivers them until the queue stops, and returns when
// its deliveries have ended.
func (l *lane) run() {
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for {
		batch, sleep, err := l.take()
		if err != nil {
			l.q.log.Error("task queue cannot read its tasks", "queue", l.name, "error", err)
			sleep = afterTrouble
		}
		for _, t := range batch {
			if !l.enter() {
				return
			}
			deliveries.Go(func() {
				defer l.leave()
				l.deliver(t)
			})
		}
		if len(batch) == 0 && !l.sleep(sleep) {
			return
		}
	}
}

// enter waits until one more may be delivered; false when the queue stops.
func (l *lane) enter() bool {
	for {
		select {
		case <-l.q.stop:
			return false
		default:
		}
		if l.start() {
			return true
		}
		select {
		case <-l.room:
		case <-l.q.stop:
			return false
		}
	}
}

func (l *lane) start() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= l.concurrency {
		return false
	}
	l.running++
	return true
}

func (l *lane) leave() {
	l.mu.Lock()
	l.running--
	l.mu.Unlock()
	signal(l.room)
}

// limit sets how many are delivered at a time; more that are under way go on.
func (l *lane) limit(concurrency int) {
	l.mu.Lock()
	l.concurrency = concurrency
	l.mu.Unlock()
	signal(l.room)
}

func (l *lane) most() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.concurrency
}

// sleep waits for a signal or, if d is not 0, for that long; false when the queue stops.
func (l *lane) sleep(d time.Duration) bool {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-l.wake:
	case <-over:
	case <-l.q.stop:
		return false
	}
	return true
}

// signal makes the lane look again, now or right after what it is doing.
func (l *lane) signal() { signal(l.wake) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take reads as many due tasks as can be delivered at a time and remembers
// them as known. With none due it returns how long to sleep; 0 for until a signal.
func (l *lane) take() (batch []task, sleep time.Duration, err error) {
	business, real := l.q.config.Business(), l.q.config.Real()
	known := l.list()
	err = l.q.file.Query(context.Background(), func(rows *sql.Rows) error {
		var t task
		if err := rows.Scan(&t.id, &t.name, &t.body, &t.at, &t.tries, &t.answers, &t.status); err != nil {
			return err
		}
		batch = append(batch, t)
		return nil
	}, dueTasks, l.name, nanos(business), nanos(real), known, l.most())
	if err != nil {
		return nil, 0, err
	}
	if len(batch) > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, t := range batch {
			l.known[t.id] = true
		}
		return batch, 0, nil
	}
	var at, retryAt sql.NullInt64
	err = l.q.file.Query(context.Background(), func(rows *sql.Rows) error { return rows.Scan(&at, &retryAt) }, nextTimes, l.name, known)
	if err != nil {
		return nil, 0, err
	}
	l.pace.look(business, real)
	if at.Valid {
		sleep = l.pace.until(time.Unix(0, at.Int64))
	}
	if retryAt.Valid {
		wait := max(time.Unix(0, retryAt.Int64).Sub(real), shortest)
		if sleep == 0 || wait < sleep {
			sleep = wait
		}
	}
	return nil, sleep, nil
}

// list is the known tasks as a JSON array.
func (l *lane) list() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]int64, 0, len(l.known))
	for id := range l.known {
		ids = append(ids, id)
	}
	return array(ids)
}

func (l *lane) forget(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, id)
}

func array(ids []int64) string {
	data, err := json.Marshal(ids)
	if err != nil {
		panic("sqlitequeue: numbers do not marshal: " + err.Error())
	}
	return string(data)
}

// pace measures how fast business time goes, which only its owner knows, so
// that a dispatcher neither sleeps past a due time nor polls for it.
type pace struct {
	business, real time.Time
	speed          float64 // business seconds a real second; 0 for not known, or standing still
}

// look takes the two clocks' times of one moment.
func (p *pace) look(business, real time.Time) {
	if elapsed := real.Sub(p.real); !p.real.IsZero() && elapsed > 0 {
		p.speed = float64(business.Sub(p.business)) / float64(elapsed)
	}
	p.business, p.real = business, real
}

// until is how long to sleep before business time may show due.
func (p *pace) until(due time.Time) time.Duration {
	if p.speed <= 0 {
		return firstLook
	}
	wait := float64(due.Sub(p.business)) / p.speed
	return time.Duration(min(max(wait, float64(shortest)), float64(lookAgain)))
}
