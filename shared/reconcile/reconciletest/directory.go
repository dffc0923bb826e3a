package reconciletest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// The company's names.
const (
	Domain   = "example.com"
	Customer = "C1"
)

// Directory is a directory in memory.
type Directory struct {
	mu sync.Mutex
	*customer
	home, other *customer
	page        int
	counts      map[string]int
	// fail is the error of every call of a kind, by its name; nil for none.
	fail map[string]error
}

// customer is what a directory holds of one customer.
type customer struct {
	people  map[string]provision.User
	deleted map[string]provision.User
	groups  map[string]map[string]bool
	hidden  map[string]bool // groups that hold one which may not be read
	domain  string
}

func newCustomer(domain string) *customer {
	return &customer{people: map[string]provision.User{}, deleted: map[string]provision.User{}, groups: map[string]map[string]bool{},
		hidden: map[string]bool{}, domain: domain}
}

func newDirectory() *Directory {
	d := &Directory{home: newCustomer(Domain), other: newCustomer("other.example"), page: 500, counts: map[string]int{}, fail: map[string]error{}}
	d.customer = d.home
	stranger := provision.User{ID: "199999999999999", Email: "stranger@other.example", Lifecycle: provision.Active, OrgUnitPath: "/", CustomerID: "C2"}
	d.other.people[stranger.ID] = stranger
	return d
}

// Swap makes the directory answer for another customer, or for the company again.
func (d *Directory) Swap() {
	d.locked(func() {
		if d.customer == d.home {
			d.customer = d.other
		} else {
			d.customer = d.home
		}
	})
}

func (d *Directory) locked(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
}

// ID is the directory id of the n-th person.
func ID(n int) string { return fmt.Sprintf("1%014d", n) }

// Email is the address of the n-th person.
func Email(n int) string { return fmt.Sprintf("user%d@%s", n, Domain) }

// Hire adds the n-th person, active in the root org unit, and returns their id.
func (d *Directory) Hire(n int) string {
	id := ID(n)
	d.Change(id, func(u *provision.User) {
		*u = provision.User{ID: id, Email: Email(n), Lifecycle: provision.Active, OrgUnitPath: "/", CustomerID: Customer,
			Resource: json.RawMessage(`{"title":"worker"}`)}
	})
	return id
}

// HireMany adds so many people and returns their ids.
func (d *Directory) HireMany(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = d.Hire(i)
	}
	return ids
}

// Change changes one person.
func (d *Directory) Change(id string, change func(*provision.User)) {
	d.locked(func() {
		u := d.people[id]
		change(&u)
		d.people[id] = u
	})
}

// Title changes a person's title.
func (d *Directory) Title(id, title string) {
	d.Change(id, func(u *provision.User) { u.Resource, _ = json.Marshal(map[string]string{"title": title}) })
}

// Suspend suspends somebody at a time.
func (d *Directory) Suspend(id string, at time.Time) {
	d.Change(id, func(u *provision.User) { u.Lifecycle, u.Since = provision.Suspended, at })
}

// Restore ends a suspension.
func (d *Directory) Restore(id string) {
	d.Change(id, func(u *provision.User) { u.Lifecycle, u.Since = provision.Active, time.Time{} })
}

// Delete deletes somebody; listed is true while the directory lists them as deleted.
func (d *Directory) Delete(id string, at time.Time, listed bool) {
	d.locked(func() {
		u, present := d.people[id]
		if !present {
			u = d.deleted[id]
		}
		delete(d.people, id)
		delete(d.deleted, id)
		if listed {
			u.Lifecycle, u.Since = provision.Deleted, at
			d.deleted[id] = u
		}
	})
}

// Group sets the members of a group, by its id.
func (d *Directory) Group(id string, members ...string) {
	d.locked(func() {
		d.groups[id] = map[string]bool{}
		for _, m := range members {
			d.groups[id][m] = true
		}
	})
}

// hiddenGroup may not be read.
var hiddenGroup = provision.GroupRef{ID: "hidden", Email: "hidden@partner.example"}

func hidden() *directory.HiddenGroup {
	return &directory.HiddenGroup{GroupRef: hiddenGroup, Err: fault.New(fault.Forbidden, "directory: members", "not for these credentials")}
}

// Hide puts a group that may not be read into a group, or takes it out again.
func (d *Directory) Hide(id string, is bool) { d.locked(func() { d.hidden[id] = is }) }

// Dissolve removes a group.
func (d *Directory) Dissolve(id string) { d.locked(func() { delete(d.groups, id) }) }

// Move changes the primary domain.
func (d *Directory) Move(domain string) { d.locked(func() { d.domain = domain }) }

// Fail makes every call of a name fail; a nil error ends that.
func (d *Directory) Fail(name string, err error) { d.locked(func() { d.fail[name] = err }) }

// Paged sets how many entries a page of users, or of members, has.
func (d *Directory) Paged(n int) { d.locked(func() { d.page = n }) }

// Count is how many calls of a name there were.
func (d *Directory) Count(name string) (n int) {
	d.locked(func() { n = d.counts[name] })
	return n
}

// enter counts a call of the locked directory.
func (d *Directory) enter(name string) error {
	d.counts[name]++
	return d.fail[name]
}

