package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// ana is a user resource of the length and form that the Directory API sends.
const ana = `{"kind":"admin#directory#user","id":"103456789012345678901",
"etag":"\"abcdefghijklmnopqrstuvwxyz0123456789/ABCDEFGHIJKLMNOP\"","primaryEmail":"Ana.Lopez@example.com",
"name":{"givenName":"Ana","familyName":"Lo\u0301pez","fullName":"Ana López"},"isAdmin":false,"isDelegatedAdmin":false,
"lastLoginTime":"2026-01-05T08:30:00.000Z","creationTime":"2024-03-01T09:00:00.000Z","agreedToTerms":true,
"suspended":false,"archived":false,"changePasswordAtNextLogin":false,"ipWhitelisted":false,
"emails":[{"address":"ana@example.com"},{"address":"Ana.Lopez@example.com","primary":true},{"address":"ana.home@example.net","type":"home"}],
"externalIds":[{"value":"B-12","type":"custom","customType":"badge"},{"value":"E-1007","type":"organization"}],
"relations":[{"value":"boss@example.com","type":"manager"}],
"organizations":[{"title":"Founder","name":"Old"},{"title":"  Engineer ","primary":true,"customType":"","department":"Platform","costCenter":"CC-12"}],
"phones":[{"value":"+34 600 000 002","type":"mobile"},{"value":"+34 600 000 001","type":"work"}],
"languages":[{"languageCode":"es","preference":"preferred"}],"aliases":["ana@example.com"],
"nonEditableAliases":["ana.lopez@example.com.test-google-a.com"],"customerId":"C01abcdef","orgUnitPath":"/Engineering/Platform",
"isMailboxSetup":true,"isEnrolledIn2Sv":true,"isEnforcedIn2Sv":true,"includeInGlobalAddressList":true,
"customSchemas":{"Employment":{"level":4,"start":"2024-03-01","remote":true,"note":"","none":null}}}`

func user(resource string) provision.User { return provision.User{Resource: json.RawMessage(resource)} }

// anything is an app that has every attribute.
func anything(string) error { return nil }

func directory(app, path string) provision.MappedAttribute {
	return provision.MappedAttribute{App: app, Directory: path}
}

func expression(app, text string) provision.MappedAttribute {
	return provision.MappedAttribute{App: app, Expression: text}
}

func compile(t testing.TB, mandatory []string, attributes ...provision.MappedAttribute) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Compile(attributes, mandatory, anything)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return m
}

func TestApplyValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		source provision.MappedAttribute
		want   any // nil for absent
	}{
		{"text as the directory has it", directory("x", "primaryEmail"), "Ana.Lopez@example.com"},
		{"composed form", directory("x", "name.familyName"), "López"},
		{"trimmed", directory("x", "organizations.1.title"), "Engineer"},
		{"bool", directory("x", "emails.primary.primary"), true},
		{"number", directory("x", "customSchemas.Employment.level"), 4.0},
		{"first", directory("x", "organizations.0.title"), "Founder"},
		{"primary", directory("x", "organizations.primary.title"), "Engineer"},
		{"primary when none is marked", directory("x", "phones.primary.value"), "+34 600 000 002"},
		{"typed", directory("x", "phones.work.value"), "+34 600 000 001"},
		{"custom type", directory("x", "externalIds.badge.value"), "B-12"},
		{"entry of a plain list", directory("x", "aliases.0"), "ana@example.com"},
		{"first of a plain list", directory("x", "aliases.primary"), "ana@example.com"},
		{"no such type", directory("x", "phones.fax.value"), nil},
		{"no type in a plain list", directory("x", "aliases.work"), nil},
		{"beyond the list", directory("x", "phones.2.value"), nil},
		{"no such attribute", directory("x", "addresses.0.country"), nil},
		{"below a text", directory("x", "primaryEmail.domain"), nil},
		{"empty text", directory("x", "customSchemas.Employment.note"), nil},
		{"null", directory("x", "customSchemas.Employment.none"), nil},

		{"joined", expression("x", `user.name.givenName + " " + user.name.familyName`), "Ana López"},
		{"guarded", expression("x", `has(user.organizations) ? user.organizations[0].title : ""`), "Founder"},
		{"guarded, absent", expression("x", `has(user.addresses) ? user.addresses[0].country : ""`), nil},
		{"optional", expression("x", `user.?organizations[?0].?title`), "Founder"},
		{"optional, absent", expression("x", `user.?addresses[?0].?country`), nil},
		{"optional with a default", expression("x", `user.?addresses[?0].?country.orValue("ES")`), "ES"},
		{"string functions", expression("x", `user.primaryEmail.lowerAscii().split("@")[0].replace(".", "-")`), "ana-lopez"},
		{"list functions", expression("x", `user.emails.filter(e, e.?type.orValue("") == "home").map(e, e.address).join(", ")`), "ana.home@example.net"},
		{"pattern", expression("x", `user.primaryEmail.matches("^[A-Z]")`), true},
		{"whole number", expression("x", `size(user.emails)`), 3.0},
		{"unsigned number", expression("x", `7u`), 7.0},
		{"directory number", expression("x", `user.customSchemas.Employment.level + 0.5`), 4.5},
		{"directory number compared", expression("x", `user.customSchemas.Employment.level >= 4`), true},
		{"directory number as text", expression("x", `string(user.customSchemas.Employment.level)`), "4"},
		{"table", expression("x", `{"Platform": "P", "Sales": "S"}[user.organizations[1].department]`), "P"},
		{"null of the directory", expression("x", `user.customSchemas.Employment.none`), nil},
		{"keys in order", expression("x", `user.customSchemas.Employment.map(k, k).join(",")`), "level,none,note,remote,start"},
		{"written keys in order", expression("x", `{"d": 1, "a": 1, "c": 1, "b": 1}.map(k, k).join("")`), "abcd"},
		{"mixed keys in order", expression("x", `dyn({3: 1, "a": 1, 2u: 1, true: 1, 1: 1}).map(k, string(k)).join("")`), "true13a2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, nil, test.source).Apply(user(ana))
			if err != nil {
				t.Fatalf("Apply: %v", err)
			}
			want := provision.Attributes{}
			if test.want != nil {
				want["x"] = test.want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("attributes differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyErrors(t *testing.T) {
	t.Parallel()
	const takes = "and an app attribute takes one text, number or yes/no value"
	for _, test := range []struct {
		name   string
		source provision.MappedAttribute
		want   string // part of the text
	}{
		{"list", directory("title", "organizations"), "title: the directory attribute gives a list, " + takes},
		{"group", directory("title", "name"), "title: the directory attribute gives a group of values, " + takes},
		{"mandatory", directory("userName", "addresses.0.country"), "userName: the directory attribute gives no value for this person"},
		{"mandatory, empty", expression("userName", `" "`), "userName: the expression gives no value for this person"},
		{"dynamic list", expression("title", `user.organizations`), "title: the expression gives a list, " + takes},
		{"dynamic group", expression("title", `user.organizations[0]`), "title: the expression gives a group of values, " + takes},
		{"dynamic time", expression("title", `dyn(timestamp(user.creationTime))`), "title: the expression gives a time"},
		{"no such key", expression("title", `user.organizations[0].level`), `ask first, as in has(`},
		{"computed key", expression("title", `user[user.primaryEmail]`), `ask first, as in has(`},
		{"out of bounds", expression("title", `user.organizations[7].title`), `ask first, as in has(`},
		{"wrong kind", expression("title", `user.organizations + "x"`), "uses a value in a way that does not fit its kind"},
		{"whole with directory number", expression("title", `user.customSchemas.Employment.level + 1`), "write 1.0 for 1"},
		{"division", expression("title", `1 / (size(user.emails) - 3)`), "cannot be computed for this person"},
		{"not a number", expression("title", `double("NaN")`), "title: the expression gives something that is not a number"},
		{"infinite", expression("title", `1.0 / 0.0`), "title: the expression gives something that is not a number"},
		{"inexact", expression("title", `9007199254740993`), "make it text with string()"},
		{"inexact below", expression("title", `-9007199254740993`), "make it text with string()"},
		{"inexact unsigned", expression("title", `9007199254740993u`), "make it text with string()"},
		{"long", expression("title", `"`+strings.Repeat("a", 1025)+`".replace("a", "aaaa")`), "title: the expression gives a text longer than 4096 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := compile(t, []string{test.source.App}, test.source)
			got, err := m.Apply(user(ana))
			if got != nil || !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Apply = %v, %v; want an invalid one with %q", got, err, test.want)
			}
			var problem *fault.Error
			if !errors.As(err, &problem) || problem.Field != test.source.App {
				t.Errorf("field = %q, want %q", problem.Field, test.source.App)
			}
			for _, personal := range []string{"Ana", "Lopez", "Founder", "example.com"} {
				if strings.Contains(err.Error(), personal) {
					t.Errorf("the error %q holds what the directory said", err)
				}
			}
		})
	}
}

func TestApplyNamesEveryProblem(t *testing.T) {
	t.Parallel()
	m := compile(t, nil, directory("userName", "primaryEmail"), directory("title", "organizations"), directory("nickName", "name"))
	_, err := m.Apply(user(ana))
	if err == nil || !strings.Contains(err.Error(), "title: ") || !strings.Contains(err.Error(), "nickName: ") {
		t.Errorf("err = %v, want both attributes named", err)
	}
}

func TestApplyLongDirectoryText(t *testing.T) {
	t.Parallel()
	m := compile(t, nil, directory("title", "name.givenName"))
	if got, err := m.Apply(user(`{"name":{"givenName":"` + strings.Repeat("a", 4096) + `"}}`)); err != nil || len(got) != 1 {
		t.Errorf("4096 bytes: %v", err)
	}
	if _, err := m.Apply(user(`{"name":{"givenName":"` + strings.Repeat("a", 4097) + `"}}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("4097 bytes: err = %v, want invalid", err)
	}
}

// gjson is more lenient than encoding/json: it hands out what no attribute may hold.
func TestApplyOddJSON(t *testing.T) {
	t.Parallel()
	m := compile(t, nil, directory("title", "customSchemas.x.y"))
	if got, err := m.Apply(user(`{"customSchemas":{"x":{"y":1e999}}}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a number beyond float64: %v, %v; want invalid", got, err)
	}
	got, err := m.Apply(user("{\"customSchemas\":{\"x\":{\"y\":\"a\xff\"}}}"))
	if diff := cmp.Diff(provision.Attributes{"title": "a\uFFFD"}, got); err != nil || diff != "" {
		t.Errorf("text that is not UTF-8: %v (-want +got):\n%s", err, diff)
	}
	if got, err := m.Apply(user(strings.Repeat("[", 1<<20))); !fault.Is(err, fault.Incomplete) {
		t.Errorf("a million brackets: %v, %v; want incomplete", got, err)
	}
	deep := `{"customSchemas":{"x":{"y":` + strings.Repeat("[", 9990) + strings.Repeat("]", 9990) + `}}}`
	if got, err := m.Apply(user(deep)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a deep list: %v, %v; want invalid", got, err)
	}
}

func TestUnreadableResource(t *testing.T) {
	t.Parallel()
	for _, m := range []*mapping.Mapping{
		compile(t, nil, directory("userName", "primaryEmail")),
		compile(t, nil, expression("userName", "user.primaryEmail")),
		compile(t, nil),
	} {
		for _, resource := range []string{``, `null`, ` null `, `[]`, `"x"`, `7`, `{"primaryEmail":`, `{} {}`} {
			if got, err := m.Apply(user(resource)); got != nil || !fault.Is(err, fault.Incomplete) {
				t.Errorf("Apply(%q) = %v, %v; want incomplete", resource, got, err)
			}
			if got, err := m.Preview(user(resource)); got != nil || !fault.Is(err, fault.Incomplete) {
				t.Errorf("Preview(%q) = %v, %v; want incomplete", resource, got, err)
			}
		}
		if _, err := m.Apply(user(`{"primaryEmail":"a@example.com"}`)); err != nil {
			t.Errorf("Apply of a readable one: %v", err)
		}
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	m := compile(t, []string{"userName"}, directory("userName", "primaryEmail"), directory("nickName", "addresses.0.country"), directory("title", "organizations"))
	got, err := m.Preview(user(ana))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if (got[i].Err != nil) != (got[i].App == "title") {
			t.Errorf("%s: err = %v", got[i].App, got[i].Err)
		}
		got[i].Err = nil
	}
	want := []mapping.Value{{App: "userName", Value: "Ana.Lopez@example.com"}, {App: "nickName"}, {App: "title"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("preview differs (-want +got):\n%s", diff)
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	allowed := func(app string) error {
		if app == "shoeSize" {
			return errors.New("the app has no attribute shoeSize")
		}
		return nil
	}
	for _, test := range []struct {
		name        string
		attribute   provision.MappedAttribute
		field, want string
	}{
		{"no app", directory("", "id"), "attributes[1].app", "choose the app attribute"},
		{"unknown app", directory("shoeSize", "id"), "attributes[1].app", "no attribute shoeSize"},
		{"twice", directory("userNAME", "id"), "attributes[1].app", "mapped twice"},
		{"external id", directory("externalId", "id"), "attributes[1].app", "not for a mapping"},
		{"active", directory("Active", "suspended"), "attributes[1].app", "not for a mapping"},
		{"meta", directory("meta.created", "creationTime"), "attributes[1].app", "not for a mapping"},
		{"neither", provision.MappedAttribute{App: "title"}, "attributes[1].directory", "title: choose a directory attribute or write"},
		{"both", provision.MappedAttribute{App: "title", Directory: "id", Expression: "user.id"}, "attributes[1].directory", "not both"},
		{"empty part", directory("title", "name..givenName"), "attributes[1].directory", "names joined by dots"},
		{"ends with a dot", directory("title", "name."), "attributes[1].directory", "names joined by dots"},
		{"brackets", directory("title", "organizations[0].title"), "attributes[1].directory", "names joined by dots"},
		{"misspelt", directory("title", "organisations.0.title"), "attributes[1].directory", `no user attribute "organisations"`},
		{"capitals", directory("title", "primaryemail"), "attributes[1].directory", "capital letters"},
		{"leading zero", directory("title", "phones.01.value"), "attributes[1].directory", "without leading zeros"},
		{"far", directory("title", "phones.1000.value"), "attributes[1].directory", "from 0 to 999"},
		{"long path", directory("title", "name."+strings.Repeat("a", 260)), "attributes[1].directory", "longer than 256"},
		{"deep path", directory("title", "name.a.b.c.d.e.f.g.h"), "attributes[1].directory", "more than 8 parts"},
		{"syntax", expression("title", "user.name ==\n"), "attributes[1].expression", "title: the expression is wrong at line"},
		{"unknown name", expression("title", "\n  usr.name"), "attributes[1].expression", "line 2, character 3: undeclared reference to 'usr'"},
		{"address kept out", expression("title", `user.id == "ana@example.com" "bob@example.com"`), "attributes[1].expression", "not a valid expression"},
		{"computed pattern", expression("title", `user.id.matches("a" + user.id)`), "attributes[1].expression", "line 1, character 21: write the pattern"},
		{"computed pattern of the function", expression("title", `matches(user.id, user.id)`), "attributes[1].expression", "write the pattern"},
		{"long pattern", expression("title", `user.id.matches("`+strings.Repeat("a", 257)+`")`), "attributes[1].expression", "at most 256 bytes"},
		{"large pattern", expression("title", `user.id.matches("a{0,1000}")`), "attributes[1].expression", "regex program size"},
		{"pattern", expression("title", `user.id.matches("(")`), "attributes[1].expression", "line 1, character 17"},
		{"list", expression("title", `[user.id]`), "attributes[1].expression", "gives a list"},
		{"group", expression("title", `user`), "attributes[1].expression", "gives a group of values"},
		{"optional list", expression("title", `optional.of([user.id])`), "attributes[1].expression", "gives a list"},
		{"time", expression("title", `timestamp(user.creationTime)`), "attributes[1].expression", "gives a time"},
		{"duration", expression("title", `duration("1h")`), "attributes[1].expression", "gives a duration"},
		{"bytes", expression("title", `b"x"`), "attributes[1].expression", "gives bytes"},
		{"null", expression("title", `null`), "attributes[1].expression", "gives nothing"},
		{"type", expression("title", `type(user)`), "attributes[1].expression", "gives something else"},
		{"long expression", expression("title", `"`+strings.Repeat("a", 4096)+`"`), "attributes[1].expression", "longer than 4096 bytes"},
		{"deep expression", expression("title", strings.Repeat("(", 2000)+"1"+strings.Repeat(")", 2000)), "attributes[1].expression", "the expression is wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := mapping.Compile([]provision.MappedAttribute{directory("userName", "primaryEmail"), test.attribute}, nil, allowed)
			var problem *fault.Error
			if m != nil || !errors.As(err, &problem) || problem.Kind != fault.Invalid {
				t.Fatalf("Compile = %v, %v; want an invalid one", m, err)
			}
			if problem.Field != test.field || !strings.Contains(problem.Detail, test.want) {
				t.Errorf("field %q, detail %q; want %q, %q", problem.Field, problem.Detail, test.field, test.want)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("the error %q holds an address", err)
			}
		})
	}
}

func TestCompileNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := mapping.Compile([]provision.MappedAttribute{directory("title", "?"), expression("nickName", "usr")}, []string{"userName", "TITLE"}, anything)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("err = %v, want joined ones", err)
	}
	var fields []string
	for _, e := range joined.Unwrap() {
		var problem *fault.Error
		if errors.As(e, &problem) {
			fields = append(fields, problem.Field)
		}
	}
	if diff := cmp.Diff([]string{"attributes[0].directory", "attributes[1].expression", "attributes"}, fields); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
}

func TestMandatoryIsFoundWithoutCase(t *testing.T) {
	t.Parallel()
	m := compile(t, []string{"userName"}, directory("UserName", "primaryEmail"))
	if _, err := m.Apply(user(`{}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("Apply without a value: err = %v, want invalid", err)
	}
}

// Each of these is ended by a bound; most would run for hours or fill the memory.
func TestExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	ones := "[" + strings.Repeat("1,", 400) + "1]"
	doubled := `["aaaaaaaaaaaaaaaa"]` + strings.Repeat(".map(x, x + x)", 100) + "[0]"
	for name, text := range map[string]string{
		"nested loops": fmt.Sprintf("%s.all(a, %s.all(b, %s.all(c, a + b + c > 0)))", ones, ones, ones),
		"doubled text": doubled,
		"grown list":   fmt.Sprintf("size(%s.map(a, %s.map(b, %s)))", ones, ones, ones),
		"replace":      `["` + strings.Repeat("a", 2000) + `"].map(x, x.replace("", x)).map(x, x.replace("", x))[0]`,
		"join":         fmt.Sprintf(`%s.map(a, "%s").join("%s")`, ones, strings.Repeat("a", 1000), strings.Repeat("b", 1000)),
		"long text":    `size(["` + strings.Repeat("a", 3000) + `"].map(x, x + x + x)[0])`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, nil, expression("title", text)).Apply(user(ana))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "too much work") {
				t.Errorf("Apply = %.100v, %v; want it ended", got, err)
			}
		})
	}
}
