package simworkspace

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// user is one person; a change makes a new one.
type user struct {
	id           string
	email        string // lower case, like all addresses here
	name         userName
	unitID       string
	suspended    bool
	suspendedAt  time.Time
	archived     bool
	archivedAt   time.Time
	admin        bool
	createdAt    time.Time
	deletedAt    time.Time
	aliases      []string
	emails       []json.RawMessage // besides the primary address and aliases
	attributes   map[string]json.RawMessage
	customFields map[string]map[string]json.RawMessage // by schema and field
	revision     int64
}

type userName struct {
	GivenName   string `json:"givenName"`
	FamilyName  string `json:"familyName"`
	DisplayName string `json:"displayName"`
}

func (n userName) full() string { return strings.TrimSpace(n.GivenName + " " + n.FamilyName) }

// formerUser is a user as they were before their last change, for stale reads.
type formerUser struct {
	user *user // nil when there was none
	at   time.Time
}

// plainAttributes are kept and given back as they come.
func plainAttributes() []string {
	return []string{"addresses", "externalIds", "gender", "ims", "keywords", "languages", "locations", "notes",
		"organizations", "phones", "posixAccounts", "recoveryEmail", "recoveryPhone", "relations", "websites",
		"changePasswordAtNextLogin", "includeInGlobalAddressList", "ipWhitelisted"}
}

func (u *user) clone() *user {
	out := *u
	out.aliases = slices.Clone(u.aliases)
	out.attributes = maps.Clone(u.attributes)
	out.customFields = make(map[string]map[string]json.RawMessage, len(u.customFields))
	for name, fields := range u.customFields {
		out.customFields[name] = maps.Clone(fields)
	}
	return &out
}

// projection says which custom fields an answer has.
type projection struct {
	all     bool
	schemas []string
}

func (p projection) has(schema string) bool { return p.all || slices.Contains(p.schemas, schema) }

func parseProjection(kind, customFieldMask string) (projection, error) {
	switch kind {
	case "", "basic":
		return projection{}, nil
	case "full":
		return projection{all: true}, nil
	case "custom":
		if customFieldMask != "" {
			return projection{schemas: strings.Split(customFieldMask, ",")}, nil
		}
	}
	return projection{}, invalid("projection")
}

// render is a present user as the Directory API shows them.
func (w *Workspace) render(u *user, p projection) object {
	o := object{
		{"kind", "admin#directory#user"},
		{"id", u.id},
		{"etag", etag(u.id, u.revision)},
		{"primaryEmail", u.email},
		{"name", object{{"givenName", u.name.GivenName}, {"familyName", u.name.FamilyName}, {"fullName", u.name.full()}}.
			with("displayName", u.name.DisplayName)},
		{"isAdmin", u.admin},
		{"isDelegatedAdmin", false},
		{"lastLoginTime", "1970-01-01T00:00:00.000Z"}, // never
		{"creationTime", stamp(u.createdAt)},
		{"agreedToTerms", true},
		{"suspended", u.suspended},
	}
	if u.suspended {
		o = append(o, field{"suspensionReason", "ADMIN"}, field{"suspensionTime", stamp(u.suspendedAt)})
	}
	o = append(o, field{"archived", u.archived})
	if u.archived {
		o = append(o, field{"archivalTime", stamp(u.archivedAt)})
	}
	emails := []object{{{"address", u.email}, {"primary", true}}}
	for _, alias := range u.aliases {
		emails = append(emails, object{{"address", alias}})
	}
	if len(u.emails) == 0 {
		o = append(o, field{"emails", emails})
	} else {
		o = append(o, field{"emails", joinEmails(emails, u.emails)})
	}
	for _, key := range plainAttributes() {
		o = o.with(key, u.attributes[key])
	}
	o = o.with("aliases", u.aliases)
	if custom := u.renderCustom(p); len(custom) > 0 {
		o = append(o, field{"customSchemas", custom})
	}
	return append(o,
		field{"customerId", w.customerID},
		field{"orgUnitPath", w.units[u.unitID].path},
		field{"isMailboxSetup", true},
		field{"isEnrolledIn2Sv", false},
		field{"isEnforcedIn2Sv", false},
	)
}

func joinEmails(own []object, others []json.RawMessage) json.RawMessage {
	data, err := mask(nil).appendJSON(nil, own)
	if err != nil {
		return nil
	}
	data = data[:len(data)-1]
	for _, other := range others {
		data = append(append(data, ','), other...)
	}
	return append(data, ']')
}

func (u *user) renderCustom(p projection) object {
	var out object
	for _, name := range slices.Sorted(maps.Keys(u.customFields)) {
		if !p.has(name) {
			continue
		}
		var fields object
		for _, key := range slices.Sorted(maps.Keys(u.customFields[name])) {
			fields = fields.with(key, u.customFields[name][key])
		}
		if len(fields) > 0 {
			out = append(out, field{name, fields})
		}
	}
	return out
}

// renderDeleted is an entry of the listing of deleted users, which Google's guide shows with little in it.
func renderDeleted(u *user) object {
	return object{
		{"kind", "admin#directory#user"},
		{"id", u.id},
		{"etag", etag(u.id, u.revision)},
		{"primaryEmail", u.email},
		{"deletionTime", stamp(u.deletedAt)},
	}
}

// userByKey finds a present user by id, primary address or alias.
func (w *Workspace) userByKey(key string) (*user, error) {
	id := key
	if strings.Contains(key, "@") {
		id = w.addresses[strings.ToLower(key)]
	}
	if u, ok := w.users[id]; ok {
		return u, nil
	}
	return nil, notFound("userKey")
}

// put stores a new state of a user, present or new, and the order of addresses.
func (w *Workspace) put(u *user) {
	old := w.users[u.id]
	w.before[u.id] = formerUser{user: old, at: w.now()}
	if old != nil {
		w.unlist(old)
	}
	u.revision = w.nextRevision()
	w.list(u)
}

// list adds a present user to the listing and takes the addresses.
func (w *Workspace) list(u *user) {
	w.users[u.id] = u
	at, _ := slices.BinarySearchFunc(w.byEmail, u.email, compareEmail)
	w.byEmail = slices.Insert(w.byEmail, at, u)
	w.addresses[u.email] = u.id
	for _, alias := range u.aliases {
		w.addresses[alias] = u.id
	}
}

// unlist takes a present user out of the listing and frees the addresses.
func (w *Workspace) unlist(u *user) {
	at, found := slices.BinarySearchFunc(w.byEmail, u.email, compareEmail)
	if found {
		w.byEmail = slices.Delete(w.byEmail, at, at+1)
	}
	delete(w.addresses, u.email)
	for _, alias := range u.aliases {
		delete(w.addresses, alias)
	}
}

func compareEmail(u *user, email string) int { return strings.Compare(u.email, email) }
