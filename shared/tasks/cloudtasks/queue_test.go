package cloudtasks_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/cloudtasks"
	"example.com/autoprovision/shared/tasks/taskstest"
)

// open returns the queue, delivering to an address.
func open(t *testing.T, client *cloud.Client, now clock.Business, endpoint string) *cloudtasks.Queue {
	t.Helper()
	q, err := cloudtasks.New(client, cloudtasks.Config{
		Queues: map[string]cloudtasks.Endpoint{
			tasks.Reconcile: {Queue: queueName, URL: endpoint, Deadline: 3 * time.Minute},
			tasks.Sweep:     {Queue: "projects/p/locations/l/queues/not-deployed", URL: endpoint, Deadline: 10 * time.Minute},
		},
		ServiceAccount: "tasks@p.iam.gserviceaccount.com", Business: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestConformance(t *testing.T) {
	t.Parallel()
	taskstest.Run(t, func(t *testing.T, endpoint string) taskstest.Harness {
		s, client := serve(t)
		return taskstest.Harness{Queue: open(t, client, s.clock.Now, endpoint), Name: tasks.Reconcile, Concurrency: concurrency,
			Now: s.clock.Now, Advance: s.advance, Restart: func() tasks.Queue {
				s.Restart()
				return open(t, client, s.clock.Now, endpoint)
			}}
	})
}

// receiver answers every delivery and keeps its headers.
type receiver struct {
	mu   sync.Mutex
	got  []http.Header
	when func(http.Header)
}

func receive(t *testing.T) (*receiver, string) {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if r.when != nil {
			r.when(request.Header)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, request.Header)
	}))
	t.Cleanup(server.Close)
	return r, server.URL
}

// await returns the deliveries once there are n.
func (r *receiver) await(t *testing.T, n int) []http.Header {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		r.mu.Lock()
		got := append([]http.Header(nil), r.got...)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%d deliveries within 20 s, want %d", len(got), n)
		}
	}
}

func enqueue(t *testing.T, q *cloudtasks.Queue, list ...tasks.Task) {
	t.Helper()
	if err := q.Enqueue(context.Background(), list...); err != nil {
		t.Error(err)
	}
}

// TestToken sees that a delivery is signed as the account, for its endpoint.
func TestToken(t *testing.T) {
	t.Parallel()
	s, client := serve(t)
	r, endpoint := receive(t)
	enqueue(t, open(t, client, s.clock.Now, endpoint), tasks.Task{Queue: tasks.Reconcile, Name: "t", Body: []byte(`{}`)})
	_, token, _ := strings.Cut(r.await(t, 1)[0].Get("Authorization"), ".")
	token, _, _ = strings.Cut(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(token)
	if want := `{"aud":"` + endpoint + `","email":"tasks@p.iam.gserviceaccount.com"}`; err != nil || string(claims) != want {
		t.Errorf("the token says %s, want %s", claims, want)
	}
}

// TestFarAhead sees that a task which is further ahead than Cloud Tasks takes
// one gets there by hops, when what receives it asks for it again as a look
// does, whichever clock is ahead of the other.
func TestFarAhead(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		name  string
		ahead time.Duration
		skew  time.Duration // of our clock against Cloud Tasks'
		hops  int
	}{
		{"just within reach", 29*day + 30*time.Minute, 0, 0},
		{"a hop and a little", 29*day + 2*time.Hour, 0, 1},
		{"a year", 365 * day, 0, 12},
		{"a year by a slow clock", 365 * day, -time.Minute, 12},
		{"a year by a fast clock", 365 * day, time.Minute, 12},
		{"whole hops", 58 * day, 0, 1},
		{"whole hops by a slow clock", 58 * day, -time.Second, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, client := serve(t)
			r, endpoint := receive(t)
			now := func() time.Time { return s.clock.Now().Add(test.skew) }
			q := open(t, client, now, endpoint)
			task := tasks.Task{Queue: tasks.Reconcile, Name: "wake-up", Body: []byte(`{}`), At: now().Add(test.ahead)}
			var mu sync.Mutex
			var early int
			r.when = func(h http.Header) {
				mu.Lock()
				defer mu.Unlock()
				// What is due within the skew of the clocks is due.
				if now().Add(time.Minute).Before(task.At) {
					early++
					enqueue(t, q, task, task)
				}
			}
			enqueue(t, q, task, task)
			for n := 0; ; n++ {
				next := s.Next()
				if next.IsZero() {
					break
				}
				s.advance(next.Sub(s.clock.Now()))
				r.await(t, n+1)
				s.idle(t)
			}
			got := r.await(t, 1)
			if name := got[len(got)-1].Get("X-CloudTasks-TaskName"); name != task.Name {
				t.Errorf("the last delivery is of %s", name)
			}
			if eta := s.clock.Now(); eta.Before(task.At.Add(-max(test.skew, 0))) {
				t.Errorf("the last delivery came at %v, the time is %v", eta, task.At)
			}
			if early != test.hops || len(got) != test.hops+1 {
				t.Errorf("%d deliveries, %d of them early, want %d early and one more", len(got), early, test.hops)
			}
		})
	}
}

