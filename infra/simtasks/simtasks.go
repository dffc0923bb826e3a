// Package simtasks is Cloud Tasks for tests: a server of its gRPC interface that
// keeps tasks in memory and delivers them over HTTP.
//
// It promises to refuse what the real one refuses and to send what the real one
// sends (cloud.google.com/tasks/docs/quotas and /creating-http-target-tasks,
// google.cloud.tasks.v2.Task): at least once, in no order, again after anything
// but a success, with a token signed as the task says, and a whole queue slower
// after 429 and 503. Names stay used for as
// long as it lives. It holds times by the clock that it is given, and outlives
// no process.
package simtasks

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"golang.org/x/time/rate"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/autoprovision/shared/clock"
)

// fastest is the most deliveries a second of a queue.
const fastest = 500

// maxSize is the most bytes of a stored task, as measured against the real service.
const maxSize = 1_048_569

// Options are what a service is made of; all but Fail and Longest are required.
type Options struct {
	// Queues are the full names of the queues that there are.
	Queues []string
	// Concurrency is how many deliveries a queue makes at a time, until UpdateQueue says otherwise.
	Concurrency int
	// Now is the time by which tasks are due. Tell Wake when it was moved.
	Now clock.Business
	// Sign returns a token of a service account for an audience.
	Sign func(account, audience string) string
	// Fail, if set, says how the nth CreateTask (from 1) fails, and whether its task is stored all the same.
	Fail func(n int) (code codes.Code, stored bool)
	// Longest, if not 0, is how long a delivery may take where its task allows for longer.
	Longest time.Duration
}

// Service stands for Cloud Tasks. It is safe for concurrent use.
type Service struct {
	cloudtaskspb.UnimplementedCloudTasksServer
	options Options
	client  *http.Client
	changed chan struct{}

	mu      sync.Mutex
	queues  map[string]*queue
	waiting map[string]*storedTask
	used    map[string]bool
	updates []*cloudtaskspb.UpdateQueueRequest
	// created and delivered count the calls of CreateTask and the deliveries.
	created, delivered int
	// held is true while no delivery is begun, and twice is that of Twice.
	held  bool
	twice int
	// deliveries is the context of those under way; cut ends it.
	deliveries context.Context
	cut        context.CancelFunc
}

type queue struct {
	running, concurrency int
	rate                 *rate.Limiter // in real time
	until                time.Time     // real time before which nothing is delivered
}

// newRate is that of a queue that delivers so many tasks a second. The real one
// chooses by itself how many may come at once (google.cloud.tasks.v2 RateLimits).
func newRate(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), 1+int(perSecond/5))
}

type storedTask struct {
	*cloudtaskspb.Task
	queue string
	// eta is when it is due; retryAt, in real time, when it is tried again.
	eta, retryAt              time.Time
	running                   bool
	tries, executions, status int
	// again is true for one that is to be delivered once more after a success.
	again bool
}

// Start starts a service on a free port of this machine, and returns its
// address. stop ends it, and what it delivers.
func Start(o Options) (s *Service, address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	s = &Service{options: o, queues: map[string]*queue{}, waiting: map[string]*storedTask{}, used: map[string]bool{}, changed: make(chan struct{}, 1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for _, name := range o.Queues {
		s.queues[name] = &queue{concurrency: o.Concurrency, rate: newRate(fastest)}
	}
	s.deliveries, s.cut = context.WithCancel(context.Background())
	server := grpc.NewServer()
	cloudtaskspb.RegisterCloudTasksServer(server, s)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	all.Go(func() { s.dispatch(ctx) })
	return s, listener.Addr().String(), func() {
		cancel()
		s.Restart()
		server.Stop()
		all.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cut()
		s.client.CloseIdleConnections()
	}, nil
}

// Client are the options of a client of the service at an address.
func Client(address string) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
}

// Restart cuts off what is being delivered, to be delivered again.
func (s *Service) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.deliveries, s.cut = context.WithCancel(context.Background())
}

// Wake says that the clock was moved.
func (s *Service) Wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Hold begins no delivery any more, until Resume.
func (s *Service) Hold() { s.hold(true) }

// Resume begins deliveries again.
func (s *Service) Resume() { s.hold(false) }

func (s *Service) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.Wake()
}

// Twice delivers every so many tasks a second time after a success, of those
// that are created from now on; 0 is none.
func (s *Service) Twice(every int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twice = every
}

// Next is when the next task is due; zero when there is none.
func (s *Service) Next() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	for _, task := range s.waiting {
		if next.IsZero() || task.eta.Before(next) {
			next = task.eta
		}
	}
	return next
}

