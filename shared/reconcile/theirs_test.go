package reconcile_test

import (
	"context"
	"errors"
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

// fails makes the app answer some calls, about some people, with 500.
func fails(w *reconciletest.World, calls []string, people ...string) {
	w.App.Meet = func(name, externalID string) error {
		if slices.Contains(calls, name) && (len(people) == 0 || slices.Contains(people, externalID)) {
			return fault.New(fault.Unavailable, "app: "+name, "status 500")
		}
		return nil
	}
}

// settle looks at somebody until a look ends, as the queue does, and says how long that took.
func settle(w *reconciletest.World, id string) (took time.Duration) {
	w.T.Helper()
	return settleAs(w, reconcile.Request{UserID: id})
}

func settleAs(w *reconciletest.World, req reconcile.Request) (took time.Duration) {
	w.T.Helper()
	for began := w.Real(); ; {
		_, err := w.Process().Reconciler.Look(context.Background(), req)
		took = w.Real().Sub(began)
		if err == nil {
			return took
		}
		if !errors.Is(err, reconcile.ErrPaused) || took > time.Minute {
			w.T.Fatalf("the look at %s does not end: %v, after %v", req.UserID, err, took)
		}
		w.Advance(max(fault.RetryAfter(err), time.Second))
	}
}

// look asks for a look at somebody through the queue.
func look(w *reconciletest.World, id string) {
	w.T.Helper()
	task := reconcile.LookTask(reconcile.Request{UserID: id}, "test", time.Time{})
	if err := w.Process().Tasks.Enqueue(context.Background(), task); err != nil {
		w.T.Fatal(err)
	}
}

// failures are the events of somebody's that say that something failed.
func failures(w *reconciletest.World, id string) (list []string) {
	for _, e := range w.EventsOf(id) {
		if strings.Contains(e, " failed") {
			list = append(list, e)
		}
	}
	return list
}

// twelve is a company of twelve with accounts, of whom the first ones are
// suspended, and their suspends due.
func twelve(t *testing.T, leave int) (w *reconciletest.World, ids []string) {
	w = reconciletest.New(t)
	ids = w.Directory.HireMany(12)
	w.MustLook(ids...)
	for _, id := range ids[:leave] {
		w.Directory.Suspend(id, w.Business())
	}
	w.Advance(time.Minute)
	w.MustLook(ids[:leave]...)
	w.Advance(2 * day)
	return w, ids
}

// TestR2Unreadable: the app suspends somebody, and then cannot show their
// account any more. That is theirs alone: their look ends, is logged and
// listed, and comes again by the schedule; nobody else waits.
func TestR2Unreadable(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 2)
	maya, bart := ids[0], ids[1]
	fails(w, []string{"get"}, maya)
	begin := w.Business()
	if took := settle(w, maya); took > 5*time.Second {
		t.Errorf("the look ended after %v", took)
	}
	w.MustLook(bart)
	if w.App.Of(bart)[0].Active {
		t.Error("another's access is not taken away")
	}
	rec := w.Record(maya)
	if rec.Intent == nil || rec.Lease != nil || len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryFailed {
		t.Errorf("intent %+v, lease %v, retries %+v", rec.Intent, rec.Lease, rec.Retries)
	}
	if len(rec.Attention) != 1 || rec.Attention[0].Kind != provision.AttentionFailed {
		t.Errorf("attention %+v", rec.Attention)
	}
	if diff := cmp.Diff([]string{provision.EventSuspend + " failed"}, failures(w, maya)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	for range 3 { // the looks of sweeps bring nothing forward and log nothing
		settleAs(w, reconcile.Request{UserID: maya, CheckAccount: true})
	}
	if got := len(failures(w, maya)); got != 1 {
		t.Errorf("%d failures are logged before the next try", got)
	}
	w.Queue.Until(w, 4*day)
	var at []time.Duration
	page, _, err := w.Store.Events(context.Background(), state.EventFilter{UserID: maya, Outcome: provision.OutcomeFailed, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(page) {
		at = append(at, e.Time.Sub(begin).Truncate(5*time.Minute))
	}
	want := []time.Duration{0, 5 * time.Minute, 6*time.Hour + 5*time.Minute, 18*time.Hour + 5*time.Minute, 42*time.Hour + 5*time.Minute, 66*time.Hour + 5*time.Minute, 90*time.Hour + 5*time.Minute}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	w.App.Meet = nil
	settle(w, maya)
	if rec := w.Record(maya); rec.Intent != nil || rec.Account.State != provision.AccountSuspended || len(rec.Retries)+len(rec.Attention) > 0 || rec.SuspendDoneAt.IsZero() {
		t.Errorf("readable again: %+v", rec)
	}
	if events := w.EventsOf(maya); events[len(events)-1] != suspendDone {
		t.Errorf("the log ends with %q", events[len(events)-1])
	}
}

// TestR12UnreadableCounts: a suspend of which nobody can find out whether it was
// done is counted by the guard.
func TestR12UnreadableCounts(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	w.Configure(func(c *provision.Configuration) {
		c.Guard = provision.Guard{MinUsers: 1}
		c.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	fails(w, []string{"get"}, ids[0])
	settle(w, ids[0])
	if rec := w.Record(ids[0]); rec.Intent == nil || len(rec.Retries) != 1 {
		t.Fatalf("intent %+v, retries %+v", rec.Intent, rec.Retries)
	}
	w.Directory.Suspend(ids[1], w.Business())
	w.MustLook(ids[1])
	if rec := w.Record(ids[1]); rec.Hold == nil || !w.App.Of(ids[1])[0].Active {
		t.Errorf("hold %+v, active %t", rec.Hold, w.App.Of(ids[1])[0].Active)
	}
}

// TestR2UnreadableReturns: what the app may have done to an unreadable account
// is not forgotten when it is not called for any more: who comes back gets in.
func TestR2UnreadableReturns(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	maya := ids[0]
	fails(w, []string{"get"}, maya)
	settle(w, maya)
	w.Directory.Restore(maya)
	settle(w, maya)
	if rec := w.Record(maya); rec.Intent == nil || len(rec.Attention) != 1 {
		t.Errorf("intent %+v, attention %+v", rec.Intent, rec.Attention)
	}
	w.App.Meet = nil
	settle(w, maya)
	if !w.App.Of(maya)[0].Active {
		t.Error("locked out by a suspend that was taken for not done")
	}
	if rec := w.Record(maya); rec.Intent != nil || len(rec.Attention) > 0 {
		t.Errorf("intent %+v, attention %+v", rec.Intent, rec.Attention)
	}
}

// TestR16Unreadable: what takes access away waits for no operation of which
// nobody can find out whether it was done.
func TestR16Unreadable(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 0)
	maya := ids[0]
	fails(w, []string{"get", "update"}, maya)
	w.Directory.Title(maya, "boss")
	settle(w, maya)
	if rec := w.Record(maya); rec.Intent == nil || rec.Intent.Operation != provision.Update {
		t.Fatalf("intent %+v", rec.Intent)
	}
	w.Directory.Suspend(maya, w.Business())
	settle(w, maya)
	w.Queue.Until(w, day+time.Minute)
	if w.App.Of(maya)[0].Active {
		t.Error("a leaver stays in the app, for an update of which nothing is known")
	}
}

// TestR17Unreadable: the sweep asks to read an account, and it cannot be read.
func TestR17Unreadable(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	for _, id := range ids[:2] { // one whose account is suspended, and one whose is active
		w.App.Meet = nil
		w.MustLook(id)
		fails(w, []string{"get"}, id)
		for range 2 { // of two sweeps
			settleAs(w, reconcile.Request{UserID: id, CheckAccount: true})
		}
		rec := w.Record(id)
		if len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryUnread || len(rec.Attention) != 1 || !strings.Contains(rec.Attention[0].Why, "could not be read") {
			t.Errorf("retries %+v, attention %+v", rec.Retries, rec.Attention)
		}
		if diff := cmp.Diff([]string{provision.EventNotice + " failed the account in the app could not be read"}, failures(w, id)); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		w.Queue.Until(w, 7*time.Hour)
		if got := len(failures(w, id)); got != 3 {
			t.Errorf("%d failures in seven hours, want 3", got)
		}
		w.App.Meet = nil
		w.Queue.Until(w, 13*time.Hour)
		if rec := w.Record(id); len(rec.Retries)+len(rec.Attention) > 0 {
			t.Errorf("readable again: retries %+v, attention %+v", rec.Retries, rec.Attention)
		}
	}
}

// TestR17BackAndUnreadable: a leaver's account is in the app again, as the sweep's
// listing shows, and cannot be read. That is told once a try, by the schedule of R2.
func TestR17BackAndUnreadable(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	id := ids[1]
	w.MustLook(id)
	account := w.App.Of(id)[0]
	w.Directory.Suspend(id, w.Business())
	w.MustLook(id)
	w.App.Change(account.ID, func(a *provision.Account) { *a = provision.Account{} })
	w.Queue.Until(w, day+time.Minute)
	if rec := w.Record(id); rec.Account.Exists() {
		t.Fatalf("the account is %s", rec.Account.State)
	}
	w.App.Change(account.ID, func(a *provision.Account) { *a = account })
	before := len(failures(w, id))
	fails(w, []string{"get"}, id)
	for range 2 { // of two sweeps
		settleAs(w, reconcile.Request{UserID: id, CheckAccount: true})
	}
	if rec := w.Record(id); len(rec.Retries) != 1 || len(rec.Attention) != 1 || !strings.Contains(rec.Attention[0].Why, "could not be read") {
		t.Errorf("retries %+v, attention %+v", rec.Retries, rec.Attention)
	}
	if got := failures(w, id)[before:]; len(got) != 1 {
		t.Errorf("%d failures at once, want 1: %.5q", len(got), got)
	}
	w.Queue.Until(w, 7*time.Hour)
	if got := len(failures(w, id)) - before; got != 3 {
		t.Errorf("%d failures in seven hours, want 3", got)
	}
	w.App.Meet = nil
	w.Queue.Until(w, 13*time.Hour)
	if rec := w.Record(id); len(rec.Retries)+len(rec.Attention) > 0 || rec.Account.State != provision.AccountActive {
		t.Errorf("readable again: %s, retries %+v, attention %+v", rec.Account.State, rec.Retries, rec.Attention)
	}
	w.Queue.Until(w, day+time.Minute)
	if found := w.App.Of(id); len(found) != 1 || found[0].Active {
		t.Errorf("a day later the leaver has %+v", found)
	}
}

// TestR17UnreadableAndGone: once it is known that the account is not in the app,
// nothing waits for it.
func TestR17UnreadableAndGone(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	id := ids[1]
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.MustLook(id)
	w.App.Change(w.App.Of(id)[0].ID, func(a *provision.Account) { *a = provision.Account{} })
	w.Queue.Until(w, day+time.Minute)
	fails(w, []string{"get"}, id)
	settleAs(w, reconcile.Request{UserID: id, CheckAccount: true})
	w.App.Meet = nil
	w.Queue.Until(w, time.Hour)
	if rec := w.Record(id); len(rec.Retries)+len(rec.Attention) > 0 {
		t.Errorf("retries %+v, attention %+v", rec.Retries, rec.Attention)
	}
}

// TestR2SeveralUnreadable: nobody but three whose accounts cannot be read has
// anything to do.
func TestR2SeveralUnreadable(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 4)
	fails(w, []string{"get"}, ids[0], ids[1], ids[2])
	for _, id := range ids[:3] {
		look(w, id)
	}
	began := w.Real()
	w.Queue.DeliverAll(w)
	if took := w.Real().Sub(began); took > time.Minute {
		t.Errorf("their looks took %v", took)
	}
	for _, id := range ids[:3] {
		if rec := w.Record(id); len(rec.Attention) != 1 {
			t.Errorf("%s: retries %+v, attention %+v", id, rec.Retries, rec.Attention)
		}
	}
	w.MustLook(ids[3])
}

// TestR2UnreadableNeighbours: whose accounts are read to compare cannot be read
// either, which nobody knows yet.
func TestR2UnreadableNeighbours(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 1)
	fails(w, []string{"get"}, ids[0], ids[1], ids[2])
	if took := settle(w, ids[0]); took > 5*time.Second {
		t.Errorf("the look ended after %v", took)
	}
	if rec := w.Record(ids[0]); len(rec.Attention) != 1 {
		t.Errorf("retries %+v, attention %+v", rec.Retries, rec.Attention)
	}
}

// TestR2WritesOfOne: the app fails to change one account, which it shows, and
// has nothing else to do.
func TestR2WritesOfOne(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 2)
	fails(w, []string{"suspend"}, ids[0])
	if took := settle(w, ids[0]); took > 5*time.Second {
		t.Errorf("the look ended after %v", took)
	}
	if rec := w.Record(ids[0]); len(rec.Retries) != 1 || len(rec.Attention) != 1 {
		t.Errorf("retries %+v, attention %+v", rec.Retries, rec.Attention)
	}
	w.MustLook(ids[1])
}

// TestR2Outages: whatever the app fails at for everybody costs nobody a step,
// also in the middle of operations, and pauses all.
func TestR2Outages(t *testing.T) {
	t.Parallel()
	for name, calls := range map[string][]string{
		"everything":        {"get", "suspend", "find", "list", "verify"},
		"reading by id":     {"get"},
		"changing anything": {"suspend", "update", "create"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ids := twelve(t, 4)
			asked := 0
			fails(w, calls)
			down := w.App.Meet
			w.App.Meet = func(name, externalID string) error {
				asked++
				return down(name, externalID)
			}
			for _, id := range ids[:4] {
				look(w, id)
			}
			w.Queue.For(w, time.Hour)
			if asked > 1800 { // one in two seconds
				t.Errorf("%d calls in an hour", asked)
			}
			w.App.Meet = nil
			w.Queue.For(w, 5*time.Minute)
			for _, id := range ids[:4] {
				if rec := w.Record(id); w.App.Of(id)[0].Active || rec.Account.State != provision.AccountSuspended || len(rec.Attention) > 0 {
					t.Errorf("%s is %s, attention %+v", id, rec.Account.State, rec.Attention)
				}
				if list := failures(w, id); len(list) > 0 {
					t.Errorf("%s: %q", id, list)
				}
			}
		})
	}
}

