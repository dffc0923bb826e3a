package simworkspace

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// memberID finds the id behind an id or address of a user or group; empty for none.
func (w *Workspace) memberID(key string) string {
	if strings.Contains(key, "@") {
		return w.addresses[strings.ToLower(key)]
	}
	return key
}

// shows reports whether a member is to be seen: those who are deleted are not, until restored.
func (w *Workspace) shows(m member) bool {
	_, gone := w.deleted[m.id]
	return !gone
}

// direct are a group's own members. It makes a copy only when somebody is hidden.
func (w *Workspace) direct(g *group) []member {
	for _, m := range g.members {
		if !w.shows(m) {
			return slices.DeleteFunc(slices.Clone(g.members), func(m member) bool { return !w.shows(m) })
		}
	}
	return g.members
}

// nested are a group's members with those of the groups within it, by id; a cycle ends.
func (w *Workspace) nested(g *group) []member {
	w.derivedMu.Lock()
	defer w.derivedMu.Unlock()
	if known, ok := w.derived[g.id]; ok {
		return known
	}
	var all []member
	seen := map[string]bool{}
	for queue := []*group{g}; len(queue) > 0; queue = queue[1:] {
		for _, m := range w.direct(queue[0]) {
			if seen[m.id] {
				continue
			}
			seen[m.id] = true
			all = append(all, m)
			if inner := w.groups[m.id]; inner != nil {
				queue = append(queue, inner)
			}
		}
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.id, b.id) })
	w.derived[g.id] = all
	return all
}

func (w *Workspace) forgetDerived() {
	w.derivedMu.Lock()
	defer w.derivedMu.Unlock()
	clear(w.derived)
}

func (w *Workspace) renderMember(m member) object {
	email, status := m.email, ""
	if u := w.users[m.id]; u != nil {
		email, status = u.email, "ACTIVE"
		if u.suspended {
			status = "SUSPENDED"
		}
	} else if g := w.groups[m.id]; g != nil {
		email, status = g.email, "ACTIVE"
	}
	return object{{"kind", "admin#directory#member"}, {"etag", etag(m.id, 0)}, {"id", m.id}}.
		with("email", email).with("role", m.role).with("type", m.kind).with("status", status)
}

func (w *Workspace) listMembers(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	members := w.direct(g)
	if q.Get("includeDerivedMembership") == "true" {
		members = w.nested(g)
	}
	if roles := q.Get("roles"); roles != "" {
		wanted := strings.Split(roles, ",")
		members = slices.DeleteFunc(slices.Clone(members), func(m member) bool { return !slices.Contains(wanted, m.role) })
	}
	part, next, err := pageOf(q, listing{size: 200, most: 200}, members, func(m member) string { return m.id })
	if err != nil {
		return nil, err
	}
	answer := object{{"kind", "admin#directory#members"}, {"etag", etag(g.id, w.revision)}}
	if w.faults.emptied(g) {
		return answer, nil
	}
	var list []object
	for _, m := range part {
		list = append(list, w.renderMember(m))
	}
	return answer.with("members", list).with("nextPageToken", next), nil
}

func (w *Workspace) getMember(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	at, ok := g.find(w.memberID(r.PathValue("memberKey")))
	if !ok || !w.shows(g.members[at]) {
		return nil, notFound("memberKey")
	}
	return w.renderMember(g.members[at]), nil
}

func (w *Workspace) insertMember(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	var request struct {
		ID    string `json:"id"`
		Email string `json:"email"`
		Role  string `json:"role"`
		Type  string `json:"type"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	m := member{id: w.memberID(cmp.Or(request.ID, request.Email)), kind: memberUser, role: cmp.Or(request.Role, "MEMBER")}
	switch {
	case request.Type == memberCustomer || m.id == w.customerID:
		m.id, m.kind = w.customerID, memberCustomer
	case w.users[m.id] != nil:
	case w.groups[m.id] != nil:
		m.kind = memberGroup
		if m.id == g.id || slices.ContainsFunc(w.nested(w.groups[m.id]), func(n member) bool { return n.id == g.id }) {
			return nil, precondition("Cyclic memberships not allowed.")
		}
	case strings.Contains(request.Email, "@"): // somebody from outside
		m.id, m.email = w.digits(), strings.ToLower(request.Email)
		if slices.ContainsFunc(g.members, func(other member) bool { return other.email == m.email }) {
			return nil, duplicate("Member already exists.")
		}
	default:
		return nil, notFound("memberKey")
	}
	if !w.addMember(g, m) {
		return nil, duplicate("Member already exists.")
	}
	w.recordMember("ADD_GROUP_MEMBER", "ADD", g, m)
	return w.renderMember(m), nil
}

// addMember reports whether the member is new.
func (w *Workspace) addMember(g *group, m member) bool {
	at, exists := g.find(m.id)
	if exists {
		return false
	}
	g.members = slices.Insert(g.members, at, m)
	g.revision = w.nextRevision()
	w.forgetDerived()
	return true
}

func (w *Workspace) deleteMember(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	key := r.PathValue("memberKey")
	at, ok := g.find(w.memberID(key))
	if !ok {
		at = slices.IndexFunc(g.members, func(m member) bool { return m.email != "" && strings.EqualFold(m.email, key) })
	}
	if at < 0 || at >= len(g.members) || !ok && g.members[at].email == "" {
		return nil, notFound("memberKey")
	}
	w.recordMember("REMOVE_GROUP_MEMBER", "REMOVE", g, g.members[at])
	g.members = slices.Delete(g.members, at, at+1)
	g.revision = w.nextRevision()
	w.forgetDerived()
	return nil, nil
}

// hasMember answers for users. Like Google's it can't look into nested groups
// across domains. Whether a group with the whole customer in it has a user as
// a member is not documented; the answer here is the one that clients fare worse with: no.
func (w *Workspace) hasMember(r *http.Request) (object, error) {
	g, err := w.groupByKey(r.PathValue("groupKey"))
	if err != nil {
		return nil, err
	}
	u, err := w.userByKey(r.PathValue("memberKey"))
	if err != nil {
		return nil, notFound("memberKey")
	}
	if w.faults.emptied(g) {
		return object{{"isMember", false}}, nil
	}
	if _, direct := g.find(u.id); direct {
		return object{{"isMember", true}}, nil
	}
	_, userDomain, _ := strings.Cut(u.email, "@")
	holdsGroups := slices.ContainsFunc(g.members, func(m member) bool { return m.kind == memberGroup })
	if holdsGroups && !strings.HasSuffix(g.email, "@"+userDomain) {
		return nil, invalid("memberKey")
	}
	_, found := slices.BinarySearchFunc(w.nested(g), u.id, func(m member, id string) int { return strings.Compare(m.id, id) })
	return object{{"isMember", found}}, nil
}
