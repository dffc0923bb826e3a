package admin_test

import (
	"context"
	"slices"
	"testing"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestLimit: the queues are told of every connection that is stored, and of no other.
func TestLimit(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var told []float64
	var failure error
	o.Limit = func(_ context.Context, c provision.Connection) error {
		told = append(told, c.RequestsPerSecond)
		return failure
	}
	conn := provision.Connection{BaseURL: reconciletest.BaseURL, RequestsPerSecond: 3}
	must(t, o.PutConnection(t.Context(), conn))
	if err := o.PutConnection(t.Context(), provision.Connection{BaseURL: reconciletest.BaseURL, PageSize: -1}); err == nil {
		t.Error("a connection that cannot be was stored")
	}
	o.deliver()
	failure = fault.New(fault.Unavailable, "queue", "no")
	conn.RequestsPerSecond = 5
	kind(t, "the queue cannot be told", o.PutConnection(t.Context(), conn), fault.Unavailable)
	if c := o.Configuration().Connection; c.RequestsPerSecond != 5 || len(told) != 2 || told[0] != 3 || told[1] != 5 {
		t.Errorf("stored %v, told %v", c.RequestsPerSecond, told)
	}
	if o.owed() {
		t.Error("no sweep is asked for after a connection that the queue could not be told of")
	}
}

// owed reports whether an edit has no sweep after it.
func (o *office) owed() bool {
	o.T.Helper()
	owed, err := o.Sweeper.Owed(context.Background(), o.Configuration())
	if err != nil {
		o.T.Fatal(err)
	}
	return owed
}

// TestStoredIsSwept: whatever fails after an edit is stored, its sweep is asked
// for, unless that itself fails, which the beat of the schedule finds.
func TestStoredIsSwept(t *testing.T) {
	t.Parallel()
	put := func(call int) (o *office, calls []string) {
		o, ids := crowd(t)
		o.Directory().Group("small", ids[:37]...)
		o.World.Sweep()
		o.Limit = func(context.Context, provision.Connection) error {
			return fault.New(fault.Unavailable, "queue", "no")
		}
		edit := admin.Proposal{Connection: &provision.Connection{BaseURL: reconciletest.BaseURL, PageSize: 7},
			Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{"small@example.com"}}}
		preview, err := o.Preview(t.Context(), edit)
		must(t, err)
		o.deliver()
		o.Process().Inject(reconciletest.Fault{Call: call})
		kind(t, "an edit of which something fails", o.Put(t.Context(), edit, preview.ID), fault.Unavailable)
		return o, o.Process().Calls()
	}
	_, calls := put(0)
	stored := slices.Index(calls, "state put configuration")
	asked := slices.Index(calls, "state sweeps")
	if stored < 0 || asked < stored {
		t.Fatalf("calls %q", calls)
	}
	for n := stored + 2; n <= asked; n++ {
		if o, _ := put(n); o.owed() {
			t.Errorf("no sweep is asked for when call %d of %q fails", n, calls)
		}
	}
}
