package simulation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/tasks"
)

// atOnce suspends whoever leaves at once, and deletes nobody.
var atOnce = provision.Deprovisioning{
	AppOff: provision.TimeFrames{SuspendAfter: "within24h"}, Suspended: provision.TimeFrames{SuspendAfter: "within24h"},
	Deleted: provision.TimeFrames{SuspendAfter: "within24h"},
}

// scenario plays what happens at one edge of the guard or of quarantine, in a
// company of 30 in which nothing else goes wrong, with all checkers watching.
func scenario(t *testing.T, play func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, faults{}, people)
		defer w.close()
		w.found()
		w.insist("edit", func(ctx context.Context, in *instance) error {
			return in.admin.Put(ctx, admin.Proposal{Deprovisioning: &atOnce}, "")
		})
		w.run(time.Now().Add(25 * time.Hour)) // the accounts are a day old
		play(t, w)
		for _, broken := range w.broken {
			t.Error(broken)
		}
	})
}

// hours lets time pass, with a sweep every 12 hours.
func (w *world) hours(n int) {
	for range n {
		if time.Now().Hour()%12 == 0 {
			w.apply(step{kind: "scheduled sweep"})
		}
		w.run(time.Now().Add(time.Hour))
	}
}

func (w *world) active() (n int) {
	for _, acc := range w.app.accounts {
		if acc.Active {
			n++
		}
	}
	return n
}

// want fails when not so many accounts are active and so many people held.
func (w *world) want(t *testing.T, what string, active, held int) {
	t.Helper()
	if w.active() != active || len(w.holds) != held {
		t.Errorf("%s: %d accounts are active and %d people held, want %d and %d", what, w.active(), len(w.holds), active, held)
	}
}

func (w *world) leave(people ...*person) {
	for _, p := range people {
		w.change(p, "suspended", func(p *person) { p.suspended, p.suspendedAt = true, time.Now() })
	}
}

// TestSlowDrain: what stays under the limit every day is not held, and the
// limit counts any 24 hours, not days of the calendar.
func TestSlowDrain(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		for day := range 3 {
			w.leave(w.company.people[4*day : 4*day+4]...)
			w.hours(25)
			w.want(t, "four a day", 30-4*(day+1), 0)
		}
		w.leave(w.company.people[12:17]...)
		w.hours(23)
		w.want(t, "five in a day", 13, 0)
		w.leave(w.company.people[17])
		w.hours(48)
		w.want(t, "a sixth within 24 hours", 13, 1)
	})
}

// TestWrongScope: an edit that turns the app off for nearly everybody takes
// nobody's access, and putting it right again empties the list.
func TestWrongScope(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		edit := func(path string) {
			w.insist("edit scope", func(ctx context.Context, in *instance) error {
				return in.admin.Put(ctx, admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: path, On: true}}}}, "")
			})
		}
		edit("/Eng")
		w.hours(72)
		w.want(t, "three days later", 30, 24)
		edit("/")
		w.hours(13)
		w.want(t, "put right", 30, 0)
	})
}

// TestTenthOfTheDirectory: a listing that shows three of thirty decides nothing.
func TestTenthOfTheDirectory(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		for _, p := range w.company.people[3:] {
			w.hidden[p.id] = true
		}
		operations := len(w.effects)
		w.hours(96)
		w.want(t, "four days later", 30, 0)
		if len(w.effects) != operations {
			t.Errorf("%d operations ran", len(w.effects)-operations)
		}
	})
}

// TestTokenRevokedInASweep: everything stops with one event, and a new token ends it.
func TestTokenRevokedInASweep(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		mapping := admin.Proposal{Mapping: mappings[1]}
		w.insist("edit mapping", func(ctx context.Context, in *instance) error { return in.admin.Put(ctx, mapping, "") })
		before := len(w.effects)
		w.runWhile(time.Now().Add(time.Hour), func() bool { return len(w.effects) < before+10 })
		w.app.tokens = map[string]bool{}
		w.hours(24)
		if got := len(w.effects) - before; got != 10 || w.memory.config.Authorization.State != provision.NeedsReauthorizing {
			t.Errorf("%d operations, authorization %s", got, w.memory.config.Authorization.State)
		}
		notices := 0
		for _, e := range w.events {
			if e.Name == provision.EventNotice && e.Outcome == provision.OutcomeFailed {
				notices++
			}
		}
		if notices != 1 {
			t.Errorf("%d events say that the token is refused", notices)
		}
		token := w.newToken()
		w.insist("authorize", func(ctx context.Context, in *instance) error { return in.admin.Authorize(ctx, secrets.NewValue(token)) })
		w.run(time.Now().Add(time.Hour))
		if got := len(w.effects) - before; got != 30 {
			t.Errorf("%d of 30 updates after a new token", got)
		}
	})
}

// TestDeafApp: an app that says 200 and does nothing: no event says done, it is
// tried again, and done once the app does it.
func TestDeafApp(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		w.faults.ineffective = 1
		w.leave(w.company.people[:4]...)
		w.hours(30)
		w.want(t, "while it does nothing", 30, 0)
		for _, p := range w.company.people[:4] {
			if list := w.memory.records[p.id].Attention; len(list) != 1 || list[0].Kind != provision.AttentionFailed {
				t.Errorf("%s: attention %+v", p.id, list)
			}
		}
		w.faults.ineffective = 0
		w.hours(30)
		w.want(t, "when it does again", 26, 0)
	})
}

// TestEmptyGroup: the group that lets people in has nobody in it any more; it is
// seen by single looks, by ten workers at once, and by no sweep.
func TestEmptyGroup(t *testing.T) {
	scenario(t, func(t *testing.T, w *world) {
		staff := w.company.groups[0]
		for _, p := range w.company.people {
			staff.members[p.id] = true
		}
		scope := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{staff.email}, Domains: []string{secondDomain, primaryDomain}}
		w.insist("edit scope", func(ctx context.Context, in *instance) error {
			return in.admin.Put(ctx, admin.Proposal{Scope: &scope}, "")
		})
		w.run(time.Now().Add(26 * time.Hour))
		w.want(t, "everybody is a member", 30, 0)
		clear(staff.members)
		w.turn(false)
		w.queue.lanes[tasks.Reconcile] = 10
		for _, p := range w.company.people {
			w.queue.enqueue(reconcile.LookTask(reconcile.Request{UserID: p.id}, "test", time.Time{}))
		}
		w.run(time.Now().Add(12 * time.Hour))
		if w.active() < 25 || w.active()+len(w.holds) < 30 {
			t.Errorf("%d accounts are active and %d people held; five may go", w.active(), len(w.holds))
		}
	})
}
