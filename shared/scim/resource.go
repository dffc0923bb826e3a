package scim

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// assignment is one attribute with its path read.
type assignment struct {
	path  Path
	value any
}

// assignments are the attributes in the order of their paths.
func assignments(op string, attributes provision.Attributes) ([]assignment, error) {
	list := make([]assignment, 0, len(attributes))
	for _, text := range slices.Sorted(maps.Keys(attributes)) {
		p, err := ParsePath(text)
		if err != nil {
			return nil, err
		}
		value := attributes[text]
		switch value.(type) {
		case string, bool, float64:
		default:
			return nil, fault.New(fault.Internal, op, "%s holds a value that is no text, number or yes/no", p)
		}
		list = append(list, assignment{p, value})
	}
	return list, nil
}

// newResource is the body of a create.
func newResource(externalID string, list []assignment) map[string]any {
	resource := map[string]any{"active": true}
	if externalID != "" {
		resource["externalId"] = externalID
	}
	for _, a := range list {
		set(resource, a.path, a.value)
	}
	setSchemas(resource)
	return resource
}

// setSchemas names the schemas of every extension that the resource holds, besides those that it names already.
func setSchemas(resource map[string]any) {
	schemas := []any{UserSchema}
	add := func(s any) {
		text, _ := s.(string)
		known := slices.ContainsFunc(schemas, func(k any) bool { return strings.EqualFold(k.(string), text) })
		if text != "" && !known {
			schemas = append(schemas, text)
		}
	}
	key := keyOf(resource, "schemas")
	if present, ok := resource[key].([]any); ok {
		for _, s := range present {
			add(s)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(resource)) {
		if strings.HasPrefix(strings.ToLower(k), "urn:") {
			add(k)
		}
	}
	resource[key] = schemas
}

// set puts a value into a resource, with whatever must hold it.
func set(resource map[string]any, p Path, value any) {
	holder := resource
	if p.Schema != "" {
		holder = child(resource, p.Schema)
	}
	switch {
	case p.Type != "":
		element(holder, p)[p.Sub] = value
	case p.Sub != "":
		parent := child(holder, p.Attribute)
		parent[keyOf(parent, p.Sub)] = value
	default:
		holder[keyOf(holder, p.Attribute)] = value
	}
}

// element returns the element of a list that the path selects, made if need
// be. The work e-mail is the primary one, and the only one: many servers
// accept no list without.
func element(holder map[string]any, p Path) map[string]any {
	key := keyOf(holder, p.Attribute)
	list, _ := holder[key].([]any)
	var found map[string]any
	for _, item := range list {
		if entry, ok := item.(map[string]any); ok && found == nil && typeOf(entry) == strings.ToLower(p.Type) {
			found = entry
		}
	}
	if found == nil {
		found = map[string]any{"type": p.Type}
		list = append(list, found)
		holder[key] = list
	}
	if strings.EqualFold(p.Attribute, "emails") && strings.EqualFold(p.Type, "work") {
		for _, item := range list {
			if entry, ok := item.(map[string]any); ok {
				delete(entry, keyOf(entry, "primary"))
			}
		}
		found["primary"] = true
	}
	return found
}

// unset takes a value out of a resource, with whatever holds nothing else.
func unset(resource map[string]any, p Path) {
	holder := resource
	if p.Schema != "" {
		holder, _ = lookup(resource, p.Schema).(map[string]any)
	}
	switch {
	case p.Type != "":
		key := keyOf(holder, p.Attribute)
		list, _ := holder[key].([]any)
		list = slices.DeleteFunc(list, func(item any) bool {
			entry, ok := item.(map[string]any)
			if !ok || typeOf(entry) != strings.ToLower(p.Type) {
				return false
			}
			delete(entry, keyOf(entry, p.Sub))
			return !holdsValue(entry)
		})
		if holder != nil && len(list) > 0 {
			holder[key] = list
		} else {
			delete(holder, key)
		}
	case p.Sub != "":
		parent, _ := lookup(holder, p.Attribute).(map[string]any)
		delete(parent, keyOf(parent, p.Sub))
	default:
		delete(holder, keyOf(holder, p.Attribute))
	}
}

// holdsValue reports whether an element of a list says more than what kind it is.
func holdsValue(entry map[string]any) bool {
	for key := range entry {
		if !strings.EqualFold(key, "type") && !strings.EqualFold(key, "primary") && !strings.EqualFold(key, "display") {
			return true
		}
	}
	return false
}

// flatten is the resource as attributes. Only single values are in it, and
// neither what identifies the account nor its state. Of several elements of
// one type the primary one counts, else the first; one without a type stands
// for work, since some servers drop the type.
func flatten(resource map[string]any) provision.Attributes {
	out := make(provision.Attributes, len(resource))
	for key, value := range resource {
		if strings.HasPrefix(strings.ToLower(key), "urn:") {
			extension, _ := value.(map[string]any)
			for sub, v := range extension {
				flattenAttribute(out, Path{Schema: key, Attribute: sub}, v)
			}
			continue
		}
		if !slices.ContainsFunc(notMappable, func(n string) bool { return strings.EqualFold(n, key) }) {
			flattenAttribute(out, Path{Attribute: key}, value)
		}
	}
	return out
}

func flattenAttribute(out provision.Attributes, p Path, value any) {
	switch v := value.(type) {
	case map[string]any:
		for sub, v := range v {
			put(out, Path{Schema: p.Schema, Attribute: p.Attribute, Sub: sub}, v)
		}
	case []any:
		flattenList(out, p, v)
	default:
		put(out, p, value)
	}
}

func flattenList(out provision.Attributes, p Path, list []any) {
	// Later ones win, so the best is last: typed before untyped, primary before others, first before later.
	entries := make([]map[string]any, 0, len(list))
	for _, item := range slices.Backward(list) {
		if entry, ok := item.(map[string]any); ok {
			entries = append(entries, entry)
		}
	}
	slices.SortStableFunc(entries, func(a, b map[string]any) int { return rank(a) - rank(b) })
	for _, entry := range entries {
		kind := typeOf(entry)
		if kind == "" {
			kind = "work"
		}
		for sub, v := range entry {
			if !strings.EqualFold(sub, "type") && !strings.EqualFold(sub, "primary") {
				put(out, Path{Schema: p.Schema, Attribute: p.Attribute, Type: kind, Sub: sub}, v)
			}
		}
	}
}

func rank(entry map[string]any) int {
	n := 0
	if typeOf(entry) != "" {
		n = 2
	}
	if primary, _ := boolean(lookup(entry, "primary")); primary {
		n++
	}
	return n
}

// put keeps a value that an attribute can have, under its canonical path.
func put(out provision.Attributes, p Path, value any) {
	if number, ok := value.(json.Number); ok {
		f, err := number.Float64()
		if err != nil || math.IsInf(f, 0) {
			return
		}
		value = f
	}
	switch v := value.(type) {
	case string:
		if v == "" {
			return // the same as absent (RFC 7643 section 2.5 knows no other empty value)
		}
	case bool, float64:
	default:
		return
	}
	text := canonical(p).String()
	if _, err := ParsePath(text); err == nil {
		out[text] = value
	}
}

// canonical spells the names of the known schemas as RFC 7643 does, since a
// server may spell them otherwise (names are case-insensitive, section 2.1).
func canonical(p Path) Path {
	known := core
	if strings.EqualFold(p.Schema, EnterpriseSchema) {
		p.Schema, known = EnterpriseSchema, enterprise
	} else if p.Schema != "" {
		return p
	}
	for _, a := range known {
		if !strings.EqualFold(a.name, p.Attribute) {
			continue
		}
		p.Attribute = a.name
		for _, sub := range a.subs {
			if strings.EqualFold(sub, p.Sub) {
				p.Sub = sub
			}
		}
	}
	return p
}

// lookup finds a value by its name in any case; nil when there is none.
func lookup(object map[string]any, name string) any { return object[keyOf(object, name)] }

// keyOf is the key under which an object holds a name, in whatever case; the name itself when it does not.
func keyOf(object map[string]any, name string) string {
	if _, ok := object[name]; ok {
		return name
	}
	found := name
	for key := range object {
		// The least of several, so that reading and writing mean the same one.
		if strings.EqualFold(key, name) && (found == name || key < found) {
			found = key
		}
	}
	return found
}

// child is the object under a name, made if need be.
func child(object map[string]any, name string) map[string]any {
	key := keyOf(object, name)
	inner, ok := object[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[key] = inner
	}
	return inner
}

func typeOf(entry map[string]any) string {
	text, _ := lookup(entry, "type").(string)
	return strings.ToLower(text)
}

// boolean reads a boolean, also one written as a string in any case, as some servers do.
func boolean(value any) (b, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case string:
		return strings.EqualFold(v, "true"), strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	}
	return false, false
}
