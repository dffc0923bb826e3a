package simworkspace

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// PersonView is a person as they are, seen from inside: faults hide nothing.
type PersonView struct {
	ID, Email             string
	GivenName, FamilyName string
	Title, OrgUnit        string
	Suspended, Archived   bool
	// DeletedAt is zero for who is present.
	DeletedAt time.Time
	// Groups are the addresses of those that they are a direct member of.
	Groups []string
}

// People are those who are present and those who can still be restored, by
// family name.
func (w *Workspace) People() []PersonView {
	w.mu.RLock()
	defer w.mu.RUnlock()
	groups := map[string][]string{}
	for _, g := range w.groups {
		for _, m := range g.members {
			groups[m.id] = append(groups[m.id], g.email)
		}
	}
	var list []PersonView
	for _, u := range slices.Concat(w.byEmail, w.restorable()) {
		slices.Sort(groups[u.id])
		list = append(list, PersonView{ID: u.id, Email: u.email, GivenName: u.name.GivenName, FamilyName: u.name.FamilyName,
			Title: u.title(), OrgUnit: w.units[u.unitID].pathOr(""), Suspended: u.suspended, Archived: u.archived,
			DeletedAt: u.deletedAt, Groups: groups[u.id]})
	}
	slices.SortStableFunc(list, func(a, b PersonView) int {
		return cmp.Or(strings.Compare(a.FamilyName, b.FamilyName), strings.Compare(a.GivenName, b.GivenName), strings.Compare(a.ID, b.ID))
	})
	return list
}

// title is of the primary organization, or of the first.
func (u *user) title() string {
	var list []struct {
		Title   string `json:"title"`
		Primary bool   `json:"primary"`
	}
	if json.Unmarshal(u.attributes["organizations"], &list) != nil || len(list) == 0 {
		return ""
	}
	for _, o := range list {
		if o.Primary {
			return o.Title
		}
	}
	return list[0].Title
}

// OrgUnits are the paths of all org units, in order.
func (w *Workspace) OrgUnits() []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var paths []string
	for _, u := range w.units {
		paths = append(paths, u.path)
	}
	slices.Sort(paths)
	return paths
}

// GroupView is a group by its address, and its name.
type GroupView struct{ Email, Name string }

// GroupList is all groups, by address.
func (w *Workspace) GroupList() []GroupView {
	w.mu.RLock()
	defer w.mu.RUnlock()
	groups := slices.SortedFunc(maps.Values(w.groups), func(a, b *group) int { return strings.Compare(a.email, b.email) })
	list := make([]GroupView, len(groups))
	for i, g := range groups {
		list[i] = GroupView{g.email, g.name}
	}
	return list
}

// Domain is the primary domain.
func (w *Workspace) Domain() string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.domains[0].name
}
