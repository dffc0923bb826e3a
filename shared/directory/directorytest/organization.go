package directorytest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

func testDomains(t *testing.T, h Harness) {
	got, err := h.Directory.Domains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got, directory.Domain{Name: h.Domain, Primary: true}) || !slices.Contains(got, directory.Domain{Name: h.OtherDomain}) {
		t.Errorf("got %v, want %s as the primary one and %s", got, h.Domain, h.OtherDomain)
	}
}

func testOrgUnits(t *testing.T, h Harness) {
	outer, inner := name("outer"), name("inner")
	outerID := h.World.AddOrgUnit(t, "/", outer)
	innerID := h.World.AddOrgUnit(t, "/"+outer, inner)
	tree := func() map[string]directory.OrgUnit {
		units, err := h.Directory.OrgUnits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byID := map[string]directory.OrgUnit{}
		for _, u := range units {
			byID[u.ID] = u
		}
		return byID
	}
	before := tree()
	root, ok := before[before[outerID].ParentID]
	if !ok || root.Path != "/" || root.ParentID != "" {
		t.Errorf("the parent of a top unit is %+v, want the root", root)
	}
	want := directory.OrgUnit{ID: innerID, Path: "/" + outer + "/" + inner, Name: inner, ParentID: outerID}
	if before[innerID] != want {
		t.Errorf("got %+v, want %+v", before[innerID], want)
	}

	renamed := name("renamed")
	h.World.RenameOrgUnit(t, outerID, renamed)
	user := h.World.AddUser(t, h.address("mover"), "/"+renamed+"/"+inner)
	after := tree()
	if got := after[innerID].Path; got != "/"+renamed+"/"+inner {
		t.Errorf("after a rename of the parent the path is %q", got)
	}
	if after[outerID].ParentID != root.ID {
		t.Error("the root's id has changed")
	}
	if got, err := h.Directory.User(t.Context(), user); err != nil || got.OrgUnitPath != after[innerID].Path {
		t.Errorf("a user in it has the path %q, %v", got.OrgUnitPath, err)
	}
}

