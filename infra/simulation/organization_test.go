package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// unit is an org unit. One that is gone never comes back: made anew, it has another id.
type unit struct {
	id, path, parent string
	gone             bool
}

// group is a group of the directory.
type group struct {
	id, email string
	members   map[string]bool // of people's ids
	// inner is a group within it; nil for none.
	inner *group
	// everyone says that the customer as a whole is a member.
	everyone bool
	gone     bool
	// replaced says that another group has its address, so that it never comes back.
	replaced bool
	// hidden says that the directory does not let us read who is in it (403).
	hidden bool
	// before is what a stale read says of it until staleUntil.
	before     *group
	staleUntil time.Time
}

// group is the last group that has or had an address.
func (c *company) group(email string) *group {
	for _, g := range slices.Backward(c.groups) {
		if g.email == email {
			return g
		}
	}
	return nil
}

// present finds a group by id or address.
func (c *company) present(key string) *group {
	for _, g := range c.groups {
		if !g.gone && (g.id == key || g.email == key) {
			return g
		}
	}
	return nil
}

// seen is the group as a read at this moment says, which may be stale.
func (g *group) seen() *group {
	if g.before != nil && time.Now().Before(g.staleUntil) {
		return g.before
	}
	return g
}

// membership is whether somebody is in a group that is there: out counts only
// where nothing within the group is hidden.
func (g *group) membership(userID string) verdict {
	switch {
	case g.members[userID] || g.everyone:
		return in
	case g.inner == nil || g.inner.gone:
		return out
	case g.inner.hidden:
		return unknown
	}
	return g.inner.membership(userID)
}

// seenUnits is the tree as a read at this moment says, which may be stale.
func (c *company) seenUnits() []*unit {
	if time.Now().Before(c.treeStaleUntil) {
		return c.treeBefore
	}
	return c.units
}

// unit is an org unit by id; one that was not made yet counts as gone.
func (c *company) unit(id string) *unit {
	if i := slices.IndexFunc(c.units, func(u *unit) bool { return u.id == id }); i >= 0 {
		return c.units[i]
	}
	return &unit{id: id, gone: true}
}

// pathOf is the path of an org unit by its first path, wherever it is by now;
// empty when it is gone, and was not made anew.
func (c *company) pathOf(first string) string {
	for _, u := range slices.Backward(c.units) {
		if !u.gone && (u.path == first || u.id == "ou-"+strings.ToLower(first[strings.LastIndex(first, "/")+1:])) {
			return u.path
		}
	}
	return ""
}

// form is the tree and the primary domain as they were until a time.
type form struct {
	until   time.Time
	primary string
	units   []*unit
}

// before reports whether somebody, as they are, would have had a verdict with the
// tree and the domains of any time since another: an instance may know those of a
// minute ago, from before they came or moved.
func (w *world) before(p *person, since time.Time, is verdict) bool {
	c := w.company
	defer func(primary string, units []*unit) { c.primary, c.units = primary, units }(c.primary, c.units)
	for _, f := range c.former {
		known := slices.ContainsFunc(f.units, func(u *unit) bool { return u.id == p.unit })
		if c.primary, c.units = f.primary, f.units; known && f.until.After(since) && w.scopeOf(p, w.memory.config.Scope) == is {
			return true
		}
	}
	return false
}

// reorganize changes the tree, and keeps what it was for stale reads.
func (w *world) reorganize(what string, edit func()) {
	var before []*unit
	for _, u := range w.company.units {
		old := *u
		before = append(before, &old)
	}
	w.company.former = append(w.company.former, form{time.Now(), w.company.primary, before})
	edit()
	w.company.treeStaleUntil = time.Time{}
	if w.chance(w.faults.stale) {
		w.company.treeBefore, w.company.treeStaleUntil = before, time.Now().Add(staleFor)
	}
	w.note("company", "%s", what)
	w.turn(false)
}

// regroup changes a group, and keeps what it was for stale reads.
func (w *world) regroup(g *group, what string, edit func()) {
	before := *g
	before.before, before.members = nil, maps.Clone(g.members)
	edit()
	g.before = nil
	if w.chance(w.faults.stale) {
		g.before, g.staleUntil = &before, time.Now().Add(staleFor)
	}
	w.note("company", "%s %s", g.id, what)
	w.turn(false)
}

// below are the units under one, itself not among them.
func (c *company) below(top *unit) (list []*unit) {
	for _, u := range c.units {
		if u.parent == top.id && !u.gone {
			list = append(append(list, u), c.below(u)...)
		}
	}
	return list
}

// put gives a unit a parent and a name, and those below it their paths.
func (c *company) put(u *unit, parent, name string) {
	old := u.path
	u.parent, u.path = parent, strings.TrimSuffix(c.unit(parent).path, "/")+"/"+name
	for _, b := range c.below(u) {
		b.path = u.path + strings.TrimPrefix(b.path, old)
	}
}

// taken reports whether a unit of a path is there.
func (c *company) taken(path string) bool {
	return slices.ContainsFunc(c.units, func(u *unit) bool { return !u.gone && u.path == path })
}

// pickUnit is an org unit other than the root; nil when it is gone.
func (c *company) pickUnit(n uint64) *unit {
	if u := c.units[1+n%uint64(len(c.units)-1)]; !u.gone {
		return u
	}
	return nil
}

