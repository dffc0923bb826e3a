package simworkspace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Company is what Seed makes.
type Company struct {
	// Domains besides the primary one.
	Domains []string
	// OrgUnits are paths, parents before children.
	OrgUnits []string
	Schemas  []Schema
	People   []Person
	// Groups come with inner groups before those that hold them.
	Groups []Group
}

// Schema is a custom schema, in the API's own shape.
type Schema struct {
	Name   string        `json:"schemaName"`
	Label  string        `json:"displayName"`
	Fields []SchemaField `json:"fields"`
}

// SchemaField is one field of a Schema.
type SchemaField struct {
	Name        string `json:"fieldName"`
	Label       string `json:"displayName"`
	Type        string `json:"fieldType"`
	MultiValued bool   `json:"multiValued"`
}

// Person is one user. Everything but Email, GivenName and FamilyName may be empty.
type Person struct {
	Email      string // without a domain: in the primary one
	GivenName  string
	FamilyName string
	OrgUnit    string
	Title      string
	Department string
	Location   string
	Phone      string
	EmployeeID string
	Manager    string // an address
	Admin      bool
	Level      string // Employment.level
	StartDate  string // Employment.startDate
	// SuspendedFor, ArchivedFor and DeletedFor are how long ago; 0 for not.
	SuspendedFor time.Duration
	ArchivedFor  time.Duration
	DeletedFor   time.Duration
}

// Group is one group. Members are addresses of people and of groups;
// "everyone" is the customer as a whole. Without a domain they are in the primary one.
type Group struct {
	Email   string
	Name    string
	Members []string
}

// Seed adds a company. It is meant for a new Workspace, sends no
// notifications, and panics when the company refers to what is not there,
// since that is a mistake in the program.
func (w *Workspace) Seed(c Company) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range c.Domains {
		w.domains = append(w.domains, domain{name: name, created: w.clock()})
	}
	for _, path := range c.OrgUnits {
		at := strings.LastIndexByte(path, '/')
		w.addUnit(path[at+1:], "", w.mustUnit(path[:at]))
	}
	for _, s := range c.Schemas {
		w.addSchema(s)
	}
	for _, p := range c.People {
		w.hire(p)
	}
	for _, g := range c.Groups {
		added := w.addGroup(w.address(g.Email), g.Name, "")
		for _, key := range g.Members {
			w.addMember(added, w.mustMember(key))
		}
	}
	clear(w.before)
}

// address completes an address without a domain.
func (w *Workspace) address(email string) string {
	if strings.Contains(email, "@") {
		return strings.ToLower(email)
	}
	return strings.ToLower(email) + "@" + w.domains[0].name
}

func (w *Workspace) mustUnit(path string) *unit {
	u := w.unitByKey(path)
	if u == nil {
		panic("simworkspace: no org unit " + path)
	}
	return u
}

func (w *Workspace) mustMember(key string) member {
	if key == "everyone" {
		return member{id: w.customerID, kind: memberCustomer, role: "MEMBER"}
	}
	id := w.addresses[w.address(key)]
	switch {
	case w.users[id] != nil:
		return member{id: id, kind: memberUser, role: "MEMBER"}
	case w.groups[id] != nil:
		return member{id: id, kind: memberGroup, role: "MEMBER"}
	}
	panic("simworkspace: no member " + key)
}

func (w *Workspace) hire(p Person) {
	now := w.clock()
	u := &user{
		id: w.digits(), email: w.address(p.Email), unitID: w.mustUnit(cmp.Or(p.OrgUnit, "/")).id,
		name:  userName{GivenName: p.GivenName, FamilyName: p.FamilyName},
		admin: p.Admin, createdAt: w.created.AddDate(-1, 0, 0),
		suspended: p.SuspendedFor > 0, suspendedAt: now.Add(-p.SuspendedFor),
		archived: p.ArchivedFor > 0, archivedAt: now.Add(-p.ArchivedFor),
		attributes: map[string]json.RawMessage{},
	}
	list := func(key string, entry map[string]any) { u.attributes[key] = mustJSON([]any{entry}) }
	if p.Title != "" {
		list("organizations", map[string]any{"title": p.Title, "department": p.Department, "location": p.Location,
			"costCenter": p.Department, "primary": true, "customType": ""})
	}
	if p.Phone != "" {
		list("phones", map[string]any{"value": p.Phone, "type": "work"})
	}
	if p.EmployeeID != "" {
		list("externalIds", map[string]any{"value": p.EmployeeID, "type": "organization"})
	}
	if p.Manager != "" {
		list("relations", map[string]any{"value": w.address(p.Manager), "type": "manager"})
	}
	if p.Location != "" {
		list("addresses", map[string]any{"type": "work", "locality": p.Location, "formatted": p.Location})
	}
	if p.Level != "" {
		u.customFields = map[string]map[string]json.RawMessage{
			"Employment": {"level": mustJSON(p.Level), "startDate": mustJSON(p.StartDate)},
		}
	}
	w.put(u)
	if p.DeletedFor > 0 {
		w.remove(u)
		w.deleted[u.id].deletedAt = now.Add(-p.DeletedFor)
	}
}

func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("simworkspace: " + err.Error())
	}
	return data
}

// Populate adds n people in the root org unit and one group that holds all of
// them, and returns the group's address. It is for measuring, so the people
// share what they can.
func (w *Workspace) Populate(n int) (groupEmail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	titles := []string{"Recruiter", "Engineer", "Designer", "Analyst", "Account Manager"}
	organizations := make([]map[string]json.RawMessage, len(titles))
	for i, title := range titles {
		organizations[i] = map[string]json.RawMessage{"organizations": mustJSON([]any{map[string]any{"title": title, "primary": true}})}
	}
	given, family := givenNames(), familyNames()
	g := w.addGroup(w.address(fmt.Sprintf("all-%d", n)), "Everybody", "")
	g.members = make([]member, n)
	added := make([]*user, n)
	now := w.clock()
	for i := range n {
		u := &user{
			id: w.digits(), email: w.address(fmt.Sprintf("user-%06d", i)), unitID: w.rootID, createdAt: now,
			name:       userName{GivenName: given[i%len(given)], FamilyName: family[i/len(given)%len(family)]},
			attributes: organizations[i%len(organizations)], revision: w.nextRevision(),
		}
		added[i] = u
		w.users[u.id] = u
		w.addresses[u.email] = u.id
		g.members[i] = member{id: u.id, kind: memberUser, role: "MEMBER"}
	}
	slices.SortFunc(g.members, func(a, b member) int { return strings.Compare(a.id, b.id) })
	w.byEmail = append(w.byEmail, added...)
	slices.SortFunc(w.byEmail, func(a, b *user) int { return strings.Compare(a.email, b.email) })
	w.forgetDerived()
	return g.email
}
