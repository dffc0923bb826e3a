package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Document is the configuration as it is kept in a file, in the form that the
// API has too: each section as it is set, null where none is; never the token.
type Document struct {
	Connection     *provision.Connection     `json:"connection"`
	Mapping        *MappingInput             `json:"mapping"`
	Scope          *ScopeInput               `json:"scope"`
	Deprovisioning *provision.Deprovisioning `json:"deprovisioning"`
	Protected      *ProtectedInput           `json:"protected"`
	Guard          *provision.Guard          `json:"guard"`
}

// MappingInput is a mapping as a section of a document.
type MappingInput struct {
	Attributes []provision.MappedAttribute `json:"attributes"`
}

// ProtectedInput is the protected people as a section of a document.
type ProtectedInput struct {
	Users []string `json:"users"`
}

// DocumentOf is the document of a configuration, laid out to be read and compared.
func DocumentOf(c provision.Configuration) []byte {
	d := Document{Connection: &c.Connection, Mapping: &MappingInput{append([]provision.MappedAttribute{}, c.Mapping...)}, Protected: &ProtectedInput{ProtectedOf(c)}, Guard: &c.Guard}
	if c.Scope != nil {
		in := ScopeOf(*c.Scope)
		d.Scope = &in
	}
	if policy, ok := c.Policy(); ok {
		d.Deprovisioning = &policy
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic("admin: document does not marshal: " + err.Error())
	}
	return append(data, '\n')
}

// required are the fields that each section of a document must hold: what is
// left out must not be taken for empty.
func required(section string) []string {
	switch section {
	case "mapping":
		return []string{"attributes"}
	case "scope":
		return []string{"orgUnits", "accessGroups", "groups", "domains"}
	case "deprovisioning":
		return []string{"appOff", "suspended", "deleted"}
	case "protected":
		return []string{"users"}
	case "guard":
		return []string{"maxShare", "minUsers"}
	}
	return nil
}

// ReadDocument is what a document proposes. A section that is null or absent
// stays as it is: see CheckWhole. What a connection leaves out is as it was at
// the beginning. Errors are fault.Invalid, joined, and name what is wrong.
func (s *Service) ReadDocument(data []byte) (Proposal, error) {
	var d documentReader
	if err := json.Unmarshal(data, &d.raw); err != nil {
		return Proposal{}, fault.Field("", "this is no JSON document: %s", unreadable(data, err))
	}
	if name, at, found := Repeated(data); found {
		return Proposal{}, fault.Field("", "line %d: one object holds %q twice, in whatever case: keep the one that is meant", line(data, at), name)
	}
	var p Proposal
	connection := s.Connection
	if d.read("connection", &connection) {
		p.Connection = &connection
	}
	var mapping MappingInput
	if d.read("mapping", &mapping) {
		p.Mapping = mapping.Attributes
	}
	var scope ScopeInput
	if d.read("scope", &scope) {
		p.Scope = &scope
	}
	var deprovisioning provision.Deprovisioning
	if d.read("deprovisioning", &deprovisioning) {
		p.Deprovisioning = &deprovisioning
	}
	var protected ProtectedInput
	if d.read("protected", &protected) {
		p.Protected = &protected.Users
	}
	var guard provision.Guard
	if d.read("guard", &guard) {
		p.Guard = &guard
	}
	for name := range d.raw {
		d.errs = append(d.errs, fault.Field(name, "is no section of a configuration: take it out"))
	}
	return p, errors.Join(d.errs...)
}

// documentReader takes the sections of a document, one after the other.
type documentReader struct {
	raw  map[string]json.RawMessage
	errs []error
}

// read takes a section; it is false for one that is null or absent.
func (d *documentReader) read(section string, into any) bool {
	data, there := d.raw[section]
	delete(d.raw, section)
	if !there || isNull(data) {
		return false
	}
	need := func(at string, data json.RawMessage, names ...string) {
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil {
			return // decoding it says so
		}
		for _, name := range names {
			if value, there := object[name]; !there || isNull(value) {
				d.errs = append(d.errs, fault.Field(at+"."+name, "is missing: write what it is, also when it is empty"))
			}
		}
	}
	need(section, data, required(section)...)
	var units struct {
		OrgUnits []json.RawMessage `json:"orgUnits"`
	}
	if section == "scope" && json.Unmarshal(data, &units) == nil {
		for i, unit := range units.OrgUnits {
			need(fmt.Sprintf("scope.orgUnits[%d]", i), unit, "path", "on")
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		d.errs = append(d.errs, fault.Field(section, "%s", unreadable(data, err)))
	}
	return true
}

func isNull(data json.RawMessage) bool { return string(data) == "null" }

// line is the line that a byte of a document is in.
func line(data []byte, at int64) int {
	return 1 + bytes.Count(data[:min(int(at), len(data))], []byte("\n"))
}

// unreadable says what is wrong with JSON, and where.
func unreadable(data []byte, err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("line %d: %v", line(data, syntax.Offset), err)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return strings.TrimSpace(fmt.Sprintf("%s cannot be a JSON %s", wrong.Field, wrong.Value))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
