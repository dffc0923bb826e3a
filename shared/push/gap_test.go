package push

import (
	"testing"
	"time"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/tasks"
)

// sweeps counts the sweeps that were asked for.
func (w *world) sweeps() (n int) {
	for _, task := range w.queue.tasks {
		if task.Queue == tasks.Sweep {
			n++
		}
	}
	return n
}

func (w *world) wantSweeps(what string, sweeps int) {
	w.t.Helper()
	if n := w.sweeps(); n != sweeps || w.open() != 1 {
		w.t.Errorf("%s: %d sweeps and %d channels, want %d and one", what, n, w.open(), sweeps)
	}
}

// What changed while there was no channel is found by a sweep, asked for once;
// a turn-on asks for its own, after the channel is open.
func TestSweepAfterAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Open(t.Context()))
	w.renew()
	w.wantSweeps("turned on", 0)
	w.pass(5 * time.Hour)
	w.renew()
	w.wantSweeps("the channels overlap", 0)
	w.pass(7 * time.Hour) // the program was down
	w.renew()
	w.renew()
	w.wantSweeps("after a gap", 1)
}

// A channel that opens some time after the turn-on may open after the first sweep
// has listed everybody, which takes minutes to hours to end.
func TestSweepAfterALateFirstChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.SetFaults(simworkspace.Faults{ServerErrors: 1000, Methods: []string{"users.watch"}})
	if err := w.Open(t.Context()); err == nil {
		t.Fatal("the channel could be opened")
	}
	w.pass(10 * time.Minute)
	w.directory.SetFaults(simworkspace.Faults{})
	w.renew()
	w.wantSweeps("opened late", 1)
}

// The sweep is owed until it is asked for, also when the process ends first.
func TestSweepAfterAGapIsOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.err = fault.New(fault.Unavailable, "queue", "down")
	if err := w.Renew(t.Context()); err == nil {
		t.Error("that the sweep could not be asked for is no error")
	}
	w.wantSweeps("the queue is down", 0)
	w.queue.err = nil
	w.must(New(w.Ports).Renew(t.Context()))
	w.wantSweeps("by the next process", 1)
	w.renew()
	w.wantSweeps("asked for", 1)
}

// Channels for each kind of change are bridged by one sweep, once all are open.
func TestSweepAfterAGapForEachEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.SetFaults(simworkspace.Faults{WatchNeedsEvent: true})
	w.renew()
	w.renew()
	if n := w.sweeps(); n != 1 || w.open() != 5 {
		t.Errorf("%d sweeps and %d channels, want 1 and 5", n, w.open())
	}
}
