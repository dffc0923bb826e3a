package sweep_test

import (
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/state"
)

const day = reconciletest.Day

func done(t testing.TB, sw provision.Sweep) {
	t.Helper()
	if sw.State != provision.SweepDone || sw.Looked != sw.ToLook {
		t.Fatalf("the sweep is %s (%s), %d of %d looks ended", sw.State, sw.Reason, sw.Looked, sw.ToLook)
	}
}

// TestFirstSync counts the calls of a first sync of a group.
func TestFirstSync(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.Group("g", w.Directory.HireMany(people)...)
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g"}}
		c.TurnedOnAt, c.SweptAt, c.PlannedAt = w.Business(), time.Time{}, time.Time{}
	})
	sw := w.Sweep()
	done(t, sw)
	if sw.Listed != people || sw.ToLook != people {
		t.Errorf("listed %d, looked at %d", sw.Listed, sw.ToLook)
	}
	if got := len(w.App.Writes()); got != people {
		t.Errorf("%d writes", got)
	}
	if find, get, list := w.App.Reads("find"), w.App.Reads("get"), w.App.Reads("list"); find+get != 0 || list != 1 { // it was empty
		t.Errorf("read the app: %d searches, %d by id, %d pages", find, get, list)
	}
	if user, list, members := w.Directory.Count("user"), w.Directory.Count("list"), w.Directory.Count("members"); user != 0 || list != (people+499)/500 || members != list {
		t.Errorf("read the directory: %d by id, %d pages, %d of members", user, list, members)
	}
}

// TestEarly: a first sync asks for new accounts while the members of the group
// are still being listed, and asks for nobody whose membership is yet unread.
func TestEarly(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(30)
	w.Directory.Group("g", ids[5:]...)
	w.Directory.Paged(10)
	w.Configure(func(c *provision.Configuration) { c.Scope.Groups = []provision.GroupRef{{ID: "g"}} })
	var early []string
	p := w.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("directory list members", 2, func() {
		for deadline := time.Now().Add(10 * time.Second); len(early) == 0 && time.Now().Before(deadline); runtime.Gosched() {
			for _, task := range w.Queue.Waiting() {
				var req reconcile.Request
				if err := json.Unmarshal(task.Body, &req); err == nil && req.UserID != "" {
					early = append(early, req.UserID)
				}
			}
		}
	})
	done(t, w.Sweep())
	slices.Sort(early)
	if want := ids[5:10]; !slices.Equal(early, want) { // of the first ten people, those of the first ten members
		t.Errorf("asked for %v after the first page of members, want %v", early, want)
	}
	if got := len(w.App.All()); got != 25 {
		t.Errorf("%d accounts", got)
	}
}

func TestNothingToDo(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(20)
	w.Directory.Suspend(ids[3], w.Business())
	w.MustLook(ids...)
	w.Directory.Suspend(ids[5], w.Business())
	w.Advance(time.Hour)
	done(t, w.Sweep())
	w.App.Forget()
	reads, version, configuration := w.Directory.Count("user"), w.Record(ids[5]).Version, w.Configuration()
	w.Advance(time.Hour)
	sw := w.Sweep()
	done(t, sw)
	if sw.ToLook != 0 || len(w.App.Writes()) != 0 || w.Directory.Count("user") != reads || w.Record(ids[5]).Version != version {
		t.Errorf("%d looks, writes %v, %d reads", sw.ToLook, w.App.Writes(), w.Directory.Count("user")-reads)
	}
	if got := w.Configuration().Revision; got != configuration.Revision {
		t.Errorf("revision %d, was %d", got, configuration.Revision)
	}
}

// TestMappingErrorIsNoNews: a sweep says of somebody whom the mapping fails for
// what a look says, so that nothing has changed until something has.
func TestMappingErrorIsNoNews(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(1)
	w.Directory.Change(id, func(u *provision.User) { u.Resource = []byte(`{"title":"!","department":"!"}`) })
	done(t, w.Sweep())
	if got := w.Record(id).Attention; len(got) != 1 || !strings.Contains(got[0].Why, "the department has no usable value; the title has no usable value") {
		t.Errorf("attention %+v", got)
	}
	w.Advance(time.Minute) // it is not to be tried again yet
	sw := w.Sweep()
	done(t, sw)
	if sw.ToLook != 0 {
		t.Errorf("%d looks although nothing has changed", sw.ToLook)
	}
}

