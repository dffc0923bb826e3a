package reconcile_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

const day = reconciletest.Day

func TestR2Conflicts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrange func(w *reconciletest.World, id string)
		words   string
	}{
		"an account linked to another person": {func(w *reconciletest.World, id string) {
			other := w.Directory.Hire(1)
			w.MustLook(other)
			w.App.Change(w.Record(other).Account.ID, func(a *provision.Account) { a.UserName, a.ExternalID = reconciletest.Email(0), "" })
		}, "linked to another person"},
		"an account with another directory id": {func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: reconciletest.Email(0), ExternalID: reconciletest.ID(7), Active: true})
		}, "another person's directory id"},
		"two matches": {func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: reconciletest.Email(0), Active: true})
			w.App.Add(provision.Account{UserName: "else", ExternalID: id, Active: true})
		}, "more than one account"},
		"an account that somebody else is about to adopt": {func(w *reconciletest.World, id string) {
			account := w.App.Add(provision.Account{UserName: reconciletest.Email(0), Active: true})
			w.Edit("1", func(r *provision.Record) {
				r.Intent = &provision.Intent{ID: "i", Operation: provision.Create, AccountID: account}
				r.Lease = &provision.Lease{Owner: "somebody", Until: w.Real().Add(time.Minute)}
			})
		}, "being adopted for another person"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			id := w.Directory.Hire(0)
			test.arrange(w, id)
			before := w.App.All()
			w.MustLook(id)
			if diff := cmp.Diff(before, w.App.All()); diff != "" {
				t.Errorf("the app was changed (-before +after):\n%s", diff)
			}
			rec := w.Record(id)
			if len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.Conflicting || !strings.Contains(rec.Retries[0].Error, test.words) {
				t.Errorf("retries are %+v", rec.Retries)
			}
			if len(rec.Attention) != 1 || rec.Attention[0].Kind != provision.AttentionConflict || rec.Attention[0].AccountID == "" {
				t.Errorf("attention is %+v", rec.Attention)
			}
			other := w.Directory.Hire(5)
			w.MustLook(other)
			if len(w.App.Of(other)) != 1 {
				t.Error("one person's conflict stopped another's account")
			}
		})
	}
}

func TestR2AdoptsWhatCarriesAnUnknownExternalID(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	account := w.App.Add(provision.Account{UserName: "User0@Example.com", ExternalID: "employee-7", Active: true})
	w.MustLook(id)
	if rec := w.Record(id); rec.Account.ID != account || !rec.Account.Adopted {
		t.Errorf("linked to %+v", rec.Account)
	}
}

// TestR2Schedule counts the tries of somebody whose update the app refuses.
func TestR2Schedule(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Title(id, "boss")
	var tries []time.Duration
	begin := w.Business()
	w.App.Meet = func(name, _ string) error {
		if name != "update" {
			return nil
		}
		tries = append(tries, w.Business().Sub(begin))
		return fault.New(fault.Conflict, "app: update", "the address is taken")
	}
	w.MustLook(id)
	w.Queue.Until(w, 4*day)
	want := []time.Duration{0, 5 * time.Minute, 6*time.Hour + 5*time.Minute, 18*time.Hour + 5*time.Minute, 42*time.Hour + 5*time.Minute, 66*time.Hour + 5*time.Minute, 90*time.Hour + 5*time.Minute}
	if diff := cmp.Diff(want, tries); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
	failed := 0
	for _, e := range w.Events() {
		if strings.HasPrefix(e, provision.EventUpdate+" failed") {
			failed++
		}
	}
	if failed != len(tries) {
		t.Errorf("%d failures are logged of %d", failed, len(tries))
	}
	w.App.Meet = nil
	w.Directory.Title(id, "chief")
	w.MustLook(id)
	if got := w.App.Of(id)[0].Attributes["title"]; got != "chief" {
		t.Errorf("a change of the person's own data did not bring the try forward: %v", got)
	}
}

