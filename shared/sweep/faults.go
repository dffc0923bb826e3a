package sweep

import (
	"context"
	"maps"
	"slices"

	"example.com/autoprovision/shared/provision"
)

// What an administrator does about a fault of configuration.
const (
	editScope   = "Edit the scope: choose what stands in its place, or remove it. Until then it decides nothing."
	openGroup   = "Let the directory's credentials read that group, or take it out of the other one. Until then, nobody loses access because of this group."
	rightSource = "Check with which credentials the directory is read; if it is the right one, save the scope again. Until then nothing is taken away on its word."
)

// faults records faults of configuration that the listing found, for attention (R13).
func (r *run) faults(ctx context.Context, v *survey) error {
	found := r.found(v)
	now := r.Business()
	return r.update(ctx, func(c *provision.Configuration) bool {
		for i := range found {
			found[i].Since = now
			for _, known := range c.Faults {
				if known.Why == found[i].Why {
					found[i].Since = known.Since
				}
			}
		}
		same := slices.EqualFunc(c.Faults, found, func(a, b provision.Attention) bool { return a.Why == b.Why })
		c.Faults = found
		return !same
	})
}

// found lists the faults, always in one order, or every sweep would write them.
func (r *run) found(v *survey) (list []provision.Attention) {
	add := func(why, todo string) {
		if slices.ContainsFunc(list, func(a provision.Attention) bool { return a.Why == why }) {
			return
		}
		list = append(list, provision.Attention{Kind: provision.AttentionConfiguration, UserIDs: []string{}, Why: why, Todo: todo})
	}
	if r.sw.Foreign != "" {
		add(r.sw.Foreign, rightSource)
	}
	for _, why := range v.org.Faults(*r.c.Scope) {
		add(why, editScope)
	}
	for _, id := range slices.Sorted(maps.Keys(v.lost)) {
		add(v.lost[id].Error(), editScope)
	}
	for _, g := range slices.Concat(r.c.Scope.Groups, r.c.Scope.AccessGroups) {
		if hidden := v.members.Hidden(g.ID); hidden != nil {
			add("who is not a member of "+g.Email+" is not known: "+hidden.Error(), openGroup)
		}
	}
	return list
}
