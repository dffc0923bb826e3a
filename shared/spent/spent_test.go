package spent_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/spent"
)

func TestAttrs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, watched := spent.Watch(t.Context())
		watched.Add(spent.Queue, 7*time.Second)
		watched.Add(spent.Queue, -time.Second) // a clock that differs
		for range 2 {
			end := spent.Wait(ctx, spent.Directory)
			time.Sleep(20 * time.Millisecond)
			end()
		}
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				defer spent.Wait(inner, spent.App)()
				time.Sleep(time.Second)
			})
		}
		both.Wait()
		want := []any{"took", 1040 * time.Millisecond, "queue", 7 * time.Second, "directory", 40 * time.Millisecond, "app", 2 * time.Second}
		if diff := cmp.Diff(want, spent.Attrs(ctx)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestNobodyCounts(t *testing.T) {
	t.Parallel()
	spent.Wait(t.Context(), spent.App)()
	if got := spent.Attrs(t.Context()); got != nil {
		t.Errorf("counted %v", got)
	}
}