// wants reports whether the directory says that somebody is active, and in one
// of the groups if there are any.
func (d *Directory) wants(id string, scope *provision.Scope) (wanted bool) {
	d.locked(func() {
		u, present := d.home.people[id]
		wanted = present && u.Lifecycle == provision.Active && u.OrgUnitPath == "/"
		if scope == nil || len(scope.Groups) == 0 {
			return
		}
		member := false
		for _, g := range scope.Groups {
			member = member || d.home.groups[g.ID][id]
		}
		wanted = wanted && member
	})
	return wanted
}

// users is the port directory.Users of one process.
type users struct {
	d *Directory
	p *Process
}

func (s *users) User(_ context.Context, id string) (provision.User, error) {
	return call(s.p, "directory user", func() (u provision.User, err error) {
		s.d.locked(func() {
			if err = s.d.enter("user"); err != nil {
				return
			}
			var present bool
			if u, present = s.d.people[id]; !present {
				err = fault.New(fault.NotFound, "directory: user", "no such user")
			}
		})
		return u, err
	})
}

func (s *users) UserByEmail(_ context.Context, email string) (provision.User, error) {
	return call(s.p, "directory user by email", func() (found provision.User, err error) {
		err = fault.New(fault.NotFound, "directory: user", "no such user")
		s.d.locked(func() {
			for _, u := range s.d.people {
				if strings.EqualFold(u.Email, email) {
					found, err = u, nil
				}
			}
		})
		return found, err
	})
}

func (s *users) ListUsers(_ context.Context, token string) (directory.UserPage, error) {
	return call(s.p, "directory list users", func() (page directory.UserPage, err error) {
		s.d.locked(func() {
			if err = s.d.enter("list"); err == nil {
				page = slice(s.d.people, token, s.d.page)
			}
		})
		return page, err
	})
}

func (s *users) ListDeleted(_ context.Context, token string) (directory.UserPage, error) {
	return call(s.p, "directory list deleted", func() (page directory.UserPage, err error) {
		s.d.locked(func() {
			if err = s.d.enter("deleted"); err == nil {
				page = slice(s.d.deleted, token, s.d.page)
			}
		})
		return page, err
	})
}

// slice is one page of people in the order of their ids, from the id in the token on.
func slice(people map[string]provision.User, token string, size int) directory.UserPage {
	var all []provision.User
	for id, u := range people {
		if id >= token {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b provision.User) int { return cmp.Compare(a.ID, b.ID) })
	if len(all) <= size {
		return directory.UserPage{Users: all}
	}
	return directory.UserPage{Users: all[:size], Next: all[size].ID}
}

// organization is the port directory.Organization of one process.
type organization struct {
	d *Directory
	p *Process
}

func (o *organization) Domains(context.Context) ([]directory.Domain, error) {
	return call(o.p, "directory domains", func() (list []directory.Domain, err error) {
		o.d.locked(func() {
			err = o.d.enter("domains")
			list = []directory.Domain{{Name: o.d.domain, Primary: true}}
			if o.d.domain != Domain {
				list = append(list, directory.Domain{Name: Domain})
			}
		})
		return list, err
	})
}

func (o *organization) OrgUnits(context.Context) ([]directory.OrgUnit, error) {
	return call(o.p, "directory org units", func() (list []directory.OrgUnit, err error) {
		o.d.locked(func() { err = o.d.enter("orgUnits") })
		return []directory.OrgUnit{{ID: "root", Path: "/"}, {ID: "off", Path: "/Off", ParentID: "root"}}, err
	})
}

func (o *organization) Group(_ context.Context, key string) (g directory.Group, err error) {
	o.d.locked(func() {
		id, _, _ := strings.Cut(key, "@")
		if _, exists := o.d.groups[id]; !exists {
			err = fault.New(fault.NotFound, "directory: group", "no such group")
		}
		g = directory.Group{ID: id, Email: id + "@" + Domain, DirectMembers: int64(len(o.d.groups[id]))}
	})
	return g, err
}

func (o *organization) ListMembers(_ context.Context, groupID, token string) (directory.MemberPage, error) {
	return call(o.p, "directory list members", func() (page directory.MemberPage, err error) {
		o.d.locked(func() {
			if err = o.d.enter("members"); err != nil {
				return
			}
			if groupID == hiddenGroup.ID {
				err = hidden().Err
				return
			}
			members, exists := o.d.groups[groupID]
			if !exists {
				err = fault.New(fault.NotFound, "directory: members", "no such group")
			}
			if token == "" && o.d.hidden[groupID] {
				page.Groups = []provision.GroupRef{hiddenGroup}
			}
			for id := range members {
				if id >= token {
					page.UserIDs = append(page.UserIDs, id)
				}
			}
			slices.Sort(page.UserIDs)
			if len(page.UserIDs) > o.d.page {
				page.UserIDs, page.Next = page.UserIDs[:o.d.page], page.UserIDs[o.d.page]
			}
		})
		return page, err
	})
}

func (o *organization) HasMember(_ context.Context, groupID, userID string, _ time.Duration) (bool, error) {
	return call(o.p, "directory has member", func() (in bool, err error) {
		o.d.locked(func() {
			if err = o.d.enter("hasMember"); err != nil {
				return
			}
			members, exists := o.d.groups[groupID]
			if !exists {
				err = fault.New(fault.NotFound, "directory: member", "no such group")
			}
			if in = members[userID]; !in && o.d.hidden[groupID] {
				err = hidden()
			}
		})
		return in, err
	})
}