// TestR2Breaker: an app that fails costs nobody a step; one person's failure
// among others that are served becomes that person's.
func TestR2Breaker(t *testing.T) {
	t.Parallel()
	t.Run("the app fails for all", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		calls := 0
		w.App.Meet = func(string, string) error { calls++; return fault.New(fault.Unavailable, "app", "500") }
		ids := w.Directory.HireMany(20)
		for range 10 {
			for _, id := range ids {
				if _, err := w.Look(id); fault.RetryAfter(err) <= 0 {
					t.Fatalf("look: %v, want to be asked again", err)
				}
			}
			w.Advance(time.Second)
		}
		if calls > 12 {
			t.Errorf("%d calls on an app that is down for 10 seconds", calls)
		}
		w.App.Meet = nil
		w.Advance(3 * time.Minute)
		w.MustLook(ids...)
		if diff := cmp.Diff(slices.Repeat([]string{createDone}, len(ids)), w.Events()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
	t.Run("Retry-After", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		w.App.Meet = func(string, string) error {
			return &fault.Error{Kind: fault.Throttled, Op: "app", RetryAfter: 90 * time.Second}
		}
		a, b := w.Directory.Hire(0), w.Directory.Hire(1)
		_, err := w.Look(a)
		if got := fault.RetryAfter(err); got != 90*time.Second {
			t.Errorf("to be asked again after %v", got)
		}
		w.App.Meet = func(string, string) error { t.Error("asked before the time"); return nil }
		w.Advance(89 * time.Second)
		if _, err := w.Look(b); fault.RetryAfter(err) != time.Second {
			t.Errorf("another person: %v", err)
		}
		w.Advance(time.Second)
		w.App.Meet = nil
		w.MustLook(a, b)
	})
	t.Run("one person's own failure", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		bad := w.Directory.Hire(0)
		tries := 0
		w.App.Meet = func(name, externalID string) error {
			if name == "create" && externalID == bad {
				tries++
				return fault.New(fault.Unavailable, "app", "500")
			}
			return nil
		}
		for n := 1; n <= 10; n++ {
			_, _ = w.Look(bad)
			w.Advance(10 * time.Second)
			w.MustLook(w.Directory.Hire(n))
		}
		if tries != 3 {
			t.Errorf("%d tries in 100 seconds, want 3 and then the schedule", tries)
		}
		rec := w.Record(bad)
		if len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.Failed {
			t.Errorf("retries: %+v", rec.Retries)
		}
		if got := len(w.App.All()); got != 10 {
			t.Errorf("%d others have an account", got)
		}
	})
}

func TestR7R17Gone(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(30)
	w.MustLook(ids...)
	w.Advance(2 * day)
	for _, id := range ids[:10] {
		w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
	}
	logged := len(w.Events())
	if sw := w.Sweep(); sw.State != provision.SweepDone {
		t.Fatalf("sweep: %+v", sw)
	}
	if got := len(w.App.All()); got != 20 {
		t.Errorf("%d accounts, though 10 of 30 were missing at once and nobody confirmed", got)
	}
	for _, e := range w.Events()[logged:] {
		if !strings.HasPrefix(e, provision.EventNotice+" done operations for 10 people have been held") {
			t.Errorf("an event of people who did not lose access by us: %s", e)
		}
	}
	for _, id := range ids[:10] {
		if h := w.Record(id).Hold; h == nil || h.Operation != provision.Create {
			t.Errorf("%s is not held: %+v", id, h)
		}
	}
	w.Directory.Suspend(ids[0], w.Business())
	w.MustLook(ids[0])
	if h := w.Record(ids[0]).Hold; h != nil {
		t.Error("somebody who needs no account any more stays on the held list")
	}
}

// TestR11: a refused token stops everything, once, and nothing is lost.
func TestR11Unauthorized(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(5)
	w.MustLook(ids[:2]...)
	w.App.Revoke("2")
	for _, id := range ids {
		w.MustLook(id)
	}
	if state := w.Configuration().Authorization.State; state != provision.NeedsReauthorizing {
		t.Fatalf("the authorization is %s", state)
	}
	notices := 0
	for _, e := range w.Events() {
		if strings.HasPrefix(e, provision.EventNotice) {
			notices++
		}
	}
	if notices != 1 {
		t.Errorf("%d events say so, want one: %q", notices, w.Events())
	}
	w.Directory.Suspend(ids[0], w.Business())
	w.Advance(time.Minute)
	w.MustLook(ids[0])
	if _, holds := w.Record(ids[0]).Condition(provision.ConditionSuspended); !holds {
		t.Error("a condition that began without authorization was not recorded")
	}
	w.Configure(func(c *provision.Configuration) {
		c.Authorization, c.Revision = provision.Authorization{State: provision.AuthorizationOK, SecretVersion: "2"}, c.Revision+1
	})
	if sw := w.Sweep(); sw.State != provision.SweepDone || len(w.App.All()) != 5 {
		t.Errorf("after reauthorizing the sweep is %s (%s) and %d accounts are there", sw.State, sw.Reason, len(w.App.All()))
	}
}

