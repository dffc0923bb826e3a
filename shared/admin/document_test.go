package admin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// TestDocument: what is written into a file is read from it again, and means the same.
func TestDocument(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := provision.Configuration{
		Connection: provision.Connection{BaseURL: "https://app.example.com/scim/v2", UpdateMethod: "put", PageSize: 7, RequestsPerSecond: 0.5, Concurrency: 2},
		Mapping:    []provision.MappedAttribute{{App: "userName", Directory: "primaryEmail"}, {App: "title", Expression: "user.id"}},
		Scope: &provision.Scope{OrgUnits: []provision.OrgUnitState{{ID: "1", Path: "/", On: true}, {ID: "2", Path: "/Sales"}},
			AccessGroups: []provision.GroupRef{{ID: "g", Email: "g@example.com"}}, Domains: []string{"example.com"}},
		Policies:      []provision.PolicyEdit{{Policy: provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: "7d"}, Archived: &provision.TimeFrames{}}}},
		Protected:     []provision.Protected{{Email: "owner@example.com", UserID: "3"}},
		Guard:         provision.Guard{MaxShare: 0.25, MinUsers: 3},
		Authorization: provision.Authorization{SecretVersion: "1"},
	}
	data := admin.DocumentOf(c)
	p, err := o.ReadDocument(data)
	must(t, err)
	scope := admin.ScopeOf(*c.Scope)
	policy, _ := c.Policy()
	users := []string{"owner@example.com"}
	want := admin.Proposal{Connection: &c.Connection, Mapping: c.Mapping, Scope: &scope, Deprovisioning: &policy, Protected: &users, Guard: &c.Guard}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("read back (-want +got):\n%s\nof\n%s", diff, data)
	}
	p, err = o.ReadDocument(admin.DocumentOf(provision.Configuration{}))
	must(t, err)
	if p.Scope != nil || p.Deprovisioning != nil || p.Mapping == nil || p.Protected == nil {
		t.Errorf("of nothing that is set: %+v", p)
	}
}

// TestDocumentIsReadStrictly: what is left out is refused, not taken for empty.
func TestDocumentIsReadStrictly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for document, want := range map[string][]string{
		``:                                 {": this is no JSON document: line 1: unexpected end of JSON input"},
		"{\n\n]":                           {": this is no JSON document: line 3: invalid character ']' looking for beginning of object key string"},
		`[]`:                               {": this is no JSON document: cannot be a JSON array"},
		`{} {}`:                            {": this is no JSON document: line 1: invalid character '{' after top-level value"},
		`{"accessToken":"x","guard":null}`: {"accessToken: is no section of a configuration: take it out"},
		`{"scope":{"orgUnits":[],"groups":null}}`:                                                               {"scope.accessGroups: is missing", "scope.domains: is missing", "scope.groups: is missing"},
		`{"scope":{"orgUnits":[{"path":"/"}],"accessGroups":[],"groups":[],"domains":[]}}`:                      {"scope.orgUnits[0].on: is missing"},
		`{"scope":{"orgUnits":[],"accessGroups":[],"groups":"g","domains":[]}}`:                                 {"scope: groups cannot be a JSON string"},
		`{"deprovisioning":{"suspended":{}}}`:                                                                   {"deprovisioning.appOff: is missing", "deprovisioning.deleted: is missing"},
		`{"mapping":{}}`:                                                                                        {"mapping.attributes: is missing"},
		`{"protected":{"users":null}}`:                                                                          {"protected.users: is missing"},
		`{"guard":{"maxShare":0.1,"minUsers":5,"x":1}}`:                                                         {`guard: unknown field "x"`},
		`{"guard":{"maxShare":0.1}}`:                                                                            {"guard.minUsers: is missing"},
		"{\n\"guard\":null,\n\"guard\":null}":                                                                   {`: line 3: one object holds "guard" twice, in whatever case: keep the one that is meant`},
		`{"scope":{"orgUnits":[],"accessGroups":[],"groups":["g@example.com"],"Groups":[],"domains":[]}}`:       {`: line 1: one object holds "Groups" twice, in whatever case: keep the one that is meant`},
		`{"scope":{"orgUnits":[{"path":"/","on":true,"ON":false}],"accessGroups":[],"groups":[],"domains":[]}}`: {`: line 1: one object holds "ON" twice, in whatever case: keep the one that is meant`},
		`{"guard":{"maxShare":0.1,"minUsers":5,"minU\u017fers":100000}}`:                                        {`: line 1: one object holds "minUſers" twice, in whatever case: keep the one that is meant`}, // the Unicode fold of an s
		`{"connection":{"pageSize":5}}`:                                                                         nil,
		`{}`:                                                                                                    nil,
	} {
		p, err := o.ReadDocument([]byte(document))
		var got []string
		for _, e := range joined(err) {
			var f *fault.Error
			if !errors.As(e, &f) || f.Kind != fault.Invalid {
				t.Fatalf("%s: %v", document, e)
			}
			text, _, _ := strings.Cut(f.Field+": "+f.Detail, ": write what")
			got = append(got, text)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", document, diff)
		}
		if want == nil && p.Connection != nil && (p.Connection.PageSize != 5 || p.Connection.BaseURL != o.Service.Connection.BaseURL) {
			t.Errorf("%s: the connection is %+v", document, p.Connection)
		}
	}
}

func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
