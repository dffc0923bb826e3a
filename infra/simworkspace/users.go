package simworkspace

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func (w *Workspace) listUsers(r *http.Request) (object, error) {
	q := r.URL.Query()
	p, err := parseProjection(q.Get("projection"), q.Get("customFieldMask"))
	if err != nil {
		return nil, err
	}
	domain := strings.ToLower(q.Get("domain"))
	switch {
	case domain != "" && !w.hasDomain(domain):
		return nil, &apiError{http.StatusNotFound, "notFound", "Domain not found."}
	case domain == "" && q.Get("customer") == "":
		return nil, &apiError{http.StatusBadRequest, "badRequest", "Bad Request"}
	case domain == "":
		if err := w.checkCustomer(q.Get("customer")); err != nil {
			return nil, err
		}
	}
	match, err := parseUserQuery(q.Get("query"))
	if err != nil {
		return nil, err
	}
	deleted := q.Get("showDeleted") == "true"
	users := w.byEmail
	if deleted {
		users = w.restorable()
	}
	hidden := w.faults.hidden()
	if domain != "" || match != nil || len(hidden) > 0 {
		users = slices.DeleteFunc(slices.Clone(users), func(u *user) bool {
			return domain != "" && !strings.HasSuffix(u.email, "@"+domain) ||
				match != nil && !match(w, u) ||
				slices.Contains(hidden, u.id) || slices.Contains(hidden, u.email)
		})
	}
	key, err := userOrder(q.Get("orderBy"))
	if err != nil {
		return nil, err
	}
	l := listing{size: 100, most: 500, descending: q.Get("sortOrder") == "DESCENDING"}
	if q.Get("orderBy") != "" && q.Get("orderBy") != "email" || l.descending {
		users = slices.SortedFunc(slices.Values(users), func(a, b *user) int {
			if l.descending {
				a, b = b, a
			}
			return strings.Compare(key(a), key(b))
		})
	}
	part, next, err := pageOf(q, l, users, key)
	if err != nil {
		return nil, err
	}
	list := make([]object, len(part))
	for i, u := range part {
		if deleted {
			list[i] = renderDeleted(u)
		} else {
			list[i] = w.render(u, p)
		}
	}
	answer := object{{"kind", "admin#directory#users"}, {"etag", etag("users", w.revision)}}
	if deleted || !w.faults.dropUsersKey() {
		answer = answer.with("users", list)
	}
	return answer.with("nextPageToken", next), nil
}

// userOrder gives the key that a listing is ordered by; it is different for every user.
func userOrder(by string) (func(*user) string, error) {
	switch by {
	case "", "email":
		return func(u *user) string { return u.email }, nil
	case "givenName":
		return func(u *user) string { return strings.ToLower(u.name.GivenName) + "\x00" + u.email }, nil
	case "familyName":
		return func(u *user) string { return strings.ToLower(u.name.FamilyName) + "\x00" + u.email }, nil
	}
	return nil, invalid("orderBy")
}

