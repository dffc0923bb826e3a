package simworkspace

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type unit struct {
	id          string
	name        string
	description string
	parentID    string // empty for the root
	path        string // derived; see rebuildPaths
	revision    int64
}

// unitByKey finds an org unit by path, with or without the leading slash, or by id; nil for none.
func (w *Workspace) unitByKey(key string) *unit {
	if u, ok := w.units[key]; ok {
		return u
	}
	path := "/" + strings.Trim(key, "/")
	for _, u := range w.units {
		if strings.EqualFold(u.path, path) {
			return u
		}
	}
	return nil
}

// rebuildPaths derives every path anew, after a unit was added, renamed or moved.
func (w *Workspace) rebuildPaths() {
	var derive func(u *unit) string
	derive = func(u *unit) string {
		if u.id == w.rootID {
			return "/"
		}
		return strings.TrimSuffix(derive(w.units[u.parentID]), "/") + "/" + u.name
	}
	for _, u := range w.units {
		u.path = derive(u)
	}
}

func (w *Workspace) renderUnit(u *unit) object {
	o := object{
		{"kind", "admin#directory#orgUnit"},
		{"etag", etag(u.id, u.revision)},
		{"name", cmp.Or(u.name, "/")},
		{"description", u.description},
		{"orgUnitPath", u.path},
		{"orgUnitId", u.id},
	}
	if parent := w.units[u.parentID]; parent != nil {
		o = append(o, field{"parentOrgUnitPath", parent.path}, field{"parentOrgUnitId", parent.id})
	}
	return o
}

func (w *Workspace) listUnits(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	top := w.units[w.rootID]
	if key := q.Get("orgUnitPath"); key != "" {
		if top = w.unitByKey(key); top == nil {
			return nil, notFound("orgUnit")
		}
	}
	kind := cmp.Or(q.Get("type"), "children")
	if !slices.Contains([]string{"all", "children", "allIncludingParent"}, kind) {
		return nil, invalid("type")
	}
	units := slices.SortedFunc(maps.Values(w.units), func(a, b *unit) int { return strings.Compare(a.path, b.path) })
	var list []object
	for _, u := range units {
		switch {
		case u == top && kind == "allIncludingParent",
			u != top && kind != "children" && w.below(u, top),
			u.parentID == top.id && kind == "children":
			list = append(list, w.renderUnit(u))
		}
	}
	return object{{"kind", "admin#directory#orgUnits"}, {"etag", etag("orgUnits", w.revision)}}.
		with("organizationUnits", list), nil
}

// below reports whether u is top or anywhere below it.
func (w *Workspace) below(u, top *unit) bool {
	for ; u != nil; u = w.units[u.parentID] {
		if u == top {
			return true
		}
	}
	return false
}

func (w *Workspace) unitOf(r *http.Request) (*unit, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	u := w.unitByKey(r.PathValue("unit"))
	if u == nil {
		return nil, notFound("orgUnit")
	}
	return u, nil
}

func (w *Workspace) getUnit(r *http.Request) (object, error) {
	u, err := w.unitOf(r)
	if err != nil {
		return nil, err
	}
	return w.renderUnit(u), nil
}

type unitChange struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	ParentPath  *string `json:"parentOrgUnitPath"`
	ParentID    *string `json:"parentOrgUnitId"`
}

// parent is the unit that the change names; nil when it names none.
func (w *Workspace) parent(c unitChange) (*unit, error) {
	key := cmp.Or(value(c.ParentID), value(c.ParentPath))
	if key == "" {
		return nil, nil
	}
	u := w.unitByKey(key)
	if u == nil {
		return nil, invalid("Invalid Parent Orgunit Id")
	}
	return u, nil
}

func (w *Workspace) insertUnit(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var c unitChange
	if err := body(r, &c); err != nil {
		return nil, err
	}
	parent, err := w.parent(c)
	if err != nil {
		return nil, err
	}
	if parent == nil || value(c.Name) == "" {
		return nil, invalid("name and parentOrgUnitPath are required")
	}
	if err := w.checkUnit(nil, *c.Name, parent); err != nil {
		return nil, err
	}
	u := w.addUnit(*c.Name, value(c.Description), parent)
	w.record("CREATE_ORG_UNIT", "ORG_SETTINGS", "ORG_UNIT_NAME", u.path)
	return w.renderUnit(u), nil
}

func (w *Workspace) addUnit(name, description string, parent *unit) *unit {
	u := &unit{id: "id:03" + w.letters(13), name: name, description: description, parentID: parent.id, revision: w.nextRevision()}
	w.units[u.id] = u
	w.rebuildPaths()
	return u
}

// checkUnit refuses a name that another child of the parent has, and a parent below the unit itself.
func (w *Workspace) checkUnit(u *unit, name string, parent *unit) error {
	if strings.Contains(name, "/") {
		return invalid("Invalid Ou Name")
	}
	if u != nil && w.below(parent, u) {
		return invalid("Invalid Parent Orgunit Id")
	}
	for _, other := range w.units {
		if other != u && other.parentID == parent.id && strings.EqualFold(other.name, name) {
			return duplicate("Invalid Ou Id: an org unit of this name exists")
		}
	}
	return nil
}

func (w *Workspace) updateUnit(r *http.Request) (object, error) {
	u, err := w.unitOf(r)
	if err != nil {
		return nil, err
	}
	var c unitChange
	if err := body(r, &c); err != nil {
		return nil, err
	}
	if u.id == w.rootID {
		return nil, invalid("the root org unit")
	}
	parent, err := w.parent(c)
	if err != nil {
		return nil, err
	}
	if parent == nil {
		parent = w.units[u.parentID]
	}
	name := cmp.Or(value(c.Name), u.name)
	if err := w.checkUnit(u, name, parent); err != nil {
		return nil, err
	}
	if name != u.name {
		w.record("EDIT_ORG_UNIT_NAME", "ORG_SETTINGS", "ORG_UNIT_NAME", u.path, "NEW_VALUE", name)
	}
	if parent.id != u.parentID {
		w.record("MOVE_ORG_UNIT", "ORG_SETTINGS", "ORG_UNIT_NAME", u.path, "NEW_VALUE", parent.path)
	}
	u.name, u.parentID = name, parent.id
	if c.Description != nil {
		u.description = *c.Description
	}
	u.revision = w.nextRevision()
	w.rebuildPaths()
	return w.renderUnit(u), nil
}

func (w *Workspace) deleteUnit(r *http.Request) (object, error) {
	u, err := w.unitOf(r)
	if err != nil {
		return nil, err
	}
	if u.id == w.rootID {
		return nil, invalid("the root org unit")
	}
	for _, other := range w.units {
		if other.parentID == u.id {
			return nil, precondition("The org unit has org units in it.")
		}
	}
	for _, person := range w.users {
		if person.unitID == u.id {
			return nil, precondition("The org unit has users in it.")
		}
	}
	w.record("REMOVE_ORG_UNIT", "ORG_SETTINGS", "ORG_UNIT_NAME", u.path)
	delete(w.units, u.id)
	w.nextRevision()
	return nil, nil
}
