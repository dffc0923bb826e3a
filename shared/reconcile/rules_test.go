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

// TestSweepKnowsTheConfiguration: a process with a configuration in its cache
// looks for a sweep under no older one than the sweep's.
func TestSweepKnowsTheConfiguration(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(2)
	w.Directory.Group("g", ids[0])
	w.MustLook(ids[0])
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups, c.Revision = []provision.GroupRef{{ID: "g"}}, c.Revision+1
	})
	req := reconcile.Request{UserID: ids[0], SweepID: "s", Configuration: w.Configuration().Version}
	w.Directory.Group("g")
	if _, err := w.Process().Reconciler.Look(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if _, holds := w.Record(ids[0]).Condition(provision.ConditionAppOff); !holds {
		t.Error("looked under the configuration from before the edit")
	}
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

// TestR17FoundGoneTwice: a look that a sweep asked for while it listed finds an
// account gone, and comes to no end. Delivered again it knows no better how many
// more are gone, and makes no new one yet.
func TestR17FoundGoneTwice(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
	u := provision.User{ID: id, Email: reconciletest.Email(0), Lifecycle: provision.Active, OrgUnitPath: "/", Resource: []byte(`{"title":"listed"}`)}
	l := &reconcile.Listing{User: u, At: w.Business(), ReadAt: w.Real(), AppReadAt: w.Real()}
	l.Scope.Known, l.Scope.In = true, true
	req := reconcile.Request{UserID: id, SweepID: "s", Listing: l}
	p := w.Process()
	p.Inject(reconciletest.Fault{Name: "directory user", Call: 1})
	if _, err := p.Reconciler.Look(t.Context(), req); err == nil || w.Record(id).GoneAt.IsZero() {
		t.Fatalf("error %v, gone at %v", err, w.Record(id).GoneAt)
	}
	w.Advance(time.Second)
	if _, err := p.Reconciler.Look(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := w.App.All(); len(got) != 0 {
		t.Errorf("made anew while the sweep still looks for others: %+v", got)
	}
	w.Queue.Until(w, 10*time.Minute)
	if got := w.App.All(); len(got) != 1 {
		t.Errorf("nothing was made anew ten minutes later: %+v", got)
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
	if rec := w.Record(id); len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryRefused || tries != 4 {
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

// TestR14ByHand: what was done by hand in the app is given as the cause of what puts it right.
func TestR14ByHand(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	suspended, removed := w.Directory.Hire(0), w.Directory.Hire(1)
	w.MustLook(suspended, removed)
	w.App.Change(w.Record(suspended).Account.ID, func(a *provision.Account) { a.Active = false })
	w.App.Change(w.Record(removed).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
	w.Advance(time.Hour) // a listing does not miss an account made since it began
	w.Sweep()
	for id, cause := range map[string]string{
		suspended: provision.EventUnsuspend + " done suspended by hand in the app",
		removed:   provision.EventCreate + " done the account was not in the app any more",
	} {
		if diff := cmp.Diff([]string{provision.EventCreate + " done in scope", cause}, w.EventsOf(id)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
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

// TestR4Reopened: an account that somebody activated by hand is suspended before
// it is hard deleted, where the policy orders that.
func TestR4Reopened(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.MustLook(id)
	w.Queue.Until(w, 2*reconciletest.Day)
	account := w.App.Of(id)[0]
	if account.Active {
		t.Fatal("not suspended after a day")
	}
	w.App.Change(account.ID, func(a *provision.Account) { a.Active = true })
	w.Queue.Until(w, 5*reconciletest.Day+time.Minute)
	if found := w.App.Of(id); len(found) != 1 || found[0].Active {
		t.Fatalf("at the deadline of the hard delete: %+v", found)
	}
	w.Queue.Until(w, reconciletest.Day+time.Minute)
	if found := w.App.Of(id); len(found) != 0 {
		t.Errorf("a day after the suspend: %+v", found)
	}
}

// TestR4ClockBehind: both were due, whoever suspended died, and the one who finds
// it done has a clock that is behind: the hard delete waits its day all the same.
func TestR4ClockBehind(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "7d"}
	})
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.MustLook(id)
	w.Advance(7 * 24 * time.Hour)
	w.Process().Inject(reconciletest.Fault{Name: "app suspend", Call: 1, How: reconciletest.CrashAfter})
	if _, err := w.Look(id); err == nil {
		t.Fatal("nobody died")
	}
	w.Advance(time.Second)
	due := w.Record(id).Intent.StartedAt
	behind := w.Restart()
	behind.Reconciler.Business = func() time.Time { return due.Add(-time.Second) }
	w.MustLook(id)
	if rec := w.Record(id); rec.Account.State != provision.AccountSuspended || rec.Intent != nil {
		t.Fatalf("not found out: %+v", rec)
	}
	behind.Reconciler.Business = w.Business
	w.MustLook(id)
	if next := w.Record(id).Next; len(w.App.Of(id)) == 0 || next == nil || next.At.Before(due.Add(24*time.Hour)) {
		t.Errorf("after the suspend comes %+v, and the app has %v", next, w.App.Of(id))
	}
}