// organizationKinds is what happens to org units, groups and domains.
var organizationKinds = []kind{
	{"group member", 8, func(w *world, n uint64) {
		g, p := w.company.group([]string{staffGroup, accessGroup, innerGroup}[n/100%3]), w.pick(n)
		name := "ADD_GROUP_MEMBER"
		if g.members[p.id] {
			name = "REMOVE_GROUP_MEMBER"
		}
		w.regroup(g, fmt.Sprintf("%s: %t", p.id, !g.members[p.id]), func() {
			if g.members[p.id] {
				delete(g.members, p.id)
			} else {
				g.members[p.id] = true
			}
		})
		w.audit(name, map[string]string{"USER_EMAIL": p.email, "GROUP_EMAIL": g.email})
	}},
	{"group goes or comes back", 1, func(w *world, n uint64) {
		g := w.company.group([]string{staffGroup, accessGroup, innerGroup}[n%3])
		w.regroup(g, fmt.Sprintf("gone: %t", !g.gone), func() { g.gone = !g.gone })
	}},
	{"group made anew", 1, func(w *world, n uint64) {
		old := w.company.group([]string{staffGroup, accessGroup}[n%2])
		w.regroup(old, "gone for good", func() { old.gone, old.replaced = true, true })
		anew := &group{id: fmt.Sprint("g-new", len(w.company.groups)), email: old.email, members: map[string]bool{}}
		for i, id := range old.sorted() {
			if uint64(i)%3 != n/10%3 {
				anew.members[id] = true
			}
		}
		w.company.groups = append(w.company.groups, anew)
		w.regroup(anew, "made as "+anew.email, func() {})
	}},
	{"group nested", 2, func(w *world, n uint64) {
		g := w.company.group([]string{staffGroup, accessGroup}[n%2])
		w.regroup(g, "holds another group or not", func() {
			if g.inner != nil {
				g.inner = nil
			} else {
				g.inner = w.company.group(innerGroup)
			}
		})
	}},
	{"group hidden", 2, func(w *world, _ uint64) {
		g := w.company.group(innerGroup)
		w.regroup(g, fmt.Sprintf("hidden: %t", !g.hidden), func() { g.hidden = !g.hidden })
	}},
	{"group of everybody", 1, func(w *world, n uint64) {
		g := w.company.group([]string{staffGroup, accessGroup, innerGroup}[n%3])
		w.regroup(g, "holds everybody or not", func() { g.everyone = !g.everyone })
	}},
	{"org unit renamed", 1, func(w *world, n uint64) {
		if u := w.company.pickUnit(n); u != nil {
			w.reorganize(u.id+" renamed", func() { w.company.put(u, u.parent, fmt.Sprint("Unit", n%100000)) })
		}
	}},
	{"org unit moved", 1, func(w *world, n uint64) {
		u := w.company.pickUnit(n)
		to := w.company.units[n/100%uint64(len(w.company.units))]
		if u == nil || to.gone || to == u || slices.Contains(w.company.below(u), to) {
			return
		}
		name := u.path[strings.LastIndex(u.path, "/")+1:]
		if !w.company.taken(strings.TrimSuffix(to.path, "/") + "/" + name) {
			w.reorganize(u.id+" moved to "+to.path, func() { w.company.put(u, to.id, name) })
		}
	}},
	{"org unit made", 1, func(w *world, n uint64) {
		path := []string{"/Ops", "/Eng", "/Sales/East", "/New"}[n%4]
		parent := w.company.pathOf("/Sales")
		if path == "/Sales/East" && parent != "/Sales" || w.company.taken(path) {
			return
		}
		u := &unit{id: fmt.Sprint("ou-new", len(w.company.units)), path: path, parent: "ou-root"}
		if path == "/Sales/East" {
			u.parent = w.company.units[slices.IndexFunc(w.company.units, func(u *unit) bool { return !u.gone && u.path == "/Sales" })].id
		}
		w.reorganize(u.id+" made as "+path, func() { w.company.units = append(w.company.units, u) })
	}},
	{"org unit deleted", 1, func(w *world, n uint64) {
		u := w.company.pickUnit(n)
		if u == nil || len(w.company.below(u)) > 0 {
			return
		}
		for _, p := range w.company.people { // only an empty one can be deleted
			if p.unit == u.id && !p.deleted {
				w.change(p, "moved out of "+u.path, func(p *person) { p.unit = u.parent })
			}
		}
		w.run(time.Now().Add(time.Minute)) // in which they are where they were moved to, and it is there still
		w.reorganize(u.id+" deleted", func() { u.gone = true })
	}},
	{"primary domain", 1, func(w *world, _ uint64) {
		other := map[string]string{primaryDomain: secondDomain, secondDomain: primaryDomain}[w.company.primary]
		w.reorganize("the primary domain is "+other, func() { w.company.primary = other })
	}},
	{"another customer", 1, func(w *world, n uint64) {
		if w.editing == 0 { // what an administrator saves then is of that customer
			w.foreign = append(w.foreign, stretch{time.Now(), time.Now().Add(time.Duration(1+n%48) * time.Hour)})
			w.note("company", "the credentials are another customer's until %s", stamp(w.foreign[len(w.foreign)-1].to))
		}
	}},
}

func (g *group) sorted() []string { return slices.Sorted(maps.Keys(g.members)) }
