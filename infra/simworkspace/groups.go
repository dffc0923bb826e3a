package simworkspace

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type group struct {
	id          string
	email       string
	name        string
	description string
	members     []member // by id
	revision    int64
}

// Member types of the Directory API.
const (
	memberUser     = "USER"
	memberGroup    = "GROUP"
	memberCustomer = "CUSTOMER"
)

// member is somebody in a group; people from outside are users too.
type member struct {
	id    string
	kind  string
	role  string
	email string // of people from outside only; others are looked up
}

func (g *group) find(id string) (at int, ok bool) {
	return slices.BinarySearchFunc(g.members, id, func(m member, id string) int { return strings.Compare(m.id, id) })
}

func (w *Workspace) groupByKey(key string) (*group, error) {
	id := key
	if strings.Contains(key, "@") {
		id = w.addresses[strings.ToLower(key)]
	}
	if g, ok := w.groups[id]; ok {
		return g, nil
	}
	return nil, notFound("groupKey")
}

func (w *Workspace) renderGroup(g *group) object {
	return object{
		{"kind", "admin#directory#group"},
		{"id", g.id},
		{"etag", etag(g.id, g.revision)},
		{"email", g.email},
		{"name", g.name},
		{"directMembersCount", w.faults.memberCount(g, strconv.Itoa(len(w.direct(g))))},
		{"description", g.description},
		{"adminCreated", true},
	}
}

func (w *Workspace) listGroups(r *http.Request) (object, error) {
	q := r.URL.Query()
	match, err := parseGroupQuery(q.Get("query"))
	if err != nil {
		return nil, err
	}
	domain, memberKey := strings.ToLower(q.Get("domain")), q.Get("userKey")
	switch {
	case memberKey != "" && q.Get("customer") != "", memberKey == "" && domain == "" && q.Get("customer") == "":
		return nil, &apiError{http.StatusBadRequest, "badRequest", "Bad Request"}
	case q.Get("customer") != "":
		if err := w.checkCustomer(q.Get("customer")); err != nil {
			return nil, err
		}
	}
	memberID := w.memberID(memberKey)
	var groups []*group
	for g := range maps.Values(w.groups) {
		_, direct := g.find(memberID)
		if (domain == "" || strings.HasSuffix(g.email, "@"+domain)) &&
			(memberKey == "" || direct) && (match == nil || match(w, g)) {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(a.email, b.email) })
	part, next, err := pageOf(q, listing{size: 200, most: 200}, groups, func(g *group) string { return g.email })
	if err != nil {
		return nil, err
	}
	var list []object
	for _, g := range part {
		list = append(list, w.renderGroup(g))
	}
	return object{{"kind", "admin#directory#groups"}, {"etag", etag("groups", w.revision)}}.
		with("groups", list).with("nextPageToken", next), nil
}

func (w *Workspace) getGroup(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	return w.renderGroup(g), nil
}

type groupChange struct {
	Email       *string `json:"email"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

func (w *Workspace) insertGroup(r *http.Request) (object, error) {
	var c groupChange
	if err := body(r, &c); err != nil {
		return nil, err
	}
	email := strings.ToLower(value(c.Email))
	if err := w.checkAddress(email, ""); err != nil {
		return nil, err
	}
	g := w.addGroup(email, value(c.Name), value(c.Description))
	w.record("CREATE_GROUP", "GROUP_SETTINGS", "GROUP_EMAIL", email)
	return w.renderGroup(g), nil
}

func (w *Workspace) addGroup(email, name, description string) *group {
	local, _, _ := strings.Cut(email, "@")
	g := &group{id: "0" + w.letters(14), email: email, name: cmp.Or(name, local), description: description, revision: w.nextRevision()}
	w.groups[g.id] = g
	w.addresses[email] = g.id
	return g
}

func (w *Workspace) updateGroup(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	var c groupChange
	if err := body(r, &c); err != nil {
		return nil, err
	}
	if email := strings.ToLower(value(c.Email)); email != "" && email != g.email {
		if err := w.checkAddress(email, g.id); err != nil {
			return nil, err
		}
		delete(w.addresses, g.email)
		w.addresses[email] = g.id
		g.email = email
	}
	if c.Name != nil {
		g.name = *c.Name
	}
	if c.Description != nil {
		g.description = *c.Description
	}
	g.revision = w.nextRevision()
	return w.renderGroup(g), nil
}

func (w *Workspace) deleteGroup(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	w.record("DELETE_GROUP", "GROUP_SETTINGS", "GROUP_EMAIL", g.email)
	delete(w.groups, g.id)
	delete(w.addresses, g.email)
	for _, other := range w.groups {
		if at, ok := other.find(g.id); ok {
			other.members = slices.Delete(other.members, at, at+1)
		}
	}
	w.nextRevision()
	w.forgetDerived()
	return nil, nil
}
