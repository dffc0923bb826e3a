package sweep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/throttle"
	"example.com/autoprovision/shared/wiring"
)

// missing is the whole system, over a simulated Workspace and a simulated
// Comeet, that no event ever reaches.
type missing struct {
	t         *testing.T
	system    *wiring.System
	workspace *simworkspace.Workspace
	app       *simcomeet.Server
	appURL    string
	queue     *errands
	ahead     atomic.Int64 // of the machine's clock, in nanoseconds
}

// now is the time of the system and of the services.
func (m *missing) now() time.Time { return clock.System().Add(time.Duration(m.ahead.Load())) }

// pass lets time pass, in which nothing happens.
func (m *missing) pass(d time.Duration) { m.ahead.Add(int64(d)) }

// errands delivers tasks as soon as they come; what is for later is lost.
type errands struct {
	ctx    context.Context
	now    clock.Business
	system *wiring.System
	deaf   atomic.Bool // everything is lost

	mu   sync.Mutex
	used map[string]bool
	all  sync.WaitGroup
}

func (q *errands) Enqueue(_ context.Context, list ...tasks.Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range list {
		if !q.used[t.Name] && !t.At.After(q.now()) && !q.deaf.Load() && q.ctx.Err() == nil {
			q.used[t.Name] = true
			q.all.Go(func() { q.deliver(t) })
		}
	}
	return nil
}

func (q *errands) deliver(t tasks.Task) {
	for err := q.once(t); err != nil && q.ctx.Err() == nil; err = q.once(t) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-q.ctx.Done():
		}
	}
}

func (q *errands) once(t tasks.Task) error {
	if t.Queue == tasks.Sweep {
		var d sweep.Task
		if err := json.Unmarshal(t.Body, &d); err != nil {
			return err
		}
		return q.system.Sweeper.Run(q.ctx, d.SweepID)
	}
	var req reconcile.Request
	if err := json.Unmarshal(t.Body, &req); err != nil {
		return err
	}
	_, err := q.system.Reconciler.Look(q.ctx, req)
	return err
}

// everyoneOn is a scope without groups, groupsOnly one with a group.
var (
	everyoneOn = admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}, {Path: "/Contractors", On: false}},
		AccessGroups: []string{"access@example.com"}, Domains: []string{"example.com", "example.org"}}
	groupsOnly = admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{"eng@example.com"}}
)

