package workspace_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/throttle"
)

func TestSuperAdministrator(t *testing.T) {
	t.Parallel()
	sim := simworkspace.New(1, nil)
	t.Cleanup(sim.Close)
	sim.Seed(simworkspace.DefaultCompany())
	client, err := workspace.New(t.Context(), &http.Client{Transport: sim.Transport()},
		&workspace.Options{BaseURL: "http://directory.test/", Limiter: throttle.New(rate.Inf, 1)})
	if err != nil {
		t.Fatal(err)
	}
	id, ok := sim.UserID("maya.cohen@example.com")
	if !ok {
		t.Fatal("the company has no Maya")
	}
	change := func(method, path, body string) {
		t.Helper()
		r := httptest.NewRequest(method, "/admin/directory/v1/users/"+id+path, strings.NewReader(body))
		rec := httptest.NewRecorder()
		sim.Handler().ServeHTTP(rec, r)
		if rec.Code >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
		}
	}
	want := func(what string, want bool) {
		t.Helper()
		customer := ""
		if want {
			customer = sim.CustomerID()
		}
		if got, err := client.SuperAdministrator(t.Context(), id); got != customer || err != nil {
			t.Errorf("%s: of %q, %v", what, got, err)
		}
	}
	want("anybody", false)
	change("POST", "/makeAdmin", `{"status":true}`)
	want("an administrator", true)
	change("PATCH", "", `{"suspended":true}`)
	want("a suspended one", false)
	change("PATCH", "", `{"suspended":false,"archived":true}`)
	want("an archived one", false)
	change("PATCH", "", `{"archived":false}`)
	want("an administrator again", true)
	for _, key := range []string{"isAdmin", "customerId"} {
		sim.SetFaults(simworkspace.Faults{MissingKeys: []string{key}})
		if _, err := client.SuperAdministrator(t.Context(), id); !fault.Is(err, fault.Incomplete) {
			t.Errorf("without %s: %v", key, err)
		}
	}
	sim.SetFaults(simworkspace.Faults{})
	change("DELETE", "", "")
	want("a deleted one", false)
	for _, key := range []string{"", "maya.cohen@example.com"} {
		if _, err := client.SuperAdministrator(context.Background(), key); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
