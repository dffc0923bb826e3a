package sweep_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/tasks"
)

// perMinute lets the app serve so many calls a minute, and says when to come
// again for more, as a 429 with Retry-After does.
func perMinute(w *reconciletest.World, calls int) {
	var minute time.Time
	n := 0
	w.App.Meet = func(name, _ string) error {
		now := w.Real()
		if name == "list" {
			return nil
		}
		if began := now.Truncate(time.Minute); !began.Equal(minute) {
			minute, n = began, 0
		}
		if n++; n > calls {
			return &fault.Error{Kind: fault.Throttled, Op: "app", RetryAfter: minute.Add(time.Minute).Sub(now)}
		}
		return nil
	}
}

// TestPauseLosesNoLook: an app that serves ten calls a minute lets no look end for
// most of each. They wait in the queue and are not lost: to ask for them all again
// would cost as many directory reads at each try, and a reading of each account.
func TestPauseLosesNoLook(t *testing.T) {
	t.Parallel()
	const people = 200
	w := reconciletest.New(t)
	w.Directory.HireMany(people)
	perMinute(w, 10)
	begin := w.Real()
	sw := w.Sweep()
	took, reads, gets, waiting := w.Real().Sub(begin), w.Directory.Count("user"), w.App.Reads("get"), 0
	for _, task := range w.Queue.Waiting() {
		if task.Queue == tasks.Bulk {
			waiting++
		}
	}
	t.Logf("the sweep is %s after %v: %d directory reads, %d accounts read, %d of its looks still in the queue", sw.State, took, reads, gets, waiting)
	done(t, sw)
	if made := len(w.App.All()); made != people {
		t.Errorf("%d accounts", made)
	}
	// Without asking anybody again it takes 34 minutes and 2,325 reads.
	if took > 40*time.Minute || reads > 4_000 || gets > 60 || waiting > 5 {
		t.Error("looks that waited for the app were taken for lost")
	}
}

// TestManyLostLooks: most looks of a sweep are lost, and are made soon all the
// same: R4 gives sixty seconds after a lost task, not counting what is rate-limited.
func TestManyLostLooks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		meanwhile func(w *reconciletest.World, ids []string)
		most      time.Duration
	}{
		"and nothing else":                {func(*reconciletest.World, []string) {}, 45 * time.Second},
		"while the app asks to be spared": {func(w *reconciletest.World, _ []string) { perMinute(w, 100) }, 2 * time.Minute},
		"while one waits for something else": {func(w *reconciletest.World, ids []string) {
			w.Edit(ids[0], func(r *provision.Record) {
				r.Lease = &provision.Lease{Owner: "dead", Until: w.Real().Add(5 * time.Minute)}
			})
		}, 6 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const people = 90
			w := reconciletest.New(t)
			ids := w.Directory.HireMany(people)
			w.Process().Inject(reconciletest.Fault{})
			w.Process().MeetNamed("state looks left", 3, func() {
				if len(w.Queue.Waiting()) < people {
					t.Error("some looks were made before they could be lost")
				}
				w.Queue.Drop()
				test.meanwhile(w, ids)
			})
			begin := w.Real()
			done(t, w.Sweep())
			took := w.Real().Sub(begin)
			t.Logf("it took %v", took)
			if made := len(w.App.All()); made != people || took > test.most {
				t.Errorf("%d accounts after %v, want %d within %v", made, took, people, test.most)
			}
		})
	}
}
