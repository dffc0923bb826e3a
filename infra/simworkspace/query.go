package simworkspace

import (
	"strconv"
	"strings"
)

// A query is clauses joined by space, all of which must hold, of the form
// field:value (a word begins with value, a trailing * is optional) or
// field=value. Values with a space stand in single quotes
// (https://developers.google.com/workspace/admin/directory/v1/guides/search-users).
type clause struct {
	field string
	exact bool
	value string // lower case
}

func parseQuery(text string) ([]clause, error) {
	var out []clause
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		at := strings.IndexAny(text, ":=")
		if at <= 0 {
			return nil, invalid("query")
		}
		c := clause{field: strings.TrimSpace(text[:at]), exact: text[at] == '='}
		text = text[at+1:]
		var val string
		if strings.HasPrefix(text, "'") {
			end := strings.IndexByte(text[1:], '\'')
			if end < 0 {
				return nil, invalid("query")
			}
			val, text = text[1:1+end], text[2+end:]
		} else {
			val, text, _ = strings.Cut(text, " ")
		}
		c.value = strings.ToLower(strings.TrimSuffix(val, "*"))
		out = append(out, c)
	}
	return out, nil
}

func (c clause) matches(texts ...string) bool {
	for _, text := range texts {
		text = strings.ToLower(text)
		if c.exact && text == c.value || !c.exact && strings.HasPrefix(text, c.value) {
			return true
		}
	}
	return false
}

// parseUserQuery returns what a user must match; nil for an empty query.
func parseUserQuery(text string) (func(*Workspace, *user) bool, error) {
	clauses, err := parseQuery(text)
	if err != nil || len(clauses) == 0 {
		return nil, err
	}
	for _, c := range clauses {
		switch c.field {
		case "email", "name", "givenName", "familyName", "orgUnitPath", "isSuspended", "isArchived", "isAdmin":
		default:
			return nil, invalid("query")
		}
	}
	return func(w *Workspace, u *user) bool {
		for _, c := range clauses {
			if !c.matchesUser(w, u) {
				return false
			}
		}
		return true
	}, nil
}

func (c clause) matchesUser(w *Workspace, u *user) bool {
	switch c.field {
	case "email":
		return c.matches(append([]string{u.email}, u.aliases...)...)
	case "givenName":
		return c.matches(u.name.GivenName)
	case "familyName":
		return c.matches(u.name.FamilyName)
	case "orgUnitPath":
		path := strings.ToLower(w.units[u.unitID].path)
		return path == c.value || c.value == "/" || strings.HasPrefix(path, c.value+"/") // sub-units too
	case "isSuspended":
		return c.value == strconv.FormatBool(u.suspended)
	case "isArchived":
		return c.value == strconv.FormatBool(u.archived)
	case "isAdmin":
		return c.value == strconv.FormatBool(u.admin)
	}
	return c.matches(u.name.full(), u.name.GivenName, u.name.FamilyName)
}

// parseGroupQuery returns what a group must match; nil for an empty query.
func parseGroupQuery(text string) (func(*Workspace, *group) bool, error) {
	clauses, err := parseQuery(text)
	if err != nil || len(clauses) == 0 {
		return nil, err
	}
	for _, c := range clauses {
		switch c.field {
		case "email", "name", "memberKey":
		default:
			return nil, invalid("query")
		}
	}
	return func(w *Workspace, g *group) bool {
		for _, c := range clauses {
			switch c.field {
			case "email":
				if !c.matches(g.email) {
					return false
				}
			case "name":
				if !c.matches(g.name) {
					return false
				}
			case "memberKey":
				if _, direct := g.find(w.memberID(c.value)); !direct {
					return false
				}
			}
		}
		return true
	}, nil
}
