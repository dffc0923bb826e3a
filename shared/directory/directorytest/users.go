package directorytest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

func testUser(t *testing.T, h Harness) {
	email := h.address("user")
	id := h.World.AddUser(t, email, "/")
	h.World.PatchUser(t, id, map[string]any{"organizations": []any{map[string]any{"title": "Recruiter", "primary": true}}})

	got, err := h.Directory.User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.Email != email || got.Lifecycle != provision.Active || got.OrgUnitPath != "/" || got.CustomerID == "" || got.Guest {
		t.Errorf("got %+v", got)
	}
	var resource struct {
		Organizations []struct{ Title string }
	}
	if err := json.Unmarshal(got.Resource, &resource); err != nil {
		t.Fatal(err)
	}
	if len(resource.Organizations) != 1 || resource.Organizations[0].Title != "Recruiter" {
		t.Errorf("the resource lacks the title: %s", got.Resource)
	}

	_, err = h.Directory.User(t.Context(), email)
	wantKind(t, "by address", err, fault.Invalid)
	_, err = h.Directory.User(t.Context(), "")
	wantKind(t, "without an id", err, fault.Invalid)
	_, err = h.Directory.User(t.Context(), "100000000000000000001")
	wantKind(t, "unknown id", err, fault.NotFound)
}