// TestHeldIsKnownWhole: a sweep knows all its removals before the first runs.
func TestHeldIsKnownWhole(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(60)
	w.Directory.Group("g", ids...)
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g"}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.MustLook(ids...)
	w.Advance(2 * day)
	w.Directory.Paged(7)
	w.App.Forget()
	w.Directory.Group("g", ids[:40]...)
	done(t, w.Sweep())
	if writes := w.App.Writes(); len(writes) > 0 {
		t.Errorf("%d removals ran before all were known", len(writes))
	}
	held := func() (n int) {
		for _, id := range ids {
			if w.Record(id).Hold != nil {
				n++
			}
		}
		return n
	}
	if held() != 20 {
		t.Errorf("%d are held, want 20", held())
	}
	w.Directory.Group("g", slices.Concat(ids[:38], ids[45:])...) // some return, two more leave
	done(t, w.Sweep())
	if held() != 7 || len(w.App.Writes()) != 0 {
		t.Errorf("%d are held and %v done after some returned and two more left", held(), w.App.Writes())
	}
}

// TestRenamesBeforeCreates: somebody new has the address that somebody else had.
func TestRenamesBeforeCreates(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	old := w.Directory.Hire(5)
	w.MustLook(old)
	logged := len(w.Events())
	w.Directory.Change(old, func(u *provision.User) { u.Email = reconciletest.Email(50) })
	newcomer := w.Directory.Hire(1)
	w.Directory.Change(newcomer, func(u *provision.User) { u.Email = reconciletest.Email(5) })
	w.Advance(time.Minute)
	done(t, w.Sweep())
	want := []string{provision.EventUpdate + " done renamed", provision.EventCreate + " done in scope"}
	if diff := cmp.Diff(want, w.Events()[logged:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestNameFreed: the one who waits for a name is looked at when it is free.
func TestNameFreed(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]func(w *reconciletest.World, holder string){
		"by a rename": func(w *reconciletest.World, holder string) {
			w.Directory.Change(holder, func(u *provision.User) { u.Email = reconciletest.Email(50) })
			w.MustLook(holder)
		},
		"by a hard delete": func(w *reconciletest.World, holder string) {
			w.Configure(func(c *provision.Configuration) {
				c.Policies[0].Policy.Deleted = provision.TimeFrames{DeleteAfter: provision.Within24h}
			})
			w.Advance(2 * time.Minute)
			w.Directory.Delete(holder, w.Business(), true)
			w.MustLook(holder)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			holder := w.Directory.Hire(5)
			w.MustLook(holder)
			waiter := w.Directory.Hire(1)
			w.Directory.Change(waiter, func(u *provision.User) { u.Email = reconciletest.Email(5) })
			w.MustLook(waiter)
			if len(w.App.Of(waiter)) != 0 {
				t.Fatal("the name was not taken")
			}
			free(w, holder)
			w.Queue.DeliverAll(w)
			if len(w.App.Of(waiter)) != 1 {
				t.Errorf("nobody looked at the one who waits: %+v", w.Record(waiter).Retries)
			}
		})
	}
}

func TestFails(t *testing.T) {
	t.Parallel()
	incomplete := fault.New(fault.Incomplete, "directory", "a key is missing")
	tests := map[string]struct {
		arrange func(w *reconciletest.World)
		reason  string
	}{
		"an incomplete listing of users":      {func(w *reconciletest.World) { w.Directory.Fail("list", incomplete) }, "could not be listed"},
		"an incomplete tree":                  {func(w *reconciletest.World) { w.Directory.Fail("orgUnits", incomplete) }, "org units"},
		"an incomplete group":                 {func(w *reconciletest.World) { w.Directory.Fail("members", incomplete) }, "members"},
		"a directory that does not answer":    {func(w *reconciletest.World) { w.Directory.Fail("list", fault.New(fault.Unavailable, "d", "no")) }, "could not be listed"},
		"an incomplete listing of the app":    {func(w *reconciletest.World) { w.App.Meet = failing("list", incomplete) }, "could not be listed"},
		"a token that is refused":             {func(w *reconciletest.World) { w.App.Revoke("2") }, "reauthorize"},
		"turned off":                          {func(w *reconciletest.World) { w.Configure(func(c *provision.Configuration) { c.On = false }) }, "turned off"},
		"looks that are lost again and again": {func(w *reconciletest.World) { w.Queue.LoseLooks = true }, "no progress"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			ids := w.Directory.HireMany(4)
			w.Directory.Group("g", ids...)
			w.Configure(func(c *provision.Configuration) { c.Scope.Groups = []provision.GroupRef{{ID: "g"}} })
			test.arrange(w)
			began := w.Real()
			sw := w.Sweep()
			if sw.State != provision.SweepFailed || !strings.Contains(sw.Reason, test.reason) {
				t.Errorf("the sweep is %s: %s", sw.State, sw.Reason)
			}
			if w.Real().Sub(began) > 15*time.Minute {
				t.Errorf("it took %v", w.Real().Sub(began))
			}
			if swept := w.Configuration().SweptAt; !swept.Before(reconciletest.Start) {
				t.Errorf("it counts as a whole sweep: %v", swept)
			}
		})
	}
}