// newMissing is a company whose first sweep is done.
func newMissing(t *testing.T, scope admin.ScopeInput) *missing {
	t.Helper()
	m := &missing{t: t}
	m.workspace, m.app = simworkspace.New(1, &simworkspace.Options{Clock: m.now, Now: m.now}), simcomeet.New(&simcomeet.Options{Now: m.now})
	t.Cleanup(m.workspace.Close)
	m.workspace.Seed(simworkspace.Company{
		Domains: []string{"example.org"}, OrgUnits: []string{"/Sales", "/Sales/East", "/Contractors", "/Contractors/Temps"},
		People: []simworkspace.Person{
			{Email: "ana", GivenName: "Ana", FamilyName: "A"}, {Email: "ben", GivenName: "Ben", FamilyName: "B"},
			{Email: "eve", GivenName: "Eve", FamilyName: "E", OrgUnit: "/Sales/East"},
			{Email: "dan", GivenName: "Dan", FamilyName: "D", OrgUnit: "/Contractors"},
			{Email: "fay", GivenName: "Fay", FamilyName: "F", OrgUnit: "/Contractors"},
			{Email: "guy", GivenName: "Guy", FamilyName: "G", OrgUnit: "/Contractors"},
			{Email: "tim", GivenName: "Tim", FamilyName: "T", OrgUnit: "/Contractors/Temps"},
		},
		Groups: []simworkspace.Group{{Email: "inner", Members: []string{"guy"}}, {Email: "access", Members: []string{"fay", "inner"}},
			{Email: "team", Members: []string{"eve"}}, {Email: "eng", Members: []string{"ana", "team"}}},
	})
	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	must(t, err)
	store, err := sqlite.New(db)
	must(t, err)
	vault, err := file.Open(folder)
	must(t, err)
	directory, err := workspace.New(t.Context(), &http.Client{Transport: m.workspace.Transport()},
		&workspace.Options{BaseURL: "http://directory.invalid", Limiter: throttle.New(rate.Inf, 0)})
	must(t, err)
	server := httptest.NewServer(m.app.Handler())
	t.Cleanup(server.Close)
	m.appURL = server.URL
	ctx, stop := context.WithCancel(context.Background())
	m.queue = &errands{ctx: ctx, now: m.now, used: map[string]bool{}}
	profile := comeet.Profile()
	connection := profile.Connection
	connection.BaseURL, connection.RequestsPerSecond = server.URL+"/scim/v2", 0
	m.system = wiring.Build(wiring.Parts{Profile: profile, Store: store, Tasks: m.queue, Secrets: vault, Directory: directory,
		Business: m.now, Real: m.now, Log: slog.New(slog.DiscardHandler), Connection: connection, Egress: egress.OwnMachine})
	m.queue.system = m.system
	t.Cleanup(func() { stop(); m.queue.all.Wait(); must(t, db.Close()) })

	must(t, m.system.Admin.Init(ctx))
	must(t, m.system.Admin.Authorize(ctx, secrets.NewValue(m.app.Token())))
	atOnce := provision.TimeFrames{SuspendAfter: provision.Within24h}
	must(t, m.system.Admin.Put(ctx, admin.Proposal{Scope: &scope,
		Deprovisioning: &provision.Deprovisioning{AppOff: atOnce, Suspended: atOnce, Deleted: atOnce}}, ""))
	must(t, m.system.Admin.TurnOn(ctx, ""))
	m.swept()
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sweep runs one sweep.
func (m *missing) sweep() {
	m.t.Helper()
	_, err := m.system.Sweeper.Request(m.t.Context(), "button")
	must(m.t, err)
	m.swept()
}

// swept waits until the last sweep, with all its looks, is done.
func (m *missing) swept() {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		sw, err := m.system.Sweeper.Current(m.t.Context())
		must(m.t, err)
		switch {
		case sw.State == provision.SweepDone:
			return
		case sw.State == provision.SweepFailed || time.Now().After(deadline):
			m.t.Fatalf("the sweep is %s: %s", sw.State, sw.Reason)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-m.t.Context().Done():
		}
	}
}

// directory changes something in the directory.
func (m *missing) directory(method, path string, body any) {
	m.t.Helper()
	m.call(m.workspace.Transport(), method, "http://directory.invalid/admin/directory/v1"+path, body)
}

