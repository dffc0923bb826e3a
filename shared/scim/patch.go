package scim

import (
	"maps"
	"slices"

	"example.com/autoprovision/shared/provision"
)

// change is what a write changes of one account: its state, or its attributes.
type change struct {
	// active is nil when the state stays as it is.
	active *bool
	// externalID is empty when it stays as it is.
	externalID string
	set        []assignment
	removed    []assignment
	// previous is what we last wrote: the list entries that must be there by now.
	previous provision.Attributes
}

// operation is one operation of a PATCH (RFC 7644 section 3.5.2). Replacing
// what is not there adds it (section 3.5.2.3).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// names reports whether a userName is set, so that a 409 is about a name in use.
func (ch change) names() bool {
	return slices.ContainsFunc(ch.set, func(a assignment) bool { return a.path == Path{Attribute: "userName"} })
}

// addressesEntries reports whether the change touches entries of lists.
func (ch change) addressesEntries() bool {
	isEntry := func(a assignment) bool { return a.path.Type != "" }
	return slices.ContainsFunc(ch.set, isEntry) || slices.ContainsFunc(ch.removed, isEntry)
}

// needsLists reports whether the lists must be read first: when only whole
// lists can be written, or an entry was not written by us before, so that it may not be there to be replaced.
func (ch change) needsLists(whole bool) bool {
	if whole {
		return ch.addressesEntries()
	}
	ours := map[string]bool{}
	for text := range ch.previous {
		if p, err := ParsePath(text); err == nil && p.Type != "" {
			ours[p.element()] = true
		}
	}
	return slices.ContainsFunc(ch.set, func(a assignment) bool { return a.path.Type != "" && !ours[a.path.element()] })
}

// operations are those of a PATCH. With current, the account as it is, lists
// are replaced as a whole; without, their entries are addressed.
func (ch change) operations(style string, current map[string]any) []operation {
	ops := ch.singles(style)
	for _, a := range ch.removed {
		if a.path.Type == "" {
			ops = append(ops, operation{Op: "remove", Path: a.path.String()})
		}
	}
	if current != nil {
		return append(ops, ch.lists(current)...)
	}
	return append(ops, ch.entries()...)
}

// entries are the operations that address single entries of lists. One that
// holds nothing any more goes as a whole.
func (ch change) entries() []operation {
	var ops []operation
	stays := map[string]bool{}
	for _, a := range ch.set {
		if a.path.Type != "" {
			stays[a.path.element()] = true
			ops = append(ops, operation{Op: "replace", Path: a.path.String(), Value: a.value})
		}
	}
	removed := map[string]bool{}
	for _, a := range ch.removed {
		path := a.path.element()
		if stays[path] {
			path = a.path.String()
		}
		if a.path.Type != "" && !removed[path] {
			removed[path] = true
			ops = append(ops, operation{Op: "remove", Path: path})
		}
	}
	return ops
}

// singles are the operations for everything that is no list. Lists have a path
// in StyleValue too: without one, some servers add a list's entries to those
// that are there (SCIMMY does), others replace them.
func (ch change) singles(style string) []operation {
	var ops []operation
	value := map[string]any{}
	write := func(p Path, v any) {
		ops = append(ops, operation{Op: "replace", Path: p.String(), Value: v})
		set(value, p, v)
	}
	if ch.active != nil {
		write(Path{Attribute: "active"}, *ch.active)
	}
	if ch.externalID != "" {
		write(Path{Attribute: "externalId"}, ch.externalID)
	}
	for _, a := range ch.set {
		if a.path.Type == "" {
			write(a.path, a.value)
		}
	}
	if style == StyleValue && len(value) > 0 {
		return []operation{{Op: "replace", Value: value}}
	}
	return ops
}

// lists are the operations that replace each list that the change touches by
// what is there with the change in it.
func (ch change) lists(current map[string]any) []operation {
	touched := map[string]Path{}
	for _, a := range slices.Concat(ch.removed, ch.set) {
		if a.path.Type != "" {
			touched[a.path.list()] = Path{Schema: a.path.Schema, Attribute: a.path.Attribute}
		}
	}
	was := make(map[string]bool, len(touched))
	for name, p := range touched {
		was[name] = listAt(current, p) != nil
	}
	ch.apply(current)
	var ops []operation
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if list := listAt(current, touched[name]); list != nil {
			ops = append(ops, operation{Op: "replace", Path: name, Value: list})
		} else if was[name] {
			ops = append(ops, operation{Op: "remove", Path: name})
		}
	}
	return ops
}

// listAt is the list at a path; nil when there is none, or an empty one.
func listAt(resource map[string]any, p Path) any {
	holder := resource
	if p.Schema != "" {
		holder, _ = lookup(resource, p.Schema).(map[string]any)
	}
	list, _ := lookup(holder, p.Attribute).([]any)
	if len(list) == 0 {
		return nil
	}
	return list
}

// apply makes the change on a resource.
func (ch change) apply(resource map[string]any) {
	for _, a := range ch.removed {
		unset(resource, a.path)
	}
	for _, a := range ch.set {
		set(resource, a.path, a.value)
	}
}

// replacement is the body of a PUT: the account as it is, without what only
// the app writes, and with the change. It always holds active: a PUT without
// it may suspend a person, or let one in again.
func (ch change) replacement(current map[string]any) map[string]any {
	for _, name := range []string{"meta", "groups", "password"} {
		delete(current, keyOf(current, name))
	}
	ch.apply(current)
	if ch.externalID != "" {
		current[keyOf(current, "externalId")] = ch.externalID
	}
	key := keyOf(current, "active")
	if active, ok := boolean(current[key]); ok {
		current[key] = active
	} else {
		current[key] = true
	}
	if ch.active != nil {
		current[key] = *ch.active
	}
	setSchemas(current)
	return current
}
