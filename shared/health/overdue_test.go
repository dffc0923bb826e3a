package health

import (
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
	commit("retried", start.Add(-2*time.Hour), func(r *provision.Record) { r.Retries = []provision.Retry{{Operation: provision.Suspend}} })
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
	configure(func(c *provision.Configuration) {
		c.TurnedOnAt = start.Add(-10 * time.Minute)
		c.PlannedAt = c.TurnedOnAt
	})
	want("turned on since", 2, start.Add(-10*time.Minute))
	configure(func(c *provision.Configuration) { c.Authorization.State = provision.NeedsReauthorizing })
	want("unauthorized", 0, time.Time{})
}
