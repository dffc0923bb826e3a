package sweep_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestManyMissing: more accounts are missing than the guard allows, and each has
// a change to be written: no new one is made before an administrator says so (R17).
func TestManyMissing(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(30)
	w.MustLook(ids...)
	for _, id := range ids[:8] {
		w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
		w.Directory.Title(id, "boss")
	}
	w.Advance(10 * time.Minute)
	done(t, w.Sweep())
	w.Queue.Until(w, time.Hour)
	for _, id := range ids[:8] {
		if hold := w.Record(id).Hold; len(w.App.Of(id)) > 0 || hold == nil || hold.Operation != provision.Create {
			t.Errorf("%s has %d accounts, hold %+v", id, len(w.App.Of(id)), hold)
		}
	}
}

// TestManyMissingLost: also when the looks are lost at first, and asked for again.
func TestManyMissingLost(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(30)
	w.MustLook(ids...)
	for _, id := range ids[:8] {
		w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
	}
	w.Advance(10 * time.Minute)
	w.Queue.LoseLooks = true
	p := w.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("state looks", 1, func() { w.Queue.LoseLooks = false })
	done(t, w.Sweep())
	for _, id := range ids[:8] {
		if hold := w.Record(id).Hold; len(w.App.Of(id)) > 0 || hold == nil {
			t.Errorf("%s has %d accounts, hold %+v", id, len(w.App.Of(id)), hold)
		}
	}
}

// TestManyMissingOutage: a sweep found them missing, and before it could hold them
// the app failed, until more than a day after.
func TestManyMissingOutage(t *testing.T) {
	t.Parallel()
	const missing = 10
	for name, again := range map[string]func(*reconciletest.World, []string){
		"a sweep": func(w *reconciletest.World, _ []string) { w.Sweep() },
		"looks":   func(w *reconciletest.World, ids []string) { w.MustLook(ids...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			ids := w.Directory.HireMany(30)
			w.MustLook(ids...)
			w.Advance(2 * day)
			for _, id := range ids[:missing] {
				w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
				w.Edit(id, func(rec *provision.Record) {
					rec.Account.State, rec.Account.RemovedAt, rec.GoneAt = provision.AccountNone, w.Business(), w.Business()
				})
			}
			w.Advance(25 * time.Hour)
			again(w, ids[:missing])
			for _, id := range ids[:missing] {
				if len(w.App.Of(id)) > 0 || w.Record(id).Hold == nil {
					t.Errorf("%s has %d accounts, and nobody confirmed new ones", id, len(w.App.Of(id)))
				}
			}
		})
	}
}

// TestLostGroups: faults of configuration that last are written once.
func TestLostGroups(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.HireMany(3)
	w.Configure(func(c *provision.Configuration) {
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			c.Scope.AccessGroups = append(c.Scope.AccessGroups, provision.GroupRef{ID: id, Email: id + "@example.com"})
		}
	})
	done(t, w.Sweep())
	before := w.Configuration()
	done(t, w.Sweep())
	after := w.Configuration()
	if diff := cmp.Diff(before.Faults, after.Faults); diff != "" || len(after.Faults) != 5 {
		t.Errorf("faults (-first +second):\n%s", diff)
	}
	if writes := after.Version - before.Version; writes != 2 { // when it had planned, and when it was done
		t.Errorf("the second sweep wrote the configuration %d times", writes)
	}
}

// TestReplacedSweepIsNoError: a sweep gets no further, and another takes its
// place before it has said so itself. That it finds so is nothing to wake
// anybody up for, and its task is not to come again.
func TestReplacedSweepIsNoError(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.HireMany(3)
	w.Queue.LoseLooks = true
	p := w.Process()
	var lines bytes.Buffer
	p.Sweeper.Log = slog.New(slog.NewTextHandler(&lines, nil))
	ctx := context.Background()
	first, err := p.Sweeper.Request(ctx, "button")
	if err != nil {
		t.Fatal(err)
	}
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("state looks left", 5, func() {
		w.Advance(11 * time.Minute)
		if next, err := p.Sweeper.Request(ctx, "schedule"); err != nil || next.ID == first.ID {
			t.Errorf("another sweep: %+v, %v", next, err)
		}
	})
	if err := p.Sweeper.Run(ctx, first.ID); err != nil {
		t.Errorf("the task of the sweep that was replaced comes again: %v", err)
	}
	if strings.Contains(lines.String(), "level=ERROR") {
		t.Errorf("logged as an error:\n%s", &lines)
	}
	w.Queue.LoseLooks = false
	w.Queue.DeliverAll(w)
	sw, err := p.Sweeper.Current(ctx)
	if err != nil || sw.ID == first.ID {
		t.Fatalf("the last sweep is %+v, %v", sw, err)
	}
	done(t, *sw)
}
