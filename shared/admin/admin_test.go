package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
)

const day = reconciletest.Day

// apps accepts one token, which is the app's.
type apps struct {
	reconcile.Apps
	good string
	err  error
}

func (a *apps) Verify(_ context.Context, _ provision.Connection, token secrets.Value) error {
	if a.err == nil && token.Reveal() != a.good {
		return fault.New(fault.Unauthorized, "test: verify", "refused")
	}
	return a.err
}

func (a *apps) Prober(context.Context, provision.Configuration) (app.Prober, error) {
	return nil, fault.New(fault.Internal, "test: probe", "not asked for here")
}

// dir is the whole directory, whose pickers nobody asks here.
type dir struct {
	directory.Users
	directory.Organization
	directory.Picker
}

type noPush struct{}

func (noPush) Renew(context.Context) error { return nil }
func (noPush) Close(context.Context) error { return nil }

// office is an administrator's place of work.
type office struct {
	*reconciletest.World
	*admin.Service
	apps    *apps
	secrets *file.Store
}

func newOffice(t *testing.T) *office {
	t.Helper()
	w := reconciletest.New(t)
	vault, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Put(t.Context(), secrets.AppToken, secrets.NewValue("good")); err != nil {
		t.Fatal(err)
	}
	p := w.Process()
	o := &office{World: w, apps: &apps{Apps: p.Apps, good: "good"}, secrets: vault}
	o.Service = admin.New(admin.Ports{
		Profile: app.Profile{CheckConnection: func(c provision.Connection) error {
			if c.PageSize < 0 {
				return fault.Field("pageSize", "must be 1 or more")
			}
			return nil
		}},
		Store: p.Store, Secrets: vault, Directory: dir{Users: p.Users, Organization: p.Organization},
		Apps: o.apps, Mapper: reconciletest.Mapper{}, Push: noPush{}, Reconciler: p.Reconciler, Sweeper: p.Sweeper, Tasks: p.Tasks,
		Business: w.Business, Real: w.Real, Sleep: w.Sleep, NewID: w.NewID, Log: slog.New(slog.DiscardHandler),
		Connection: provision.Connection{BaseURL: reconciletest.BaseURL, HardDelete: true},
	})
	return o
}

// deliver lets the queue do what is due.
func (o *office) deliver() { o.Queue.DeliverAll(o.World) }

// fields are the fields that an error is about.
func fields(err error) (list []string) {
	var f *fault.Error
	var joined interface{ Unwrap() []error }
	switch {
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			list = append(list, fields(e)...)
		}
	case errors.As(err, &f) && f.Kind == fault.Invalid:
		list = append(list, f.Field)
	}
	return list
}

func kind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	frames := func(suspend, remove provision.Delay) provision.TimeFrames {
		return provision.TimeFrames{SuspendAfter: suspend, DeleteAfter: remove}
	}
	tests := map[string]struct {
		put  admin.Proposal
		want []string
	}{
		"an unknown org unit":  {admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/"}, {Path: "/Nowhere", On: true}}}}, []string{"orgUnits[1].path"}},
		"an org unit twice":    {admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/"}, {Path: "/"}}}}, []string{"orgUnits[1].path"}},
		"an unknown group":     {admin.Proposal{Scope: &admin.ScopeInput{Groups: []string{"g@example.com", "none@example.com"}}}, []string{"groups[1]"}},
		"another's domain":     {admin.Proposal{Scope: &admin.ScopeInput{Domains: []string{"EXAMPLE.com", "other.com"}}}, []string{"domains[1]"}},
		"a delay that is none": {admin.Proposal{Deprovisioning: &provision.Deprovisioning{AppOff: frames("0d", "")}}, []string{"appOff.suspendAfter"}},
		"366 days":             {admin.Proposal{Deprovisioning: &provision.Deprovisioning{Deleted: frames("", "366d")}}, []string{"deleted.deleteAfter"}},
		"a hard delete too soon": {admin.Proposal{Deprovisioning: &provision.Deprovisioning{
			AppOff: frames("7d", "7d"), Suspended: frames("7d", "1d"), Deleted: frames("within24h", "within24h"), Archived: &provision.TimeFrames{SuspendAfter: "2d", DeleteAfter: "1d"}}},
			[]string{"appOff.deleteAfter", "suspended.deleteAfter", "deleted.deleteAfter", "archived.deleteAfter"}},
		"a share above one":                    {admin.Proposal{Guard: &provision.Guard{MaxShare: 1.1, MinUsers: -1}}, []string{"maxShare", "minUsers"}},
		"somebody protected whom nobody knows": {admin.Proposal{Protected: &[]string{reconciletest.Email(0), "stranger@example.com"}}, []string{"users[1]"}},
		"two sections":                         {admin.Proposal{Guard: &provision.Guard{MaxShare: -1}, Scope: &admin.ScopeInput{Groups: []string{"none@example.com"}}}, []string{"groups[0]", "maxShare"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.Directory().Hire(0)
			o.Directory().Group("g")
			before := o.Configuration()
			if diff := cmp.Diff(test.want, fields(o.Put(t.Context(), test.put, ""))); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, o.Configuration()); diff != "" || len(o.World.Events()) != 0 {
				t.Errorf("something was stored all the same:\n%s", diff)
			}
		})
	}
}