// TestNotEarlyByAFraction sees that a time which Cloud Tasks cannot hold
// exactly is not held as an earlier one.
func TestNotEarlyByAFraction(t *testing.T) {
	t.Parallel()
	s, client := serve(t)
	_, endpoint := receive(t)
	at := s.clock.Now().Add(time.Hour + time.Nanosecond)
	enqueue(t, open(t, client, s.clock.Now, endpoint), tasks.Task{Queue: tasks.Reconcile, Name: "t", At: at})
	if eta := s.Next(); eta.Before(at) || eta.Sub(at) > time.Microsecond {
		t.Errorf("due at %v, held as %v", at, eta)
	}
}

// TestLostAnswers sees that a task whose storing failed, or was not answered, is
// stored once.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"not stored": false, "stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := serve(t)
			r, endpoint := receive(t)
			s.set(func(n int) (codes.Code, bool) {
				if n == 1 {
					return codes.Unavailable, stored
				}
				return codes.OK, false
			})
			q := open(t, client, s.clock.Now, endpoint)
			enqueue(t, q, tasks.Task{Queue: tasks.Reconcile, Name: "t", Body: []byte(`{}`)})
			r.await(t, 1)
			enqueue(t, q, tasks.Task{Queue: tasks.Reconcile, Name: "marker", Body: []byte(`{}`)})
			if got := r.await(t, 2); len(got) != 2 {
				t.Errorf("%d deliveries of two tasks", len(got))
			}
		})
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	s, client := serve(t)
	_, endpoint := receive(t)
	q := open(t, client, s.clock.Now, endpoint)
	task := tasks.Task{Queue: tasks.Reconcile, Name: "t"}
	for refused, want := range map[codes.Code]fault.Kind{
		codes.ResourceExhausted: fault.Throttled, codes.InvalidArgument: fault.Invalid, codes.Aborted: fault.Unavailable,
		codes.DeadlineExceeded: fault.Unavailable, codes.Internal: fault.Unavailable, codes.PermissionDenied: fault.Internal,
		codes.Unauthenticated: fault.Internal, codes.FailedPrecondition: fault.Internal, codes.Unimplemented: fault.Internal,
	} {
		s.set(func(int) (codes.Code, bool) { return refused, false })
		if err := q.Enqueue(context.Background(), task); !fault.Is(err, want) {
			t.Errorf("%v: %v, want %v", refused, err, want)
		}
	}
	s.set(nil)
	if err := q.Enqueue(context.Background(), tasks.Task{Queue: tasks.Sweep, Name: "t"}); !fault.Is(err, fault.Internal) {
		t.Errorf("a queue that is not deployed: %v, want fault.Internal", err)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	s, client := serve(t)
	_, endpoint := receive(t)
	q, ctx := open(t, client, s.clock.Now, endpoint), context.Background()
	for _, test := range []struct{ asked, got cloudtasks.Limits }{
		{cloudtasks.Limits{PerSecond: 2.5, Concurrency: 4}, cloudtasks.Limits{PerSecond: 2.5, Concurrency: 4}},
		{cloudtasks.Limits{Concurrency: 4}, cloudtasks.Limits{PerSecond: 500, Concurrency: 4}},
		{cloudtasks.Limits{PerSecond: 1e6, Concurrency: 1e6}, cloudtasks.Limits{PerSecond: 500, Concurrency: 5000}},
	} {
		if err := q.Limit(ctx, tasks.Reconcile, test.asked); err != nil {
			t.Fatal(err)
		}
		update := proto.CloneOf(s.Updates()[len(s.Updates())-1])
		rate := update.GetQueue().GetRateLimits()
		if got := (cloudtasks.Limits{PerSecond: rate.GetMaxDispatchesPerSecond(), Concurrency: int(rate.GetMaxConcurrentDispatches())}); got != test.got {
			t.Errorf("%+v became %+v, want %+v", test.asked, got, test.got)
		}
		// Nothing else of the queue is touched: an empty mask would replace it all.
		if !update.GetUpdateMask().IsValid(update.GetQueue()) || len(update.GetUpdateMask().GetPaths()) != 2 {
			t.Errorf("the update's mask is %v", update.GetUpdateMask())
		}
	}
	for what, err := range map[string]error{
		"an unknown queue": q.Limit(ctx, "none", cloudtasks.Limits{Concurrency: 1}),
		"no concurrency":   q.Limit(ctx, tasks.Reconcile, cloudtasks.Limits{PerSecond: 1}),
		"a negative rate":  q.Limit(ctx, tasks.Reconcile, cloudtasks.Limits{PerSecond: -1, Concurrency: 1}),
	} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", what, err)
		}
	}
	if err := q.Limit(ctx, tasks.Sweep, cloudtasks.Limits{Concurrency: 1}); !fault.Is(err, fault.Internal) {
		t.Errorf("a queue that is not deployed: %v, want fault.Internal", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := func() cloudtasks.Config {
		return cloudtasks.Config{ServiceAccount: "a", Business: clock.System,
			Queues: map[string]cloudtasks.Endpoint{tasks.Bulk: {Queue: queueName, URL: "https://worker.example.com/reconcile", Deadline: time.Minute}}}
	}
	if _, err := cloudtasks.New(nil, good()); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*cloudtasks.Config, *cloudtasks.Endpoint){
		"no account":      func(c *cloudtasks.Config, _ *cloudtasks.Endpoint) { c.ServiceAccount = "" },
		"no clock":        func(c *cloudtasks.Config, _ *cloudtasks.Endpoint) { c.Business = nil },
		"no queue":        func(c *cloudtasks.Config, _ *cloudtasks.Endpoint) { c.Queues = nil },
		"no name":         func(_ *cloudtasks.Config, e *cloudtasks.Endpoint) { e.Queue = "" },
		"a relative URL":  func(_ *cloudtasks.Config, e *cloudtasks.Endpoint) { e.URL = "/reconcile" },
		"a short time":    func(_ *cloudtasks.Config, e *cloudtasks.Endpoint) { e.Deadline = 14 * time.Second },
		"a very long one": func(_ *cloudtasks.Config, e *cloudtasks.Endpoint) { e.Deadline = 31 * time.Minute },
	} {
		c := good()
		e := c.Queues[tasks.Bulk]
		spoil(&c, &e)
		if c.Queues != nil {
			c.Queues[tasks.Bulk] = e
		}
		if _, err := cloudtasks.New(nil, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", what, err)
		}
	}
}
