package scope_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

var (
	units = []scope.Unit{
		{ID: "root", Path: "/"},
		{ID: "eng", Path: "/Engineering", ParentID: "root"},
		{ID: "platform", Path: "/Engineering/Platform", ParentID: "eng"},
		{ID: "sales", Path: "/Sales", ParentID: "root"},
	}
	domains = []string{"example.com", "example.org"}
	company = scope.NewOrganization(units, domains, "example.com")
)

// on and off are org units with an explicit state.
func on(id string) provision.OrgUnitState  { return provision.OrgUnitState{ID: id, Path: id, On: true} }
func off(id string) provision.OrgUnitState { return provision.OrgUnitState{ID: id, Path: id} }

func groups(names ...string) []provision.GroupRef {
	refs := make([]provision.GroupRef, len(names))
	for i, name := range names {
		refs[i] = provision.GroupRef{ID: name, Email: name + "@example.com"}
	}
	return refs
}

// memberOf answers from a list of groups, and fails for the group "broken".
func memberOf(in ...string) scope.Members {
	return func(id string) (bool, error) {
		if id == "broken" {
			return false, errors.New("no usable answer")
		}
		return slices.Contains(in, id), nil
	}
}

type want string

const (
	in      want = "in"
	out     want = "out"
	unknown want = "unknown"
)

func verdict(v scope.Verdict) want {
	switch {
	case !v.Known:
		return unknown
	case v.In:
		return in
	}
	return out
}