func (o *office) Directory() *reconciletest.Directory { return o.World.Directory }

func TestAuthorize(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for what, token := range map[string]string{"a token that the app refuses": "bad", "no token": "  "} {
		if got := fields(o.Authorize(t.Context(), secrets.NewValue(token))); len(got) != 1 || got[0] != "accessToken" {
			t.Errorf("%s: %v", what, got)
		}
	}
	o.apps.err = fault.New(fault.Unavailable, "test: verify", "no answer")
	kind(t, "an app that does not answer", o.Authorize(t.Context(), secrets.NewValue("good")), fault.Unready)
	if _, version, err := o.secrets.Latest(t.Context(), secrets.AppToken); version != "1" || err != nil {
		t.Errorf("a token that was not verified is stored: version %s, %v", version, err)
	}
	o.apps.err = nil
	o.Directory().Hire(0)
	o.App.Revoke("2")
	o.MustLook(reconciletest.ID(0))
	if st, err := o.Status(t.Context()); err != nil || st.Status != admin.StatusNeedsReauthorization {
		t.Fatalf("status %s, %v", st.Status, err)
	}
	must(t, o.Authorize(t.Context(), secrets.NewValue(" good\n")))
	o.deliver()
	if st, err := o.Status(t.Context()); err != nil || st.Status != admin.StatusOn || st.Sweep.Cause != "reauthorize" || st.Sweep.State != provision.SweepDone {
		t.Errorf("status %s, sweep %+v, %v", st.Status, st.Sweep, err)
	}
	if len(o.App.All()) != 1 {
		t.Error("nothing was resumed")
	}
	for _, e := range o.World.Events() {
		if strings.Contains(e, "good") {
			t.Errorf("an event holds the token: %s", e)
		}
	}
}

// TestTurnOffSettles: when it answers, what was under way has ended.
func TestTurnOffSettles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	turnedOff := make(chan error, 1)
	o.App.Meet = func(name, _ string) error {
		if name != "create" {
			return nil
		}
		go func() { turnedOff <- o.TurnOff(context.WithoutCancel(t.Context())) }()
		for o.Configuration().On { // the new configuration is stored, and intents are waited for
		}
		select {
		case err := <-turnedOff:
			t.Errorf("answered while an operation is under way: %v", err)
		default:
		}
		return nil
	}
	o.MustLook(id)
	must(t, <-turnedOff)
	if o.Record(id).Intent != nil || len(o.App.All()) != 1 {
		t.Errorf("intent %v, %d accounts", o.Record(id).Intent, len(o.App.All()))
	}
	must(t, o.TurnOff(t.Context()))
	kind(t, "sweeping while off", o.Service.Sweep(t.Context()), fault.Unready)
	kind(t, "deciding on a held list while off", o.Settle(t.Context(), "x", nil, true), fault.Unready)
}

func TestTurnOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before := o.Configuration()
	must(t, o.TurnOn(t.Context(), ""))
	if diff := cmp.Diff(before, o.Configuration()); diff != "" {
		t.Errorf("turning on what is on changed something:\n%s", diff)
	}
	must(t, o.TurnOff(t.Context()))
	o.Advance(time.Hour)
	must(t, o.TurnOn(t.Context(), ""))
	if c := o.Configuration(); !c.On || !c.TurnedOnAt.Equal(o.Business()) || !c.PlannedAt.Before(c.TurnedOnAt) {
		t.Errorf("on %v since %v, planned at %v", c.On, c.TurnedOnAt, c.PlannedAt)
	}
	o.deliver()
	if c := o.Configuration(); c.PlannedAt.Before(c.TurnedOnAt) {
		t.Error("no sweep ran")
	}
	o.World.Configure(func(c *provision.Configuration) { c.On, c.Scope, c.Policies = false, nil, nil })
	err := o.TurnOn(t.Context(), "")
	kind(t, "turning on what is not ready", err, fault.Unready)
	for _, missing := range []string{"scope", "time frames"} {
		if !strings.Contains(err.Error(), missing) {
			t.Errorf("%q does not say that the %s is missing", err, missing)
		}
	}
}

// crowd is 40 people with accounts for two days, in a group.
func crowd(t *testing.T) (*office, []string) {
	o := newOffice(t)
	ids := o.Directory().HireMany(40)
	o.Directory().Group("g", ids...)
	o.World.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	o.MustLook(ids...)
	o.Advance(2 * day)
	return o, ids
}

func (o *office) suspended() (n int) {
	for _, a := range o.App.All() {
		if !a.Active {
			n++
		}
	}
	return n
}

func TestHeldLists(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	held, err := o.Held(t.Context())
	if err != nil || held == nil || held.People != 20 || o.suspended() != 0 {
		t.Fatalf("held %+v, %d suspended, %v", held, o.suspended(), err)
	}
	kind(t, "a list that never was", o.Settle(t.Context(), "held-x", nil, true), fault.Conflict)
	if got := fields(o.Settle(t.Context(), held.ID, []string{ids[20], ids[0]}, true)); len(got) != 1 || got[0] != "users[1]" {
		t.Errorf("somebody who is not on the list: %v", got)
	}

	must(t, o.Settle(t.Context(), held.ID, ids[20:23], true)) // some are confirmed
	o.deliver()
	if o.suspended() != 3 {
		t.Errorf("%d are suspended of 3 confirmed", o.suspended())
	}
	kind(t, "the list as it was", o.Settle(t.Context(), held.ID, nil, true), fault.Conflict)

	o.Directory().Group("g", append(append([]string{}, ids[:18]...), ids[23], ids[24])...) // two return, two leave
	o.Advance(time.Minute)
	o.World.Sweep()
	now, err := o.Held(t.Context())
	if err != nil || now.People != 17 || now.ID == held.ID || o.suspended() != 3 {
		t.Fatalf("held %+v, %d suspended, %v", now, o.suspended(), err)
	}
	must(t, o.Settle(t.Context(), now.ID, ids[25:30], false)) // some are dismissed
	o.deliver()
	o.World.Sweep()
	rest, err := o.Held(t.Context())
	if err != nil || rest.People != 12 || o.suspended() != 3 {
		t.Fatalf("held %+v, %d suspended, %v", rest, o.suspended(), err)
	}
	must(t, o.Settle(t.Context(), rest.ID, nil, true))
	o.deliver()
	if held, _ := o.Held(t.Context()); held != nil || o.suspended() != 15 {
		t.Errorf("held %+v, %d suspended", held, o.suspended())
	}

	// A dismissal is for one cause: whoever leaves again is held, or suspended, again.
	o.Directory().Group("g", ids...)
	o.Advance(time.Minute)
	o.World.Sweep()
	o.Directory().Group("g", append(append([]string{}, ids[:25]...), ids[26:]...)...)
	o.Advance(time.Minute)
	o.World.Sweep()
	if rec := o.Record(ids[25]); rec.Account.State == provision.AccountActive && rec.Hold == nil {
		t.Errorf("an old dismissal still counts: %+v", rec.Verdicts)
	}
}

