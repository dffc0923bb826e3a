package scim

import (
	"slices"
	"strings"

	"example.com/autoprovision/shared/fault"
)

// attribute describes what a mapping may write of one attribute of RFC 7643.
type attribute struct {
	name string
	// subs are the sub-attributes; none for a simple attribute.
	subs []string
	list bool
}

var contact = []string{"value", "display"}

// core are the attributes of RFC 7643 section 4.1 that a mapping may write,
// extended by those of section 4.3. What the client itself or the server
// writes (id, externalId, active, meta, schemas, groups), rights (roles) and
// passwords are left out on purpose.
var core = []attribute{
	{name: "userName"}, {name: "displayName"}, {name: "nickName"}, {name: "profileUrl"}, {name: "title"},
	{name: "userType"}, {name: "preferredLanguage"}, {name: "locale"}, {name: "timezone"},
	{name: "name", subs: []string{"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"}},
	{name: "emails", subs: contact, list: true},
	{name: "phoneNumbers", subs: contact, list: true},
	{name: "ims", subs: contact, list: true},
	{name: "photos", subs: contact, list: true},
	{name: "entitlements", subs: contact, list: true},
	{name: "addresses", subs: []string{"formatted", "streetAddress", "locality", "region", "postalCode", "country"}, list: true},
}

var enterprise = []attribute{
	{name: "employeeNumber"}, {name: "costCenter"}, {name: "organization"}, {name: "division"}, {name: "department"},
	{name: "manager", subs: []string{"value"}},
}

var notMappable = []string{"id", "externalId", "active", "meta", "schemas", "groups", "roles", "password"}

// CheckMappable returns nil when a mapping may write the path: an attribute
// of the core user or of the enterprise extension in its exact spelling, or
// any well-formed attribute of another extension. Else it is a fault.Invalid
// that says what to write instead.
func CheckMappable(path string) error {
	const op = "scim: check attribute"
	p, err := ParsePath(path)
	if err != nil {
		return err
	}
	if p.String() != path {
		return fault.New(fault.Invalid, op, "write it as %s", p)
	}
	if p.Schema == "" && slices.ContainsFunc(notMappable, func(n string) bool { return strings.EqualFold(n, p.Attribute) }) {
		return fault.New(fault.Invalid, op, "%s is set by the system itself or by the app and cannot be mapped", p.Attribute)
	}
	known := core
	switch {
	case strings.EqualFold(p.Schema, EnterpriseSchema):
		if p.Schema != EnterpriseSchema {
			return fault.New(fault.Invalid, op, "write the extension as %s", EnterpriseSchema)
		}
		known = enterprise
	case p.Schema != "":
		return nil
	}
	i := slices.IndexFunc(known, func(a attribute) bool { return strings.EqualFold(a.name, p.Attribute) })
	if i < 0 {
		return fault.New(fault.Invalid, op, "there is no attribute %s in the SCIM schema of a user", p.Attribute)
	}
	return known[i].check(p)
}

func (a attribute) check(p Path) error {
	const op = "scim: check attribute"
	switch {
	case a.name != p.Attribute:
		return fault.New(fault.Invalid, op, "write the attribute as %s", a.name)
	case a.list && p.Type == "":
		return fault.New(fault.Invalid, op, `%s is a list: say which entry, such as %s[type eq "work"].%s`, a.name, a.name, a.subs[0])
	case !a.list && p.Type != "":
		return fault.New(fault.Invalid, op, "%s is no list, so it takes no [type eq …]", a.name)
	case len(a.subs) == 0 && p.Sub != "":
		return fault.New(fault.Invalid, op, "%s has no parts", a.name)
	case len(a.subs) > 0 && !slices.Contains(a.subs, p.Sub):
		return fault.New(fault.Invalid, op, "%s has the parts %s; say which one after a dot", a.name, strings.Join(a.subs, ", "))
	}
	return nil
}
