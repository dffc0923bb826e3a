package scim

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

func TestFlattenReadsWhatServersSend(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		json string
		want provision.Attributes
	}{
		"what identifies and rules an account is left out": {
			`{"id":"1","externalId":"x","active":true,"meta":{"version":"1"},"schemas":["a"],"groups":[{"type":"direct","value":"g"}],
			  "roles":[{"type":"a","value":"r"}],"password":"p","userName":"ana"}`,
			provision.Attributes{"userName": "ana"}},
		"names in any case": {
			`{"USERNAME":"ana","Name":{"GIVENNAME":"Ana"},"urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User":{"Department":"Kitchen"}}`,
			provision.Attributes{"userName": "ana", "name.givenName": "Ana", EnterpriseSchema + ":department": "Kitchen"}},
		"the primary of one type, else the first": {
			`{"emails":[{"type":"work","value":"1"},{"type":"Work","value":"2","primary":true},{"type":"home","value":"3"},{"type":"home","value":"4"}]}`,
			provision.Attributes{`emails[type eq "work"].value`: "2", `emails[type eq "home"].value`: "3"}},
		"an entry without a type stands for work, unless there is one": {
			`{"emails":[{"value":"1"}],"phoneNumbers":[{"value":"1","primary":true},{"value":"2","type":"work"}]}`,
			provision.Attributes{`emails[type eq "work"].value`: "1", `phoneNumbers[type eq "work"].value`: "2"}},
		"no value is absent": {
			`{"title":"","nickName":null,"emails":[],"name":{},"addresses":null,"locale":"en"}`,
			provision.Attributes{"locale": "en"}},
		"numbers and booleans": {
			`{"urn:example:x:1.0:User":{"level":3,"remote":false,"deep":{"a":1.5}}}`,
			provision.Attributes{"urn:example:x:1.0:User:level": 3.0, "urn:example:x:1.0:User:remote": false, "urn:example:x:1.0:User:deep.a": 1.5}},
		"what has no path is left out": {
			`{"odd name":"x","a":{"b":{"c":1}},"huge":1e999,"title":["x"],"emails":["x",{"type":"a\"b","value":"y"}],"urn:x":"y"}`,
			provision.Attributes{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := flatten(parseObject([]byte(test.json)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAccountsAreReadLeniently(t *testing.T) {
	t.Parallel()
	tests := map[string]provision.Account{
		`{"id":"a","active":false}`:                 {ID: "a"},
		`{"id":"a","active":"False"}`:               {ID: "a"},
		`{"id":"a","active":"true"}`:                {ID: "a", Active: true},
		`{"id":"a","active":null}`:                  {ID: "a", Active: true},
		`{"ID":12345678901234567890,"Active":true}`: {ID: "12345678901234567890", Active: true},
	}
	for text, want := range tests {
		want.Attributes = provision.Attributes{}
		got, err := toAccount("test", parseObject([]byte(text)))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// attributesOf draws attributes under paths that a mapping can have.
func attributesOf() *rapid.Generator[provision.Attributes] {
	paths := []string{
		"userName", "title", "name.givenName", "name.familyName", `emails[type eq "work"].value`, `emails[type eq "home"].value`,
		`emails[type eq "home"].display`, `phoneNumbers[type eq "mobile"].value`, `addresses[type eq "work"].locality`, `addresses[type eq "work"].country`,
		EnterpriseSchema + ":department", EnterpriseSchema + ":manager.value", `urn:example:x:1.0:User:sites[type eq "main"].code`,
	}
	value := rapid.OneOf(rapid.StringN(1, 8, -1).AsAny(), rapid.Bool().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny())
	return rapid.Custom(func(t *rapid.T) provision.Attributes {
		return rapid.MapOf(rapid.SampledFrom(paths), value).Draw(t, "attributes")
	})
}

func list(t *rapid.T, attributes provision.Attributes) []assignment {
	list, err := assignments("test", attributes)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// through sends a resource through JSON, as a server would.
func through(t *rapid.T, resource map[string]any) map[string]any {
	data, err := json.Marshal(resource)
	if err != nil {
		t.Fatal(err)
	}
	return parseObject(data)
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attributes := attributesOf().Draw(t, "written")
		if diff := cmp.Diff(attributes, flatten(through(t, newResource("x", list(t, attributes)))), equalEmpty()); diff != "" {
			t.Fatalf("attributes (-written +read):\n%s", diff)
		}
	})
}

// A change by PUT, made on what is there, leads to exactly the new attributes.
func TestAReplacementHoldsTheChangeAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := attributesOf().Draw(t, "before"), attributesOf().Draw(t, "after")
		gone := provision.Attributes{}
		for path, value := range before {
			if _, stays := after[path]; !stays {
				gone[path] = value
			}
		}
		current := through(t, newResource("x", list(t, before)))
		ch := change{set: list(t, after), removed: list(t, gone), previous: before}
		got := flatten(through(t, ch.replacement(current)))
		for path := range got {
			// A display goes with its entry only, and one that stays alone holds nothing.
			if path == `emails[type eq "home"].display` {
				delete(got, path)
			}
		}
		delete(after, `emails[type eq "home"].display`)
		if diff := cmp.Diff(after, got, equalEmpty()); diff != "" {
			t.Fatalf("attributes (-want +got):\n%s", diff)
		}
	})
}

// equalEmpty takes nil and an empty map for the same.
func equalEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b provision.Attributes) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","userName":"b","active":true,"emails":[{"type":"work","value":"c","primary":true}]}`,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"id":"a"}]}`,
		`{"totalResults":-1,"Resources":{}}`, `{"Resources":[null,1]}`, `[]`, `null`, `{"emails":{"type":[]}}`, `{"urn:x:y":{"a":[{"type":"b","c":1}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		object := parseObject(data)
		if object == nil {
			return
		}
		for path, value := range flatten(object) {
			p, err := ParsePath(path)
			if err != nil || canonical(p).String() != path {
				t.Fatalf("attribute path %q: %v", path, err)
			}
			switch value.(type) {
			case string, bool, float64:
			default:
				t.Fatalf("%s holds a %T", path, value)
			}
		}
		if account, err := toAccount("test", object); (err == nil) == (account.ID == "") || err != nil && !fault.Is(err, fault.Incomplete) {
			t.Fatalf("account %+v, %v", account, err)
		}
		if p, err := toPage("test", object); err == nil && (p.total < 0 || p.rows != len(p.accounts)) {
			t.Fatalf("page %+v", p)
		}
		active := false
		body := change{active: &active}.replacement(object)
		if got, _ := lookup(body, "active").(bool); got {
			t.Fatal("a suspension by PUT leaves the account active")
		}
	})
}