func (m *missing) call(through http.RoundTripper, method, url string, body any) {
	m.t.Helper()
	data, err := json.Marshal(body)
	must(m.t, err)
	request, err := http.NewRequestWithContext(m.t.Context(), method, url, bytes.NewReader(data))
	must(m.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := through.RoundTrip(request)
	must(m.t, err)
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode/100 != 2 {
		m.t.Fatalf("%s %s: %s: %s", method, url, response.Status, answer)
	}
}

// id is the directory id of somebody who has an account.
func (m *missing) id(email string) string { return m.account(email).ExternalID }

func (m *missing) account(email string) simcomeet.Account {
	m.t.Helper()
	for _, a := range m.app.Accounts() {
		if a.UserName == email {
			return a
		}
	}
	m.t.Fatalf("nobody in the app is called %s", email)
	return simcomeet.Account{}
}

// accounts is everybody in the app: their name, and "active" or "suspended" with their family name.
func (m *missing) accounts() map[string]string {
	all := map[string]string{}
	for _, a := range m.app.Accounts() {
		var resource struct {
			Name struct {
				FamilyName string `json:"familyName"`
			} `json:"name"`
		}
		must(m.t, json.Unmarshal(a.Resource, &resource))
		state := "suspended"
		if a.Active {
			state = "active"
		}
		if _, twice := all[a.UserName]; twice {
			m.t.Errorf("two accounts are called %s", a.UserName)
		}
		all[a.UserName] = state + " " + resource.Name.FamilyName
	}
	return all
}

type body = map[string]any

// TestMissedEvents: whatever changed without a word, the next sweep finds it
// and does what the rules say, and only that. Before it, first is swept too.
func TestMissedEvents(t *testing.T) {
	t.Parallel()
	user := func(name string, change body) func(*missing) {
		return func(m *missing) { m.directory("PATCH", "/users/"+name+"@example.com", change) }
	}
	join := func(group, member string) func(*missing) {
		return func(m *missing) {
			m.directory("POST", "/groups/"+group+"@example.com/members", body{"email": member + "@example.com"})
		}
	}
	leave := func(group, member string) func(*missing) {
		return func(m *missing) {
			m.directory("DELETE", "/groups/"+group+"@example.com/members/"+member+"@example.com", nil)
		}
	}
	unit := func(path string, change body) func(*missing) {
		return func(m *missing) { m.directory("PUT", "/customer/my_customer/orgunits"+path, change) }
	}
	customer := func(method, path string) func(*missing) {
		return func(m *missing) { m.directory(method, path, body{"type": "CUSTOMER", "id": m.workspace.CustomerID()}) }
	}
	deleted := func(m *missing) { m.directory("DELETE", "/users/ana@example.com", nil) }
	byHand := func(name string, change body) func(*missing) {
		return func(m *missing) {
			m.call(http.DefaultTransport, "PATCH", m.appURL+"/sim/accounts/"+m.account(name+"@example.com").ID, change)
		}
	}
	for _, test := range []missed{
		{name: "somebody is hired", then: func(m *missing) {
			m.directory("POST", "/users", body{"primaryEmail": "new@example.com", "password": "secret-enough", "name": body{"givenName": "New", "familyName": "N"}})
		}, want: map[string]string{"new@example.com": "active N"}},
		{name: "a new address", then: user("ana", body{"primaryEmail": "anna@example.com"}),
			want: map[string]string{"ana@example.com": gone, "anna@example.com": "active A"}},
		{name: "an attribute", then: user("ana", body{"name": body{"familyName": "Boss"}}),
			want: map[string]string{"ana@example.com": "active Boss"}},
		{name: "suspended", then: user("ana", body{"suspended": true}), want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "unsuspended", first: user("ana", body{"suspended": true}), then: user("ana", body{"suspended": false})},
		{name: "deleted", then: deleted, want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "undeleted", first: deleted, then: func(m *missing) {
			m.directory("POST", "/users/"+m.id("ana@example.com")+"/undelete", body{"orgUnitPath": "/"})
		}},
		{name: "archived", then: user("ana", body{"archived": true, "name": body{"familyName": "Boss"}})},
		{name: "no longer archived", first: user("ana", body{"archived": true}),
			then: user("ana", body{"archived": false, "name": body{"familyName": "Boss"}}),
			want: map[string]string{"ana@example.com": "active Boss"}},
		{name: "moved to an org unit that is off", then: user("ana", body{"orgUnitPath": "/Contractors"}),
			want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "moved to one that is on", then: user("dan", body{"orgUnitPath": "/Sales"}), want: map[string]string{"dan@example.com": "active D"}},
		{name: "an org unit moved below one that is off", then: unit("/Sales", body{"parentOrgUnitPath": "/Contractors"}),
			want: map[string]string{"eve@example.com": "suspended E"}},
		{name: "an org unit moved below one that is on", then: unit("/Contractors/Temps", body{"parentOrgUnitPath": "/"}),
			want: map[string]string{"tim@example.com": "active T"}},
		{name: "an org unit that is off renamed", then: unit("/Contractors", body{"name": "Partners"})},
		{name: "an org unit made, and somebody put into it", then: func(m *missing) {
			m.directory("POST", "/customer/my_customer/orgunits", body{"name": "New", "parentOrgUnitPath": "/"})
			user("dan", body{"orgUnitPath": "/New"})(m)
		}, want: map[string]string{"dan@example.com": "active D"}},
		{name: "an org unit deleted, and who was in it moved", then: func(m *missing) {
			user("tim", body{"orgUnitPath": "/Sales"})(m)
			m.directory("DELETE", "/customer/my_customer/orgunits/Contractors/Temps", nil)
		}, want: map[string]string{"tim@example.com": "active T"}},
		{name: "a domain added, and an address in it", then: func(m *missing) {
			m.directory("POST", "/customer/my_customer/domains", body{"domainName": "new.example"})
			user("ana", body{"primaryEmail": "ana@new.example"})(m)
		}, want: map[string]string{"ana@example.com": "suspended A"}}, // it is not among those listed
		{name: "a domain removed", then: func(m *missing) { m.directory("DELETE", "/customer/my_customer/domains/example.org", nil) }},
		{name: "an org unit inherits again", then: func(m *missing) {
			inherits := everyoneOn
			inherits.OrgUnits = inherits.OrgUnits[:1]
			must(m.t, m.system.Admin.Put(m.t.Context(), admin.Proposal{Scope: &inherits}, ""))
		}, want: map[string]string{"dan@example.com": "active D", "tim@example.com": "active T"}},
		{name: "joined an access group", then: join("access", "dan"), want: map[string]string{"dan@example.com": "active D"}},
		{name: "left an access group", then: leave("access", "fay"), want: map[string]string{"fay@example.com": "suspended F"}},
		{name: "joined a nested access group", then: join("inner", "dan"), want: map[string]string{"dan@example.com": "active D"}},
		{name: "left a nested access group", then: leave("inner", "guy"), want: map[string]string{"guy@example.com": "suspended G"}},
		{name: "an access group nested", then: join("access", "eng")}, // they had access by their org units
		{name: "an access group no longer nested", then: leave("access", "inner"), want: map[string]string{"guy@example.com": "suspended G"}},
		{name: "an access group deleted", then: func(m *missing) { m.directory("DELETE", "/groups/access@example.com", nil) }}, // decides nothing (R13)
		{name: "joined the group", groups: true, then: join("eng", "ben"), want: map[string]string{"ben@example.com": "active B"}},
		{name: "left the group", groups: true, then: leave("eng", "ana"), want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "joined a nested group", groups: true, then: join("team", "ben"), want: map[string]string{"ben@example.com": "active B"}},
		{name: "left a nested group", groups: true, then: leave("team", "eve"), want: map[string]string{"eve@example.com": "suspended E"}},
		{name: "a group nested", groups: true, then: join("eng", "access"),
			want: map[string]string{"fay@example.com": "active F", "guy@example.com": "active G"}},
		{name: "the customer in the group", groups: true, then: customer("POST", "/groups/team@example.com/members"), want: map[string]string{
			"ben@example.com": "active B", "dan@example.com": "active D", "fay@example.com": "active F", "guy@example.com": "active G", "tim@example.com": "active T"}},
		{name: "the customer no longer in the group", groups: true, first: customer("POST", "/groups/team@example.com/members"),
			then: func(m *missing) {
				m.directory("DELETE", "/groups/team@example.com/members/"+m.workspace.CustomerID(), nil)
			}, want: map[string]string{
				"ben@example.com": "suspended B", "dan@example.com": "suspended D", "fay@example.com": "suspended F", "guy@example.com": "suspended G", "tim@example.com": "suspended T"}},
		{name: "a nested group deleted", groups: true, then: func(m *missing) { m.directory("DELETE", "/groups/team@example.com", nil) },
			want: map[string]string{"eve@example.com": "suspended E"}},
		{name: "the group deleted", groups: true, then: func(m *missing) { m.directory("DELETE", "/groups/eng@example.com", nil) }}, // decides nothing (R13)
		{name: "the primary domain changed", groups: true, then: func(m *missing) {
			m.directory("PATCH", "/customers/my_customer", body{"customerDomain": "example.org"})
		}}, // decides nothing (R13)
		{name: "an address in a domain that is not allowed", groups: true, then: user("ana", body{"primaryEmail": "ana@example.org"}),
			want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "back in the domain that is allowed", groups: true, first: user("ana", body{"primaryEmail": "ana@example.org"}), then: func(m *missing) {
			m.directory("PATCH", "/users/ana@example.org", body{"primaryEmail": "ana@example.com"})
		}},
		{name: "an account changed by hand", then: byHand("ana", body{"name": body{"givenName": "Ana", "familyName": "Hacker"}})},
		{name: "an account suspended by hand", then: byHand("ana", body{"active": false})},
		{name: "an account reactivated by hand", first: user("ana", body{"suspended": true}), then: byHand("ana", body{"active": true}),
			want: map[string]string{"ana@example.com": "suspended A"}},
		{name: "an account deleted by hand", then: func(m *missing) {
			m.call(http.DefaultTransport, "DELETE", m.appURL+"/sim/accounts/"+m.account("ana@example.com").ID, nil)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}