// TestUnaskedIsNoAnswer: an operation that is refused here, without asking the
// app, does not say that the app has recovered.
func TestUnaskedIsNoAnswer(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 0)
	w.Configure(func(c *provision.Configuration) {
		c.Connection.HardDelete, c.FailingSince = false, w.Business()
		c.Policies[0].Policy.Deleted = provision.TimeFrames{DeleteAfter: provision.Within24h}
	})
	w.Directory.Delete(ids[0], w.Business(), true)
	w.Advance(2 * day)
	w.MustLook(ids[0])
	if rec := w.Record(ids[0]); len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryRefused {
		t.Fatalf("retries %+v", rec.Retries)
	}
	if w.Configuration().FailingSince.IsZero() {
		t.Error("the app is taken to work, and was not asked")
	}
}

// TestUnreadUnderAnOldConfiguration: an account that cannot be read is told of
// under the configuration in force alone: what was deleted meanwhile keeps no work (R10).
func TestUnreadUnderAnOldConfiguration(t *testing.T) {
	t.Parallel()
	w, ids := twelve(t, 0)
	off := false
	w.App.Meet = func(name, externalID string) error {
		if name != "get" || externalID != ids[11] {
			return nil
		}
		if !off {
			off = true
			w.Configure(func(c *provision.Configuration) { c.On, c.Revision = false, c.Revision+1 })
		}
		return fault.New(fault.Unavailable, "app: get", "status 500")
	}
	settleAs(w, reconcile.Request{UserID: ids[11], CheckAccount: true})
	if rec := w.Record(ids[11]); !off || len(rec.Retries) > 0 || len(failures(w, ids[11])) > 0 {
		t.Errorf("turned off meanwhile: %t, retries %+v, events %v", off, rec.Retries, failures(w, ids[11]))
	}
}