// restorable are the users deleted lately, by address and id: an address can have been deleted twice.
func (w *Workspace) restorable() []*user {
	var out []*user
	for _, u := range w.deleted {
		if w.clock().Sub(u.deletedAt) < restoreWindow {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b *user) int {
		if c := strings.Compare(a.email, b.email); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}

func (w *Workspace) getUser(r *http.Request) (object, error) {
	q := r.URL.Query()
	p, err := parseProjection(q.Get("projection"), q.Get("customFieldMask"))
	if err != nil {
		return nil, err
	}
	key := r.PathValue("userKey")
	u, err := w.userByKey(key)
	id := key
	if err == nil {
		id = u.id
	}
	if former, ok := w.before[id]; ok && w.now().Sub(former.at) < w.faults.staleFor() {
		u, err = former.user, nil
		if u == nil {
			err = notFound("userKey")
		}
	}
	if err != nil {
		return nil, err
	}
	missing := w.faults.missingKeys()
	return slices.DeleteFunc(w.render(u, p), func(f field) bool { return slices.Contains(missing, f.key) }), nil
}

func (w *Workspace) insertUser(r *http.Request) (object, error) {
	var change userChange
	if err := body(r, &change); err != nil {
		return nil, err
	}
	if value(change.PrimaryEmail) == "" || change.Name == nil || change.Name.GivenName == "" || change.Name.FamilyName == "" {
		return nil, invalid("primaryEmail and name are required")
	}
	u := &user{id: w.digits(), unitID: w.rootID, createdAt: w.clock()}
	if err := w.apply(u, change); err != nil {
		return nil, err
	}
	w.put(u)
	w.notify("add", u)
	w.record("CREATE_USER", "USER_SETTINGS", "USER_EMAIL", u.email)
	return w.render(u, projection{all: true}), nil
}

func (w *Workspace) updateUser(r *http.Request) (object, error) {
	old, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	var change userChange
	if err := body(r, &change); err != nil {
		return nil, err
	}
	u := old.clone()
	if err := w.apply(u, change); err != nil {
		return nil, err
	}
	w.put(u)
	w.notify("update", u)
	w.recordChange(old, u)
	return w.render(u, projection{all: true}), nil
}

func (w *Workspace) deleteUser(r *http.Request) (object, error) {
	u, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	w.remove(u)
	w.notify("delete", u)
	w.record("DELETE_USER", "USER_SETTINGS", "USER_EMAIL", u.email)
	return nil, nil
}

// remove deletes a present user. Memberships stay and are hidden, since a restored user has them again.
func (w *Workspace) remove(u *user) {
	w.before[u.id] = formerUser{user: u, at: w.now()}
	w.unlist(u)
	delete(w.users, u.id)
	gone := u.clone()
	gone.deletedAt = w.clock()
	gone.revision = w.nextRevision()
	w.deleted[u.id] = gone
	w.forgetDerived()
}

func (w *Workspace) undeleteUser(r *http.Request) (object, error) {
	var request struct {
		OrgUnitPath string `json:"orgUnitPath"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	gone, ok := w.deleted[r.PathValue("userKey")] // by id only
	if !ok || w.clock().Sub(gone.deletedAt) >= restoreWindow {
		return nil, notFound("userKey")
	}
	for _, address := range append([]string{gone.email}, gone.aliases...) {
		if w.addresses[address] != "" {
			return nil, precondition("The address has been given to someone else.")
		}
	}
	u := gone.clone()
	u.deletedAt = time.Time{}
	if err := w.place(u, request.OrgUnitPath); err != nil {
		return nil, err
	}
	delete(w.deleted, u.id)
	w.put(u)
	w.forgetDerived()
	w.notify("undelete", u)
	w.record("UNDELETE_USER", "USER_SETTINGS", "USER_EMAIL", u.email)
	return nil, nil
}

// place puts a user into an org unit; an empty path leaves them where they
// are, or moves them to the root when that unit has gone.
func (w *Workspace) place(u *user, path string) error {
	if path == "" {
		if w.units[u.unitID] == nil {
			u.unitID = w.rootID
		}
		return nil
	}
	at := w.unitByKey(path)
	if at == nil {
		return invalid("INVALID_OU_ID")
	}
	u.unitID = at.id
	return nil
}

func (w *Workspace) makeAdmin(r *http.Request) (object, error) {
	old, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	var request struct {
		Status bool `json:"status"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	u := old.clone()
	u.admin = request.Status
	w.put(u)
	w.notify("makeAdmin", u)
	event := "REVOKE_ADMIN_PRIVILEGE"
	if u.admin {
		event = "GRANT_ADMIN_PRIVILEGE"
	}
	w.record(event, "USER_SETTINGS", "USER_EMAIL", u.email)
	return nil, nil
}

func (w *Workspace) listAliases(r *http.Request) (object, error) {
	u, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	var list []object
	for _, alias := range u.aliases {
		list = append(list, renderAlias(u, alias))
	}
	return object{{"kind", "admin#directory#aliases"}, {"etag", etag(u.id, u.revision)}}.with("aliases", list), nil
}

func renderAlias(u *user, alias string) object {
	return object{{"kind", "admin#directory#alias"}, {"id", u.id}, {"etag", etag(u.id, u.revision)},
		{"primaryEmail", u.email}, {"alias", alias}}
}

func (w *Workspace) insertAlias(r *http.Request) (object, error) {
	old, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	var request struct {
		Alias string `json:"alias"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	alias := strings.ToLower(request.Alias)
	if err := w.checkAddress(alias, ""); err != nil {
		return nil, err
	}
	u := old.clone()
	u.aliases = append(u.aliases, alias)
	w.put(u)
	return renderAlias(u, alias), nil
}

func (w *Workspace) deleteAlias(r *http.Request) (object, error) {
	old, err := w.userByKey(r.PathValue("userKey"))
	if err != nil {
		return nil, err
	}
	u := old.clone()
	alias := strings.ToLower(r.PathValue("alias"))
	u.aliases = slices.DeleteFunc(u.aliases, func(a string) bool { return a == alias })
	if len(u.aliases) == len(old.aliases) {
		return nil, notFound("alias")
	}
	w.put(u)
	return nil, nil
}
