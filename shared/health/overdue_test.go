package health

import (
	"fmt"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := func() time.Time { return w.at }
	c, err := w.store.PutConfiguration(t.Context(), provision.Configuration{})
	must(t, err)
	configure := func(edit func(*provision.Configuration)) {
		t.Helper()
		stored, err := w.store.Configuration(t.Context())
		must(t, err)
		edit(&stored)
		stored.Version = c
		c, err = w.store.PutConfiguration(t.Context(), stored)
		must(t, err)
	}
	commit := func(id string, at time.Time, edit func(*provision.Record)) {
		t.Helper()
		rec := provision.Record{UserID: id, Next: &provision.Pending{Operation: provision.Suspend, At: at}}
		edit(&rec)
		_, err := w.store.Commit(t.Context(), state.Change{Record: rec})
		must(t, err)
	}
	want := func(what string, waiting int, oldest time.Time) {
		t.Helper()
		n, at, err := Overdue(w.store, now)(t.Context())
		must(t, err)
		if n != waiting || !at.Equal(oldest) {
			t.Errorf("%s: %d, the oldest due %v; want %d and %v", what, n, at, waiting, oldest)
		}
	}
	as := func(*provision.Record) {}
	commit("due", start.Add(-time.Hour), as)
	commit("later", start.Add(-time.Minute), as)
	commit("to come", start.Add(time.Minute), as)
	commit("held", start.Add(-2*time.Hour), func(r *provision.Record) { r.Hold = &provision.Hold{Operation: provision.Suspend} })
	commit("retried", start.Add(-2*time.Hour), func(r *provision.Record) {
		r.Retries = []provision.Retry{{Operation: provision.Suspend, At: start.Add(time.Hour)}}
	})
	commit("refused", start.Add(-2*time.Hour), func(r *provision.Record) { // R16: what takes access away waits for no update
		r.Retries = []provision.Retry{{Operation: provision.Update}, {Operation: provision.Suspend, At: start.Add(time.Hour)}}
	})
	commit("archived", start.Add(-2*time.Hour), func(r *provision.Record) { r.Lifecycle = provision.Archived })
	commit("owner", start.Add(-2*time.Hour), as)
	want("off", 0, time.Time{})
	configure(func(c *provision.Configuration) {
		c.On, c.Authorization.State = true, provision.AuthorizationOK
		c.Scope, c.Policies = &provision.Scope{}, []provision.PolicyEdit{{}}
		c.TurnedOnAt = start.Add(-24 * time.Hour)
		c.Protected = []provision.Protected{{UserID: "owner"}}
	})
	want("before the first sweep has planned", 0, time.Time{})
	configure(func(c *provision.Configuration) { c.PlannedAt = c.TurnedOnAt })
	want("on", 2, start.Add(-time.Hour))
	commit("update retried", start.Add(-90*time.Minute), func(r *provision.Record) { r.Retries = []provision.Retry{{Operation: provision.Update}} })
	want("an update that went wrong keeps no suspend back", 3, start.Add(-90*time.Minute))
	commit("delete held", start.Add(-95*time.Minute), func(r *provision.Record) { r.Hold = &provision.Hold{Operation: provision.HardDelete} })
	want("nor does a held hard delete", 4, start.Add(-95*time.Minute))
	commit("try lost", start.Add(-3*time.Hour), func(r *provision.Record) {
		r.Retries = []provision.Retry{{Operation: provision.Suspend, At: start.Add(-time.Minute)}}
	})
	want("whose next try is lost", 5, start.Add(-3*time.Hour))
	configure(func(c *provision.Configuration) { c.Policies[0].Policy.Archived = &provision.TimeFrames{} })
	want("where archived people lose access too", 6, start.Add(-3*time.Hour))
	configure(func(c *provision.Configuration) {
		c.TurnedOnAt = start.Add(-10 * time.Minute)
		c.PlannedAt = c.TurnedOnAt
	})
	want("turned on since", 6, start.Add(-10*time.Minute))
	configure(func(c *provision.Configuration) { c.Authorization.State = provision.NeedsReauthorizing })
	want("unauthorized", 0, time.Time{})
}

// One leaver behind more people than a page holds, all of them held.
func TestOverdueBehindHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	on := provision.Configuration{On: true, TurnedOnAt: start.Add(-48 * time.Hour), PlannedAt: start.Add(-48 * time.Hour),
		Scope: &provision.Scope{}, Policies: []provision.PolicyEdit{{}}}
	on.Authorization.State = provision.AuthorizationOK
	_, err := w.store.PutConfiguration(t.Context(), on)
	must(t, err)
	due := func(id string, at time.Time, hold *provision.Hold) {
		t.Helper()
		rec := provision.Record{UserID: id, Next: &provision.Pending{Operation: provision.Suspend, At: at}, Hold: hold}
		_, err := w.store.Commit(t.Context(), state.Change{Record: rec})
		must(t, err)
	}
	for i := range overduePage + 1 {
		due(fmt.Sprintf("held-%d", i), start.Add(-24*time.Hour), &provision.Hold{Operation: provision.Suspend})
	}
	backlog := Overdue(w.store, func() time.Time { return w.at })
	if n, _, err := backlog(t.Context()); n != 0 || err != nil {
		t.Errorf("%d counted although all are held, %v", n, err)
	}
	late := start.Add(-3 * time.Hour)
	due("leaver", late, nil)
	reads := w.store.reads
	if n, _, err := backlog(t.Context()); n != 0 || err != nil || w.store.reads != reads {
		t.Errorf("%d counted, %d pages read within a minute of the last answer, %v", n, w.store.reads-reads, err)
	}
	w.at = w.at.Add(overdueAge)
	if n, at, err := backlog(t.Context()); n != 1 || !at.Equal(late) || err != nil {
		t.Errorf("%d, the oldest due %v, %v; want the one leaver, due at %v", n, at, err, late)
	}
}
