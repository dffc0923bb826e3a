package admin_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

// renaming is a directory whose org unit /Off and group g@example.com have other
// names by now; the group's old address is its alias, or nobody's.
type renaming struct {
	directory.Organization
	alias bool
}

func (renaming) OrgUnits(context.Context) ([]directory.OrgUnit, error) {
	return []directory.OrgUnit{{ID: "root", Path: "/"}, {ID: "off", Path: "/Away", ParentID: "root"}}, nil
}

func (r renaming) Group(_ context.Context, key string) (directory.Group, error) {
	if key == "g" || key == "new@example.com" || r.alias && key == "g@example.com" {
		return directory.Group{ID: "g", Email: "new@example.com"}, nil
	}
	return directory.Group{}, fault.New(fault.NotFound, "test: group", "no such group")
}

// TestRenamed: the scope keeps org units and groups by their ids, so that what it
// named them when they were chosen still means them, and changes nothing (R1).
func TestRenamed(t *testing.T) {
	t.Parallel()
	for _, alias := range []bool{false, true} {
		o := newOffice(t)
		o.Directory().Group("g", o.Directory().Hire(0))
		scope := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}, {Path: "/Off"}},
			AccessGroups: []string{"g@example.com"}, Groups: []string{"g@example.com"}}
		must(t, o.Put(t.Context(), admin.Proposal{Scope: &scope}, ""))
		before := o.Configuration()
		o.Service.Directory = dir{Users: o.Process().Users, Organization: renaming{o.Process().Organization, alias}}
		exported := admin.ScopeOf(*before.Scope)
		must(t, o.Put(t.Context(), admin.Proposal{Scope: &exported}, ""))
		if diff := cmp.Diff(before, o.Configuration()); diff != "" {
			t.Errorf("alias %t: the scope as it was read changes something:\n%s", alias, diff)
		}
		now := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/Away"}}, Groups: []string{"new@example.com"}}
		must(t, o.Put(t.Context(), admin.Proposal{Scope: &now}, ""))
		got := o.Configuration().Scope
		if got.OrgUnits[0].ID != "off" || got.OrgUnits[0].Path != "/Away" || got.Groups[0].ID != "g" || got.Groups[0].Email != "new@example.com" {
			t.Errorf("alias %t: by the names of now: %+v", alias, got)
		}
		twice := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/Away"}, {Path: "/Off"}}, Groups: []string{"new@example.com", "none@example.com"}}
		if diff := cmp.Diff([]string{"orgUnits[1].path", "groups[1]"}, fields(o.Put(t.Context(), admin.Proposal{Scope: &twice}, ""))); diff != "" {
			t.Errorf("alias %t: names that the scope does not know (-want +got):\n%s", alias, diff)
		}
	}
}
