package simcomeet

import (
	"net/http"
	"slices"
	"strings"
)

// names are the attributes that this service knows, in their own spelling.
var names = []string{
	"schemas", "id", "externalId", "meta", "userName", "name", "displayName", "nickName", "profileUrl", "title", "userType",
	"preferredLanguage", "locale", "timezone", "active", "password", "emails", "phoneNumbers", "ims", "photos", "addresses",
	"groups", "entitlements", "roles", "x509Certificates",
	"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix",
	"value", "type", "primary", "display", "streetAddress", "locality", "region", "postalCode", "country",
	"employeeNumber", "costCenter", "organization", "division", "department", "manager", "displayName",
	enterpriseSchema,
}

// spelled is a name in the spelling of the schema: names have no case (RFC 7643 section 2.1).
func spelled(name string) string {
	i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	if i < 0 {
		return name
	}
	return names[i]
}

// normalise spells the names of a resource, and drops what has no value or only the service writes.
func normalise(resource map[string]any) map[string]any {
	out, _ := respell(resource).(map[string]any)
	for _, name := range []string{"id", "meta", "groups", "password"} {
		delete(out, name)
	}
	return out
}

// respell copies a value with the names spelled; null, and a list or object of nothing, becomes nil.
func respell(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			if inner = respell(inner); inner != nil {
				out[spelled(key)] = inner
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			if inner = respell(inner); inner != nil {
				out = append(out, inner)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return value
}

// check refuses a resource that Comeet would not store. The caller holds the
// lock; acc is nil for a new account, and whole tells that the client sent all of it.
func (s *Server) check(resource map[string]any, acc *account, whole bool) (answer, bool) {
	if text := invalid(resource, whole); text != "" {
		return refusal(http.StatusBadRequest, "invalidValue", text), false
	}
	for _, name := range s.faults.RefuseAttributes {
		if _, ok := resource[name]; ok {
			return refusal(http.StatusBadRequest, "invalidValue", "the attribute "+name+" is not supported"), false
		}
	}
	userName, _ := resource["userName"].(string)
	for _, other := range s.accounts.byName[foldName(userName)] {
		if other != acc && (!s.faults.ExactNames || other.userName == userName) {
			return refusal(http.StatusConflict, "uniqueness", "the userName is in use"), false
		}
	}
	if active, _ := resource["active"].(bool); acc != nil && acc.active && !active && s.refusesSuspend(acc) {
		return refusal(http.StatusBadRequest, "invalidValue", "the user has roles or tasks in open positions; reassign them first"), false
	}
	return answer{}, true
}

func (s *Server) refusesSuspend(acc *account) bool {
	return slices.Contains(s.faults.RefuseSuspend, "*") || acc.among(s.faults.RefuseSuspend)
}

// among reports whether a list names the account by its id or userName.
func (acc *account) among(list []string) bool {
	return slices.ContainsFunc(list, func(who string) bool { return who == acc.id || strings.EqualFold(who, acc.userName) })
}

// invalid says what is wrong with a resource; empty when nothing is.
func invalid(resource map[string]any, whole bool) string {
	if schemas, _ := resource["schemas"].([]any); whole && !slices.Contains(schemas, any(userSchema)) {
		return "schemas must name " + userSchema
	}
	for _, name := range []string{"userName", "externalId", "displayName", "title", "locale", "preferredLanguage", "timezone", "nickName", "userType", "profileUrl"} {
		if value, ok := resource[name]; ok {
			if _, text := value.(string); !text {
				return name + " must be a string"
			}
		}
	}
	if name, _ := resource["userName"].(string); strings.TrimSpace(name) == "" {
		return "userName is required"
	}
	if _, ok := resource["active"].(bool); !ok {
		return "active must be a boolean"
	}
	person, _ := resource["name"].(map[string]any)
	for _, part := range []string{"givenName", "familyName"} {
		if text, _ := person[part].(string); whole && text == "" {
			return "name." + part + " is required"
		}
	}
	return invalidLists(resource)
}

func invalidLists(resource map[string]any) string {
	for _, name := range []string{"emails", "phoneNumbers", "addresses", "ims", "photos", "entitlements", "roles"} {
		value, ok := resource[name]
		if !ok {
			continue
		}
		list, ok := value.([]any)
		if !ok {
			return name + " must be a list"
		}
		primaries := 0
		for _, item := range list {
			entry, ok := item.(map[string]any)
			if !ok {
				return name + " must hold objects"
			}
			if _, text := entry["value"].(string); name == "emails" && !text {
				return "an entry of emails needs a value"
			}
			if entry["primary"] == true {
				primaries++
			}
		}
		if primaries > 1 {
			return name + " must have at most one primary entry"
		}
	}
	return ""
}

// replaced is a PUT: everything that is not sent is gone (RFC 7644 section 3.5.1).
func (s *Server) replaced(_ map[string]any, body []byte) (map[string]any, *answer) {
	resource, err := decode(body)
	if err != nil {
		refused := refusal(http.StatusBadRequest, "invalidSyntax", "the body is not a JSON object")
		return nil, &refused
	}
	resource = normalise(resource)
	if _, ok := resource["active"]; !ok {
		// The trap of RFC 7643 section 2.4: what is left out may be cleared, and no active is not active.
		resource["active"] = false
	}
	return resource, nil
}
