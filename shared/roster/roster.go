// Package roster owns the reading of what decides scope: the org unit tree,
// the domains, and who is a member of which group.
//
// It promises that the tree and the domains are at most as old as the caller
// allows, that membership is always read anew, and that what could not be read
// makes the verdict unknown (R13). It never decides and writes nothing.
package roster

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/recent"
	"example.com/autoprovision/shared/scope"
)

// CacheAge is how old the tree and the domains may be for a look that takes
// nothing away.
const CacheAge = 60 * time.Second

// Fresh is how old they may be right before something is taken away: they must
// have been read for this look, or for one at the same moment.
const Fresh = 2 * time.Second

// Roster reads what decides scope. It is safe for concurrent use.
type Roster struct {
	directory    directory.Organization
	now          clock.Real
	organization *recent.Reading[scope.Organization]
}

// New returns a roster over the directory.
func New(d directory.Organization, now clock.Real) *Roster {
	r := &Roster{directory: d, now: now}
	r.organization = recent.New(now, r.read)
	return r
}

// Organization is the org unit tree and the domains, read at most maxAge ago.
func (r *Roster) Organization(ctx context.Context, maxAge time.Duration) (scope.Organization, error) {
	return r.organization.Since(ctx, r.now().Add(-maxAge))
}

func (r *Roster) read(ctx context.Context) (scope.Organization, error) {
	units, err := r.directory.OrgUnits(ctx)
	if err != nil {
		return scope.Organization{}, err
	}
	domains, err := r.directory.Domains(ctx)
	if err != nil {
		return scope.Organization{}, err
	}
	tree := make([]scope.Unit, len(units))
	for i, u := range units {
		tree[i] = scope.Unit{ID: u.ID, Path: u.Path, ParentID: u.ParentID}
	}
	names, primary := make([]string, len(domains)), ""
	for i, d := range domains {
		names[i] = strings.ToLower(d.Name)
		if d.Primary {
			primary = names[i]
		}
	}
	return scope.NewOrganization(tree, names, primary), nil
}

// Verdict is the verdict of R1 on one user, with memberships asked of the
// directory one by one. Whatever cannot be read makes it unknown; the error is
// then the directory's if another try may be answered, which that a group does
// not exist, or may not be read, is not.
func (r *Roster) Verdict(ctx context.Context, s provision.Scope, u provision.User, maxAge time.Duration) (scope.Verdict, error) {
	org, err := r.Organization(ctx, maxAge)
	if err != nil {
		return scope.Verdict{Reasons: []string{"the org units and domains could not be read: " + fault.Words(err)}}, err
	}
	var unread error
	verdict := scope.Evaluate(s, org, u, func(groupID string) (bool, error) {
		in, err := r.directory.HasMember(ctx, groupID, u.ID, maxAge)
		var hidden *directory.HiddenGroup
		if err != nil && !fault.Is(err, fault.NotFound) && !errors.As(err, &hidden) {
			unread = err
		}
		if err != nil { // which becomes a reason
			err = errors.New(fault.Words(err))
		}
		return in, err
	})
	if verdict.Known {
		unread = nil
	}
	return verdict, unread
}

// Members is who is in which of some groups, as far as it has been read. It is
// safe for concurrent use.
type Members struct {
	more chan struct{}

	mu      sync.Mutex
	byGroup map[string]map[string]struct{}
	all     map[string]bool               // groups that hold the customer as a whole
	whole   map[string]bool               // groups that were read to their end
	groups  map[string]provision.GroupRef // those to be read, and all within them
	hidden  map[string]*directory.HiddenGroup
}

// NewMembers returns one that knows nobody yet.
func NewMembers() *Members {
	return &Members{more: make(chan struct{}, 1), byGroup: make(map[string]map[string]struct{}), all: make(map[string]bool),
		whole: make(map[string]bool), groups: make(map[string]provision.GroupRef), hidden: make(map[string]*directory.HiddenGroup)}
}

// More tells that members came and that more are to come.
func (m *Members) More() <-chan struct{} { return m.more }

// Has reports whether a user is in a group, as far as it has been read: a no
// counts only when Read has returned. It is a *directory.HiddenGroup where a no
// is not known then either.
func (m *Members) Has(groupID, userID string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, in := m.byGroup[groupID][userID]; in || m.all[groupID] {
		return true, nil
	}
	if hidden := m.hidden[groupID]; hidden != nil {
		return false, hidden
	}
	return false, nil
}

