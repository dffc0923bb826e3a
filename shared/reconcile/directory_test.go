package reconcile_test

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/scope"
)

func TestR13LongDeleted(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Directory.Hire(1)
	w.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.Deleted = provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "30d"}
	})
	w.MustLook(id)
	w.Directory.Delete(id, w.Business(), true)
	w.MustLook(id)
	if w.App.Of(id)[0].Active {
		t.Fatal("the deleted person was not suspended")
	}
	w.Advance(21 * day)
	w.Directory.Delete(id, time.Time{}, false) // the listing forgets after 20 days
	w.Queue.Until(w, 10*day)
	if len(w.App.Of(id)) != 0 {
		t.Errorf("a leaver forgotten: %+v", w.Record(id))
	}
}

// TestR13NotFound: a 404 on an id that no listing of deleted users holds counts
// after two complete sweeps that are as far apart as the schedule's, and only then.
func TestR13NotFound(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Directory.Hire(1)
	w.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.Deleted = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.MustLook(id)
	w.Advance(time.Minute)
	w.Directory.Delete(id, time.Time{}, false)
	for range 3 {
		w.MustLook(id)
	}
	if !w.App.Of(id)[0].Active || w.Record(id).MissingSweep != "" {
		t.Fatalf("single looks decided: %+v", w.Record(id))
	}
	w.Directory.Fail("list", fault.New(fault.Incomplete, "directory: list", "no users key"))
	if sw := w.Sweep(); sw.State != provision.SweepFailed {
		t.Errorf("a sweep with an incomplete listing is %s", sw.State)
	}
	w.Directory.Fail("list", nil)
	w.Sweep()
	if !w.App.Of(id)[0].Active || w.Record(id).MissingSweep == "" {
		t.Fatalf("the first complete sweep: %+v", w.Record(id))
	}
	for _, wait := range []time.Duration{0, time.Hour} {
		w.Advance(wait)
		w.Sweep()
		if rec := w.Record(id); !w.App.Of(id)[0].Active || len(rec.Conditions) > 0 {
			t.Fatalf("a second sweep after %v: %+v", wait, rec)
		}
	}
	w.Advance(3 * time.Hour)
	w.Sweep()
	if w.App.Of(id)[0].Active {
		t.Errorf("a complete sweep four hours later decided nothing: %+v", w.Record(id))
	}
}

// TestR13DirectoryErrors: what decides scope cannot be read, so nothing is
// decided, and the look is tried again; a missing group is no error that passes.
func TestR13DirectoryErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"user", "orgUnits", "domains", "hasMember"} {
		for _, kind := range []fault.Kind{fault.Unavailable, fault.Throttled, fault.Forbidden, fault.Incomplete} {
			t.Run(name+" "+kind.String(), func(t *testing.T) {
				t.Parallel()
				w := reconciletest.New(t)
				id := w.Directory.Hire(0)
				w.Directory.Group("g", id)
				w.Configure(func(c *provision.Configuration) {
					c.Scope.Groups = []provision.GroupRef{{ID: "g"}}
					c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
				})
				w.MustLook(id)
				w.Directory.Group("g")
				w.Directory.Fail(name, fault.New(kind, "directory", "no"))
				w.Advance(time.Hour)
				if _, err := w.Start().Reconciler.Look(context.Background(), reconcile.Request{UserID: id}); err == nil {
					t.Error("the look ended as if it had seen")
				}
				if rec := w.Record(id); len(rec.Conditions) > 0 || !w.App.Of(id)[0].Active {
					t.Errorf("decided: %+v", rec.Conditions)
				}
				w.Directory.Fail(name, nil)
				w.MustLook(id)
				if w.App.Of(id)[0].Active {
					t.Error("not suspended, though they can be read again")
				}
			})
		}
	}
	t.Run("a group that is gone", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		w.Directory.Group("g", id)
		w.Configure(func(c *provision.Configuration) { c.Scope.Groups = []provision.GroupRef{{ID: "g"}} })
		w.MustLook(id)
		w.Directory.Dissolve("g")
		w.MustLook(id)
		w.Sweep()
		if rec := w.Record(id); len(rec.Conditions) > 0 {
			t.Errorf("decided: %+v", rec.Conditions)
		}
		if len(w.Configuration().Faults) != 1 {
			t.Errorf("faults: %+v", w.Configuration().Faults)
		}
	})
	t.Run("another primary domain", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		w.MustLook(id)
		w.Directory.Move("example.org")
		w.Advance(2 * time.Minute)
		w.Sweep()
		if rec := w.Record(id); len(rec.Conditions) > 0 || len(w.Configuration().Faults) != 1 {
			t.Errorf("conditions %+v, faults %+v", rec.Conditions, w.Configuration().Faults)
		}
	})
}

