package admin_test

import (
	"context"
	"fmt"
	"testing"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/secrets"
)

var elsewhere = provision.Connection{BaseURL: "https://other.example.com/scim/v2"}

// TestAnotherAppStartsAtNothing: of the app before nothing is counted, held or
// pending once another is turned on (R10, R12).
func TestAnotherAppStartsAtNothing(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:30]...)
	o.World.Sweep()
	o.Advance(2 * day)
	if held, err := o.Held(t.Context()); err != nil || held == nil {
		t.Fatalf("nobody is held: %v", err)
	}
	must(t, o.TurnOff(t.Context()))
	must(t, o.PutConnection(t.Context(), elsewhere))
	must(t, o.Authorize(t.Context(), secrets.NewValue("good")))
	o.Directory().Group("g")
	must(t, o.TurnOn(t.Context(), ""))
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
		if n, base, err := reconcile.Removals(t.Context(), o.Store, kind, o.Business()); n != 0 || base != 0 || err != nil {
			t.Errorf("%s: %d of %d accounts count, %v", kind, n, base, err)
		}
	}
	if held, err := o.Held(t.Context()); err != nil || held != nil {
		t.Errorf("held %+v, %v", held, err)
	}
	if list, _, err := o.PendingPage(t.Context(), "", 500); err != nil || len(list) > 0 {
		t.Errorf("%d are pending, %v", len(list), err)
	}
}

// TestDeletedThenAnotherApp: a deletion keeps the links, also where no base URL
// is left of it, and only the next app makes them void (R10).
func TestDeletedThenAnotherApp(t *testing.T) {
	t.Parallel()
	for what, url := range map[string]string{"the same app": reconciletest.BaseURL, "another app": elsewhere.BaseURL} {
		o, ids := crowd(t)
		o.Service.Connection.BaseURL = ""
		must(t, o.Delete(t.Context()))
		if link := o.Record(ids[0]).Account; link.ID == "" || link.App != reconciletest.BaseURL {
			t.Errorf("%s: the deletion left %+v", what, link)
		}
		must(t, o.PutConnection(t.Context(), provision.Connection{BaseURL: url, HardDelete: true}))
		must(t, o.Authorize(t.Context(), secrets.NewValue("good")))
		policy := weekly()
		must(t, o.Put(t.Context(), admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}}, Deprovisioning: &policy}, ""))
		must(t, o.TurnOn(t.Context(), ""))
		if link := o.Record(ids[0]).Account; (link.ID != "") != (url == reconciletest.BaseURL) {
			t.Errorf("%s: linked to %+v", what, link)
		}
	}
}

// TestAuthorizedForTheAppThatWasAsked: a token is for the app that it was
// verified with, and is sent to no other (R11, R15).
func TestAuthorizedForTheAppThatWasAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.TurnOff(t.Context()))
	o.apps.meanwhile = func() { must(t, o.PutConnection(t.Context(), elsewhere)) }
	kind(t, "a token for the app before", o.Authorize(t.Context(), secrets.NewValue("good")), fault.Conflict)
	if c := o.Configuration(); c.Authorization.State != provision.AuthorizationNone {
		t.Errorf("authorization %+v", c.Authorization)
	}
}

// TestConfirmedTurnOnWhileSomethingFails: what a turn-on confirms is confirmed
// once it is on, whatever else fails: its preview cannot be used again.
func TestConfirmedTurnOnWhileSomethingFails(t *testing.T) {
	t.Parallel()
	arrange := func() (*office, string) {
		o, preview := offWithTenToGo(t)
		o.Process().Inject(reconciletest.Fault{})
		return o, preview.ID
	}
	o, id := arrange()
	must(t, o.TurnOn(t.Context(), id))
	counts := 0
	for i, name := range o.Process().Calls() {
		if name != "state count" {
			continue
		}
		counts++
		o, id := arrange()
		o.Process().Inject(reconciletest.Fault{Call: i + 1, How: reconciletest.Before})
		what := fmt.Sprintf("call %d, %s", i+1, name)
		if err := o.TurnOn(t.Context(), id); err == nil || !o.Configuration().On {
			t.Errorf("%s: on %t, %v", what, o.Configuration().On, err)
		}
		o.deliver()
		if held, err := o.Held(t.Context()); err != nil || held != nil || o.suspended() != 10 {
			t.Errorf("%s: held %+v, %d suspended, %v", what, held, o.suspended(), err)
		}
	}
	if counts == 0 {
		t.Errorf("nothing was counted: %q", o.Process().Calls())
	}
}

// TestUnreadReplacedGroupConfirmsNobody: that the group which an edit replaces
// could not be read for once makes the edit the reason for nobody's removal (R12).
func TestUnreadReplacedGroupConfirmsNobody(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	must(t, o.TurnOff(t.Context()))
	o.Directory().Group("g", ids[10:]...) // ten are out of scope, and nobody has looked
	o.Directory().Group("small", ids[10:]...)
	for call := range 3 {
		o.Process().Inject(reconciletest.Fault{Name: "directory list members", Call: call, How: reconciletest.Before})
		preview, err := o.Preview(t.Context(), inGroups("small@example.com"))
		must(t, err)
		o.deliver()
		preview, err = o.Store.Preview(t.Context(), preview.ID)
		must(t, err)
		if whole := preview.State == provision.PreviewDone; whole != (call == 0) || preview.Confirms > 0 {
			t.Errorf("call %d fails: %s, %d are confirmed", call, preview.State, preview.Confirms)
		}
	}
}

// reused is a directory in which another group has the address that "small" had.
type reused struct{ directory.Organization }

func (r reused) Group(ctx context.Context, key string) (directory.Group, error) {
	if key == "small@example.com" {
		return directory.Group{ID: "other", Email: key}, nil
	}
	return r.Organization.Group(ctx, key)
}

// TestConfirmedAddressTakenOver: a preview is of the groups that its addresses
// meant then.
func TestConfirmedAddressTakenOver(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	edit := inGroups("small@example.com")
	preview := o.previewed(t, edit)
	o.Service.Directory = dir{Users: o.Process().Users, Organization: reused{o.Process().Organization}}
	kind(t, "an address of another group", o.Put(t.Context(), edit, preview.ID), fault.Conflict)
}
