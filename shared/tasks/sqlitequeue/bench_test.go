package sqlitequeue_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
)

func openQueue(b *testing.B, url string) (*sqlitefile.File, *sqlitequeue.Queue) {
	b.Helper()
	file, err := sqlitefile.Open(filepath.Join(b.TempDir(), "queue.db"), []sqlitefile.Schema{sqlitequeue.Schema()}, nil)
	if err != nil {
		b.Fatal(err)
	}
	c := config(url, clock.Business(clock.System))
	c.Queues[tasks.Reconcile] = sqlitequeue.Endpoint{URL: url, Concurrency: 64}
	queue, err := sqlitequeue.New(file, c)
	if err != nil {
		b.Fatal(err)
	}
	return file, queue
}

func BenchmarkEnqueue(b *testing.B) {
	file, queue := openQueue(b, "http://127.0.0.1:1/")
	var next atomic.Int64
	b.SetParallelism(16) // 64 callers on 4 cores
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			task := tasks.Task{Queue: tasks.Reconcile, Name: fmt.Sprint("t", next.Add(1)), Body: []byte(`{"user":"100000000000000000001"}`)}
			if err := queue.Enqueue(context.Background(), task); err != nil {
				b.Error(err)
				return
			}
		}
	})
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDeliver delivers 10,000 tasks to an endpoint that does nothing.
func BenchmarkDeliver(b *testing.B) {
	const n = 10_000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		var all sync.WaitGroup
		all.Add(n)
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { all.Done() }))
		file, queue := openQueue(b, server.URL)
		var list []tasks.Task
		for i := range n {
			list = append(list, tasks.Task{Queue: tasks.Reconcile, Name: fmt.Sprint("t", i), Body: []byte(`{"user":"100000000000000000001"}`)})
		}
		if err := queue.Enqueue(context.Background(), list...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		ended := make(chan error)
		go func() { ended <- queue.Run(context.Background()) }()
		all.Wait()
		if err := queue.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if left, _, err := queue.Pending(context.Background()); err != nil || left != 0 {
			b.Fatalf("%d tasks left (error %v)", left, err)
		}
		server.Close()
		if err := file.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
