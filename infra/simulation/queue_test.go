package simulation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/tasks"
)

// queue holds what is to be delivered: tasks and push notifications.
type queue struct {
	world   *world
	waiting []*delivery
	names   map[string]time.Time
	numbers int
	// running counts the deliveries under way, by queue, and lanes how many may be at a time.
	running, lanes map[string]int
}

// delivery is one task or push on its way.
type delivery struct {
	number int
	queue  string
	at     time.Time
	tries  int
	path   string
	header http.Header
	body   []byte
	user   string
}

// pushes and messages are the lanes of push notifications and of audit messages beside the queues.
const (
	pushes   = "push"
	messages = "audit"
)

func newQueue(w *world) *queue {
	return &queue{world: w, names: map[string]time.Time{}, running: map[string]int{},
		lanes: map[string]int{tasks.Reconcile: 4, tasks.Bulk: 4, tasks.Sweep: 1, pushes: 2, messages: 2}}
}

type notification struct {
	at                                 time.Time
	channel, token, number, body, user string
}

func (q *queue) push(p notification) {
	q.add(&delivery{queue: pushes, at: p.at, path: "/directory-push", body: []byte(p.body), user: p.user, header: http.Header{
		"X-Goog-Channel-Id": {p.channel}, "X-Goog-Channel-Token": {p.token}, "X-Goog-Resource-State": {"update"}, "X-Goog-Message-Number": {p.number}}})
}

func (q *queue) add(d *delivery) {
	q.numbers++
	d.number = q.numbers
	q.waiting = append(q.waiting, d)
}

// tasksPort is the queue as one instance reaches it.
type tasksPort struct{ *instance }

func (p tasksPort) Enqueue(ctx context.Context, list ...tasks.Task) error {
	w := p.world
	_, err := answer(ctx, &w.scheduler, "tasks: enqueue", func(worker *worker) (none, error) {
		for _, t := range list {
			if err := t.Validate(); err != nil {
				return none{}, err
			}
			if w.queue.lanes[t.Queue] == 0 || t.Queue == pushes || t.Queue == messages {
				return none{}, fault.New(fault.Invalid, "tasks: enqueue", "no queue %q", t.Queue)
			}
		}
		return fated(w.fate(worker, "tasks: enqueue", w.faults.state), errTasks, func() (none, error) {
			for _, t := range list {
				if w.chance(w.faults.state) { // those before were stored
					return none{}, errTasks
				}
				w.queue.enqueue(t)
			}
			return none{}, nil
		})
	})
	return err
}

var errTasks = fault.New(fault.Unavailable, "tasks: enqueue", "no answer")

func (q *queue) enqueue(t tasks.Task) {
	w, now := q.world, time.Now()
	if used, ok := q.names[t.Name]; ok && now.Sub(used) < 24*time.Hour {
		return
	}
	q.names[t.Name] = latest(now, t.At.Add(-epoch))
	if w.chance(w.faults.lost) {
		return
	}
	d := delivery{queue: t.Queue, at: latest(now, t.At.Add(-epoch)), path: "/reconcile", body: t.Body}
	if t.Queue == tasks.Sweep {
		d.path = "/sweep"
	}
	var request struct {
		UserID string `json:"userId"`
	}
	if json.Unmarshal(t.Body, &request) == nil {
		d.user = request.UserID
	}
	if w.chance(w.faults.delayed) {
		d.at = d.at.Add(time.Duration(w.rng.Int64N(int64(2 * time.Hour))))
	}
	q.add(&d)
	if w.chance(w.faults.doubled) {
		again := d
		again.at = again.at.Add(time.Duration(w.rng.Int64N(int64(time.Minute))))
		q.add(&again)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// due lists what can be delivered now, and the earliest time of the rest.
func (q *queue) due() (list []*delivery, next time.Time) {
	now := time.Now()
	for _, d := range q.waiting {
		switch {
		case d.at.After(now):
			if next.IsZero() || d.at.Before(next) {
				next = d.at
			}
		case q.running[d.queue] < q.lanes[d.queue]:
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *delivery) int { return cmp.Compare(a.number, b.number) })
	return list, next
}

// deliver starts a worker with one delivery on one of the instances.
func (q *queue) deliver(d *delivery) {
	w := q.world
	q.waiting = slices.DeleteFunc(q.waiting, func(other *delivery) bool { return other == d })
	q.running[d.queue]++
	in := w.instances[w.rng.IntN(len(w.instances))]
	recorder := httptest.NewRecorder() // what a process that died still writes to it is not read
	worker := &worker{name: d.path + " " + d.user, instance: in, queue: d.queue, user: d.user}
	worker.finish = func(died bool) {
		q.running[d.queue]--
		if died {
			q.again(d, 0)
			return
		}
		if recorder.Code/100 == 2 || d.queue == pushes && recorder.Code != http.StatusServiceUnavailable {
			return
		}
		seconds, _ := strconv.Atoi(recorder.Header().Get("Retry-After"))
		q.again(d, time.Duration(seconds)*time.Second)
	}
	worker.looksOnly = bytes.Contains(d.body, []byte(`"previewId"`))
	w.start(worker, func(ctx context.Context) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.path, bytes.NewReader(d.body))
		if err != nil {
			panic("simulation: request: " + err.Error())
		}
		for name, values := range d.header {
			r.Header[name] = values
		}
		r.Header.Set("X-Cloudtasks-Taskretrycount", strconv.Itoa(d.tries))
		in.handler.ServeHTTP(recorder, r)
	})
}

// again delivers once more, with back-off and not before a pause.
func (q *queue) again(d *delivery, pause time.Duration) {
	next := *d
	next.tries++
	if next.queue == pushes && next.tries > 3 {
		return // the directory gives up
	}
	next.at = time.Now().Add(max(pause, min(100*time.Millisecond<<min(next.tries, 10), time.Minute)))
	q.add(&next)
}
