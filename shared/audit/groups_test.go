package audit

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// know stores which groups bear on the scope, as a sweep does.
func (w *world) know(groups ...provision.GroupRef) {
	w.t.Helper()
	c, err := w.store.Configuration(w.t.Context())
	w.must(err)
	s, err := w.store.Sources(w.t.Context())
	w.must(err)
	s.Groups = &provision.ScopeGroups{ScopeSavedAt: c.ScopeSavedAt, Groups: groups}
	_, err = w.store.PutSources(w.t.Context(), s)
	w.must(err)
}

func (w *world) group(name string) provision.GroupRef {
	w.t.Helper()
	g, err := w.Directory.Group(w.t.Context(), name+"@example.com")
	w.must(err)
	return provision.GroupRef{ID: g.ID, Email: g.Email}
}

func (w *world) want(what string, entry []byte, want string) {
	w.t.Helper()
	if err := w.Receive(w.t.Context(), message(entry)); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
	if got := w.asked(); got != want {
		w.t.Errorf("%s: asked for %q, want %q", what, got, want)
	}
}

// Only groups that are configured, or within one that is, are of account; big is neither.
func TestOtherGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const group = "GROUP_EMAIL"
	renamed := w.group("eng")
	renamed.Email = "engineers@example.com" // until lately
	known := []provision.GroupRef{w.group("all"), renamed, {ID: "gone", Email: "gone@example.com"}, {ID: "left", Email: "left@example.com"}}
	for _, test := range []struct {
		what  string
		entry []byte
		want  string
	}{
		{"a member of the group", membership("all", "user:cleo@example.com"), "cleo"},
		{"a member of a nested group, known by its id", membership("eng", "user:ben@example.com"), "ben"},
		{"a member of another group", membership("big", "user:cleo@example.com"), ""},
		{"the same in the Admin log", admin("ADD_GROUP_MEMBER", group, "big@example.com", "USER_EMAIL", "cleo@example.com"), ""},
		{"a group of the scope in another group", membership("big", "group:eng@example.com"), ""},
		{"the customer in another group", membership("big", "customer:C012"), ""},
		{"a nested group that is known", membership("all", "group:eng@example.com"), "ana ben"},
		{"another group is made", admin("createGroup", group, "big@example.com"), ""},
		{"another group is deleted", admin("deleteGroup", group, "social@example.com"), ""},
		{"a nested group is deleted", admin("deleteGroup", group, "left@example.com"), "sweep"},
		{"something about another group", admin("CHANGE_GROUP_SETTING", group, "big@example.com"), ""},
		{"something about a nested group", admin("CHANGE_GROUP_SETTING", group, "eng@example.com"), "ana ben"},
		{"a configured group comes again", admin("createGroup", group, "gone@example.com"), "sweep"},
		{"a bulk upload, of whatever group", sample(t, "bulk-upload"), "sweep"},
	} {
		w.know(known...)
		w.want(test.what, test.entry, test.want)
	}
	w.know(known...)
	w.directory.SetFaults(simworkspace.Faults{ServerErrors: 1000, Methods: []string{"groups.get"}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Receive(ctx, message(membership("big", "user:cleo@example.com"))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("whether it is another group cannot be read: %v", err)
	}
}

// Where it is not known which groups count, all do: after a group came into one
// of them, until a sweep has read what is in it; and after the scope was saved.
func TestGroupsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.know(w.group("all"), w.group("eng"))
	w.want("a group comes into the scope", membership("all", "group:everybody@example.com"), "sweep")
	if s, err := w.store.Sources(t.Context()); err != nil || s.Groups != nil || s.NewGroups != 1 {
		t.Errorf("it is still taken as known: %+v, %v", s, err)
	}
	w.want("a change in it before the sweep", membership("everybody", "user:cleo@example.com"), "cleo")
	w.want("another one comes meanwhile", admin("ADD_GROUP_MEMBER", "GROUP_EMAIL", "all@example.com", "USER_EMAIL", "big@example.com"), "sweep")
	if s, err := w.store.Sources(t.Context()); err != nil || s.NewGroups != 2 {
		t.Errorf("the sweep under way may take itself for whole: %+v, %v", s, err)
	}
	w.know(w.group("all"), w.group("eng"))
	w.edit(func(c *provision.Configuration) { c.ScopeSavedAt = w.at })
	w.want("the scope was saved since", membership("big", "user:cleo@example.com"), "cleo")
}