// Idle reports whether nothing is being delivered, and nothing is due.
func (s *Service) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	for _, t := range s.waiting {
		if t.running || !t.eta.After(now) {
			return false
		}
	}
	return true
}

// Running is how many deliveries are under way.
func (s *Service) Running() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		n += q.running
	}
	return n
}

// Waiting says of each task what it waits for, the first due first, one to a line.
func (s *Service) Waiting() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	var b strings.Builder
	byTime := func(x, y *storedTask) int { return x.eta.Compare(y.eta) }
	for _, t := range slices.SortedFunc(maps.Values(s.waiting), byTime) {
		fmt.Fprintf(&b, "%s %s: due in %v, tried %d times, last answered %d, again in %v, under way %v: %.120s\n", last(t.queue), last(t.GetName()),
			t.eta.Sub(now).Round(time.Millisecond), t.tries, t.status, max(0, time.Until(t.retryAt)).Round(time.Millisecond), t.running, t.GetHttpRequest().GetBody())
	}
	return b.String()
}

// Counts are how many times CreateTask was called, and how many deliveries there were.
func (s *Service) Counts() (created, delivered int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.created, s.delivered
}

// Updates are the calls of UpdateQueue so far.
func (s *Service) Updates() []*cloudtaskspb.UpdateQueueRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*cloudtaskspb.UpdateQueueRequest(nil), s.updates...)
}

var taskName = regexp.MustCompile(`^(projects/[^/]+/locations/[^/]+/queues/[^/]+)/tasks/([A-Za-z0-9_-]{1,500})$`)

// CreateTask stores a task.
func (s *Service) CreateTask(_ context.Context, r *cloudtaskspb.CreateTaskRequest) (*cloudtaskspb.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Wake()
	s.created++
	if s.options.Fail != nil {
		if code, stored := s.options.Fail(s.created); code != codes.OK {
			if stored {
				_ = s.store(r) // its answer is the one that is lost
			}
			return nil, status.Error(code, "the test says so")
		}
	}
	if err := s.store(r); err != nil {
		return nil, err
	}
	return r.GetTask(), nil
}

func (s *Service) store(r *cloudtaskspb.CreateTaskRequest) error {
	task, now := proto.CloneOf(r.GetTask()), s.options.Now()
	if s.queues[r.GetParent()] == nil {
		return status.Error(codes.NotFound, "Requested entity was not found.")
	}
	name := taskName.FindStringSubmatch(task.GetName())
	deadline, eta := task.GetDispatchDeadline().AsDuration(), now
	if task.ScheduleTime != nil {
		eta = task.GetScheduleTime().AsTime().Truncate(time.Microsecond)
	}
	switch {
	case name == nil || name[1] != r.GetParent():
		return status.Error(codes.InvalidArgument, "Task name must be formatted otherwise.")
	case eta.After(now.Add(30 * 24 * time.Hour)):
		return status.Error(codes.InvalidArgument, "The Task.scheduleTime is too far in the future.")
	case deadline < 15*time.Second || deadline > 30*time.Minute:
		return status.Error(codes.InvalidArgument, "The Task.dispatchDeadline must be between [15s, 30m].")
	case proto.Size(task) > maxSize:
		return status.Error(codes.InvalidArgument, "Task size too large.")
	case s.used[task.GetName()]:
		return status.Error(codes.AlreadyExists, "The task cannot be created because a task with this name existed too recently.")
	}
	s.used[task.GetName()] = true
	again := s.twice > 0 && len(s.used)%s.twice == 0
	s.waiting[task.GetName()] = &storedTask{Task: task, queue: r.GetParent(), eta: eta, again: again}
	return nil
}

// UpdateQueue sets how many deliveries a queue makes at a time, and in a second.
func (s *Service) UpdateQueue(_ context.Context, r *cloudtaskspb.UpdateQueueRequest) (*cloudtaskspb.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[r.GetQueue().GetName()]
	if q == nil {
		return nil, status.Error(codes.NotFound, "Requested entity was not found.")
	}
	if n := r.GetQueue().GetRateLimits().GetMaxConcurrentDispatches(); n > 0 {
		q.concurrency = int(n)
	}
	if n := r.GetQueue().GetRateLimits().GetMaxDispatchesPerSecond(); n > 0 {
		q.rate = newRate(n)
	}
	s.updates = append(s.updates, r)
	return r.GetQueue(), nil
}

// last is the last part of a full name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