// TestR11StaleToken: an answer to a token that is not stored any more marks nothing.
func TestR11StaleToken(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	p := w.Start()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("app verify", 1, func() {
		w.Configure(func(c *provision.Configuration) { c.Authorization.SecretVersion, c.Revision = "2", c.Revision+1 })
	})
	w.App.Revoke("2")
	w.MustLook(id)
	if state := w.Configuration().Authorization.State; state != provision.AuthorizationOK {
		t.Errorf("the authorization is %s", state)
	}
	w.MustLook(id)
	if len(w.App.Of(id)) != 1 {
		t.Error("the new token was not used")
	}
}

// TestR11Refusal: a 403 while the token is good is a refusal of one operation.
func TestR11Refusal(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id, tries := w.Directory.Hire(0), 0
	w.App.Meet = func(name, _ string) error {
		if name == "create" {
			tries++
			return fault.New(fault.Forbidden, "app: create", "no seats left")
		}
		return nil
	}
	w.MustLook(id)
	w.Queue.Until(w, 3*day+time.Hour)
	if rec := w.Record(id); len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.Refused || tries != 4 {
		t.Errorf("tried %d times in three days; %+v", tries, rec.Retries)
	}
	if state := w.Configuration().Authorization.State; state != provision.AuthorizationOK {
		t.Errorf("the authorization is %s", state)
	}
}

// TestR12ConcurrentWorkers empties a group, and lets ten workers look at
// everybody at once: together they must not pass the limit.
func TestR12ConcurrentWorkers(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.App.Expected = false
	ids := w.Directory.HireMany(40)
	w.Directory.Group("g", ids...)
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@" + reconciletest.Domain}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.MustLook(ids...)
	w.Advance(2 * day)
	w.Directory.Group("g")
	var all sync.WaitGroup
	for n := range 10 {
		p := w.Start()
		all.Go(func() {
			for _, id := range ids[n*4 : n*4+4] {
				for range 50 {
					if _, err := p.Reconciler.Look(context.Background(), reconcile.Request{UserID: id}); err == nil {
						break
					}
				}
			}
		})
	}
	all.Wait()
	active := 0
	for _, a := range w.App.All() {
		if a.Active {
			active++
		}
	}
	if active < 35 {
		t.Errorf("%d of 40 were suspended at once, the limit is 5", 40-active)
	}
	for _, id := range ids {
		rec := w.Record(id)
		if rec.Account.State == provision.AccountActive && rec.Hold == nil {
			t.Errorf("%s is neither suspended nor held", id)
		}
	}
}

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
// after two complete sweeps, and only then.
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
	w.Sweep()
	if w.App.Of(id)[0].Active {
		t.Errorf("the second complete sweep decided nothing: %+v", w.Record(id))
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

func TestR19(t *testing.T) {
	t.Parallel()
	leaver := func(t *testing.T) (*reconciletest.World, string) {
		w := reconciletest.New(t)
		id := w.Directory.Hire(0)
		w.MustLook(id)
		w.Directory.Suspend(id, w.Business())
		w.Advance(time.Minute)
		w.MustLook(id)
		w.Advance(day)
		return w, id
	}
	t.Run("success without effect", func(t *testing.T) {
		t.Parallel()
		w, id := leaver(t)
		w.App.Deaf = true
		before := w.Real()
		w.MustLook(id)
		if waited := w.Real().Sub(before); waited < 45*time.Second || waited > 61*time.Second {
			t.Errorf("waited for %v to see the effect", waited)
		}
		rec := w.Record(id)
		if rec.Account.State != provision.AccountActive || len(rec.Retries) != 1 || !strings.Contains(rec.Retries[0].Error, "no effect") {
			t.Errorf("account %s, retries %+v", rec.Account.State, rec.Retries)
		}
		if n, _, err := reconcile.Removals(context.Background(), w.Store, provision.Suspend, w.Business()); n != 0 || err != nil {
			t.Errorf("%d removals count, though the failed one gave its place back (%v)", n, err)
		}
	})
	t.Run("a late effect", func(t *testing.T) {
		t.Parallel()
		w, id := leaver(t)
		gets := 0
		w.App.Meet = func(name, _ string) error {
			if name == "suspend" {
				w.App.Deaf = true
			}
			if name == "get" {
				if gets++; gets == 5 {
					w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { a.Active = false })
				}
			}
			return nil
		}
		w.MustLook(id)
		if rec := w.Record(id); rec.Account.State != provision.AccountSuspended || len(rec.Retries) != 0 {
			t.Errorf("account %s, retries %+v", rec.Account.State, rec.Retries)
		}
	})
	t.Run("a refusal is tried daily", func(t *testing.T) {
		t.Parallel()
		w, id := leaver(t)
		tries := 0
		w.App.Meet = func(name, _ string) error {
			if name == "suspend" {
				tries++
				return fault.New(fault.Invalid, "app: suspend", "the person has open roles")
			}
			return nil
		}
		w.MustLook(id)
		w.Sweep()
		w.Queue.Until(w, 3*day+time.Hour)
		w.Sweep()
		if tries != 4 {
			t.Errorf("tried %d times in three days", tries)
		}
		if rec := w.Record(id); len(rec.Attention) != 1 || rec.Attention[0].Kind != provision.AttentionRefused {
			t.Errorf("attention: %+v", rec.Attention)
		}
	})
	t.Run("the token goes while the effect is looked for", func(t *testing.T) {
		t.Parallel()
		w, id := leaver(t)
		logged := len(w.Events())
		w.App.Meet = func(name, _ string) error {
			if name == "get" {
				w.App.Revoke("2")
			}
			return nil
		}
		w.MustLook(id)
		w.App.Meet = nil
		w.Configure(func(c *provision.Configuration) {
			c.Authorization, c.Revision = provision.Authorization{State: provision.AuthorizationOK, SecretVersion: "2"}, c.Revision+1
		})
		w.Sweep()
		if got := w.Events()[logged:]; !slices.Contains(got, suspendDone) {
			t.Errorf("the suspend that happened is not logged: %q", got)
		}
	})
}

