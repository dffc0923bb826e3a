package sweep_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// leftovers is a company with accounts that were there before autoprovisioning:
// of somebody active, of people who left, and of nobody. It returns the orphans
// among them by what their reason must name.
func leftovers(t testing.TB) (w *reconciletest.World, orphans map[string]string) {
	w = reconciletest.New(t)
	w.Directory.HireMany(5)
	w.Configure(func(c *provision.Configuration) {
		c.Scope.OrgUnits = append(c.Scope.OrgUnits, provision.OrgUnitState{ID: "off", Path: "/Off"})
	})
	w.Directory.Suspend(reconciletest.ID(1), w.Business())
	w.Directory.Change(reconciletest.ID(2), func(u *provision.User) { u.Lifecycle = provision.Archived })
	w.Directory.Suspend(reconciletest.ID(3), w.Business())
	w.Directory.Change(reconciletest.ID(4), func(u *provision.User) { u.Lifecycle, u.OrgUnitPath = provision.Suspended, "/Off" })
	for n := range 5 {
		if n != 3 {
			w.App.Add(provision.Account{UserName: strings.ToUpper(reconciletest.Email(n)), Active: true})
		}
	}
	w.App.Add(provision.Account{UserName: "old name", ExternalID: reconciletest.ID(3), Active: true})
	w.App.Add(provision.Account{UserName: "nobody@example.com", Active: true})
	return w, map[string]string{strings.ToUpper(reconciletest.Email(1)): "is suspended", strings.ToUpper(reconciletest.Email(2)): "is archived",
		"old name": "is suspended", strings.ToUpper(reconciletest.Email(4)): "no person in scope", "nobody@example.com": "no person in scope"}
}

// compareOrphans holds orphans and their reasons against those that must be there.
func compareOrphans(t testing.TB, what string, want, got map[string]string) {
	t.Helper()
	for name, why := range got {
		if part := want[name]; part != "" && strings.Contains(why, part) {
			got[name] = part
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: orphans and why (-want +got):\n%s", what, diff)
	}
}

// TestOrphansOfLeavers: an account of somebody whom the directory has suspended
// or archived is an orphan, since nobody adopts it, and says so (R17). It is in
// the preview before the first turn-on, in a sweep, and in one that goes on after
// a crash; it is adopted when they are active again.
func TestOrphansOfLeavers(t *testing.T) {
	t.Parallel()
	stored := func(w *reconciletest.World) map[string]string {
		list, _, err := w.Store.Orphans(context.Background(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range list {
			got[o.UserName] = o.Why
		}
		return got
	}
	w, want := leftovers(t)
	c := w.Configuration()
	c.On = false
	previewed(t, w, c)
	rows, _, err := w.Store.PreviewRows(t.Context(), "p", provision.PreviewOrphans, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rows {
		got[row.UserName] = row.Why
	}
	compareOrphans(t, "preview", maps.Clone(want), got)
	done(t, w.Sweep())
	compareOrphans(t, "sweep", maps.Clone(want), stored(w))
	w.Directory.Restore(reconciletest.ID(1))
	done(t, w.Sweep())
	delete(want, strings.ToUpper(reconciletest.Email(1)))
	compareOrphans(t, "one is back", want, stored(w))
	if rec := w.Record(reconciletest.ID(1)); !rec.Account.Adopted {
		t.Errorf("not adopted: %+v", rec.Account)
	}

	w, want = leftovers(t)
	w.Process().Inject(reconciletest.Fault{Call: 1, Name: "state put orphans", How: reconciletest.CrashBefore})
	w.Sweep()
	w.Queue.DeliverAll(w)
	compareOrphans(t, "after a crash", want, stored(w))
}
