package simcomeet

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// target is the path of a PATCH operation (RFC 7644 figure 7), as far as it is supported.
type target struct {
	schema, attribute string
	// filterBy and filterValue select entries of a list; filterBy is empty for all of it.
	filterBy    string
	filterValue any
	sub         string
}

var targetPattern = regexp.MustCompile(`(?i)^([a-z$][a-z0-9_-]*)(?:\[\s*([a-z]+)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*\])?(?:\.([a-z$][a-z0-9_-]*))?$`)

func parseTarget(path string) (target, error) {
	var t target
	rest := path
	if strings.HasPrefix(strings.ToLower(path), "urn:") {
		if strings.EqualFold(path, enterpriseSchema) {
			return target{attribute: enterpriseSchema}, nil
		}
		head, _, _ := strings.Cut(path, "[")
		i := strings.LastIndexByte(head, ':')
		t.schema, rest = spelled(path[:i]), path[i+1:]
		if strings.EqualFold(t.schema, userSchema) {
			t.schema = ""
		}
	}
	m := targetPattern.FindStringSubmatch(rest)
	if m == nil {
		return target{}, fmt.Errorf("the path is not understood")
	}
	t.attribute, t.filterBy, t.sub = spelled(m[1]), spelled(m[2]), spelled(m[4])
	if m[3] != "" {
		if err := json.Unmarshal([]byte(m[3]), &t.filterValue); err != nil {
			return target{}, fmt.Errorf("the filter of the path is not understood")
		}
	}
	return t, nil
}

// selects reports whether an entry of a list is meant.
func (t target) selects(item any) bool {
	entry, ok := item.(map[string]any)
	if !ok || t.filterBy == "" {
		return ok
	}
	if text, ok := entry[t.filterBy].(string); ok {
		want, _ := t.filterValue.(string)
		return strings.EqualFold(text, want)
	}
	return entry[t.filterBy] == t.filterValue
}

// patched is a PATCH, as a whole or not at all (RFC 7644 section 3.5.2). The caller holds the lock.
func (s *Server) patched(resource map[string]any, body []byte) (map[string]any, *answer) {
	var patch struct {
		Schemas    []string
		Operations []struct {
			Op, Path string
			Value    any
		}
	}
	refuse := func(scimType, detail string) (map[string]any, *answer) {
		refused := refusal(http.StatusBadRequest, scimType, detail)
		return nil, &refused
	}
	if err := json.Unmarshal(body, &patch); err != nil {
		return refuse("invalidSyntax", "the body is no PATCH")
	}
	if !slices.Contains(patch.Schemas, "urn:ietf:params:scim:api:messages:2.0:PatchOp") || len(patch.Operations) == 0 {
		return refuse("invalidSyntax", "the body names no PatchOp schema, or no operation")
	}
	for _, o := range patch.Operations {
		if s.faults.NoPathFilters && strings.Contains(o.Path, "[") {
			return refuse("invalidPath", "no filters in paths")
		}
		if scimType, err := apply(resource, o.Op, o.Path, o.Value); err != nil {
			return refuse(scimType, err.Error())
		}
	}
	return normalise(resource), nil
}

// apply does one operation and gives the scimType of what is wrong with it.
func apply(resource map[string]any, op, path string, value any) (scimType string, err error) {
	op = strings.ToLower(op)
	if op != "add" && op != "replace" && op != "remove" {
		return "invalidSyntax", fmt.Errorf("op must be add, replace or remove")
	}
	if path == "" {
		values, ok := value.(map[string]any)
		if !ok || op == "remove" {
			return "noTarget", fmt.Errorf("an operation without a path needs an object of values")
		}
		for name, v := range values {
			if strings.ContainsAny(name, ".[") && !strings.HasPrefix(strings.ToLower(name), "urn:") {
				return "invalidPath", fmt.Errorf("a value holds attribute names, not paths")
			}
			if scimType, err := apply(resource, op, name, v); err != nil {
				return scimType, err
			}
		}
		return "", nil
	}
	value = respell(value) // here, so that an empty list clears instead of being left out
	t, err := parseTarget(path)
	if err != nil {
		return "invalidPath", err
	}
	if slices.Contains([]string{"id", "meta", "groups"}, t.attribute) && t.schema == "" {
		return "mutability", fmt.Errorf("%s is read-only", t.attribute)
	}
	holder := resource
	if t.schema != "" {
		holder = object(resource, t.schema)
	}
	if t.filterBy != "" {
		return applyEntries(holder, t, op, value)
	}
	if t.sub != "" {
		holder = object(holder, t.attribute)
		t.attribute = t.sub
	}
	applyValue(holder, t.attribute, op, value)
	return "", nil
}

// applyValue does an operation on one attribute of an object.
func applyValue(holder map[string]any, name, op string, value any) {
	if op == "remove" || value == nil {
		delete(holder, name)
		return
	}
	switch v := value.(type) {
	case map[string]any: // sub-attributes that are not named stay (section 3.5.2.3)
		inner := object(holder, name)
		for key, sub := range v {
			inner[key] = sub
		}
		return
	case []any:
		if present, ok := holder[name].([]any); ok && op == "add" {
			value = append(present, v...)
		}
	}
	holder[name] = value
}

// applyEntries does an operation on the entries of a list that a filter selects.
func applyEntries(holder map[string]any, t target, op string, value any) (string, error) {
	list, _ := holder[t.attribute].([]any)
	if !slices.ContainsFunc(list, t.selects) {
		return "noTarget", fmt.Errorf("no entry of %s fits the filter", t.attribute)
	}
	if op == "remove" && t.sub == "" {
		list = slices.DeleteFunc(list, t.selects)
		applyValue(holder, t.attribute, "replace", respell(list))
		return "", nil
	}
	for _, item := range list {
		if !t.selects(item) {
			continue
		}
		entry := item.(map[string]any)
		if t.sub != "" {
			applyValue(entry, t.sub, op, value)
			continue
		}
		values, ok := value.(map[string]any)
		if !ok {
			return "invalidValue", fmt.Errorf("an entry of %s is an object", t.attribute)
		}
		for key, sub := range values {
			entry[key] = sub
		}
	}
	return "", nil
}

// object is the object under a name, made if need be.
func object(holder map[string]any, name string) map[string]any {
	inner, ok := holder[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		holder[name] = inner
	}
	return inner
}