func testGroup(t *testing.T, h Harness) {
	email := h.address("group")
	id := h.World.AddGroup(t, email, "A group")
	h.World.AddMember(t, id, h.World.AddUser(t, h.address("member"), "/"))
	want := directory.Group{ID: id, Email: email, Name: "A group", DirectMembers: 1}
	for _, key := range []string{id, email} {
		if got, err := h.Directory.Group(t.Context(), key); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	_, err := h.Directory.Group(t.Context(), h.address("nogroup"))
	wantKind(t, "unknown group", err, fault.NotFound)
}

func testListMembers(t *testing.T, h Harness) {
	address := h.address("inner")
	outer, inner := h.World.AddGroup(t, h.address("outer"), "Outer"), h.World.AddGroup(t, address, "Inner")
	list := func(id string) (users []string, everyone bool) {
		t.Helper()
		for token := ""; ; {
			page, err := h.Directory.ListMembers(t.Context(), id, token)
			if err != nil {
				t.Fatal(err)
			}
			users, everyone = append(users, page.UserIDs...), everyone || page.Everyone
			if token = page.Next; token == "" {
				slices.Sort(users)
				return slices.Compact(users), everyone
			}
		}
	}
	if got, everyone := list(outer); len(got) != 0 || everyone {
		t.Errorf("an empty group has %d members, everyone %v", len(got), everyone)
	}
	direct, nested := h.World.AddUser(t, h.address("direct"), "/"), h.World.AddUser(t, h.address("nested"), "/")
	h.World.AddMember(t, outer, direct)
	h.World.AddMember(t, outer, inner)
	h.World.AddMember(t, inner, nested)
	want := []string{direct, nested}
	slices.Sort(want)
	if got, everyone := list(outer); !slices.Equal(got, want) || everyone {
		t.Errorf("got %v, everyone %v, want %v", got, everyone, want)
	}
	page, err := h.Directory.ListMembers(t.Context(), outer, "")
	if inside := []provision.GroupRef{{ID: inner, Email: address}}; err != nil || !slices.Equal(page.Groups, inside) {
		t.Errorf("groups among the members: %v, %v, want %v", page.Groups, err, inside)
	}
	h.World.AddEveryone(t, inner)
	if _, everyone := list(outer); !everyone {
		t.Error("everyone in a nested group is not seen")
	}

	large := h.World.AddGroup(t, h.address("large"), "Large")
	want = nil
	for i := range 201 { // one more than a page
		want = append(want, h.World.AddUser(t, h.address(fmt.Sprint("many", i)), "/"))
		h.World.AddMember(t, large, want[i])
	}
	slices.Sort(want)
	if got, _ := list(large); !slices.Equal(got, want) {
		t.Errorf("got %d members of %d", len(got), len(want))
	}
	_, err = h.Directory.ListMembers(t.Context(), "0unknowngroup000", "")
	wantKind(t, "unknown group", err, fault.NotFound)
}

func testHasMember(t *testing.T, h Harness) {
	outer, inner := h.World.AddGroup(t, h.address("outer"), "Outer"), h.World.AddGroup(t, h.address("inner"), "Inner")
	h.World.AddMember(t, outer, inner)
	direct, nested := h.World.AddUser(t, h.address("direct"), "/"), h.World.AddUser(t, h.address("nested"), "/")
	elsewhere := h.World.AddUser(t, name("elsewhere")+"@"+h.OtherDomain, "/")
	outsider, foreigner := h.World.AddUser(t, h.address("outsider"), "/"), h.World.AddUser(t, name("foreigner")+"@"+h.OtherDomain, "/")
	h.World.AddMember(t, outer, direct)
	h.World.AddMember(t, inner, nested)
	h.World.AddMember(t, inner, elsewhere)
	open := h.World.AddGroup(t, h.address("open"), "Open")
	h.World.AddEveryone(t, open)
	for _, test := range []struct {
		what, group, user string
		want              bool
	}{
		{"direct", outer, direct, true},
		{"nested", outer, nested, true},
		{"nested, of another domain", outer, elsewhere, true},
		{"nobody", outer, outsider, false},
		{"nobody, of another domain", outer, foreigner, false},
		{"in a group of everyone", open, outsider, true},
	} {
		if got, err := h.Directory.HasMember(t.Context(), test.group, test.user, 0); err != nil || got != test.want {
			t.Errorf("%s: got %v, %v, want %v", test.what, got, err, test.want)
		}
	}
	_, err := h.Directory.HasMember(t.Context(), "0unknowngroup000", direct, 0)
	wantKind(t, "unknown group", err, fault.NotFound)
}

func testSearchGroups(t *testing.T, h Harness) {
	prefix := name("find")
	byAddress := h.World.AddGroup(t, prefix+"@"+h.Domain, "Something else")
	byName := h.World.AddGroup(t, h.address("other"), prefix+" by name")
	for _, query := range []string{prefix, " " + prefix} {
		got, err := h.Directory.SearchGroups(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, g := range got {
			ids = append(ids, g.ID)
		}
		if len(ids) != 2 || !slices.Contains(ids, byAddress) || !slices.Contains(ids, byName) {
			t.Errorf("%q: got %v, want %s and %s", query, ids, byAddress, byName)
		}
	}
	if got, err := h.Directory.SearchGroups(t.Context(), prefix+" by n"); err != nil || len(got) != 1 || got[0].ID != byName {
		t.Errorf("with a space: got %v, %v", got, err)
	}
	if got, err := h.Directory.SearchGroups(t.Context(), name("nothing")); err != nil || len(got) != 0 {
		t.Errorf("no hit: got %v, %v", got, err)
	}
}

func testAttributes(t *testing.T, h Harness) {
	schema := name("Schema")
	h.World.AddSchema(t, schema, "level")
	got, err := h.Directory.Attributes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	has := func(path string, custom bool) bool {
		return slices.ContainsFunc(got, func(a directory.Attribute) bool { return a.Path == path && a.Custom == custom && a.Label != "" })
	}
	for _, path := range []string{"primaryEmail", "name.givenName", "organizations.0.title"} {
		if !has(path, false) {
			t.Errorf("%s is missing", path)
		}
	}
	if !has("customSchemas."+schema+".level", true) {
		t.Error("the field of a custom schema is missing")
	}
}

func testWatch(t *testing.T, h Harness) {
	for _, event := range append(directory.UserEvents(), "") {
		id := name("channel")
		ch, err := h.Directory.Watch(t.Context(), id, event, h.PushAddress, "a secret")
		if err != nil {
			t.Fatalf("event %q: %v", event, err)
		}
		if ch.ID != id || ch.ResourceID == "" {
			t.Errorf("event %q: got %+v", event, ch)
		}
		for range 2 { // one that is gone is no error
			if err := h.Directory.Stop(t.Context(), ch); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := h.Directory.Watch(t.Context(), name("channel"), "no such event", h.PushAddress, "a secret")
	wantKind(t, "an event that is none", err, fault.Invalid)
}

func testCancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Directory.ListUsers(ctx, "")
	wantKind(t, "cancelled", err, fault.Unavailable)
}
