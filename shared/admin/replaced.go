package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.com/autoprovision/shared/provision"
)

// maxChanges bounds what one event says of an edit, in bytes.
const maxChanges = 600

// replaced says what an edit replaced by what, for the log; empty for nothing
// that is in a section.
func (s *Service) replaced(before, after provision.Configuration) string {
	list := s.Changes(before, after)
	if len(list) == 0 {
		return ""
	}
	text := ": " + strings.Join(list, "; ")
	if len(text) > maxChanges {
		text = strings.ToValidUTF8(text[:maxChanges], "") + " …"
	}
	return text
}

// Changes says what an edit replaces by what, each in the words that the log has for it.
func (s *Service) Changes(before, after provision.Configuration) (list []string) {
	add := func(name, was, is string) {
		if was != is {
			list = append(list, name+": "+was+" → "+is)
		}
	}
	old, _ := before.Policy()
	policy, _ := after.Policy()
	for _, row := range []struct {
		name provision.ConditionName
		when string
	}{{provision.ConditionAppOff, "when " + s.Profile.Name + " is turned off for a user"}, {provision.ConditionSuspended, "when a user is suspended"},
		{provision.ConditionDeleted, "when a user is deleted"}, {provision.ConditionArchived, "when a user is archived"}} {
		was, is := old.For(row.name), policy.For(row.name)
		add(row.when+", suspend", was.SuspendAfter.Words(), is.SuspendAfter.Words())
		add(row.when+", hard delete", was.DeleteAfter.Words(), is.DeleteAfter.Words())
	}
	if (old.Archived == nil) != (policy.Archived == nil) {
		add("also suspend or hard delete archived people", yes(old.Archived != nil), yes(policy.Archived != nil))
	}
	if before.Scope != nil && after.Scope != nil {
		list = append(list, differ("org units", units(*before.Scope), units(*after.Scope))...)
		list = append(list, differ("access groups", addresses(before.Scope.AccessGroups), addresses(after.Scope.AccessGroups))...)
		list = append(list, differ("groups", addresses(before.Scope.Groups), addresses(after.Scope.Groups))...)
		list = append(list, differ("domains", before.Scope.Domains, after.Scope.Domains)...)
	}
	list = append(list, differ("attributes", s.mapped(before), s.mapped(after))...)
	list = append(list, differ("protected people", ProtectedOf(before), ProtectedOf(after))...)
	add("limit, share of the accounts", fmt.Sprintf("%g %%", 100*before.Guard.MaxShare), fmt.Sprintf("%g %%", 100*after.Guard.MaxShare))
	add("limit, people", fmt.Sprint(before.Guard.MinUsers), fmt.Sprint(after.Guard.MinUsers))
	add("hard deletes supported", yes(before.Connection.HardDelete), yes(after.Connection.HardDelete))
	return list
}

// differ says what was added to a list, and what was taken out.
func differ(name string, was, is []string) (list []string) {
	for _, s := range is {
		if !slices.Contains(was, s) {
			list = append(list, name+": added "+s)
		}
	}
	for _, s := range was {
		if !slices.Contains(is, s) {
			list = append(list, name+": removed "+s)
		}
	}
	return list
}

func units(s provision.Scope) (list []string) {
	for _, o := range s.OrgUnits {
		state := " (off)"
		if o.On {
			state = " (on)"
		}
		list = append(list, o.Path+state)
	}
	return list
}

// mapped are the mapped attributes by their names on the page, each with its source.
func (s *Service) mapped(c provision.Configuration) (list []string) {
	labels := map[string]string{}
	for _, a := range s.Profile.Attributes {
		labels[a.Path] = a.Label
	}
	for _, m := range c.Mapping {
		list = append(list, cmp.Or(labels[m.App], m.App)+" from "+cmp.Or(m.Expression, m.Directory))
	}
	return list
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
