package local

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/e2e/scimmy"
	"example.com/autoprovision/infra/simworkspace"
)

// The whole program against a SCIM server that nobody here wrote: join, change,
// rename, suspend, return, delete.
func TestAgainstSCIMMY(t *testing.T) {
	t.Parallel()
	address := scimmy.Start(t)
	company := simworkspace.New(1, nil)
	company.Seed(simworkspace.DefaultCompany())
	directory := httptest.NewServer(company.Handler())
	t.Cleanup(func() { company.Close(); directory.Close() })

	p := binary.Start(t, "-directory-url", directory.URL, "-scim-url", address+"/scim/v2")
	p.AppToken, p.Directory = scimmy.Token, directory.URL
	p.SetUp(program.Everybody(), object{"appOff": object{}, "suspended": object{"suspendAfter": "within24h"}, "deleted": object{"deleteAfter": "within24h"}})

	app := func(filter string) []any {
		t.Helper()
		status, out, err := program.Call(t.Context(), "GET", address+"/scim/v2/Users?count=100&filter="+filter, scimmy.Token, nil)
		if err != nil || status != 200 {
			t.Fatalf("%d %v %v", status, out, err)
		}
		list, _ := out["Resources"].([]any)
		return list
	}
	// 41 present people: 2 are suspended and 1 is archived.
	if n := len(app(`active%20eq%20true`)); n != 38 {
		t.Errorf("%d accounts after the first sync, want 38", n)
	}
	one := func(name string) object {
		list := app(`userName%20eq%20%22` + name + `%22`)
		if len(list) != 1 {
			return nil
		}
		return list[0].(object)
	}
	first := one("maya.cohen@example.com")
	if first == nil || first["externalId"] == "" {
		t.Fatalf("account: %v", first)
	}
	p.Dir("PATCH", "/users/maya.cohen@example.com", object{"primaryEmail": "maya.levin@example.com", "name": object{"familyName": "Levin"}})
	program.Until(t, 5*time.Second, "the rename arrives", func() bool { return one("maya.levin@example.com") != nil })
	renamed := one("maya.levin@example.com")
	if renamed["id"] != first["id"] || renamed["name"].(object)["familyName"] != "Levin" {
		t.Errorf("a rename must keep the account: %v, before %v", renamed, first)
	}
	p.Dir("PATCH", "/users/maya.levin@example.com", object{"suspended": true})
	program.Until(t, 5*time.Second, "the account is suspended", func() bool { return one("maya.levin@example.com")["active"] == false })
	p.Dir("PATCH", "/users/maya.levin@example.com", object{"suspended": false})
	program.Until(t, 5*time.Second, "the account is active again", func() bool { return one("maya.levin@example.com")["active"] == true })
	p.Dir("DELETE", "/users/maya.levin@example.com", nil)
	program.Until(t, 5*time.Second, "the account is removed", func() bool { return one("maya.levin@example.com") == nil })

	probe := p.API("POST", "/probe", nil, 200)
	if found, _ := probe["findings"].([]any); len(found) < 5 {
		t.Errorf("probe: %v", probe)
	}
	if strings.Contains(p.Log(), scimmy.Token) {
		t.Error("the token is in the log")
	}
}
