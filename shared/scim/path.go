package scim

import (
	"regexp"
	"strings"

	"example.com/autoprovision/shared/fault"
)

// The schemas that this package knows (RFC 7643 section 8.7, RFC 7644 section 3).
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Path is the part of the attribute paths of RFC 7644 section 3.10 that can
// name one single value of a user: an attribute of the core schema or of an
// extension, with a sub-attribute, and for a list the type of the element.
type Path struct {
	// Schema is the extension's URN; empty for the core schema.
	Schema string
	// Attribute and Sub are attribute names; Sub is empty for a simple attribute.
	Attribute, Sub string
	// Type selects the element of a list, as in emails[type eq "work"]; empty for an attribute that is no list.
	Type string
}

var pathPattern = regexp.MustCompile(`^(?:(urn:[A-Za-z0-9][A-Za-z0-9-]*:[A-Za-z0-9:._-]+):)?` +
	`([A-Za-z$][A-Za-z0-9_-]*)(?:\[type eq "([A-Za-z0-9 _.-]{1,64})"\])?(?:\.([A-Za-z$][A-Za-z0-9_-]*))?$`)

// ParsePath reads a path such as userName, name.givenName,
// emails[type eq "work"].value, or an attribute after an extension's URN and a
// colon. Anything else is fault.Invalid.
func ParsePath(text string) (Path, error) {
	m := pathPattern.FindStringSubmatch(text)
	if m == nil || len(text) > 256 || m[3] != "" && m[4] == "" {
		return Path{}, fault.New(fault.Invalid, "scim: read path",
			`not an attribute path: write one like title, name.givenName, emails[type eq "work"].value or %s:department`, EnterpriseSchema)
	}
	p := Path{Schema: m[1], Attribute: m[2], Type: m[3], Sub: m[4]}
	if strings.EqualFold(p.Schema, UserSchema) {
		p.Schema = ""
	}
	return p, nil
}

// String is the canonical form, which ParsePath reads back.
func (p Path) String() string {
	s := p.list()
	if p.Type != "" {
		s = p.element()
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

// list is the path of the whole attribute, element that of the whole element of a list.
func (p Path) list() string {
	if p.Schema == "" {
		return p.Attribute
	}
	return p.Schema + ":" + p.Attribute
}

func (p Path) element() string { return p.list() + `[type eq "` + p.Type + `"]` }
