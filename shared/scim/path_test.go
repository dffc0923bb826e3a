package scim

import (
	"testing"

	"example.com/autoprovision/shared/fault"
)

func TestPathsReadAndWriteBack(t *testing.T) {
	t.Parallel()
	tests := map[string]Path{
		"userName":                     {Attribute: "userName"},
		"name.givenName":               {Attribute: "name", Sub: "givenName"},
		`emails[type eq "work"].value`: {Attribute: "emails", Type: "work", Sub: "value"},
		EnterpriseSchema + ":department": {
			Schema: EnterpriseSchema, Attribute: "department"},
		EnterpriseSchema + ":manager.value": {
			Schema: EnterpriseSchema, Attribute: "manager", Sub: "value"},
		`urn:example:ext:1.0:User:sites[type eq "main"].code`: {
			Schema: "urn:example:ext:1.0:User", Attribute: "sites", Type: "main", Sub: "code"},
	}
	for text, want := range tests {
		got, err := ParsePath(text)
		if err != nil || got != want {
			t.Errorf("ParsePath(%s) = %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%s is written back as %s", text, got)
		}
	}
	if p, err := ParsePath(UserSchema + ":userName"); err != nil || p.String() != "userName" {
		t.Errorf("an attribute of the core schema by its URN = %v, %v", p, err)
	}
}

func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", ".", "name.", ".givenName", "name.given.deep", "emails[]", `emails[type eq "work"]`, `emails[type eq 'work'].value`,
		`emails[type  eq "work"].value`, `emails[primary eq true].value`, `emails[type eq "a" or type eq "b"].value`, "1st", "urn:x", "a b",
		`emails[type eq "wo\"rk"].value`, "userName\n",
	} {
		if p, err := ParsePath(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParsePath(%q) = %+v, %v; want fault.Invalid", text, p, err)
		}
	}
}

func TestMappable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"userName", "title", "name.familyName", "name.formatted", `emails[type eq "home"].value`, `addresses[type eq "work"].locality`,
		EnterpriseSchema + ":department", EnterpriseSchema + ":manager.value", "urn:example:comeet:1.0:User:team",
	} {
		if err := CheckMappable(text); err != nil {
			t.Errorf("CheckMappable(%s) = %v", text, err)
		}
	}
	for _, text := range []string{
		"id", "externalId", "ExternalID", "active", "meta.version", "schemas", `groups[type eq "direct"].value`, `roles[type eq "x"].value`, "password",
		UserSchema + ":active", UserSchema + ":title",
		"Title", "name", "name.first", "title.x", "emails", "emails.value", `title[type eq "a"].b`, "shoeSize", `emails[type eq "work"].primary`,
		EnterpriseSchema + ":shoeSize", EnterpriseSchema + ":manager", "URN:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
		"urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:department",
	} {
		if err := CheckMappable(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("CheckMappable(%s) = %v, want fault.Invalid", text, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"userName", "name.givenName", `emails[type eq "work"].value`, EnterpriseSchema + ":department", "urn:a:b:c", UserSchema + ":urn:x:y:z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || again != p {
			t.Fatalf("%q reads as %+v, which is written as %s and reads as %+v, %v", text, p, p, again, err)
		}
	})
}
