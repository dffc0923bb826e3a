package simworkspace

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// keptState is everything that outlives the process: all but the push channels,
// the faults and the counters, which end with it.
type keptState struct {
	// Random is the state of the source of ids, so that none comes twice.
	Random     []byte       `json:"random"`
	Revision   int64        `json:"revision"`
	CustomerID string       `json:"customerId"`
	Created    time.Time    `json:"created"`
	Domains    []keptDomain `json:"domains"`
	RootID     string       `json:"rootId"`
	Units      []keptUnit   `json:"units"`
	Schemas    []keptSchema `json:"schemas"`
	Users      []keptUser   `json:"users"`
	Deleted    []keptUser   `json:"deleted"`
	Groups     []keptGroup  `json:"groups"`
}

type keptDomain struct {
	Name    string    `json:"name"`
	Primary bool      `json:"primary"`
	Created time.Time `json:"created"`
}

type keptUnit struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	ParentID    string `json:"parentId"`
	Revision    int64  `json:"revision"`
}

type keptSchema struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Label  string            `json:"label"`
	Fields []keptSchemaField `json:"fields"`
}

type keptSchemaField struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Label       string `json:"label"`
	Kind        string `json:"kind"`
	MultiValued bool   `json:"multiValued"`
}

type keptUser struct {
	ID           string                                `json:"id"`
	Email        string                                `json:"email"`
	Name         userName                              `json:"name"`
	UnitID       string                                `json:"unitId"`
	Suspended    bool                                  `json:"suspended"`
	SuspendedAt  time.Time                             `json:"suspendedAt"`
	Archived     bool                                  `json:"archived"`
	ArchivedAt   time.Time                             `json:"archivedAt"`
	Admin        bool                                  `json:"admin"`
	CreatedAt    time.Time                             `json:"createdAt"`
	DeletedAt    time.Time                             `json:"deletedAt"`
	Aliases      []string                              `json:"aliases"`
	Emails       []json.RawMessage                     `json:"emails"`
	Attributes   map[string]json.RawMessage            `json:"attributes"`
	CustomFields map[string]map[string]json.RawMessage `json:"customFields"`
	Revision     int64                                 `json:"revision"`
}