// Hidden is a group within another that may not be read; nil for none.
func (m *Members) Hidden(groupID string) *directory.HiddenGroup {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hidden[groupID]
}

// Groups are the groups that were read and those within them, by id. It counts
// only when Read has returned.
func (m *Members) Groups() []provision.GroupRef {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.groups), func(a, b provision.GroupRef) int { return strings.Compare(a.ID, b.ID) })
}

// Whole reports whether a group was read to its end.
func (m *Members) Whole(groupID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.whole[groupID]
}

// hide notes that a group within another may not be read.
func (m *Members) hide(groupID string, hidden *directory.HiddenGroup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hidden[groupID] = hidden
}

// add takes over a page of a group's members, or of a group nested in it.
func (m *Members) add(g provision.GroupRef, page directory.MemberPage, last bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byGroup[g.ID] == nil {
		m.byGroup[g.ID] = make(map[string]struct{})
	}
	for _, id := range page.UserIDs {
		m.byGroup[g.ID][id] = struct{}{}
	}
	m.groups[g.ID] = g
	for _, inner := range page.Groups {
		m.groups[inner.ID] = inner
	}
	m.all[g.ID] = m.all[g.ID] || page.Everyone
	m.whole[g.ID] = last
	if !last {
		select {
		case m.more <- struct{}{}:
		default: // the last word of this was not heard yet
		}
	}
}

// MissingGroup is the error for a configured group that no longer exists: a
// fault of configuration, not an empty group (R13).
type MissingGroup struct {
	ID, Email string
	Err       error
}

func (e *MissingGroup) Error() string {
	return "the group " + e.Email + " no longer exists in the directory: edit the scope"
}

func (e *MissingGroup) Unwrap() error { return e.Err }

// groupsAtATime is how many groups are read beside each other: a page of one
// names the next, so that a single one cannot be read faster.
const groupsAtATime = 4

// Read reads the members of groups into m, all pages, without the groups that
// m has whole. The error is a *MissingGroup when one of them does not exist.
func (r *Roster) Read(ctx context.Context, m *Members, groups ...provision.GroupRef) error {
	return r.readGroups(ctx, m, groups, math.MaxInt)
}

// ReadSome is Read for what need not be exact: of each group one page, and its share
// of a number of pages more, one at least. A no of a group that is not whole after it
// is not known.
func (r *Roster) ReadSome(ctx context.Context, m *Members, pages int, groups ...provision.GroupRef) error {
	return r.readGroups(ctx, m, groups, 1+max(pages/max(len(groups), 1), 1))
}

// readGroups reads groups beside each other, at most so many pages of each.
func (r *Roster) readGroups(ctx context.Context, m *Members, groups []provision.GroupRef, pages int) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(groupsAtATime)
	asked := make(map[string]bool, len(groups))
	for _, g := range groups {
		if !asked[g.ID] { // one may be of two kinds
			asked[g.ID] = true
			all.Go(func() error { return r.readGroup(ctx, m, g, pages) })
		}
	}
	return all.Wait()
}

func (r *Roster) readGroup(ctx context.Context, m *Members, g provision.GroupRef, pages int) error {
	if m.Whole(g.ID) {
		return nil
	}
	left, seen := []provision.GroupRef{g}, map[string]bool{g.ID: true} // the group, and those nested in it
	token := ""
	for read := 0; len(left) > 0 && read < pages; read++ {
		page, err := r.directory.ListMembers(ctx, left[0].ID, token)
		nested := left[0].ID != g.ID
		switch {
		case nested && fault.Is(err, fault.NotFound):
			page = directory.MemberPage{} // gone since it was listed: it lets nobody in
		case nested && fault.Is(err, fault.Forbidden):
			page = directory.MemberPage{}
			m.hide(g.ID, &directory.HiddenGroup{GroupRef: left[0], Err: err})
		case fault.Is(err, fault.NotFound):
			return &MissingGroup{ID: g.ID, Email: g.Email, Err: err}
		case err != nil:
			return err
		}
		for _, inner := range page.Groups {
			if !seen[inner.ID] {
				seen[inner.ID] = true
				left = append(left, inner)
			}
		}
		if token = page.Next; token == "" {
			left = left[1:]
		}
		m.add(g, page, len(left) == 0)
	}
	return nil
}
