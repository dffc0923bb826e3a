// Package apptest owns the conformance suite of app.Accounts: what every
// adapter promises, run over every app that can be had for a test.
//
// It asserts what the app holds afterwards, read through the port itself. It
// knows no app and no protocol.
package apptest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Harness is one app, empty, and what it cannot do.
type Harness struct {
	Accounts app.Accounts
	// NoBackslash is set when the app mistakes a backslash in a filter's value.
	NoBackslash bool
}

// PageSize is the page size that a harness must set, so that a few accounts make several pages.
const PageSize = 3

const (
	workEmail  = `emails[type eq "work"].value`
	homeEmail  = `emails[type eq "home"].value`
	workPhone  = `phoneNumbers[type eq "work"].value`
	department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
)

// Run runs the suite. open gives an empty app for each case; cases do not run in parallel.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	cases := []struct {
		name string
		run  func(t *testing.T, s suite)
	}{
		{"an empty app", emptyApp},
		{"create, read and find", createAndFind},
		{"names that need quoting are found", oddNames},
		{"a name in use is a conflict", nameInUse},
		{"an update renames, changes and removes", update},
		{"an update adds what was never there", updateAdds},
		{"an update does not touch the state", updateKeepsState},
		{"an update twice is the same as once", updateTwice},
		{"an adopted account gets the external id", adopt},
		{"suspend and unsuspend", suspend},
		{"a delete is for good, and twice is no error", remove},
		{"an unknown account is not found", unknown},
		{"pages hold everybody once", pages},
		{"a cancelled call does nothing", cancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			c.run(t, suite{T: t, ctx: t.Context(), Harness: h})
		})
	}
}

type suite struct {
	*testing.T
	ctx context.Context
	Harness
}

func person(name string) provision.Attributes {
	return provision.Attributes{
		"userName": name + "@example.com", "name.givenName": name, "name.familyName": "Test",
		workEmail: name + "@example.com", "title": "Chef", department: "Kitchen",
	}
}

func ref(id, name string) app.Ref {
	return app.Ref{ID: id, ExternalID: "id-" + name, UserName: name + "@example.com"}
}

func (s suite) create(name string) provision.Account {
	s.Helper()
	account, err := s.Accounts.Create(s.ctx, "id-"+name, person(name))
	if err != nil {
		s.Fatalf("create: %v", err)
	}
	return account
}

func (s suite) get(id string) provision.Account {
	s.Helper()
	account, err := s.Accounts.Get(s.ctx, app.Ref{ID: id})
	if err != nil {
		s.Fatalf("get: %v", err)
	}
	return account
}

func (s suite) find(externalID, userName string) []string {
	s.Helper()
	found, err := s.Accounts.Find(s.ctx, externalID, userName)
	if err != nil {
		s.Fatalf("find: %v", err)
	}
	ids := make([]string, len(found))
	for i, a := range found {
		ids[i] = a.ID
	}
	return ids
}

func (s suite) wantKind(err error, kind fault.Kind) {
	s.Helper()
	if !fault.Is(err, kind) {
		s.Errorf("error = %v (%v), want %v", err, fault.KindOf(err), kind)
	}
}

// wantAttributes compares the attributes that are in want; nil means absent. An app may show others.
func (s suite) wantAttributes(account provision.Account, want provision.Attributes) {
	s.Helper()
	for path, value := range want {
		if got := account.Attributes[path]; got != value {
			s.Errorf("%s = %v, want %v", path, got, value)
		}
	}
}

func emptyApp(t *testing.T, s suite) {
	if err := s.Accounts.Verify(s.ctx); err != nil {
		t.Errorf("verify: %v", err)
	}
	page, err := s.Accounts.List(s.ctx, 1)
	if err != nil || len(page.Accounts) != 0 || page.Next != 0 || page.Total != 0 {
		t.Errorf("list = %+v, %v", page, err)
	}
	if ids := s.find("id-nobody", "nobody@example.com"); len(ids) != 0 {
		t.Errorf("found %v", ids)
	}
}

