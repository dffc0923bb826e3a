package simulation

import (
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// person is somebody in the directory as they really are.
type person struct {
	id, email, given, family string
	unit                     string
	title                    string // empty for none, which one mapping cannot do without
	suspended, archived      bool
	suspendedAt, deletedAt   time.Time
	deleted                  bool
	// before is what a stale read says of them until staleUntil.
	before     *person
	staleUntil time.Time
	// past is what they were, oldest first; the last one is the present.
	past []segment
}

// company is the directory's truth.
type company struct {
	people []*person // never removed; deleted ones are marked
	units  []*unit
	groups []*group
	hired  int
	// primary is the primary domain, and domains are all of them.
	primary  string
	domains  []string
	customer string
	// treeBefore are the units that a stale read says until treeStaleUntil.
	treeBefore     []*unit
	treeStaleUntil time.Time
	// former are the tree and the primary domain as they were, oldest first.
	former []form
}

const (
	primaryDomain = "example.com"
	secondDomain  = "example.org"
	customerID    = "C01"
	staffGroup    = "staff@example.com"
	accessGroup   = "access@example.com"
	innerGroup    = "inner@example.com"
)

func newCompany(people int) *company {
	c := &company{primary: primaryDomain, domains: []string{primaryDomain, secondDomain}, customer: customerID,
		units: []*unit{{id: "ou-root", path: "/"}, {id: "ou-sales", path: "/Sales", parent: "ou-root"},
			{id: "ou-east", path: "/Sales/East", parent: "ou-sales"}, {id: "ou-eng", path: "/Eng", parent: "ou-root"}, {id: "ou-ops", path: "/Ops", parent: "ou-root"}},
	}
	for _, email := range []string{staffGroup, accessGroup, innerGroup} {
		name, _, _ := strings.Cut(email, "@")
		c.groups = append(c.groups, &group{id: "g-" + name, email: email, members: map[string]bool{}})
	}
	for i := range people {
		p := c.hire(i)
		if i%4 != 0 {
			c.groups[0].members[p.id] = true
		}
		if i%5 == 0 {
			c.groups[1].members[p.id] = true
		}
	}
	return c
}

// hire adds a person; n varies them.
func (c *company) hire(n int) *person {
	c.hired++
	domain := primaryDomain
	if n%10 == 9 {
		domain = secondDomain
	}
	p := &person{id: fmt.Sprintf("10000000000000000%04d", c.hired), email: fmt.Sprintf("p%d@%s", c.hired, domain),
		given: fmt.Sprint("Given", c.hired), family: fmt.Sprint("Family", n%7), unit: c.units[n%len(c.units)].id}
	if n%4 != 3 {
		p.title = fmt.Sprint("Title", n%9)
	}
	c.people = append(c.people, p)
	return p
}

func (c *company) person(id string) *person {
	for _, p := range c.people {
		if p.id == id {
			return p
		}
	}
	return nil
}

// named finds the present person who has an address.
func (c *company) named(email string) *person {
	for _, p := range c.people {
		if !p.deleted && strings.EqualFold(p.email, email) {
			return p
		}
	}
	return nil
}

func (p *person) lifecycle() provision.Lifecycle {
	switch {
	case p.deleted:
		return provision.Deleted
	case p.archived:
		return provision.Archived
	case p.suspended:
		return provision.Suspended
	}
	return provision.Active
}

// user is the person as the directory's port gives them.
func (c *company) user(p *person) provision.User {
	u := provision.User{ID: p.id, Email: p.email, Lifecycle: p.lifecycle(), OrgUnitPath: c.unit(p.unit).path, CustomerID: c.customer,
		Resource: fmt.Appendf(nil, `{"id":%q,"primaryEmail":%q,"name":{"givenName":%q,"familyName":%q},"suspended":%t%s}`,
			p.id, p.email, p.given, p.family, p.suspended, p.titled())}
	switch u.Lifecycle {
	case provision.Suspended:
		u.Since = p.suspendedAt.Add(epoch)
	case provision.Deleted:
		u.Since = p.deletedAt.Add(epoch)
	}
	return u
}

// titled is what the directory sends of a title.
func (p *person) titled() string {
	if p.title == "" {
		return ""
	}
	return fmt.Sprintf(`,"organizations":[{"title":%q}]`, p.title)
}

// change changes a person, and keeps what they were for stale reads.
func (w *world) change(p *person, what string, edit func(*person)) {
	before := *p
	before.before, before.past = nil, nil
	edit(p)
	if w.chance(w.faults.stale) {
		p.before, p.staleUntil = &before, time.Now().Add(staleFor)
	} else {
		p.before = nil
	}
	w.note("company", "%s %s", p.id, what)
	w.stirred[p.id] = time.Now()
	w.turn(false)
	w.notify(p)
	word, _, _ := strings.Cut(what, " ")
	w.audit(auditNames[word], map[string]string{"USER_EMAIL": p.email})
}

// staleFor is how long after a change the directory may answer with the state before it.
const staleFor = 90 * time.Second

// seen is the person as a read by id says at this moment, which may be stale.
func (p *person) seen() *person {
	if p.before != nil && time.Now().Before(p.staleUntil) {
		return p.before
	}
	return p
}
