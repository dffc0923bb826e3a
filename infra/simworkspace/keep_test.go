package simworkspace

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a Workspace is restored from makes it the same in every answer, and what
// comes after has no id that was given before.
func TestRestore(t *testing.T) {
	t.Parallel()
	var last []byte
	w := New(1, &Options{Push: &http.Client{Transport: nowhere{}}, Keep: func(state []byte) error { last = state; return nil }})
	t.Cleanup(w.Close)
	w.Seed(DefaultCompany())
	const units = "/customer/my_customer/orgunits"
	ok(t, w, "POST", units, `{"name":"Lab","parentOrgUnitPath":"/Engineering"}`)
	ok(t, w, "PATCH", "/users/yuki.tanaka@example.com", `{"primaryEmail":"yuki@example.com","orgUnitPath":"/Engineering/Lab","suspended":true}`)
	ok(t, w, "POST", "/groups/recruiting@example.com/members", `{"email":"guest@elsewhere.org"}`)
	hired := ok(t, w, "POST", "/users", `{"primaryEmail":"new@example.com","name":{"givenName":"New","familyName":"One"}}`)
	ok(t, w, "DELETE", "/users/omar.haddad@example.com", "")
	ok(t, w, "POST", "/customer/my_customer/domains", `{"domainName":"example.org"}`)

	again := New(1, &Options{Push: &http.Client{Transport: nowhere{}}})
	t.Cleanup(again.Close)
	if err := again.Restore(last); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/users?customer=my_customer&projection=full&maxResults=500", "/users?customer=my_customer&showDeleted=true&maxResults=500",
		"/users/yuki.tanaka@example.com?projection=full", // the alias of who was renamed
		"/groups?customer=my_customer", "/groups/recruiting@example.com/members?includeDerivedMembership=true", "/groups/all-staff@example.com/members",
		units + "?type=all", "/customer/my_customer/domains", "/customer/my_customer/schemas", "/customers/my_customer",
	} {
		if diff := cmp.Diff(ok(t, w, "GET", path, ""), ok(t, again, "GET", path, "")); diff != "" {
			t.Errorf("%s (-before +after):\n%s", path, diff)
		}
	}
	if diff := cmp.Diff(w.People(), again.People()); diff != "" {
		t.Errorf("people (-before +after):\n%s", diff)
	}
	if string(again.State()) != string(last) {
		t.Error("the state of the restored one is another")
	}
	second := ok(t, again, "POST", "/users", `{"primaryEmail":"newer@example.com","name":{"givenName":"Newer","familyName":"One"}}`)
	if second["id"] == hired["id"] {
		t.Errorf("the id %v was given twice", hired["id"])
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"", "garbage", "{}", `{"customerId":"C1","domains":[{"name":"a.example"}]}`} {
		if New(1, nil).Restore([]byte(state)) == nil {
			t.Errorf("%q was taken", state)
		}
	}
}

// What cannot be kept is no success.
func TestKeepFails(t *testing.T) {
	t.Parallel()
	w := New(1, &Options{Keep: func([]byte) error { return errors.New("full") }})
	t.Cleanup(w.Close)
	w.Seed(DefaultCompany())
	refused(t, w, "PATCH", "/users/yuki.tanaka@example.com", `{"suspended":true}`, 503, "backendError")
	ok(t, w, "GET", "/users/yuki.tanaka@example.com", "")
}

func TestPeople(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	ok(t, w, "DELETE", "/users/omar.haddad@example.com", "")
	found := map[string]PersonView{}
	for _, p := range w.People() {
		p.ID = ""
		found[p.Email] = p
	}
	if n := len(found); n != 42 {
		t.Errorf("%d people", n)
	}
	deleted := found["omar.haddad@example.com"].DeletedAt
	if time.Since(deleted) > time.Hour {
		t.Errorf("deleted at %v", deleted)
	}
	for _, want := range []PersonView{
		{Email: "omar.haddad@example.com", GivenName: "Omar", FamilyName: "Haddad", Title: "Backend Engineer", OrgUnit: "/Engineering/Platform",
			DeletedAt: deleted, Groups: []string{"engineering@example.com"}},
		{Email: "emily.carter@example.com", GivenName: "Emily", FamilyName: "Carter", Title: "Account Manager", OrgUnit: "/Sales", Suspended: true},
		{Email: "ruth.abrams@example.com", GivenName: "Ruth", FamilyName: "Abrams", Title: "Analyst", OrgUnit: "/Finance", Archived: true},
	} {
		if diff := cmp.Diff(want, found[want.Email]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Email, diff)
		}
	}
}