func createAndFind(t *testing.T, s suite) {
	s.create("bo")
	created := s.create("ana")
	if created.ID == "" || created.UserName != "ana@example.com" || created.ExternalID != "id-ana" || !created.Active {
		t.Fatalf("created account = %+v", created)
	}
	s.wantAttributes(created, person("ana"))
	if diff := gocmp.Diff(created, s.get(created.ID)); diff != "" {
		t.Errorf("read after the create (-created +read):\n%s", diff)
	}
	for _, by := range [][2]string{{"id-ana", ""}, {"", "ana@example.com"}, {"", "ANA@Example.com"}, {"id-ana", "ana@example.com"}, {"id-ana", "other@example.com"}} {
		if ids := s.find(by[0], by[1]); !slices.Equal(ids, []string{created.ID}) {
			t.Errorf("find %v = %v, want %s", by, ids, created.ID)
		}
	}
	if ids := s.find("id-bo", "ana@example.com"); len(ids) != 2 {
		t.Errorf("an id and a name of two people find %v, want both", ids)
	}
	if ids := s.find("ID-ANA", ""); len(ids) != 0 {
		t.Errorf("an external id in another case finds %v", ids)
	}
}

func oddNames(t *testing.T, s suite) {
	names := []string{"o'brien+news", "a&b=c", "räksmörgås", "100%", `say "hi"`}
	if !s.NoBackslash {
		names = append(names, `back\slash`)
	}
	for _, name := range names {
		created := s.create(name)
		if ids := s.find("", name+"@example.com"); !slices.Equal(ids, []string{created.ID}) {
			t.Errorf("find %q = %v, want %s", name, ids, created.ID)
		}
	}
}

func nameInUse(t *testing.T, s suite) {
	s.create("ana")
	bo := s.create("bo")
	taken := person("bo")
	taken["userName"] = "ANA@example.com"
	_, err := s.Accounts.Create(s.ctx, "id-other", taken)
	s.wantKind(err, fault.Conflict)
	_, err = s.Accounts.Update(s.ctx, bo.ID, "id-bo", taken, person("bo"))
	s.wantKind(err, fault.Conflict)
	if diff := gocmp.Diff(bo, s.get(bo.ID)); diff != "" {
		t.Errorf("a refused update changed the account (-before +after):\n%s", diff)
	}
}

// update updates, checks the answer against what the app shows, and returns that.
func (s suite) update(id, externalID string, attributes, previous provision.Attributes) provision.Account {
	s.Helper()
	account, err := s.Accounts.Update(s.ctx, id, externalID, attributes, previous)
	if err != nil {
		s.Fatalf("update: %v", err)
	}
	shown := s.get(id)
	if account.ID != id {
		s.Errorf("update answers with account %q, want %q", account.ID, id)
	}
	if account.Attributes != nil {
		if diff := gocmp.Diff(shown, account); diff != "" {
			s.Errorf("the answer to the update is not what the app shows (-shows +answered):\n%s", diff)
		}
	}
	return shown
}

func update(t *testing.T, s suite) {
	before := s.create("ana")
	want := person("ana")
	want["userName"], want[workEmail] = "ana.new@example.com", "ana.new@example.com"
	want["name.familyName"] = "Married"
	delete(want, "title")
	delete(want, department)
	after := s.update(before.ID, "id-ana", want, person("ana"))
	if after.UserName != "ana.new@example.com" || after.ExternalID != "id-ana" {
		t.Errorf("after the rename: %+v", after)
	}
	s.wantAttributes(after, want)
	s.wantAttributes(after, provision.Attributes{"title": nil, department: nil})
	if ids := s.find("", "ana@example.com"); len(ids) != 0 {
		t.Errorf("the old name still finds %v", ids)
	}
}

func updateAdds(t *testing.T, s suite) {
	ana := s.create("ana")
	want := person("ana")
	want[workPhone], want[homeEmail], want["locale"] = "+1 555 0100", "ana@example.org", "en-GB"
	s.wantAttributes(s.update(ana.ID, "id-ana", want, person("ana")), want)

	back := person("ana")
	back[homeEmail] = "ana@example.org"
	after := s.update(ana.ID, "id-ana", back, want)
	s.wantAttributes(after, back)
	s.wantAttributes(after, provision.Attributes{workPhone: nil, "locale": nil})

	after = s.update(ana.ID, "id-ana", person("ana"), back)
	s.wantAttributes(after, person("ana"))
	s.wantAttributes(after, provision.Attributes{homeEmail: nil})
	if t.Failed() {
		t.Logf("in the end: %+v", after)
	}
}

func updateKeepsState(t *testing.T, s suite) {
	ana := s.create("ana")
	if err := s.Accounts.SetActive(s.ctx, ref(ana.ID, "ana"), false); err != nil {
		t.Fatal(err)
	}
	want := person("ana")
	want["title"] = "Baker"
	if after := s.update(ana.ID, "id-ana", want, person("ana")); after.Active {
		t.Error("an update let a suspended person in again")
	}
}

