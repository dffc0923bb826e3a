package sweep_test

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestAccountIsBack: an account that was not in the app any more, by whatever
// mistake, is there again. It is ours still: it is no orphan, and what is due of
// its person's access is counted from now on.
func TestAccountIsBack(t *testing.T) {
	t.Parallel()
	const active = "of somebody active, before a new one"
	leave := func(w *reconciletest.World, id string) { w.Directory.Suspend(id, w.Business()) }
	for name, test := range map[string]struct {
		left   func(w *reconciletest.World, id string)
		active bool
		// state of the account in the record after the sweep, a day and a minute later, and a week later.
		now, day, week provision.AccountState
	}{
		"of somebody suspended":            {leave, true, provision.AccountActive, provision.AccountSuspended, provision.AccountNone},
		"of somebody suspended, suspended": {leave, false, provision.AccountSuspended, provision.AccountSuspended, provision.AccountNone},
		"of somebody deleted":              {func(w *reconciletest.World, id string) { w.Directory.Delete(id, w.Business(), true) }, true, provision.AccountActive, provision.AccountSuspended, provision.AccountNone},
		"of somebody archived":             {func(w *reconciletest.World, id string) { w.Directory.Change(id, archived) }, true, provision.AccountActive, provision.AccountActive, provision.AccountActive},
		"of somebody out of scope":         {func(w *reconciletest.World, id string) { w.Directory.Change(id, moved) }, true, provision.AccountActive, provision.AccountSuspended, provision.AccountNone},
		active:                             {func(*reconciletest.World, string) {}, false, provision.AccountActive, provision.AccountActive, provision.AccountActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			w.Configure(func(c *provision.Configuration) {
				c.Scope.OrgUnits = append(c.Scope.OrgUnits, provision.OrgUnitState{ID: "off", Path: "/Off"})
			})
			ids := w.Directory.HireMany(12)
			w.MustLook(ids...)
			account := w.App.Of(ids[0])[0]
			w.Advance(day)
			test.left(w, ids[0])
			w.MustLook(ids[0])
			w.App.Change(account.ID, func(a *provision.Account) { *a = provision.Account{} })
			if name == active {
				w.Edit(ids[0], func(r *provision.Record) {
					r.Account.State, r.Account.RemovedAt, r.GoneAt = provision.AccountNone, w.Business(), w.Business()
				})
			} else {
				w.Advance(time.Minute)
				done(t, w.Sweep())
			}
			if rec := w.Record(ids[0]); rec.Account.Exists() {
				t.Fatalf("the record says %s", rec.Account.State)
			}
			w.Advance(10 * day)
			w.App.Change(account.ID, func(a *provision.Account) { *a = account; a.Active = test.active })
			sweep := func(want provision.AccountState, what string) {
				t.Helper()
				done(t, w.Sweep())
				rec := w.Record(ids[0])
				if rec.Account.ID != account.ID || rec.Account.State != want {
					t.Errorf("%s the record says %+v, want %s", what, rec.Account, want)
				}
				if found := w.App.Of(ids[0]); len(found) > 1 || (len(found) == 1) != rec.Account.Exists() {
					t.Errorf("%s the app has %+v", what, found)
				}
				if orphans, _, err := w.Store.Orphans(context.Background(), "", 10); err != nil || len(orphans) > 0 {
					t.Errorf("%s orphans are %+v, %v", what, orphans, err)
				}
			}
			sweep(test.now, "at once")
			w.Queue.Until(w, day+time.Minute)
			sweep(test.day, "after a day")
			w.Queue.Until(w, 7*day)
			sweep(test.week, "after a week")
		})
	}
}

func archived(u *provision.User) { u.Lifecycle = provision.Archived }

func moved(u *provision.User) { u.OrgUnitPath = "/Off" }

// TestAnothersAccountIsBack: an id that the app gives to somebody else's account means nothing.
func TestAnothersAccountIsBack(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(12)
	w.MustLook(ids...)
	account := w.App.Of(ids[0])[0]
	w.Directory.Suspend(ids[0], w.Business())
	w.Edit(ids[0], func(r *provision.Record) { r.Account.State, r.Account.RemovedAt = provision.AccountNone, w.Business() })
	w.App.Change(account.ID, func(a *provision.Account) { a.ExternalID, a.UserName = "somebody", "somebody@example.com" })
	if _, err := w.Process().Reconciler.Look(context.Background(), reconcile.Request{UserID: ids[0], CheckAccount: true}); err != nil {
		t.Fatal(err)
	}
	if rec := w.Record(ids[0]); rec.Account.Exists() {
		t.Errorf("the record says %+v", rec.Account)
	}
}
