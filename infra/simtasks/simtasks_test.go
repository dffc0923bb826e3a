package simtasks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/autoprovision/shared/clock"
)

const name = "projects/p/locations/l/queues/q"

// TestThrottledBy: what a receiver answers with 503 or 429 keeps the whole queue
// back, and any other failure only the task that failed.
func TestThrottledBy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusConflict, http.StatusInternalServerError} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var refusedAt time.Time
			others := make(chan time.Duration, 1)
			refused := make(chan struct{})
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.Header.Get("X-CloudTasks-TaskName") == "other":
					others <- time.Since(refusedAt)
				case refusedAt.IsZero():
					refusedAt = time.Now()
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(status)
					close(refused)
				}
			}))
			defer receiver.Close()
			_, address, stop, err := Start(Options{Queues: []string{name}, Concurrency: 2, Now: clock.System, Sign: func(string, string) string { return "" }})
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			client, err := cloud.NewClient(context.Background(), Client(address)...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			add := func(task string, in time.Duration) {
				t.Helper()
				_, err := client.CreateTask(t.Context(), &cloudtaskspb.CreateTaskRequest{Parent: name, Task: &cloudtaskspb.Task{Name: name + "/tasks/" + task,
					DispatchDeadline: durationpb.New(time.Minute), ScheduleTime: timestamppb.New(time.Now().Add(in)),
					MessageType: &cloudtaskspb.Task_HttpRequest{HttpRequest: &cloudtaskspb.HttpRequest{Url: receiver.URL, HttpMethod: cloudtaskspb.HttpMethod_POST}}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			add("refused", 0)
			<-refused
			add("other", 300*time.Millisecond) // when the answer has come
			slows := status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
			if waited := <-others; waited >= time.Second != slows {
				t.Errorf("another task came %v after one was answered %d", waited, status)
			}
		})
	}
}
