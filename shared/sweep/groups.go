package sweep

import (
	"context"
	"slices"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// mostGroups bounds how many groups are kept as those that bear on the scope.
// Where there are more a change in any group is taken to concern somebody.
const mostGroups = 2000

// keepGroups stores which groups bear on the scope, as soon as they are read,
// unless one seemed to be new among them since before: newGroups is how often
// that had happened then.
func (v *survey) keepGroups(ctx context.Context, newGroups int) error {
	configured := slices.Concat(v.c.Scope.Groups, v.c.Scope.AccessGroups)
	if len(configured) == 0 {
		return nil
	}
	select {
	case <-v.scoped:
	case <-ctx.Done():
		return nil // whatever failed says so
	}
	known := v.scopeGroups(configured)
	_, err := state.EditSources(ctx, v.Store, func(s *provision.Sources) ([]provision.Event, error) {
		if s.NewGroups != newGroups || same(s.Groups, known) {
			return nil, state.ErrUnchanged
		}
		s.Groups = known
		return nil, nil
	})
	return err
}

// scopeGroups are the groups that were read, and those that are configured and
// no more: one of their name may come again. Nil for too many.
func (v *survey) scopeGroups(configured []provision.GroupRef) *provision.ScopeGroups {
	groups := v.members.Groups()
	for _, g := range configured {
		if v.lost[g.ID] != nil {
			groups = append(groups, g)
		}
	}
	if len(groups) > mostGroups {
		return nil
	}
	return &provision.ScopeGroups{ScopeSavedAt: v.c.ScopeSavedAt, Groups: groups}
}

func same(a, b *provision.ScopeGroups) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ScopeSavedAt.Equal(b.ScopeSavedAt) && slices.Equal(a.Groups, b.Groups)
}
