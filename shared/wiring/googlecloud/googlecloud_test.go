package googlecloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"

	"example.com/autoprovision/infra/simtasks"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/cloudtasks"
	"example.com/autoprovision/shared/throttle"
)

// TestBurstInTheCloud: of the looks that follow a change, by push and by two audit
// logs, one calls the app. A burst of changes takes as long as these calls do at
// the app's rate, and not as all looks would.
func TestBurstInTheCloud(t *testing.T) {
	t.Parallel()
	const (
		people    = 60
		looks     = 3
		perSecond = 20
		floor     = people * time.Second / perSecond
	)
	app := throttle.New(perSecond, 1) // as the app's client is in the one process
	var mu sync.Mutex
	seen, right := map[string]bool{}, 0
	all := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req reconcile.Request
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		mu.Lock()
		again := seen[req.UserID]
		seen[req.UserID] = true
		mu.Unlock()
		if again || app.Wait(r.Context()) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if right++; right == people {
			close(all)
		}
	}))
	defer receiver.Close()
	c := Config{Project: "p", Region: "r", QueuePrefix: "autoprovision-", ReconcileURL: receiver.URL, SweepURL: receiver.URL, TasksAccount: "tasks@p.example"}
	queue, _ := simulated(t, c)
	if err := limit(t.Context(), queue, provision.Connection{RequestsPerSecond: perSecond, Concurrency: 4}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var list []tasks.Task
	for n := range people {
		for look := range looks {
			list = append(list, reconcile.LookTask(reconcile.Request{UserID: fmt.Sprint(n)}, fmt.Sprint("look-", look), time.Time{}))
		}
	}
	if err := queue.Enqueue(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	select {
	case <-all:
	case <-time.After(looks * floor):
	}
	took := time.Since(began)
	t.Logf("%d changes, %d looks: %v, the floor is %v", people, people*looks, took.Round(time.Millisecond), floor)
	if took > floor*3/2 {
		t.Errorf("%d changes took %v, more than 1.5 times %v", people, took, floor)
	}
}

// TestFewLooksOfASlowApp: of an app that may be called at many a time, but seldom,
// no more looks wait for their turns than can have them in time.
func TestFewLooksOfASlowApp(t *testing.T) {
	t.Parallel()
	c := Config{Project: "p", Region: "r", ReconcileURL: "https://r.example", SweepURL: "https://s.example", TasksAccount: "tasks@p.example"}
	queue, service := simulated(t, c)
	for _, tt := range []struct {
		perSecond         float64
		concurrency, want int
	}{{2, 4, 4}, {2, 64, 20}, {0.1, 64, 1}, {0.01, 4, 1}, {0, 64, 64}, {1000, 64, 64}} {
		before := len(service.Updates())
		if err := limit(t.Context(), queue, provision.Connection{RequestsPerSecond: tt.perSecond, Concurrency: tt.concurrency}); err != nil {
			t.Fatal(err)
		}
		updates := service.Updates()[before:]
		for _, u := range updates {
			if got := u.GetQueue().GetRateLimits().GetMaxConcurrentDispatches(); int(got) != tt.want {
				t.Errorf("%v calls a second, %d at a time: %d looks of %s at a time, want %d", tt.perSecond, tt.concurrency, got, u.GetQueue().GetName(), tt.want)
			}
		}
		if len(updates) != 2 {
			t.Errorf("%d queues were told", len(updates))
		}
	}
}

// simulated is the queues of a system in front of a simulated Cloud Tasks.
func simulated(t *testing.T, c Config) (*cloudtasks.Queue, *simtasks.Service) {
	t.Helper()
	var names []string
	for _, name := range []string{tasks.Reconcile, tasks.Bulk, tasks.Sweep} {
		names = append(names, "projects/"+c.Project+"/locations/"+c.Region+"/queues/"+c.QueuePrefix+name)
	}
	service, address, stop, err := simtasks.Start(simtasks.Options{Queues: names, Concurrency: 1, Now: clock.System, Sign: func(string, string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client, err := cloud.NewClient(context.Background(), simtasks.Client(address)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	queue, err := c.queue(client, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	return queue, service
}