type keptGroup struct {
	ID          string       `json:"id"`
	Email       string       `json:"email"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Members     []keptMember `json:"members"`
	Revision    int64        `json:"revision"`
}

type keptMember struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Role  string `json:"role"`
	Email string `json:"email"`
}

// State is everything that Restore takes.
func (w *Workspace) State() []byte {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.state()
}

func (w *Workspace) state() []byte {
	random, err := w.source.MarshalBinary()
	if err != nil {
		panic("simworkspace: " + err.Error())
	}
	k := keptState{Random: random, Revision: w.revision, CustomerID: w.customerID, Created: w.created, RootID: w.rootID}
	for _, d := range w.domains {
		k.Domains = append(k.Domains, keptDomain{d.name, d.primary, d.created})
	}
	for _, u := range inOrder(w.units) {
		k.Units = append(k.Units, keptUnit{u.id, u.name, u.description, u.parentID, u.revision})
	}
	for _, s := range w.schemas {
		fields := make([]keptSchemaField, len(s.fields))
		for i, f := range s.fields {
			fields[i] = keptSchemaField{f.id, f.name, f.label, f.kind, f.multiValued}
		}
		k.Schemas = append(k.Schemas, keptSchema{s.id, s.name, s.label, fields})
	}
	for _, u := range inOrder(w.users) {
		k.Users = append(k.Users, u.kept())
	}
	for _, u := range inOrder(w.deleted) {
		k.Deleted = append(k.Deleted, u.kept())
	}
	for _, g := range inOrder(w.groups) {
		members := make([]keptMember, len(g.members))
		for i, m := range g.members {
			members[i] = keptMember{m.id, m.kind, m.role, m.email}
		}
		k.Groups = append(k.Groups, keptGroup{g.id, g.email, g.name, g.description, members, g.revision})
	}
	return mustJSON(k)
}

// inOrder makes the same state the same bytes.
func inOrder[V any](m map[string]V) []V {
	list := make([]V, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}

func (u *user) kept() keptUser {
	return keptUser{u.id, u.email, u.name, u.unitID, u.suspended, u.suspendedAt, u.archived, u.archivedAt, u.admin,
		u.createdAt, u.deletedAt, u.aliases, u.emails, u.attributes, u.customFields, u.revision}
}

func (k keptUser) user() *user {
	return &user{k.ID, k.Email, k.Name, k.UnitID, k.Suspended, k.SuspendedAt, k.Archived, k.ArchivedAt, k.Admin,
		k.CreatedAt, k.DeletedAt, k.Aliases, k.Emails, k.Attributes, k.CustomFields, k.Revision}
}

// Restore makes a new Workspace what State was taken of. After an error the
// Workspace is not to be used.
func (w *Workspace) Restore(state []byte) error {
	var k keptState
	if err := json.Unmarshal(state, &k); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(k.Domains) == 0 || k.CustomerID == "" {
		return fmt.Errorf("there is no customer in it")
	}
	if err := w.source.UnmarshalBinary(k.Random); err != nil {
		return err
	}
	w.rng = rand.New(w.source)
	w.customerID, w.created, w.rootID, w.domains = k.CustomerID, k.Created, k.RootID, nil
	for _, d := range k.Domains {
		w.domains = append(w.domains, domain{d.Name, d.Primary, d.Created})
	}
	if err := w.restoreUnits(k.Units); err != nil {
		return err
	}
	for _, s := range k.Schemas {
		fields := make([]schemaField, len(s.Fields))
		for i, f := range s.Fields {
			fields[i] = schemaField{f.ID, f.Name, f.Label, f.Kind, f.MultiValued}
		}
		w.schemas = append(w.schemas, &schema{s.ID, s.Name, s.Label, fields})
	}
	for _, u := range k.Users {
		if w.units[u.UnitID] == nil {
			return fmt.Errorf("a person is in an org unit that is not there")
		}
		w.list(u.user())
	}
	for _, u := range k.Deleted {
		w.deleted[u.ID] = u.user()
	}
	for _, g := range k.Groups {
		members := make([]member, len(g.Members))
		for i, m := range g.Members {
			members[i] = member{m.ID, m.Kind, m.Role, m.Email}
		}
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.id, b.id) })
		w.groups[g.ID] = &group{g.ID, g.Email, g.Name, g.Description, members, g.Revision}
		w.addresses[g.Email] = g.ID
	}
	w.revision = k.Revision
	return nil
}

func (w *Workspace) restoreUnits(units []keptUnit) error {
	w.units = map[string]*unit{}
	for _, u := range units {
		w.units[u.ID] = &unit{id: u.ID, name: u.Name, description: u.Description, parentID: u.ParentID, revision: u.Revision}
	}
	if w.units[w.rootID] == nil {
		return fmt.Errorf("there is no root org unit in it")
	}
	for _, u := range w.units {
		steps := 0
		for at := u; at.id != w.rootID; steps++ {
			if at = w.units[at.parentID]; at == nil || steps > len(w.units) {
				return fmt.Errorf("an org unit is not below the root")
			}
		}
	}
	w.rebuildPaths()
	return nil
}

// keeping wraps a method that changes something, so that what nobody could
// keep is no success, and what is kept is kept before anybody can see it.
func (w *Workspace) keeping(m method) method {
	return func(r *http.Request) (object, error) {
		answer, err := m(r)
		if err != nil || w.keep == nil {
			return answer, err
		}
		if w.keep(w.state()) != nil {
			return nil, &apiError{http.StatusServiceUnavailable, "backendError", "Backend Error"}
		}
		return answer, nil
	}
}
