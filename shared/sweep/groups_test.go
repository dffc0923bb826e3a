package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/state"
)

// groupsOf are the names of the groups that are stored as those that bear on the scope.
func groupsOf(t *testing.T, store state.Sources) string {
	t.Helper()
	s, err := store.Sources(t.Context())
	must(t, err)
	if s.Groups == nil {
		return "unknown"
	}
	names := make([]string, 0, len(s.Groups.Groups))
	for _, g := range s.Groups.Groups {
		name, _, _ := strings.Cut(g.Email, "@")
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestGroupsOfTheScope: a sweep stores which groups bear on the scope, the
// nested ones and those that are gone too, for exactly this scope.
func TestGroupsOfTheScope(t *testing.T) {
	t.Parallel()
	m := newMissing(t, groupsOnly)
	want := func(what, groups string) {
		t.Helper()
		if got := groupsOf(t, m.system.Store); got != groups {
			t.Errorf("%s: %q, want %q", what, got, groups)
		}
	}
	want("a group within the group", "eng team")
	m.directory("POST", "/groups/team@example.com/members", body{"email": "access@example.com"})
	m.sweep()
	want("three levels down", "access eng inner team")
	stored, err := m.system.Store.Sources(t.Context())
	must(t, err)
	m.sweep()
	if again, err := m.system.Store.Sources(t.Context()); err != nil || again.Version != stored.Version {
		t.Errorf("what has not changed was written again: %v", err)
	}
	m.directory("DELETE", "/groups/eng@example.com", nil)
	m.sweep()
	want("the configured group gone", "eng")
	c, err := m.system.Store.Configuration(t.Context())
	must(t, err)
	if s, err := m.system.Store.Sources(t.Context()); err != nil || !s.Groups.ScopeSavedAt.Equal(c.ScopeSavedAt) || c.ScopeSavedAt.IsZero() {
		t.Errorf("read for the scope of %v, not of %v: %v", s.Groups.ScopeSavedAt, c.ScopeSavedAt, err)
	}
}

// TestGroupThatIsNewMeanwhile: a sweep that may have read a group's members
// before another group came into it does not say that it knows them all.
func TestGroupThatIsNewMeanwhile(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	w.Directory.Group("g", w.Directory.HireMany(3)...)
	w.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
	})
	p := w.Process()
	p.Inject(reconciletest.Fault{})
	p.MeetNamed("directory list members", 1, func() {
		s, err := w.Store.Sources(t.Context())
		must(t, err)
		s.Groups, s.NewGroups = nil, s.NewGroups+1
		_, err = w.Store.PutSources(t.Context(), s)
		must(t, err)
	})
	done(t, w.Sweep())
	if got := groupsOf(t, w.Store); got != "unknown" {
		t.Errorf("the sweep under way says that it knows %q", got)
	}
	done(t, w.Sweep())
	if got := groupsOf(t, w.Store); got != "g" {
		t.Errorf("the next one: %q", got)
	}
}