func TestR17Drift(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.App.Shout = true
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.App.Forget()
	w.Sweep()
	if writes := w.App.Writes(); len(writes) > 0 {
		t.Errorf("the app's own form was taken for drift: %v", writes)
	}
	for n := range 5 {
		w.Advance(time.Hour)
		w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { a.Attributes["title"] = "by hand" })
		w.Sweep()
		got, want := w.App.Of(id)[0].Attributes["title"], "WORKER"
		if n >= 3 {
			want = "by hand"
		}
		if got != want {
			t.Errorf("after change %d by hand the title is %v, want %s", n+1, got, want)
		}
	}
	if rec := w.Record(id); len(rec.Attention) != 1 || rec.Attention[0].Kind != provision.AttentionDrift {
		t.Errorf("attention: %+v", rec.Attention)
	}
	w.Directory.Title(id, "boss")
	w.MustLook(id)
	if got := w.App.Of(id)[0].Attributes["title"]; got != "BOSS" {
		t.Errorf("a change in the directory was left out: %v", got)
	}
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

// TestCheapLook: a look with nothing to do costs one read of each side, and no write.
func TestCheapLook(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Process().Inject(reconciletest.Fault{})
	version := w.Record(id).Version
	w.MustLook(id)
	if diff := cmp.Diff([]string{"state record", "directory user"}, w.Process().Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if w.Record(id).Version != version {
		t.Error("it wrote")
	}
}

// TestEarlyTask: a task that comes a little early does not take the deadline with it.
func TestEarlyTask(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.Advance(time.Second)
	w.MustLook(id)
	due := w.Record(id).Next.At
	w.Advance(due.Sub(w.Business()) - 50*time.Millisecond)
	w.Queue.Drop() // the one for the deadline is delivered now
	w.MustLook(id)
	w.Queue.Until(w, time.Minute)
	if w.App.Of(id)[0].Active {
		t.Error("the deadline passed and nobody looked")
	}
}
