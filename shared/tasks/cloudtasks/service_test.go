package cloudtasks_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// queueName is the one queue that the service has.
const queueName = "projects/p/locations/l/queues/reconcile"

// service stands for Cloud Tasks: it refuses what the real one refuses and
// sends what the real one sends (cloud.google.com/tasks/docs/quotas and
// /creating-http-target-tasks, google.cloud.tasks.v2.Task). It keeps names for
// as long as it lives, and delivers in no order.
type service struct {
	cloudtaskspb.UnimplementedCloudTasksServer
	clock *virtual

	mu          sync.Mutex
	waiting     map[string]*storedTask
	used        map[string]bool
	running     int
	concurrency int
	updates     []*cloudtaskspb.UpdateQueueRequest
	// fail, if set, says how the nth CreateTask (from 1) fails, and whether its task is stored all the same.
	fail    func(n int) (code codes.Code, stored bool)
	created int
	// deliveries is the context of those under way; cut ends it.
	deliveries context.Context
	cut        context.CancelFunc

	changed chan struct{}
	client  *http.Client
}

type storedTask struct {
	*cloudtaskspb.Task
	id string
	// eta is when it is due; retryAt, in real time, when it is tried again.
	eta, retryAt              time.Time
	running                   bool
	tries, executions, status int
}

// virtual is a business clock that moves when it is told to.
type virtual struct {
	mu  sync.Mutex
	now time.Time
}

func (v *virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *virtual) advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// serve starts the service and returns a client of it; both end with the test.
func serve(t *testing.T) (*service, *cloud.Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{
		clock:   &virtual{now: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)},
		waiting: map[string]*storedTask{}, used: map[string]bool{}, concurrency: 8, changed: make(chan struct{}, 1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	server := grpc.NewServer()
	cloudtaskspb.RegisterCloudTasksServer(server, s)
	s.deliveries, s.cut = context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := server.Serve(listener); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() { s.dispatch(ctx) })
	client, err := cloud.NewClient(context.Background(), option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.restart()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		all.Wait()
		s.cut()
		s.client.CloseIdleConnections()
	})
	return s, client
}

// restart cuts off what is being delivered, to be delivered again.
func (s *service) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.deliveries, s.cut = context.WithCancel(context.Background())
}

func (s *service) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *service) advance(d time.Duration) {
	s.clock.advance(d)
	s.wake()
}

var taskName = regexp.MustCompile(`^` + queueName + `/tasks/([A-Za-z0-9_-]{1,500})$`)

func (s *service) CreateTask(_ context.Context, r *cloudtaskspb.CreateTaskRequest) (*cloudtaskspb.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake()
	s.created++
	if s.fail != nil {
		if code, stored := s.fail(s.created); code != codes.OK {
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

func (s *service) store(r *cloudtaskspb.CreateTaskRequest) error {
	task := proto.CloneOf(r.GetTask())
	if r.GetParent() != queueName {
		return status.Error(codes.NotFound, "Requested entity was not found.")
	}
	id := taskName.FindStringSubmatch(task.GetName())
	deadline, eta := task.GetDispatchDeadline().AsDuration(), s.clock.Now()
	if task.ScheduleTime != nil {
		eta = task.GetScheduleTime().AsTime().Truncate(time.Microsecond)
	}
	switch {
	case id == nil:
		return status.Error(codes.InvalidArgument, "Task name must be formatted otherwise.")
	case eta.After(s.clock.Now().Add(30 * 24 * time.Hour)):
		return status.Error(codes.InvalidArgument, "The Task.scheduleTime is too far in the future.")
	case deadline < 15*time.Second || deadline > 30*time.Minute:
		return status.Error(codes.InvalidArgument, "The Task.dispatchDeadline must be between [15s, 30m].")
	case proto.Size(task) > 1_048_569:
		return status.Error(codes.InvalidArgument, "Task size too large.")
	case s.used[id[1]]:
		return status.Error(codes.AlreadyExists, "The task cannot be created because a task with this name existed too recently.")
	}
	s.used[id[1]] = true
	s.waiting[id[1]] = &storedTask{Task: task, id: id[1], eta: eta}
	return nil
}

func (s *service) UpdateQueue(_ context.Context, r *cloudtaskspb.UpdateQueueRequest) (*cloudtaskspb.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.GetQueue().GetName() != queueName {
		return nil, status.Error(codes.NotFound, "Requested entity was not found.")
	}
	s.updates = append(s.updates, r)
	return r.GetQueue(), nil
}

// dispatch delivers what is due until it is stopped, and waits for its deliveries.
func (s *service) dispatch(ctx context.Context) {
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for ctx.Err() == nil {
		wait := time.Hour
		s.mu.Lock()
		for _, t := range s.waiting {
			if t.running || t.eta.After(s.clock.Now()) {
				continue
			}
			if d := time.Until(t.retryAt); d > 0 {
				wait = min(wait, d)
				continue
			}
			if s.running < s.concurrency {
				t.running = true
				s.running++
				under := s.deliveries
				deliveries.Go(func() { s.deliver(under, t) })
			}
		}
		s.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-s.changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (s *service) deliver(ctx context.Context, t *storedTask) {
	answer, retryAfter := s.send(ctx, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake()
	s.running--
	if answer/100 == 2 {
		delete(s.waiting, t.id)
		return
	}
	t.running = false
	t.tries++
	t.status = answer
	if answer != 0 && answer/100 != 5 {
		t.executions++
	}
	t.retryAt = time.Now().Add(max(retryAfter, 10*time.Millisecond))
}

// send delivers a task once; answer is 0 when there was none.
func (s *service) send(ctx context.Context, t *storedTask) (answer int, retryAfter time.Duration) {
	target := t.GetHttpRequest()
	ctx, cancel := context.WithTimeout(ctx, t.GetDispatchDeadline().AsDuration())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, target.GetHttpMethod().String(), target.GetUrl(), bytes.NewReader(target.GetBody()))
	if err != nil {
		return 0, 0
	}
	for name, value := range target.GetHeaders() {
		r.Header.Set(name, value)
	}
	r.Header.Set("User-Agent", "Google-Cloud-Tasks")
	r.Header.Set("X-CloudTasks-QueueName", queueName[strings.LastIndex(queueName, "/")+1:])
	r.Header.Set("X-CloudTasks-TaskName", t.id)
	r.Header.Set("X-CloudTasks-TaskRetryCount", strconv.Itoa(t.tries))
	r.Header.Set("X-CloudTasks-TaskExecutionCount", strconv.Itoa(t.executions))
	r.Header.Set("X-CloudTasks-TaskETA", fmt.Sprintf("%d.%06d", t.eta.Unix(), t.eta.Nanosecond()/1e3))
	if t.tries > 0 && t.status != 0 {
		r.Header.Set("X-CloudTasks-TaskPreviousResponse", strconv.Itoa(t.status))
	}
	if oidc := target.GetOidcToken(); oidc != nil {
		r.Header.Set("Authorization", "Bearer "+token(oidc))
	}
	response, err := s.client.Do(r)
	if err != nil {
		return 0, 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // the status is the answer
	_ = response.Body.Close()
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // none is zero
	return response.StatusCode, time.Duration(seconds) * time.Second
}

// token has the claims of a real one; its signature is a receiver's to test.
func token(o *cloudtaskspb.OidcToken) string {
	claims, err := json.Marshal(map[string]string{"aud": o.GetAudience(), "email": o.GetServiceAccountEmail()})
	if err != nil {
		panic(err)
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".e30"
}
