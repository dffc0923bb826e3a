// Package cloudtasks owns the adapter of the task queue for Google Cloud Tasks:
// tasks that it delivers by HTTP with an OIDC token of a service account.
//
// It promises what the port promises. A task for later than Cloud Tasks holds
// one is delivered early, some weeks apart, until its time is near: the look
// that comes early asks for its wake-up again, and that goes on in the next
// task. It never looks into a body, and has no dead letters: a task that fails
// too often is its endpoint's to give up.
package cloudtasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/fault/rpcfault"
	"example.com/autoprovision/shared/tasks"
)

const (
	// parallel is how many tasks are created at a time; each is a request.
	parallel = 16
	// hop is how far ahead a task is scheduled at most; Cloud Tasks takes 30 days
	// (cloud.google.com/tasks/docs/quotas).
	hop = 29 * 24 * time.Hour
	// slack is by how much a hop may come early, by its clock against ours, and
	// still count as done.
	slack = time.Hour
	// minDeadline and maxDeadline bound a delivery to an HTTP target, and
	// maxPerSecond and maxConcurrency a queue (google.cloud.tasks.v2 Task, RateLimits).
	minDeadline    = 15 * time.Second
	maxDeadline    = 30 * time.Minute
	maxPerSecond   = 500
	maxConcurrency = 5000
)

// Endpoint is where and how one queue delivers.
type Endpoint struct {
	// Queue is its full name: projects/P/locations/L/queues/Q.
	Queue string
	// URL is absolute, and is what the token of each delivery is for: its
	// receiver checks that the audience is this URL exactly.
	URL string
	// Deadline bounds one delivery, 15 seconds to 30 minutes; a delivery that
	// takes longer is cut off and comes again.
	Deadline time.Duration
}

// Config is what a queue needs.
type Config struct {
	// Queues are the endpoints by the name of their queue in package tasks.
	Queues map[string]Endpoint
	// ServiceAccount is the address of the account whose token each delivery carries.
	ServiceAccount string
	// Business is the time of Task.At. Cloud Tasks keeps real time, so it must not run faster.
	Business clock.Business
}

// Limits are how fast a queue delivers.
type Limits struct {
	// PerSecond is deliveries a second, at most 500; 0 for as many as there can be.
	PerSecond float64
	// Concurrency is deliveries at a time, 1 to 5000.
	Concurrency int
}

// Queue implements tasks.Queue.
type Queue struct {
	client *cloud.Client
	config Config
}

var _ tasks.Queue = (*Queue)(nil)

// New returns the queue; fault.Invalid for a configuration that Cloud Tasks would refuse.
func New(client *cloud.Client, c Config) (*Queue, error) {
	const op = "cloudtasks: new"
	if len(c.Queues) == 0 || c.ServiceAccount == "" || c.Business == nil {
		return nil, fault.New(fault.Invalid, op, "a queue needs an endpoint, a service account and a clock")
	}
	for name, e := range c.Queues {
		if u, err := url.Parse(e.URL); err != nil || u.Host == "" || e.Queue == "" || e.Deadline < minDeadline || e.Deadline > maxDeadline {
			return nil, fault.New(fault.Invalid, op, "queue %s needs a name, an absolute URL and a deadline of %v to %v", name, minDeadline, maxDeadline)
		}
	}
	return &Queue{client, c}, nil
}