// TestConfirmedPreview: an edit with its preview releases whom the preview
// named, and nobody else.
func TestConfirmedPreview(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	edit := admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{"small@example.com"}}}
	ask := func() string {
		t.Helper()
		p, err := o.Preview(t.Context(), edit)
		if err != nil {
			t.Fatal(err)
		}
		o.deliver()
		if p, err = o.PreviewByID(t.Context(), p.ID); err != nil || p.State != provision.PreviewDone || p.Counts[provision.Suspend] != 20 {
			t.Fatalf("preview %+v, %v", p, err)
		}
		return p.ID
	}
	id := ask()
	other := edit
	other.Guard = &provision.Guard{MaxShare: 1}
	kind(t, "another body", o.Put(t.Context(), other, id), fault.Conflict)
	kind(t, "no such preview", o.Put(t.Context(), edit, "none"), fault.Conflict)
	kind(t, "turning on with the preview of an edit", o.TurnOn(t.Context(), id), fault.Conflict)
	o.Advance(time.Hour)
	kind(t, "an hour later", o.Put(t.Context(), edit, id), fault.Conflict)
	id = ask()
	must(t, o.Put(t.Context(), admin.Proposal{Guard: &provision.Guard{MaxShare: 0.1, MinUsers: 5}}, ""))
	kind(t, "after another edit", o.Put(t.Context(), edit, id), fault.Conflict)
	if o.suspended() != 0 {
		t.Fatalf("%d are suspended by refused edits", o.suspended())
	}

	id = ask()
	o.Directory().Group("small", ids[:10]...) // ten more leave after the preview
	must(t, o.Put(t.Context(), edit, id))
	o.deliver()
	for n, id := range ids {
		rec := o.Record(id)
		switch {
		case n >= 20 && rec.Account.State != provision.AccountSuspended:
			t.Errorf("%d, whom the preview named, is %s, held %v", n, rec.Account.State, rec.Hold)
		case n >= 10 && n < 20 && (rec.Account.State != provision.AccountActive || rec.Hold == nil):
			t.Errorf("%d, whom the preview did not name, is %s, held %v", n, rec.Account.State, rec.Hold)
		case n < 10 && rec.Account.State != provision.AccountActive:
			t.Errorf("%d, who stays, is %s", n, rec.Account.State)
		}
	}
}

// TestDelete: the accounts and the links stay, and nothing else (R10).
func TestDelete(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Suspend(ids[0], o.Business())
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	before := o.App.All()
	must(t, o.Delete(t.Context()))
	if _, _, err := o.secrets.Latest(t.Context(), secrets.AppToken); !fault.Is(err, fault.NotFound) {
		t.Errorf("the token is still there: %v", err)
	}
	if st, err := o.Status(t.Context()); err != nil || st.Status != admin.StatusNotConfigured || st.Held != nil {
		t.Errorf("status %+v, %v", st, err)
	}
	for _, id := range ids {
		rec := o.Record(id)
		if rec.Account.ID == "" || len(rec.Conditions) > 0 || rec.Next != nil || rec.Hold != nil || rec.Intent != nil {
			t.Errorf("record %+v", rec)
		}
	}
	o.Queue.Until(o.World, 8*day)
	if diff := cmp.Diff(before, o.App.All()); diff != "" {
		t.Errorf("accounts changed:\n%s", diff)
	}
}

