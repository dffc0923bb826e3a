package simtasks_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	cloud "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/autoprovision/infra/simtasks"
	"example.com/autoprovision/shared/clock"
)

// TestDeliveries: what is held waits and says so, what hangs is made again, and
// what is to come twice does.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	const queue = "projects/p/locations/l/queues/q"
	arrived := make(chan string, 8)
	var hung atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the caller has gone
		arrived <- r.Header.Get("X-CloudTasks-TaskRetryCount")
		if hung.CompareAndSwap(false, true) {
			<-r.Context().Done()
		}
	}))
	defer receiver.Close()
	s, address, stop, err := simtasks.Start(simtasks.Options{Queues: []string{queue}, Concurrency: 1, Now: clock.System, Longest: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	client, err := cloud.NewClient(context.Background(), simtasks.Client(address)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s.Twice(1)
	s.Hold()
	if _, err := client.CreateTask(t.Context(), &cloudtaskspb.CreateTaskRequest{Parent: queue, Task: &cloudtaskspb.Task{
		Name: queue + "/tasks/one", DispatchDeadline: durationpb.New(time.Minute),
		MessageType: &cloudtaskspb.Task_HttpRequest{HttpRequest: &cloudtaskspb.HttpRequest{Url: receiver.URL, HttpMethod: cloudtaskspb.HttpMethod_POST, Body: []byte("{}")}},
	}}); err != nil {
		t.Fatal(err)
	}
	if waiting := s.Waiting(); s.Running() != 0 || !strings.HasPrefix(waiting, "q one: due in ") || !strings.Contains(waiting, "tried 0 times") {
		t.Errorf("%d under way, waiting: %s", s.Running(), waiting)
	}
	s.Resume()
	for _, want := range []string{"0", "1", "1"} {
		select {
		case tries := <-arrived:
			if tries != want {
				t.Errorf("delivered after %s tries, want %s", tries, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("not delivered; waiting: %s", s.Waiting())
		}
	}
}
