package audit

import (
	"context"
	"slices"
	"strings"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// groups does what follows from an event about a group or a member of one, if
// the group bears on the scope: a company has many that do not, and whoever may
// make groups could ask for as many looks as they like.
func (r reading) groups(ctx context.Context, action Action, e Event) error {
	if concerns, err := r.concerns(ctx, e.Group); err != nil || !concerns {
		return err
	}
	switch {
	case action == LookAtMember && e.Member != "" && e.MemberKind != "group":
		return r.member(ctx, e)
	case action == LookAtMember && e.Member != "":
		return r.nested(ctx, e.Member)
	case action == LookAtGroup && e.Group != "":
		return r.group(ctx, e.Group)
	}
	return r.readAnew(ctx)
}

// concerns reports whether what happens in a group can bear on somebody's scope.
// It can when that is not known.
func (r reading) concerns(ctx context.Context, address string) (bool, error) {
	known, err := r.known(ctx)
	if err != nil || known == nil || address == "" {
		return true, err
	}
	if known.Holds(address) {
		return true, nil
	}
	g, err := r.Directory.Group(ctx, address) // its address may be new
	if notOurs(err) {
		return false, nil
	}
	return known.Holds(g.ID), err
}

// known are the groups that bear on the present scope; nil when they are not known.
func (r reading) known(ctx context.Context) (*provision.ScopeGroups, error) {
	s, err := r.Store.Sources(ctx)
	if err != nil || s.Groups == nil || !s.Groups.ScopeSavedAt.Equal(r.c.ScopeSavedAt) {
		return nil, err
	}
	return s.Groups, nil
}

// nested looks at everybody in a group that came into one of the scope or left
// it. One that was not known to be there has come, perhaps with others in it.
func (r reading) nested(ctx context.Context, address string) error {
	g, err := r.find(ctx, address)
	if err != nil || g == nil {
		return err
	}
	switch known, err := r.known(ctx); {
	case err != nil:
		return err
	case known == nil: // a sweep under way may have read the scope before it came
		if err := r.unknow(ctx); err != nil {
			return err
		}
	case !known.Holds(g.ID):
		if err := r.readAnew(ctx); err != nil {
			return err
		}
	}
	return r.everybody(ctx, g.ID)
}

// readAnew leaves it to a sweep who is in the scope, and which groups count.
func (r reading) readAnew(ctx context.Context) error {
	if err := r.unknow(ctx); err != nil {
		return err
	}
	return r.sweep(ctx)
}

// unknow forgets which groups bear on the scope until a sweep has read them that
// begins after this: a change in one that has just come into the scope may be
// told before any sweep has seen it there.
func (r reading) unknow(ctx context.Context) error {
	_, err := state.EditSources(ctx, r.Store, func(s *provision.Sources) ([]provision.Event, error) {
		s.Groups, s.NewGroups = nil, s.NewGroups+1
		return nil, nil
	})
	return err
}

// group looks at everybody in a group.
func (r reading) group(ctx context.Context, address string) error {
	g, err := r.find(ctx, address)
	if err != nil || g == nil {
		return err
	}
	return r.everybody(ctx, g.ID)
}

// find reads a group. Nil for somebody from outside, and for a group that is
// gone, of which its deletion told; a configured one is left to a sweep.
func (r reading) find(ctx context.Context, address string) (*directory.Group, error) {
	switch g, err := r.Directory.Group(ctx, address); {
	case notOurs(err) && r.configured(address):
		return nil, r.sweep(ctx)
	case notOurs(err):
		return nil, nil
	default:
		return &g, err
	}
}

// everybody looks at the members of a group, one page of them at most: for more
// a sweep costs the directory less. What cannot be decided about a group is left
// to the sweep too.
func (r reading) everybody(ctx context.Context, groupID string) error {
	page, err := r.Directory.ListMembers(ctx, groupID, "")
	switch {
	case fault.Is(err, fault.Incomplete, fault.NotFound), err == nil && (page.Everyone || page.Next != ""):
		return r.sweep(ctx)
	case err != nil:
		return err
	}
	return r.look(ctx, page.UserIDs)
}

// notOurs reports whether the directory has nobody of an address. It forbids
// reading people of other companies, who may be members of groups.
func notOurs(err error) bool { return fault.Is(err, fault.NotFound, fault.Invalid, fault.Forbidden) }

func (r reading) configured(address string) bool {
	return slices.ContainsFunc(slices.Concat(r.c.Scope.Groups, r.c.Scope.AccessGroups),
		func(g provision.GroupRef) bool { return strings.EqualFold(g.Email, address) })
}
