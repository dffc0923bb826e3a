package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
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
	// meanwhile runs while a token is verified; nil for nothing.
	meanwhile func()
}

func (a *apps) Verify(_ context.Context, _ provision.Connection, token secrets.Value) error {
	if a.meanwhile != nil {
		a.meanwhile()
	}
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

func (noPush) Open(context.Context) error { return nil }

func (noPush) Close(context.Context) error { return nil }

// office is an administrator's place of work.
type office struct {
	*reconciletest.World
	*admin.Service
	apps    *apps
	secrets *file.Store
}

// Configuration is what is stored; it hides the use case of the same name.
func (o *office) Configuration() provision.Configuration { return o.World.Configuration() }

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
		Profile: app.Profile{Name: "Comeet", Attributes: []app.Attribute{{Path: "title", Label: "Job title"}}, CheckConnection: func(c provision.Connection) error {
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
	o.Service.Sleep = func(ctx context.Context, _ time.Duration) error { // the clocks stand still, so that no lease ends
		runtime.Gosched()
		return ctx.Err()
	}
	id := o.Directory().Hire(0)
	turnedOff, answered := make(chan error, 1), false
	o.App.Meet = func(name, _ string) error {
		if name != "create" {
			return nil
		}
		go func() { turnedOff <- o.TurnOff(context.WithoutCancel(t.Context())) }()
		for deadline := time.Now().Add(10 * time.Second); o.Configuration().On && time.Now().Before(deadline); {
			runtime.Gosched() // until the new configuration is stored, and intents are waited for
		}
		for range 200 {
			runtime.Gosched()
			answered = answered || len(turnedOff) > 0
		}
		return nil
	}
	o.MustLook(id)
	must(t, <-turnedOff)
	if answered {
		t.Error("answered while an operation was under way")
	}
	if o.Record(id).Intent != nil || len(o.App.All()) != 1 {
		t.Errorf("intent %v, %d accounts", o.Record(id).Intent, len(o.App.All()))
	}
	must(t, o.TurnOff(t.Context()))
	kind(t, "sweeping while off", o.Service.Sweep(t.Context()), fault.Unready)
	kind(t, "deciding on a held list while off", o.DecideHeld(t.Context(), "x", nil, true), fault.Unready)
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

// TestDelete: the accounts and the links stay, and nothing else (R10).
func TestDelete(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Suspend(ids[0], o.Business())
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	o.World.Edit(ids[1], func(r *provision.Record) { r.Intent = &provision.Intent{ID: "unfinished", Operation: provision.Update} })
	before := o.App.All()
	must(t, o.Delete(t.Context()))
	if events := o.EventsOf(ids[1]); !slices.Contains(events, provision.EventUpdate+" failed") {
		t.Errorf("what was unfinished has no event: %q", events)
	}
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

// TestProtectedBeforeTheRename: whose account bears the address only because its
// rename is still to come is not protected by it: they would stay when they leave.
func TestProtectedBeforeTheRename(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	leaver := o.Directory().Hire(0)
	o.MustLook(leaver)
	address := reconciletest.Email(0)
	o.Directory().Change(leaver, func(u *provision.User) { u.Email = reconciletest.Email(7) })
	heir := o.Directory().Hire(1)
	o.Directory().Change(heir, func(u *provision.User) { u.Email = address })
	must(t, o.Put(t.Context(), admin.Proposal{Protected: &[]string{address}}, ""))
	want := []provision.Protected{{Email: address, UserID: heir}}
	if diff := cmp.Diff(want, o.Configuration().Protected); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
}

// TestProtectedAddressTakenOver: the address of somebody protected who was renamed
// means whoever has it by now too, and goes on to protect the other (R18).
func TestProtectedAddressTakenOver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	owner, heir := o.Directory().Hire(0), o.Directory().Hire(1)
	address := reconciletest.Email(0)
	for range 2 {
		must(t, o.Put(t.Context(), admin.Proposal{Protected: &[]string{address}}, ""))
		o.Directory().Change(owner, func(u *provision.User) { u.Email = "before@example.com" })
		o.Directory().Change(heir, func(u *provision.User) { u.Email = address })
	}
	want := []provision.Protected{{Email: address, UserID: owner}, {Email: address, UserID: heir}}
	if diff := cmp.Diff(want, o.Configuration().Protected); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
	revision := o.Configuration().Revision
	again := admin.ProtectedOf(o.Configuration())
	must(t, o.Put(t.Context(), admin.Proposal{Protected: &again}, ""))
	if diff := cmp.Diff(want, o.Configuration().Protected); diff != "" || o.Configuration().Revision != revision {
		t.Errorf("put again as it was read (-want +got):\n%s", diff)
	}
}

// TestProtectedAccountsPerson: an address that was only an account's when it was
// listed protects the person too, once it is listed again and the directory has them (R18).
func TestProtectedAccountsPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	address := reconciletest.Email(0)
	account := o.App.Add(provision.Account{UserName: address, Active: true})
	put := func(want provision.Protected) {
		t.Helper()
		must(t, o.Put(t.Context(), admin.Proposal{Protected: &[]string{address}}, ""))
		if diff := cmp.Diff([]provision.Protected{want}, o.Configuration().Protected); diff != "" {
			t.Errorf("protected (-want +got):\n%s", diff)
		}
	}
	put(provision.Protected{Email: address, AccountID: account})
	id := o.Directory().Hire(0)
	o.MustLook(id)
	put(provision.Protected{Email: address, UserID: id, AccountID: account})
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
	if events := fixed.World.Events(); len(events) == 0 || !strings.Contains(events[len(events)-1], "turned off") { // R14
		t.Errorf("no event says that it was turned off: %q", events)
	}
	if got := fields(fixed.PutConnection(t.Context(), provision.Connection{BaseURL: reconciletest.BaseURL})); len(got) != 1 || got[0] != "baseUrl" {
		t.Errorf("fields %v", got)
	}
}

// TestExplainWhileTheAppFails: somebody's page asks the app nothing, so that it
// can be read when it is needed most, and "look now" is asked for all the same.
func TestExplainWhileTheAppFails(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.Directory().Hire(0)
	o.MustLook(id)
	o.World.Edit(id, func(r *provision.Record) {
		r.Retries = []provision.Retry{{Operation: provision.Update, Reason: provision.RetryFailed, At: o.Business(), Error: "status 500"}}
	})
	for what, err := range map[string]error{
		"an app that fails":           fault.New(fault.Unavailable, "app", "503"),
		"an app that wants less":      fault.New(fault.Throttled, "app", "429"),
		"an app that takes no tokens": fault.New(fault.Unauthorized, "app", "401"),
	} {
		asked := 0
		o.App.Meet = func(string, string) error { asked++; return err }
		before := o.Configuration()
		if p, err := o.Person(t.Context(), id); err != nil || p.ID != id || asked > 0 {
			t.Errorf("%s: %v, asked %d times", what, err, asked)
		}
		if diff := cmp.Diff(before, o.Configuration()); diff != "" {
			t.Errorf("%s: the configuration changed:\n%s", what, diff)
		}
	}
	if _, res, err := o.Reconcile(t.Context(), id); err != nil || res.Waiting == "" {
		t.Errorf("look now: %+v, %v", res, err)
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
	o.Directory().Suspend(o.Directory().Hire(2), o.Business())
	p, err = o.Person(t.Context(), reconciletest.ID(2))
	if err != nil || p.InScope || strings.Join(p.Reasons, "") != "they are suspended in Google Workspace" {
		t.Errorf("a suspended person without an account: %+v, %v", p, err)
	}
	o.App.Meet = func(string, string) error { return fault.New(fault.Unavailable, "app", "503") }
	o.Directory().Hire(1)
	if _, res, err = o.Reconcile(t.Context(), reconciletest.ID(1)); err != nil || res.Waiting != "the app is left alone for a while after failures" {
		t.Errorf("an app that fails: %+v, %v", res, err)
	}
	must(t, o.TurnOff(t.Context()))
	if _, res, err = o.Reconcile(t.Context(), reconciletest.ID(1)); err != nil || !strings.Contains(res.Waiting, "off") {
		t.Errorf("while off: %+v, %v", res, err)
	}
}

// TestLookGoesOn: a look that could not end in the call is ended by the queue,
// not left to the next sweep (R4).
func TestLookGoesOn(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{
		&fault.Error{Kind: fault.Throttled, Op: "app", Detail: "429", RetryAfter: 4 * time.Second},
		fault.New(fault.Unavailable, "app", "503"),
		context.Canceled,
	} {
		o := newOffice(t)
		o.Configure(func(c *provision.Configuration) { c.Policies[0].Policy.Suspended.SuspendAfter = "within24h" })
		id := o.Directory().Hire(0)
		o.MustLook(id)
		o.Directory().Suspend(id, o.Business())
		o.App.Meet = func(name, _ string) error {
			if name == "suspend" {
				return failure
			}
			return nil
		}
		if _, res, err := o.Reconcile(t.Context(), id); err == nil && res.Waiting == "" {
			t.Fatalf("%v: the app did not fail", failure)
		}
		o.App.Meet = nil
		o.Queue.Until(o.World, time.Minute)
		if got := o.Record(id).Account.State; got != provision.AccountSuspended {
			t.Errorf("%v: a minute later the account is %s, want suspended", failure, got)
		}
	}
}