// TestProtected: an address is resolved when saved, and protects through renames (R18).
func TestProtected(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	o.MustLook(id)
	account := o.App.Add(provision.Account{UserName: "owner@elsewhere.com", Active: true})
	must(t, o.Put(t.Context(), admin.Proposal{Protected: &[]string{reconciletest.Email(0), "owner@elsewhere.com"}}, ""))
	want := []provision.Protected{{Email: reconciletest.Email(0), UserID: id, AccountID: o.Record(id).Account.ID}, {Email: "owner@elsewhere.com", AccountID: account}}
	if diff := cmp.Diff(want, o.Configuration().Protected); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
	o.Directory().Change(id, func(u *provision.User) { u.Email = "new@example.com" })
	o.Directory().Suspend(id, o.Business())
	o.Queue.Until(o.World, 10*day)
	o.MustLook(id)
	if !o.App.Of(id)[0].Active {
		t.Fatal("a protected person was suspended")
	}
	must(t, o.Put(t.Context(), admin.Proposal{Protected: &[]string{}}, ""))
	o.deliver()
	if !o.App.Of(id)[0].Active {
		t.Fatal("what held while protected was overdue at once")
	}
	o.Queue.Until(o.World, day+time.Minute)
	if o.App.Of(id)[0].Active {
		t.Error("not suspended a day after the protection ended")
	}
}

// TestBaseURL: another base URL is another app, which must not get the token.
func TestBaseURL(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := provision.Connection{BaseURL: "https://other.example.com/scim/v2"}
	kind(t, "another app while on", o.PutConnection(t.Context(), other), fault.Unready)
	must(t, o.TurnOff(t.Context()))
	must(t, o.PutConnection(t.Context(), other))
	if c := o.Configuration(); c.Authorization.State != provision.AuthorizationNone || c.Authorization.SecretVersion != "" {
		t.Errorf("the authorization is %+v", c.Authorization)
	}
	if got := fields(o.PutConnection(t.Context(), provision.Connection{PageSize: -1})); len(got) != 1 || got[0] != "pageSize" {
		t.Errorf("fields %v", got)
	}

	fixed := newOffice(t)
	fixed.Service.FixedBaseURL, fixed.Service.Connection.BaseURL = true, other.BaseURL
	must(t, fixed.Init(t.Context()))
	if c := fixed.Configuration(); c.On || c.Authorization.State != provision.AuthorizationNone || c.Connection.BaseURL != other.BaseURL {
		t.Errorf("after a start with another base URL: on %v, authorization %+v", c.On, c.Authorization)
	}
	if got := fields(fixed.PutConnection(t.Context(), provision.Connection{BaseURL: reconciletest.BaseURL})); len(got) != 1 || got[0] != "baseUrl" {
		t.Errorf("fields %v", got)
	}
}

// TestExplain: "look now" does what is due, and says why it does no more.
func TestExplain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	p, res, err := o.Reconcile(t.Context(), strings.ToUpper(reconciletest.Email(0)))
	if err != nil || p.ID != id || !p.InScope || p.Account.State != provision.AccountActive || len(res.Done) != 1 {
		t.Errorf("%+v, %+v, %v", p, res, err)
	}
	_, err = o.Person(t.Context(), "stranger@example.com")
	kind(t, "an unknown address", err, fault.NotFound)
	_, err = o.Person(t.Context(), "12345")
	kind(t, "an unknown id", err, fault.NotFound)
	o.Directory().Delete(id, o.Business(), true)
	p, err = o.Person(t.Context(), reconciletest.Email(0))
	if err != nil || p.ID != id || p.Directory != provision.Deleted || len(p.Reasons) != 1 {
		t.Errorf("a deleted person by the last address: %+v, %v", p, err)
	}
	o.App.Meet = func(string, string) error { return fault.New(fault.Unavailable, "app", "503") }
	o.Directory().Hire(1)
	if _, res, err = o.Reconcile(t.Context(), reconciletest.ID(1)); err != nil || res.Waiting == "" {
		t.Errorf("an app that fails: %+v, %v", res, err)
	}
	must(t, o.TurnOff(t.Context()))
	if _, res, err = o.Reconcile(t.Context(), reconciletest.ID(1)); err != nil || !strings.Contains(res.Waiting, "off") {
		t.Errorf("while off: %+v, %v", res, err)
	}
}