func updateTwice(t *testing.T, s suite) {
	ana := s.create("ana")
	want := person("ana")
	want["title"] = "Baker"
	delete(want, department)
	first := s.update(ana.ID, "id-ana", want, person("ana"))
	if diff := gocmp.Diff(first, s.update(ana.ID, "id-ana", want, want)); diff != "" {
		t.Errorf("the second update changed the account (-first +second):\n%s", diff)
	}
}

func adopt(t *testing.T, s suite) {
	ana, err := s.Accounts.Create(s.ctx, "", person("ana"))
	if err != nil || ana.ExternalID != "" {
		t.Fatalf("an account without an external id = %+v, %v", ana, err)
	}
	want := person("ana")
	want["title"] = "Baker"
	after := s.update(ana.ID, "id-new", want, nil)
	if after.ExternalID != "id-new" {
		t.Errorf("external id = %q, want id-new", after.ExternalID)
	}
	s.wantAttributes(after, want)
}

func suspend(t *testing.T, s suite) {
	ana := s.create("ana")
	for _, active := range []bool{false, false, true, true, false} {
		if err := s.Accounts.SetActive(s.ctx, ref(ana.ID, "ana"), active); err != nil {
			t.Fatalf("set active %v: %v", active, err)
		}
		after := s.get(ana.ID)
		if after.Active != active {
			t.Errorf("active = %v, want %v", after.Active, active)
		}
		if diff := gocmp.Diff(ana.Attributes, after.Attributes); diff != "" {
			t.Errorf("the attributes changed (-before +after):\n%s", diff)
		}
	}
	if ids := s.find("id-ana", "ana@example.com"); !slices.Equal(ids, []string{ana.ID}) {
		t.Errorf("a suspended account is found as %v", ids)
	}
}

func remove(t *testing.T, s suite) {
	ana, bo := s.create("ana"), s.create("bo")
	for range 2 {
		if err := s.Accounts.Delete(s.ctx, ref(ana.ID, "ana")); err != nil {
			t.Fatalf("delete: %v", err)
		}
	}
	_, err := s.Accounts.Get(s.ctx, ref(ana.ID, "ana"))
	s.wantKind(err, fault.NotFound)
	if ids := s.find("id-ana", "ana@example.com"); len(ids) != 0 {
		t.Errorf("a deleted account is found as %v", ids)
	}
	if again := s.create("ana"); again.ID == ana.ID {
		t.Error("the id of a deleted account came back")
	}
	if !s.get(bo.ID).Active {
		t.Error("another account was touched")
	}
}

func unknown(t *testing.T, s suite) {
	const id = "00000000-0000-4000-8000-000000000000"
	_, err := s.Accounts.Get(s.ctx, ref(id, "ana"))
	s.wantKind(err, fault.NotFound)
	_, err = s.Accounts.Update(s.ctx, id, "id-ana", person("ana"), person("ana"))
	s.wantKind(err, fault.NotFound)
	s.wantKind(s.Accounts.SetActive(s.ctx, ref(id, "ana"), false), fault.NotFound)
	if err := s.Accounts.Delete(s.ctx, ref(id, "ana")); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func pages(t *testing.T, s suite) {
	const people = 2*PageSize + 1
	var want []string
	for i := range people {
		want = append(want, s.create(fmt.Sprint("p", i)).ID)
	}
	var got []string
	for start := 1; start != 0; {
		page, err := s.Accounts.List(s.ctx, start)
		if err != nil {
			t.Fatalf("list at %d: %v", start, err)
		}
		if page.Total != people || len(page.Accounts) > PageSize {
			t.Errorf("page at %d has %d of %d", start, len(page.Accounts), page.Total)
		}
		for _, a := range page.Accounts {
			got = append(got, a.ID)
		}
		if page.Next != 0 && page.Next <= start {
			t.Fatalf("the page after %d is %d", start, page.Next)
		}
		start = page.Next
	}
	slices.SortFunc(want, cmp.Compare)
	slices.SortFunc(got, cmp.Compare)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("listed accounts (-want +got):\n%s", diff)
	}
}

func cancelled(t *testing.T, s suite) {
	ana := s.create("ana")
	var stop context.CancelFunc
	s.ctx, stop = context.WithCancel(s.ctx)
	stop()
	s.wantKind(s.Accounts.Delete(s.ctx, ref(ana.ID, "ana")), fault.Unavailable)
	_, err := s.Accounts.Create(s.ctx, "id-bo", person("bo"))
	s.wantKind(err, fault.Unavailable)
	s.ctx = t.Context()
	if !s.get(ana.ID).Active || len(s.find("id-bo", "bo@example.com")) != 0 {
		t.Error("a call that was cancelled before it began did something")
	}
}
