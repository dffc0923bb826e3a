package admin_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/secrets"
)

// leaver is an office with somebody who left its scope and was deleted in the
// directory a day later, before their time frames had passed.
func leaver(t *testing.T) (o *office, id string) {
	t.Helper()
	o = newOffice(t)
	ids := o.Directory().HireMany(3)
	o.Directory().Group("g", ids...)
	o.World.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
		c.Policies[0].Policy = provision.Deprovisioning{AppOff: provision.TimeFrames{DeleteAfter: "7d"}}
	})
	o.MustLook(ids...)
	o.Directory().Group("g", ids[1:]...)
	o.MustLook(ids[0])
	o.Advance(day)
	o.Directory().Delete(ids[0], o.World.Business(), true)
	o.MustLook(ids[0])
	if len(o.Record(ids[0]).Conditions) != 2 {
		t.Fatalf("conditions %v", o.Record(ids[0]).Conditions)
	}
	o.Process().Inject(reconciletest.Fault{})
	return o, ids[0]
}

// anew sets the app up anew: everybody is in scope, and whoever is deleted keeps their account.
func (o *office) anew(t *testing.T) {
	t.Helper()
	must(t, o.Authorize(t.Context(), secrets.NewValue("good")))
	everybody := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}}
	frames := provision.Deprovisioning{AppOff: provision.TimeFrames{DeleteAfter: provision.Within24h}}
	must(t, o.Put(t.Context(), admin.Proposal{Scope: &everybody, Deprovisioning: &frames}, ""))
}

// keeps fails when the leaver lost the account within a month of sweeps.
func (o *office) keeps(t *testing.T, what, id string) {
	t.Helper()
	o.World.Sweep()
	for range 30 {
		o.Queue.Until(o.World, day)
		o.World.Sweep()
	}
	if len(o.App.Of(id)) != 1 {
		t.Errorf("%s: a condition of the deleted configuration took the account: %v", what, o.EventsOf(id))
	}
}

// TestHalfDeletedThenTurnedOn: whatever call of DELETE fails, no condition of the
// old configuration takes an account under the next one (R10).
func TestHalfDeletedThenTurnedOn(t *testing.T) {
	t.Parallel()
	o, _ := leaver(t)
	must(t, o.Delete(t.Context()))
	interrupted := 0
	for i, name := range o.Process().Calls() {
		o, id := leaver(t)
		o.Process().Inject(reconciletest.Fault{Call: i + 1})
		if err := o.Delete(t.Context()); err == nil || o.Configuration().On {
			continue // it went on, or did not begin
		}
		if len(o.Record(id).Conditions) > 0 {
			interrupted++
		}
		o.Process().Inject(reconciletest.Fault{})
		o.anew(t)
		must(t, o.TurnOn(t.Context(), ""))
		o.keeps(t, fmt.Sprintf("call %d, %s", i+1, name), id)
	}
	if interrupted == 0 {
		t.Error("no call left conditions of the deleted configuration")
	}
}

// TestDeletedWhileTurningOn: another administrator's DELETE, interrupted in the
// middle of a turn-on, is not turned on either.
func TestDeletedWhileTurningOn(t *testing.T) {
	t.Parallel()
	o, id := leaver(t)
	o.World.Configure(func(c *provision.Configuration) { c.On, c.Revision = false, c.Revision+1 })
	o.Process().Inject(reconciletest.Fault{})
	o.Process().MeetNamed("state configuration", 2, func() { // TurnOn has seen that nothing is being deleted
		o.World.Configure(func(c *provision.Configuration) {
			everybody := provision.Scope{OrgUnits: c.Scope.OrgUnits, PrimaryDomain: c.Scope.PrimaryDomain, CustomerID: c.Scope.CustomerID}
			c.Scope, c.Stripping, c.Revision = &everybody, true, c.Revision+1
		})
	})
	kind(t, "half deleted", o.TurnOn(t.Context(), ""), fault.Conflict)
	if o.Configuration().On {
		t.Error("turned on while old conditions are left")
	}
	must(t, o.TurnOn(t.Context(), ""))
	o.keeps(t, "turned on a moment later", id)
}

// TestDeletedWhileAMappingFails: a look that began before the configuration was
// deleted and ends after it leaves no work behind, also where it asks the app for
// nothing (R10).
func TestDeletedWhileAMappingFails(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	o.MustLook(id)
	o.Directory().Title(id, "!")
	o.Process().Inject(reconciletest.Fault{})
	o.Process().MeetNamed("state record", 1, func() { must(t, o.Delete(t.Context())) })
	if _, err := o.World.Look(id); err != nil {
		t.Fatal(err)
	}
	if rec := o.Record(id); len(rec.Retries) > 0 || len(rec.Attention) > 0 {
		t.Errorf("work is left: retries %+v, attention %+v", rec.Retries, rec.Attention)
	}
}

// TestListsAgreeWithThePerson: whether somebody should have an account now, and
// why not, is the same where they are due and on their own page.
func TestListsAgreeWithThePerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	o.MustLook(id)
	o.Directory().Change(id, func(u *provision.User) { u.Lifecycle = provision.Suspended })
	o.MustLook(id)
	person, err := o.Person(t.Context(), id)
	must(t, err)
	due, _, err := o.PendingPage(t.Context(), "", 10)
	must(t, err)
	if len(due) != 1 || due[0].InScope != person.InScope || !slices.Equal(due[0].Reasons, person.Reasons) || len(person.Reasons) == 0 {
		t.Errorf("due: %+v\nthe person: in scope %t, %q", due, person.InScope, person.Reasons)
	}
}

// TestFramesReachTheDeleted: people known to be deleted are in no listing, so
// that the sweep after an edit of the time frames has to look for them (R9).
func TestFramesReachTheDeleted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	o.World.Configure(func(c *provision.Configuration) { c.Policies[0].Policy.Deleted = provision.TimeFrames{} })
	o.MustLook(id)
	o.Advance(day)
	o.Directory().Delete(id, o.World.Business(), true)
	o.MustLook(id)
	frames := provision.Deprovisioning{Deleted: provision.TimeFrames{SuspendAfter: "2d", DeleteAfter: "7d"}}
	must(t, o.Put(t.Context(), admin.Proposal{Deprovisioning: &frames}, ""))
	o.deliver()
	o.Queue.Until(o.World, 3*day+time.Hour)
	if accounts := o.App.Of(id); len(accounts) != 1 || accounts[0].Active {
		t.Errorf("a leaver is forgotten: %+v", accounts)
	}
	o.Queue.Until(o.World, 5*day)
	if accounts := o.App.Of(id); len(accounts) != 0 {
		t.Errorf("a leaver keeps the account: %+v", accounts)
	}
}