func failing(name string, err error) func(string, string) error {
	return func(n, _ string) error {
		if n == name {
			return err
		}
		return nil
	}
}

// TestAppComesBack: an app that fails for a while fails no sweep.
func TestAppComesBack(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.HireMany(4)
	begin := w.Real()
	w.App.Meet = func(string, string) error {
		if w.Real().Sub(begin) < 2*time.Minute {
			return fault.New(fault.Unavailable, "app", "503")
		}
		return nil
	}
	done(t, w.Sweep())
	if got := len(w.App.All()); got != 4 {
		t.Errorf("%d accounts", got)
	}
}

// TestTurnOn: nothing is taken away before the sweep of a turn-on has planned,
// and nothing is overdue then (R8).
func TestTurnOn(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(12)
	w.MustLook(ids...)
	w.Directory.Suspend(ids[0], w.Business())
	w.Advance(time.Minute)
	w.MustLook(ids[0])
	w.Configure(func(c *provision.Configuration) { c.On, c.Revision = false, c.Revision+1 })
	w.Queue.Until(w, 10*day)
	if !w.App.Of(ids[0])[0].Active {
		t.Fatal("an operation ran while off")
	}
	w.Configure(func(c *provision.Configuration) {
		c.On, c.TurnedOnAt, c.Revision = true, w.Business(), c.Revision+1
	})
	w.MustLook(ids[0])
	done(t, w.Sweep())
	if !w.App.Of(ids[0])[0].Active {
		t.Error("something was overdue at the turn-on")
	}
	w.Queue.Until(w, day+time.Minute)
	if w.App.Of(ids[0])[0].Active {
		t.Error("not suspended a day after the turn-on")
	}
}

// TestTurnOnByAFasterClock: the sweep after a turn-on counts as such also where
// its own clock is behind that of whoever turned on (R8, R4).
func TestTurnOnByAFasterClock(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(12)
	w.MustLook(ids...)
	w.Directory.Suspend(ids[0], w.Business())
	w.Configure(func(c *provision.Configuration) { c.TurnedOnAt = w.Business().Add(3 * time.Second) })
	done(t, w.Sweep())
	w.Queue.Until(w, day+time.Minute)
	if w.App.Of(ids[0])[0].Active {
		t.Error("not suspended a day after the turn-on")
	}
}

