package admin_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/tasks"
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

// owed reports whether an edit has neither a sweep that began after it nor one
// that waits, with its task.
func (o *office) owed() bool {
	o.T.Helper()
	all, err := o.Store.Sweeps(context.Background())
	if err != nil {
		o.T.Fatal(err)
	}
	switch sw := all.Current; {
	case all.Queued != nil:
		return false
	case sw == nil:
		return true
	case sw.State == provision.SweepQueued:
		return !slices.ContainsFunc(o.Queue.Waiting(), func(task tasks.Task) bool { return strings.Contains(string(task.Body), sw.ID) })
	default:
		return sw.Revision < o.Configuration().Revision
	}
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

// TestTheSameAgain: a section that is put as it is stored changes nothing, alone
// or beside one that does, and tells the queues all the same.
func TestTheSameAgain(t *testing.T) {
	t.Parallel()
	frames := provision.TimeFrames{SuspendAfter: "7d"}
	conn := provision.Connection{BaseURL: reconciletest.BaseURL, PageSize: 7}
	whole := admin.Proposal{
		Mapping:        []provision.MappedAttribute{{App: "title", Expression: `"x"`}},
		Scope:          &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{"g@example.com"}, Domains: []string{"Example.com"}},
		Deprovisioning: &provision.Deprovisioning{AppOff: frames, Archived: &frames},
		Protected:      &[]string{reconciletest.Email(0)},
		Guard:          &provision.Guard{MaxShare: 0.2, MinUsers: 3},
		Connection:     &conn,
	}
	o := newOffice(t)
	limits := 0
	o.Limit = func(context.Context, provision.Connection) error { limits++; return nil }
	id := o.Directory().Hire(0)
	o.Directory().Group("g", id)
	o.MustLook(id)
	must(t, o.Put(t.Context(), whole, ""))
	o.deliver()
	o.Advance(time.Hour)
	for name, p := range map[string]admin.Proposal{
		"mapping": {Mapping: whole.Mapping}, "scope": {Scope: whole.Scope}, "deprovisioning": {Deprovisioning: whole.Deprovisioning},
		"protected": {Protected: whole.Protected}, "guard": {Guard: whole.Guard}, "connection": {Connection: &conn}, "everything": whole,
	} {
		before, sweep, events, told := o.Configuration(), lastSweep(t, o), o.World.Events(), limits
		must(t, o.Put(t.Context(), p, ""))
		if diff := cmp.Diff(before, o.Configuration()); diff != "" {
			t.Errorf("%s again changes the configuration:\n%s", name, diff)
		}
		if diff := cmp.Diff(events, o.World.Events()); diff != "" {
			t.Errorf("%s again is an event:\n%s", name, diff)
		}
		if now := lastSweep(t, o); now != sweep {
			t.Errorf("%s again asks for a sweep: %s after %s", name, now, sweep)
		}
		if (p.Connection != nil) != (limits > told) {
			t.Errorf("%s again: the queues were told %d times", name, limits-told)
		}
	}

	one := whole
	one.Guard = &provision.Guard{MaxShare: 0.3}
	before := o.Configuration()
	must(t, o.Put(t.Context(), one, ""))
	now := o.Configuration()
	if now.Revisions != before.Revisions || !now.ScopeSavedAt.Equal(before.ScopeSavedAt) || len(now.Policies) != len(before.Policies) {
		t.Errorf("an edit of the guard counts as one of the other sections:\n%s", cmp.Diff(before, now))
	}
	if events := o.World.Events(); events[len(events)-1] != provision.EventConfiguration+" done safety edited: limit, share of the accounts: 20 % → 30 %; limit, people: 3 → 0" {
		t.Errorf("an edit of the guard among other sections: %q", events[len(events)-1])
	}
}

func lastSweep(t *testing.T, o *office) string {
	t.Helper()
	sw, err := o.Sweeper.Current(t.Context())
	if err != nil || sw == nil {
		t.Fatal("no sweep", err)
	}
	return sw.ID
}

// TestTheSameConfirmed: whoever confirms a preview of what is set already has
// decided that it stays: that is in the log, and what was to be reviewed with the
// scope is. It brings nothing about, so nobody is released (R12).
func TestTheSameConfirmed(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	if held, err := o.Held(t.Context()); err != nil || held.People != 20 {
		t.Fatalf("held %+v, %v", held, err)
	}
	in := admin.ScopeOf(*o.Configuration().Scope)
	same := admin.Proposal{Scope: &in}
	preview, err := o.Preview(t.Context(), same)
	must(t, err)
	o.deliver()
	before := o.Configuration()
	must(t, o.Put(t.Context(), same, preview.ID))
	now := o.Configuration()
	if now.Revision == before.Revision || now.Revisions != before.Revisions || !now.ScopeSavedAt.Equal(o.Business()) {
		t.Errorf("(-before +after):\n%s", cmp.Diff(before, now))
	}
	if events := o.World.Events(); events[len(events)-1] != provision.EventConfiguration+" done preview confirmed" {
		t.Errorf("the log ends with %q", events[len(events)-1])
	}
	o.deliver()
	if held, err := o.Held(t.Context()); err != nil || held == nil || held.People != 20 || o.suspended() != 0 {
		t.Errorf("held %+v, %d suspended, %v", held, o.suspended(), err)
	}
}

// TestConnectionIsPreviewed: an edit of the connection, which may allow hard
// deletes, has its preview, and saving what was previewed saves it.
func TestConnectionIsPreviewed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	conn := o.Configuration().Connection
	conn.HardDelete = !conn.HardDelete
	preview, err := o.Preview(t.Context(), admin.Proposal{Connection: &conn})
	must(t, err)
	o.deliver()
	other := conn
	other.PageSize = 7
	kind(t, "another connection", o.Put(t.Context(), admin.Proposal{Connection: &other}, preview.ID), fault.Conflict)
	must(t, o.PutPreviewed(t.Context(), preview.ID))
	if got := o.Configuration().Connection; got != conn {
		t.Errorf("stored %+v, want %+v", got, conn)
	}
}

// TestConnectionAtTheBeginning: the one in place before anybody has set the base
// URL cannot be used, and can be put again as it is read.
func TestConnectionAtTheBeginning(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	unusable := provision.Connection{PageSize: -1}
	o.World.Configure(func(c *provision.Configuration) { c.Connection = unusable })
	must(t, o.PutConnection(t.Context(), unusable))
	unusable.Concurrency = 1
	kind(t, "another that cannot be used", o.PutConnection(t.Context(), unusable), fault.Invalid)
}

// TestR9EditWhileSomebodyLooks: a look that is committed while an edit of the
// scope is still being checked saw nothing of it: the edit orders no hard delete
// within the day all the same.
func TestR9EditWhileSomebodyLooks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.App.Expected = true
	o.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.AppOff = provision.TimeFrames{DeleteAfter: provision.Within24h}
	})
	id := o.World.Directory.Hire(0)
	o.MustLook(id)
	o.Advance(48 * time.Hour)
	p := o.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("directory domains", 1, func() {
		o.Advance(5 * time.Second)
		o.World.Directory.Title(id, "boss")
		o.MustLook(id)
		o.Advance(5 * time.Second)
	})
	must(t, o.Put(t.Context(), admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: false}}}}, ""))
	saved := o.Business()
	o.deliver()
	rec := o.Record(id)
	if !rec.Account.Exists() || rec.Next == nil || rec.Next.At.Before(saved.Add(24*time.Hour)) {
		t.Errorf("saved at %v, conditions %+v, next %+v, account %s", saved, rec.Conditions, rec.Next, rec.Account.State)
	}
}
