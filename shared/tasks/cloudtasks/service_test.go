package cloudtasks_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"google.golang.org/grpc/codes"

	"example.com/autoprovision/infra/simtasks"
)

// queueName is the one queue that the service has.
const queueName = "projects/p/locations/l/queues/reconcile"

// concurrency is how many deliveries it makes at a time.
const concurrency = 8

// service stands for Cloud Tasks, by a clock that moves when it is told to.
type service struct {
	*simtasks.Service
	clock *virtual

	mu   sync.Mutex
	fail func(n int) (code codes.Code, stored bool)
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
	s := &service{clock: &virtual{now: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)}}
	var address string
	var stop func()
	var err error
	s.Service, address, stop, err = simtasks.Start(simtasks.Options{
		Queues: []string{queueName}, Concurrency: concurrency, Now: s.clock.Now, Sign: unsigned, Fail: s.failing})
	if err != nil {
		t.Fatal(err)
	}
	client, err := cloud.NewClient(context.Background(), simtasks.Client(address)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		stop()
	})
	return s, client
}

// set makes CreateTask fail from now on.
func (s *service) set(fail func(n int) (code codes.Code, stored bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *service) failing(n int) (codes.Code, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		return codes.OK, false
	}
	return s.fail(n)
}

func (s *service) advance(d time.Duration) {
	s.clock.advance(d)
	s.Wake()
}

// idle waits until nothing is being delivered.
func (s *service) idle(t *testing.T) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !s.Idle() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("still delivering after 20 s")
		}
	}
}

// unsigned has the claims of a real token; its signature is a receiver's to test.
func unsigned(account, audience string) string {
	claims, err := json.Marshal(map[string]string{"aud": audience, "email": account})
	if err != nil {
		panic(err)
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".e30"
}