// TestListings: a look on a listing may create and update, and nothing else,
// for five minutes and only while it is the newest.
func TestListings(t *testing.T) {
	t.Parallel()
	listing := func(w *reconciletest.World, id string, change func(*provision.User)) *reconcile.Listing {
		u := provision.User{ID: id, Email: reconciletest.Email(0), Lifecycle: provision.Active, OrgUnitPath: "/", Resource: []byte(`{"title":"listed"}`)}
		if change != nil {
			change(&u)
		}
		l := &reconcile.Listing{User: u, At: w.Business(), ReadAt: w.Real(), AppReadAt: w.Real()}
		l.Scope.Known, l.Scope.In = true, true
		return l
	}
	look := func(t *testing.T, w *reconciletest.World, id string, l *reconcile.Listing) {
		t.Helper()
		if _, err := w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: id, SweepID: "s", Listing: l}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("creates without a read", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		look(t, w, id, listing(w, id, nil))
		if w.Directory.Count("user") != 0 || w.App.Reads("find") != 0 || w.App.Of(id)[0].Attributes["title"] != "listed" {
			t.Errorf("%d reads by id, %d searches, %v", w.Directory.Count("user"), w.App.Reads("find"), w.App.Of(id))
		}
	})
	t.Run("not after five minutes", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		l := listing(w, id, nil)
		w.Advance(5*time.Minute + time.Second)
		look(t, w, id, l)
		if w.Directory.Count("user") != 1 || w.App.Of(id)[0].Attributes["title"] != "worker" {
			t.Errorf("acted on an old listing: %v", w.App.Of(id))
		}
	})
	t.Run("not when somebody looked since", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		l := listing(w, id, nil)
		w.Advance(time.Second)
		w.MustLook(id)
		look(t, w, id, l)
		if got := w.App.Of(id)[0].Attributes["title"]; got != "worker" {
			t.Errorf("an older listing undid a newer look: %v", got)
		}
	})
	t.Run("a listed suspension is read by id before it takes anything", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		w.Configure(func(c *provision.Configuration) {
			c.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: provision.Within24h}
		})
		w.MustLook(id)
		w.Advance(time.Second)
		look(t, w, id, listing(w, id, func(u *provision.User) { u.Lifecycle = provision.Suspended }))
		if rec := w.Record(id); !w.App.Of(id)[0].Active || len(rec.Conditions) > 0 {
			t.Errorf("acted on the listing: %+v", rec.Conditions)
		}
	})
	t.Run("a listed return is read by id before a deadline is dropped", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		w.MustLook(id)
		w.Directory.Suspend(id, w.Business())
		w.Advance(time.Second)
		w.MustLook(id)
		w.Advance(time.Second)
		look(t, w, id, listing(w, id, nil))
		if rec := w.Record(id); len(rec.Conditions) != 1 || rec.Next == nil {
			t.Errorf("the deadline was dropped on a listing: %+v", rec)
		}
	})
}

// TestR13OutByListing: a listing of a group's members that leaves somebody out
// begins nothing: they are asked about by id first.
func TestR13OutByListing(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Advance(time.Minute)
	u, err := w.Process().Reconciler.Directory.User(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := scope.Verdict{Known: true, Reasons: []string{"they are not a member"}}
	for _, plan := range []bool{true, false} {
		l := &reconcile.Listing{User: u, Scope: out, At: w.Business(), ReadAt: w.Real()}
		if _, err := w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: id, Listing: l, Plan: plan}); err != nil {
			t.Fatal(err)
		}
		if rec := w.Record(id); len(rec.Conditions) > 0 || !rec.InScope {
			t.Errorf("plan %t: conditions %v, in scope %t", plan, rec.Conditions, rec.InScope)
		}
	}
}
