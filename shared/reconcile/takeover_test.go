package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestTakeOver: what a dead process left unfinished is found out when the next
// one starts, without waiting for a lease, a sweep or a task that is lost too.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Configure(func(c *provision.Configuration) { c.Policies[0].Policy.Suspended.SuspendAfter = "within24h" })
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	p := w.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("app get", 1, func() { p.Inject(reconciletest.Fault{Call: 1, How: reconciletest.CrashBefore}) }) // the suspend is done, and is being read back
	if _, err := w.Look(id); err == nil || w.Record(id).Intent == nil {
		t.Fatalf("the process did not die in the middle: %v, intent %v", err, w.Record(id).Intent)
	}
	w.Queue.Drop()
	next := w.Start()
	if err := next.Reconciler.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Queue.DeliverAll(w)
	rec := w.Record(id)
	if rec.Intent != nil || rec.Account.State != provision.AccountSuspended {
		t.Errorf("intent %v, account %s", rec.Intent, rec.Account.State)
	}
	want := []string{provision.EventCreate + " done in scope", provision.EventSuspend + " done"}
	if diff := cmp.Diff(want, w.EventsOf(id)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestR14OtherApp: an operation of which nobody knows whether the app has done
// it, when another app is configured, is told of once.
func TestR14OtherApp(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Suspend(id, w.Business())
	w.Advance(time.Minute)
	w.MustLook(id)
	w.Advance(2 * day)
	fails(w, []string{"suspend", "get", "verify"})
	if _, err := w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: id}); err == nil || w.Record(id).Intent == nil {
		t.Fatalf("error %v, intent %v; want an operation in doubt", err, w.Record(id).Intent)
	}
	w.App.Meet = nil
	w.Configure(func(c *provision.Configuration) { c.Revision++; c.Connection.BaseURL += "/other" })
	w.Advance(5 * time.Minute)
	for range 2 {
		w.MustLook(id)
	}
	if diff := cmp.Diff([]string{provision.EventSuspend + " failed"}, failures(w, id)); diff != "" || w.Record(id).Intent != nil {
		t.Errorf("failures (-want +got):\n%s\nintent %v", diff, w.Record(id).Intent)
	}
}

// TestCrashBeforeAMatch: a worker dies with the intent to create, and the app has an
// account of theirs from before. It is taken over and brought up to date, and not
// taken for the one that was to be made, whose values it would be said to have.
func TestCrashBeforeAMatch(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Directory.Title(id, "Head of Sales")
	w.App.Add(provision.Account{UserName: "old@example.com", ExternalID: id, Active: true,
		Attributes: provision.Attributes{"userName": "old@example.com", "title": "Intern"}})
	w.Process().Inject(reconciletest.Fault{Name: "app find", Call: 1, How: reconciletest.CrashBefore})
	_, _ = w.Look(id)
	w.Restart()
	w.MustLook(id)
	accounts := w.App.Of(id)
	if len(accounts) != 1 || accounts[0].Attributes["title"] != "Head of Sales" || accounts[0].UserName == "old@example.com" {
		t.Errorf("accounts %+v, events %q", accounts, w.EventsOf(id))
	}
}
