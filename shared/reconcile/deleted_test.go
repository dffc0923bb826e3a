package reconcile_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestR13DeletedTogether: many who are deleted together cost one reading of the
// listing of deleted users; who is deleted only after it is found by another,
// and nobody is taken for deleted on the word of an old one.
func TestR13DeletedTogether(t *testing.T) {
	t.Parallel()
	const together, pages = 40, 8
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(together + 2)
	w.Configure(func(c *provision.Configuration) {
		c.Guard = provision.Guard{MaxShare: 1, MinUsers: 2 * together}
		c.Policies[0].Policy.Deleted = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.MustLook(ids...)
	w.Directory.Paged(together / pages)
	w.Advance(time.Hour)
	gone := func(wantPages int, ids ...string) {
		t.Helper()
		before := w.Directory.Count("deleted")
		w.MustLook(ids...)
		if read := w.Directory.Count("deleted") - before; read != wantPages {
			t.Errorf("%d looks read %d pages of deleted users, want %d", len(ids), read, wantPages)
		}
		for _, id := range ids {
			if w.App.Of(id)[0].Active {
				t.Errorf("%s was not suspended: %+v", id, w.Record(id))
			}
		}
	}
	for _, id := range ids[:together] {
		w.Directory.Delete(id, w.Business(), true)
	}
	gone(pages, ids[:together]...)
	late := ids[together:]
	w.Directory.Delete(late[0], w.Business(), true)
	gone(pages+1, late[0]) // at the same moment as the others
	w.Advance(time.Second)
	w.Directory.Delete(late[1], w.Business(), true)
	gone(pages+1, late[1]) // while the last reading is fresh

	w.Directory.Delete(late[1], w.Business(), false) // the listing forgets
	w.Edit(late[1], func(rec *provision.Record) { rec.Conditions = nil })
	w.Advance(3 * time.Second)
	w.MustLook(late[1])
	if rec := w.Record(late[1]); len(rec.Conditions) > 0 {
		t.Errorf("deleted by a listing of three seconds ago: %+v", rec.Conditions)
	}
}