// Enqueue implements tasks.Queue.
func (q *Queue) Enqueue(ctx context.Context, list ...tasks.Task) error {
	const op = "tasks: enqueue"
	requests := make([]*cloudtaskspb.CreateTaskRequest, 0, len(list))
	known := map[string]bool{}
	for _, t := range list {
		if err := t.Validate(); err != nil {
			return err
		}
		endpoint, ok := q.config.Queues[t.Queue]
		if !ok {
			return fault.New(fault.Invalid, op, "there is no queue %q", t.Queue)
		}
		r := q.request(endpoint, t)
		if name := r.GetTask().GetName(); !known[name] { // of two of one name the first is stored
			known[name] = true
			requests = append(requests, r)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, r := range requests {
		group.Go(func() error {
			_, err := q.client.CreateTask(ctx, r, gax.WithRetry(again))
			if status.Code(err) == codes.AlreadyExists {
				return nil
			}
			return wrap(op, err)
		})
	}
	return group.Wait()
}

// again repeats what got no answer, which a task's name makes harmless.
func again() gax.Retryer {
	return gax.OnCodes([]codes.Code{codes.Unavailable}, gax.Backoff{Initial: 50 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2})
}

// request is the request that stores a task.
func (q *Queue) request(e Endpoint, t tasks.Task) *cloudtaskspb.CreateTaskRequest {
	name, at := q.schedule(t)
	task := &cloudtaskspb.Task{
		Name:             e.Queue + "/tasks/" + name,
		DispatchDeadline: durationpb.New(e.Deadline),
		MessageType: &cloudtaskspb.Task_HttpRequest{HttpRequest: &cloudtaskspb.HttpRequest{
			Url:        e.URL,
			HttpMethod: cloudtaskspb.HttpMethod_POST,
			Headers:    map[string]string{"Content-Type": "application/json"},
			Body:       t.Body,
			AuthorizationHeader: &cloudtaskspb.HttpRequest_OidcToken{OidcToken: &cloudtaskspb.OidcToken{
				ServiceAccountEmail: q.config.ServiceAccount, Audience: e.URL,
			}},
		}},
	}
	if !at.IsZero() {
		task.ScheduleTime = timestamppb.New(at)
	}
	return &cloudtaskspb.CreateTaskRequest{Parent: e.Queue, Task: task}
}

// schedule is the name and the time under which a task is stored; zero for at once.
//
// A task that is further ahead than a hop is stored a whole number of hops
// before its time. Each hop has a name of its own, since the name of the one
// that is being delivered is in use, and always the same, so that a task which
// is enqueued twice is stored once.
func (q *Queue) schedule(t tasks.Task) (name string, at time.Time) {
	if t.At.IsZero() {
		return t.Name, time.Time{}
	}
	// Cloud Tasks cuts times to microseconds, which must not make them early.
	at = t.At.Add(time.Microsecond - 1).Truncate(time.Microsecond)
	hops := (at.Sub(q.config.Business()) - slack) / hop
	if hops < 1 {
		return t.Name, at
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", t.Name, hops))
	return "hop-" + hex.EncodeToString(sum[:16]), at.Add(-hops * hop)
}

// Limit sets how fast a queue delivers, for all programs that deliver from it
// together; fault.Invalid for an unknown queue or a concurrency of none.
func (q *Queue) Limit(ctx context.Context, queue string, l Limits) error {
	const op = "tasks: limit queue"
	endpoint, ok := q.config.Queues[queue]
	if !ok || l.Concurrency < 1 || l.PerSecond < 0 {
		return fault.New(fault.Invalid, op, "a known queue and a concurrency of at least 1 are needed")
	}
	if l.PerSecond == 0 {
		l.PerSecond = maxPerSecond
	}
	_, err := q.client.UpdateQueue(ctx, &cloudtaskspb.UpdateQueueRequest{
		Queue: &cloudtaskspb.Queue{Name: endpoint.Queue, RateLimits: &cloudtaskspb.RateLimits{
			MaxDispatchesPerSecond:  min(l.PerSecond, maxPerSecond),
			MaxConcurrentDispatches: int32(min(l.Concurrency, maxConcurrency)),
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"rate_limits.max_dispatches_per_second", "rate_limits.max_concurrent_dispatches"}},
	})
	return wrap(op, err)
}

var details = map[codes.Code]string{
	codes.NotFound: noQueue, codes.FailedPrecondition: noQueue, codes.PermissionDenied: mayNot, codes.Unauthenticated: mayNot,
}

const (
	noQueue = "the queue does not exist or is disabled; deploy it, and give a new one a minute"
	mayNot  = "this program's service account may not use the queue; give it roles/cloudtasks.enqueuer, " +
		"and roles/iam.serviceAccountUser on the account that deliveries are signed as"
)

func wrap(op string, err error) error { return rpcfault.Wrap(op, err, details) }
