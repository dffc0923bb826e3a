package admin

import (
	"fmt"
	"slices"
	"strings"

	"example.com/autoprovision/shared/provision"
)

// maxChanges bounds what one event says of an edit, in bytes.
const maxChanges = 600

// changes says what an edit replaced by what, for the log; empty for nothing
// that is in a section.
func changes(before, after provision.Configuration) string {
	var list []string
	add := func(name, was, is string) {
		if was != is {
			list = append(list, name+" "+was+" → "+is)
		}
	}
	old, _ := before.Policy()
	policy, _ := after.Policy()
	for _, name := range []provision.ConditionName{provision.ConditionAppOff, provision.ConditionSuspended, provision.ConditionDeleted, provision.ConditionArchived} {
		was, is := old.For(name), policy.For(name)
		add(string(name)+": suspend", delay(was.SuspendAfter), delay(is.SuspendAfter))
		add(string(name)+": hard delete", delay(was.DeleteAfter), delay(is.DeleteAfter))
	}
	if (old.Archived == nil) != (policy.Archived == nil) {
		add("archived as a condition", yes(old.Archived != nil), yes(policy.Archived != nil))
	}
	if before.Scope != nil && after.Scope != nil {
		list = append(list, differ("org units", units(*before.Scope), units(*after.Scope))...)
		list = append(list, differ("access groups", addresses(before.Scope.AccessGroups), addresses(after.Scope.AccessGroups))...)
		list = append(list, differ("groups", addresses(before.Scope.Groups), addresses(after.Scope.Groups))...)
		list = append(list, differ("domains", before.Scope.Domains, after.Scope.Domains)...)
	}
	list = append(list, differ("mapped", mapped(before), mapped(after))...)
	list = append(list, differ("protected", ProtectedOf(before), ProtectedOf(after))...)
	add("limit: share", fmt.Sprintf("%g %%", 100*before.Guard.MaxShare), fmt.Sprintf("%g %%", 100*after.Guard.MaxShare))
	add("limit: people", fmt.Sprint(before.Guard.MinUsers), fmt.Sprint(after.Guard.MinUsers))
	add("hard deletes supported", yes(before.Connection.HardDelete), yes(after.Connection.HardDelete))
	if len(list) == 0 {
		return ""
	}
	text := ": " + strings.Join(list, "; ")
	if len(text) > maxChanges {
		text = strings.ToValidUTF8(text[:maxChanges], "") + " …"
	}
	return text
}

// differ says what was added to a list, and what was taken out.
func differ(name string, was, is []string) (list []string) {
	for _, s := range is {
		if !slices.Contains(was, s) {
			list = append(list, name+" + "+s)
		}
	}
	for _, s := range was {
		if !slices.Contains(is, s) {
			list = append(list, name+" − "+s)
		}
	}
	return list
}

func units(s provision.Scope) (list []string) {
	for _, o := range s.OrgUnits {
		state := " off"
		if o.On {
			state = " on"
		}
		list = append(list, o.Path+state)
	}
	return list
}

func mapped(c provision.Configuration) (list []string) {
	for _, m := range c.Mapping {
		source := m.Directory
		if m.Expression != "" {
			source = m.Expression
		}
		list = append(list, m.App+" from "+source)
	}
	return list
}

func delay(d provision.Delay) string {
	if d == provision.Never {
		return "never"
	}
	return string(d)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