// TestAnotherApp: on another base URL the old links are void, also where the
// new app uses the same ids for its accounts (R10).
func TestAnotherApp(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(3)
	w.MustLook(ids...)
	before := w.App.All()
	for i, a := range before { // the new app has the same people under each other's ids
		next := before[(i+1)%3]
		w.App.Change(a.ID, func(account *provision.Account) {
			account.UserName, account.ExternalID, account.Attributes = next.UserName, "", next.Attributes
		})
	}
	w.Configure(func(c *provision.Configuration) {
		c.Connection.BaseURL, c.Revision = "https://other.example.com/scim/v2", c.Revision+1
		c.TurnedOnAt = w.Business()
	})
	w.Restart()
	done(t, w.Sweep())
	if got := len(w.App.All()); got != 3 {
		t.Fatalf("%d accounts", got)
	}
	for _, id := range ids {
		rec := w.Record(id)
		if rec.Account.ID == "" || !rec.Account.Adopted || len(w.App.Of(id)) != 1 || w.App.Of(id)[0].ID != rec.Account.ID {
			t.Errorf("%s is linked to %+v, retries %+v", id, rec.Account, rec.Retries)
		}
	}
}

// previewed is the preview of a configuration, with the id p.
func previewed(t testing.TB, w *reconciletest.World, proposed provision.Configuration) provision.Preview {
	t.Helper()
	return previewedEdit(t, w, nil, proposed)
}

// previewedEdit is the preview of an edit of a present configuration; of none when that is nil.
func previewedEdit(t testing.TB, w *reconciletest.World, present *provision.Configuration, proposed provision.Configuration) provision.Preview {
	t.Helper()
	ctx := context.Background()
	if err := w.Store.ExpirePreviews(ctx, w.Business().Add(2*provision.PreviewLifetime)); err != nil {
		t.Fatal(err)
	}
	preview := provision.Preview{ID: "p", Present: present, State: provision.PreviewRunning, Revision: 1, CreatedAt: w.Business(),
		ExpiresAt: w.Business().Add(provision.PreviewLifetime), Proposed: proposed}
	if _, err := w.Store.PutPreview(ctx, preview, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Process().Sweeper.Preview(ctx, "p"); err != nil {
		t.Fatal(err)
	}
	preview, err := w.Store.Preview(ctx, "p")
	if err != nil || preview.State != provision.PreviewDone {
		t.Fatalf("preview %+v, %v", preview, err)
	}
	return preview
}

func TestPreview(t *testing.T) {
	t.Parallel()
	w := company(t)
	w.App.Forget()
	logged, ctx := len(w.Events()), context.Background()
	c := w.Configuration()
	c.Policies[0].Policy.Deleted = provision.TimeFrames{DeleteAfter: provision.Within24h}
	preview := previewed(t, w, c)
	want := map[provision.OperationKind]int{provision.Create: 1, provision.Update: 3, provision.Suspend: 1, provision.HardDelete: 1}
	if diff := cmp.Diff(want, preview.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for kind, n := range map[provision.PreviewKind]int{provision.PreviewAdopt: 1, provision.PreviewOrphans: 1} {
		rows, _, err := w.Store.PreviewRows(ctx, "p", kind, "", 10)
		if err != nil || len(rows) != n {
			t.Errorf("%s: %+v, %v", kind, rows, err)
		}
	}
	if writes := w.App.Writes(); len(writes) > 0 || len(w.Events()) != logged {
		t.Errorf("a preview changed something: %v", writes)
	}
	left, _, err := w.Store.Select(ctx, state.Selection{Kind: state.SelectPending, Limit: 10})
	if err != nil || len(left) != 0 {
		t.Errorf("a preview left %+v, %v", left, err)
	}
}

// TestPollEvery: where each count is paid for, a sweep that waits counts seldom.
func TestPollEvery(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.HireMany(3)
	p := w.Process()
	p.Sweeper.PollEvery = 4 * time.Second
	var longest time.Duration
	p.Sweeper.Sleep = func(ctx context.Context, d time.Duration) error {
		if longest = max(longest, d); longest < p.Sweeper.PollEvery {
			w.Advance(d) // nothing is delivered yet
			return nil
		}
		return w.Sleep(ctx, d)
	}
	done(t, w.Sweep())
	if longest != p.Sweeper.PollEvery {
		t.Errorf("the longest pause was %v", longest)
	}
}
