package mapping

import (
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"

	"example.com/autoprovision/shared/fault"
)

// roots are the top-level directory attributes that paths begin with. They are
// nil when an expression is among the attributes: it may read all of them.
func roots(attributes []attribute) []string {
	names := []string{}
	for _, a := range attributes {
		if a.program != nil {
			return nil
		}
		if name := a.path[0].name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// decode reads a user resource once, or those parts of it that the mapping
// needs, into what encoding/json would make of it.
//
// encoding/json says whether it is JSON, with its bound on depth; gjson then
// takes out the parts, which halves the time for a listing of all users. What
// is wrong with a resource is not repeated, because it would quote from it.
func (m *Mapping) decode(resource json.RawMessage) (map[string]any, error) {
	if !json.Valid(resource) {
		return nil, fault.New(fault.Incomplete, "mapping: read user", "the directory's answer is not JSON")
	}
	document := gjson.ParseBytes(resource)
	if !document.IsObject() {
		return nil, fault.New(fault.Incomplete, "mapping: read user", "the directory's answer holds no user")
	}
	parts := make(map[string]any, len(m.roots))
	document.ForEach(func(key, value gjson.Result) bool {
		if m.roots == nil || slices.Contains(m.roots, key.Str) {
			parts[key.Str] = value.Value()
		}
		return true
	})
	return parts, nil
}