func testLifecycle(t *testing.T, h Harness) {
	id := h.World.AddUser(t, h.address("life"), "/")
	for _, step := range []struct {
		keys  map[string]any
		want  provision.Lifecycle
		since bool
	}{
		{map[string]any{"suspended": true}, provision.Suspended, true},
		{map[string]any{"archived": true}, provision.Archived, true}, // wins over suspended (R6)
		{map[string]any{"suspended": false}, provision.Archived, true},
		{map[string]any{"archived": false}, provision.Active, false},
	} {
		h.World.PatchUser(t, id, step.keys)
		got, err := h.Directory.User(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lifecycle != step.want || got.Since.IsZero() == step.since {
			t.Errorf("after %v: got %s since %v, want %s", step.keys, got.Lifecycle, got.Since, step.want)
		}
	}
}

func testUserByEmail(t *testing.T, h Harness) {
	before, after := h.address("before"), h.address("after")
	id := h.World.AddUser(t, before, "/")
	got, err := h.Directory.UserByEmail(t.Context(), strings.ToUpper(before))
	if err != nil || got.ID != id {
		t.Fatalf("in capitals: got %q, %v, want %q", got.ID, err, id)
	}
	h.World.PatchUser(t, id, map[string]any{"primaryEmail": after})
	_, err = h.Directory.UserByEmail(t.Context(), before)
	wantKind(t, "the address before a rename, now an alias", err, fault.NotFound)
	got, err = h.Directory.UserByEmail(t.Context(), after)
	if err != nil || got.ID != id {
		t.Errorf("after a rename: got %q, %v, want %q", got.ID, err, id)
	}
	_, err = h.Directory.UserByEmail(t.Context(), h.address("nobody"))
	wantKind(t, "unknown address", err, fault.NotFound)
}

func testListUsers(t *testing.T, h Harness) {
	present := h.World.AddUser(t, h.address("present"), "/")
	suspended := h.World.AddUser(t, h.address("suspended"), "/")
	h.World.PatchUser(t, suspended, map[string]any{"suspended": true})
	deleted := h.World.AddUser(t, h.address("deleted"), "/")
	h.World.DeleteUser(t, deleted)

	users := all(t, h.Directory.ListUsers)
	want := map[string]provision.Lifecycle{present: provision.Active, suspended: provision.Suspended}
	seen := map[string]int{}
	for _, u := range users {
		seen[u.ID]++
		if lifecycle, ok := want[u.ID]; ok && u.Lifecycle != lifecycle {
			t.Errorf("listed as %s, want %s", u.Lifecycle, lifecycle)
		}
	}
	if seen[present] != 1 || seen[suspended] != 1 || seen[deleted] != 0 {
		t.Errorf("listed %d, %d and %d times, want 1, 1 and 0", seen[present], seen[suspended], seen[deleted])
	}
	if !slices.IsSortedFunc(users, func(a, b provision.User) int { return strings.Compare(a.Email, b.Email) }) {
		t.Error("not ordered by address")
	}
	single, err := h.Directory.User(t.Context(), present)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(users, func(u provision.User) bool { return u.ID == present })
	if string(users[at].Resource) != string(single.Resource) {
		t.Errorf("a listed user differs from the same one read by id:\n%s\n%s", users[at].Resource, single.Resource)
	}
}

func testListDeleted(t *testing.T, h Harness) {
	email := h.address("leaver")
	id := h.World.AddUser(t, email, "/")
	h.World.DeleteUser(t, id)
	deleted := func() (provision.User, bool) {
		users := all(t, h.Directory.ListDeleted)
		at := slices.IndexFunc(users, func(u provision.User) bool { return u.ID == id })
		if at < 0 {
			return provision.User{}, false
		}
		return users[at], true
	}
	got, ok := deleted()
	if !ok || got.Lifecycle != provision.Deleted || got.Email != email {
		t.Errorf("got %+v, %v", got, ok)
	}
	if user, err := h.Directory.User(t.Context(), id); err == nil && user.Lifecycle != provision.Deleted {
		t.Errorf("a deleted user reads as %s", user.Lifecycle)
	} else if err != nil {
		wantKind(t, "deleted user", err, fault.NotFound)
	}
	h.World.RestoreUser(t, id)
	if _, ok := deleted(); ok {
		t.Error("still listed as deleted after being restored")
	}
	if user, err := h.Directory.User(t.Context(), id); err != nil || user.Lifecycle != provision.Active {
		t.Errorf("restored: got %s, %v", user.Lifecycle, err)
	}
}

// all reads every page of a listing.
func all(t *testing.T, list func(context.Context, string) (directory.UserPage, error)) []provision.User {
	t.Helper()
	var users []provision.User
	for token := ""; ; {
		page, err := list(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, page.Users...)
		if token = page.Next; token == "" {
			return users
		}
	}
}

func testSearchUsers(t *testing.T, h Harness) {
	mark := strings.ReplaceAll(name("m"), "-", "")
	id := h.World.AddUser(t, "ana."+mark+"@"+h.Domain, "/")
	h.World.PatchUser(t, id, map[string]any{"name": map[string]string{"givenName": "Given" + mark, "familyName": "Last" + mark + " O'Hara"}})
	other := h.World.AddUser(t, mark+"@"+h.Domain, "/")
	h.World.PatchUser(t, other, map[string]any{"suspended": true})
	for query, want := range map[string][]string{
		"ANA." + mark:                             {id},
		"ana." + mark + "@" + h.Domain:            {id},
		"given" + mark[:4]:                        {id},
		" last" + mark + " ":                      {id},
		"Given" + mark + " Last" + mark[:6]:       {id},
		"last" + mark + " given" + mark:           {id},
		"Given" + mark + " Last" + mark + " O'Ha": {id},
		"Given" + mark + " Else":                  {},
		mark:                                      {other},
		"nobody" + mark:                           {},
		"'" + mark:                                {},
		"":                                        {},
	} {
		users, err := h.Directory.SearchUsers(t.Context(), query)
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		found := []string{}
		for _, u := range users {
			found = append(found, u.ID)
			if u.ID == other && u.Lifecycle != provision.Suspended {
				t.Errorf("%q: %s is %s", query, u.Email, u.Lifecycle)
			}
			if u.ID == id && directory.NameOf(u) != "Given"+mark+" Last"+mark+" O'Hara" {
				t.Errorf("%q: %s is called %q", query, u.Email, directory.NameOf(u))
			}
		}
		if !slices.Equal(found, want) {
			t.Errorf("%q: got %q, want %q", query, found, want)
		}
	}
}