func TestR1_R13_Scope(t *testing.T) {
	t.Parallel()
	everywhere := provision.Scope{OrgUnits: []provision.OrgUnitState{on("root")}}
	with := func(change func(s *provision.Scope)) provision.Scope {
		s := everywhere
		change(&s)
		return s
	}
	cases := []struct {
		sentence string
		scope    provision.Scope
		user     provision.User
		members  scope.Members
		org      *scope.Organization
		want     want
		reason   string // a part of the reason in words
	}{
		{sentence: "the root is off until set", user: provision.User{OrgUnitPath: "/"}, want: out, reason: "turned on"},
		{sentence: "on for the root is on below it", scope: everywhere, user: provision.User{OrgUnitPath: "/Engineering/Platform"}, want: in},
		{sentence: "on for one's own org unit", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{on("sales")}}, user: provision.User{OrgUnitPath: "/Sales"}, want: in},
		{sentence: "on for another org unit", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{on("sales")}}, user: provision.User{OrgUnitPath: "/Engineering"}, want: out},
		{sentence: "off below on", scope: with(func(s *provision.Scope) { s.OrgUnits = append(s.OrgUnits, off("eng")) }),
			user: provision.User{OrgUnitPath: "/Engineering/Platform"}, want: out, reason: "/Engineering is set to off"},
		{sentence: "on below off below on: the nearest counts", scope: with(func(s *provision.Scope) { s.OrgUnits = append(s.OrgUnits, off("eng"), on("platform")) }),
			user: provision.User{OrgUnitPath: "/Engineering/Platform"}, want: in},
		{sentence: "kept by id: the path in the scope may be an old one",
			scope: provision.Scope{OrgUnits: []provision.OrgUnitState{{ID: "sales", Path: "/Vendite", On: true}}}, user: provision.User{OrgUnitPath: "/Sales"}, want: in},
		{sentence: "another org unit that now has the old path is not meant",
			scope: provision.Scope{OrgUnits: []provision.OrgUnitState{{ID: "sales", Path: "/Engineering", On: true}}}, user: provision.User{OrgUnitPath: "/Engineering"}, want: out},

		{sentence: "an access group turns on where the org unit is off", scope: provision.Scope{AccessGroups: groups("access")},
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf("access"), want: in},
		{sentence: "not in the access group", scope: provision.Scope{AccessGroups: groups("access")},
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf(), want: out, reason: "no access group"},
		{sentence: "an access group never turns off", scope: with(func(s *provision.Scope) { s.AccessGroups = groups("access") }),
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf(), want: in},
		{sentence: "an access group does not stand in for the groups", scope: provision.Scope{AccessGroups: groups("access"), Groups: groups("team")},
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf("access"), want: out, reason: "team@example.com"},

		{sentence: "groups narrow the org units", scope: with(func(s *provision.Scope) { s.Groups = groups("team") }),
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf(), want: out, reason: "not a member"},
		{sentence: "a member of one of the groups is enough", scope: with(func(s *provision.Scope) { s.Groups = groups("team", "other") }),
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf("other"), want: in},
		{sentence: "a group does not turn on what is off", scope: provision.Scope{Groups: groups("team")},
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf("team"), want: out, reason: "off for their org unit"},

		{sentence: "without groups, a secondary domain is in", scope: everywhere, user: provision.User{Email: "ana@example.org"}, want: in},
		{sentence: "the case of a domain does not matter", scope: everywhere, user: provision.User{Email: "ana@EXAMPLE.org"}, want: in},
		{sentence: "without groups, listed domains are the only ones", scope: with(func(s *provision.Scope) { s.Domains = []string{"example.org"} }), want: out, reason: "only the domains you tick"},
		{sentence: "with groups, a secondary domain is out", scope: with(func(s *provision.Scope) { s.Groups = groups("team") }),
			user: provision.User{Email: "ana@example.org"}, members: memberOf("team"), want: out, reason: "when groups are set, only example.com"},
		{sentence: "with groups, a further domain that is listed is in", scope: with(func(s *provision.Scope) { s.Groups, s.Domains = groups("team"), []string{"example.org"} }),
			user: provision.User{Email: "ana@example.org"}, members: memberOf("team"), want: in},
		{sentence: "with groups and a further domain, the primary one stays in", scope: with(func(s *provision.Scope) { s.Groups, s.Domains = groups("team"), []string{"example.org"} }),
			members: memberOf("team"), want: in},
		{sentence: "a guest is out, whatever else", scope: everywhere, user: provision.User{Guest: true}, want: out, reason: "guest"},

		{sentence: "a domain that the list does not have decides nothing: the list may be incomplete", scope: everywhere,
			user: provision.User{Email: "ana@example.net"}, want: unknown, reason: "example.net"},
		{sentence: "a domain list without the primary domain is incomplete", scope: everywhere,
			org: ptr(scope.NewOrganization(units, []string{"example.org"}, "example.com")), user: provision.User{Email: "ana@example.org"}, want: unknown},
		{sentence: "no domains known", scope: everywhere, org: ptr(scope.NewOrganization(units, nil, "")), want: unknown, reason: "domains"},
		{sentence: "a changed primary domain decides nothing", scope: with(func(s *provision.Scope) { s.PrimaryDomain = "example.net" }), want: unknown, reason: "primary domain"},
		{sentence: "an unchanged one in other case does", scope: with(func(s *provision.Scope) { s.PrimaryDomain = "Example.COM" }), want: in},
		{sentence: "another customer decides nothing", scope: with(func(s *provision.Scope) { s.CustomerID = "C1" }), user: provision.User{CustomerID: "C2"}, want: unknown, reason: "another organization"},
		{sentence: "an org unit that is not in the tree decides nothing", scope: everywhere, user: provision.User{OrgUnitPath: "/New"}, want: unknown, reason: "/New"},
		{sentence: "nor does one whose parent is not", scope: everywhere, user: provision.User{OrgUnitPath: "/Sales"},
			org: ptr(scope.NewOrganization(units[3:], domains, "example.com")), want: unknown, reason: "above"},
		{sentence: "nor a circle", scope: provision.Scope{}, user: provision.User{OrgUnitPath: "/A"},
			org: ptr(scope.NewOrganization([]scope.Unit{{ID: "a", Path: "/A", ParentID: "b"}, {ID: "b", Path: "/B", ParentID: "a"}}, domains, "example.com")), want: unknown, reason: "circle"},
		{sentence: "off, while an org unit that was turned on is gone: not known", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{on("gone")}},
			user: provision.User{OrgUnitPath: "/Sales"}, want: unknown, reason: "no longer exists"},
		{sentence: "explicitly off, while one that was turned on is gone: not known either", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{on("gone"), off("sales")}},
			user: provision.User{OrgUnitPath: "/Sales"}, want: unknown},
		{sentence: "on, while another org unit is gone: in", scope: with(func(s *provision.Scope) { s.OrgUnits = append(s.OrgUnits, on("gone")) }), want: in},
		{sentence: "off, while one that was turned off is gone: out", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{off("gone")}},
			user: provision.User{OrgUnitPath: "/Sales"}, want: out},
		{sentence: "an access group decides, while an org unit that was turned on is gone", scope: provision.Scope{OrgUnits: []provision.OrgUnitState{on("gone")}, AccessGroups: groups("access")},
			user: provision.User{OrgUnitPath: "/Sales"}, members: memberOf("access"), want: in},
		{sentence: "a membership that cannot be read decides nothing", scope: with(func(s *provision.Scope) { s.Groups = groups("broken") }), members: memberOf(), want: unknown, reason: "broken@example.com"},
		{sentence: "a membership that can be read decides beside one that cannot", scope: with(func(s *provision.Scope) { s.Groups = groups("broken", "team") }), members: memberOf("team"), want: in},
		{sentence: "an access group that cannot be read decides nothing", scope: provision.Scope{AccessGroups: groups("broken")}, members: memberOf(), want: unknown},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			org := company
			if c.org != nil {
				org = *c.org
			}
			u := c.user
			if u.Email == "" {
				u.Email = "ana@example.com"
			}
			if u.OrgUnitPath == "" {
				u.OrgUnitPath = "/"
			}
			members := c.members
			if members == nil {
				members = func(string) (bool, error) {
					t.Error("asked for a membership that decides nothing")
					return false, nil
				}
			}
			v := scope.Evaluate(c.scope, org, u, members)
			if got := verdict(v); got != c.want {
				t.Errorf("%s, want %s: %v", got, c.want, v.Reasons)
			}
			if (c.want == in) != (len(v.Reasons) == 0) {
				t.Errorf("reasons %v of a verdict %s", v.Reasons, c.want)
			}
			if !strings.Contains(strings.Join(v.Reasons, " "), c.reason) {
				t.Errorf("reasons %v do not say %q", v.Reasons, c.reason)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestR1_MembershipIsAskedOnlyWhenItDecides(t *testing.T) {
	t.Parallel()
	s := provision.Scope{
		OrgUnits: []provision.OrgUnitState{on("eng")}, AccessGroups: groups("access"), Groups: groups("team", "other"),
	}
	cases := []struct {
		sentence string
		user     provision.User
		in       []string
		asked    string
	}{
		{"a guest", provision.User{Email: "ana@example.com", OrgUnitPath: "/Engineering", Guest: true}, nil, ""},
		{"another domain", provision.User{Email: "ana@example.org", OrgUnitPath: "/Engineering"}, nil, ""},
		{"on by org unit: no access group", provision.User{Email: "ana@example.com", OrgUnitPath: "/Engineering"}, []string{"other"}, "team other"},
		{"off by org unit and access group: no other group", provision.User{Email: "ana@example.com", OrgUnitPath: "/Sales"}, nil, "access"},
		{"the first group that has them ends it", provision.User{Email: "ana@example.com", OrgUnitPath: "/Sales"}, []string{"access", "team"}, "access team"},
	}
	for _, c := range cases {
		var asked []string
		scope.Evaluate(s, company, c.user, func(id string) (bool, error) {
			asked = append(asked, id)
			return slices.Contains(c.in, id), nil
		})
		if got := strings.Join(asked, " "); got != c.asked {
			t.Errorf("%s: asked %q, want %q", c.sentence, got, c.asked)
		}
	}
}

func TestR13_Faults(t *testing.T) {
	t.Parallel()
	s := provision.Scope{OrgUnits: []provision.OrgUnitState{on("eng"), {ID: "gone", Path: "/Gone", On: true}, {ID: "lost", Path: "/Lost"}}}
	faults := company.Faults(s)
	if len(faults) != 2 || !strings.Contains(faults[0], "/Gone, turned on") || !strings.Contains(faults[1], "/Lost, turned off") {
		t.Errorf("faults %q", faults)
	}
}

// TestR1_OutsidersStayOut: no combination of domains, groups and org units lets
// in a guest, somebody of a domain that is not the customer's, or of a
// secondary domain that the rules leave out.
func TestR1_OutsidersStayOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"example.com", "example.org", "example.net", "evil.example", "example.com.evil.example", ""}
		listed := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "listed")
		s := provision.Scope{OrgUnits: []provision.OrgUnitState{on("root")}, Domains: listed}
		if rapid.Bool().Draw(t, "groups") {
			s.Groups = groups("team")
		}
		if rapid.Bool().Draw(t, "access group") {
			s.AccessGroups = groups("access")
		}
		domain := rapid.SampledFrom(names).Draw(t, "domain")
		u := provision.User{
			Email: "ana@" + domain, OrgUnitPath: rapid.SampledFrom([]string{"/", "/Sales", "/Engineering/Platform"}).Draw(t, "path"),
			Guest: rapid.Bool().Draw(t, "guest"),
		}
		v := scope.Evaluate(s, company, u, func(string) (bool, error) { return true, nil })
		customers := domain == "example.com" || domain == "example.org"
		allowed := customers && !u.Guest
		switch {
		case len(s.Groups) > 0:
			allowed = allowed && (domain == "example.com" || slices.Contains(listed, domain))
		case len(listed) > 0:
			allowed = allowed && slices.Contains(listed, domain)
		}
		if got := v.Known && v.In; got != allowed {
			t.Fatalf("in %v, want %v: %v", got, allowed, v.Reasons)
		}
	})
}
