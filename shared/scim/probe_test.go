package scim_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults simcomeet.Faults
		people int
		// bad are the checks that must be found not OK; all others must be OK.
		bad    []string
		method string
	}{
		"everything works":      {simcomeet.Faults{}, 5, nil, scim.MethodPatch},
		"nobody is there yet":   {simcomeet.Faults{}, 0, nil, scim.MethodPatch},
		"no discovery":          {simcomeet.Faults{NoDiscovery: true}, 5, []string{"discovery", "schemas"}, scim.MethodAuto},
		"no PATCH":              {simcomeet.Faults{NoPatch: true}, 5, []string{"patch"}, scim.MethodPut},
		"filters are ignored":   {simcomeet.Faults{IgnoreFilters: true}, 5, []string{"filter"}, scim.MethodPatch},
		"filters are refused":   {simcomeet.Faults{RefuseFilters: true}, 5, []string{"filter"}, scim.MethodPatch},
		"startIndex is ignored": {simcomeet.Faults{IgnoreStartIndex: true}, 5, []string{"paging"}, scim.MethodPatch},
		"totals are wrong":      {simcomeet.Faults{WrongTotal: 4}, 1, []string{"filter", "paging"}, scim.MethodPatch},
		"throttled on the way": {simcomeet.Faults{ThrottleNext: 100, Only: []string{"discovery", "find", "get"}}, 5,
			[]string{"discovery", "schemas", "filter", "errors"}, scim.MethodAuto},
		"unknown ids are failed": {simcomeet.Faults{FailNext: 1, Only: []string{"get"}}, 5, []string{"errors"}, scim.MethodPatch},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := simcomeet.New(nil)
				for i := range test.people {
					if _, err := server.Add(map[string]any{"userName": fmt.Sprint("p", i)}); err != nil {
						t.Fatal(err)
					}
				}
				server.SetFaults(test.faults)
				report, err := dial(server, nil).Probe(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				bad := map[string]bool{}
				for _, check := range test.bad {
					bad[check] = true
				}
				seen := map[string]bool{}
				for _, f := range report.Findings {
					seen[f.Check] = true
					if f.OK == bad[f.Check] {
						t.Errorf("%s: ok %v, %s", f.Check, f.OK, f.Found)
					}
					if f.Found == "" || f.Meaning == "" {
						t.Errorf("%s says nothing: %+v", f.Check, f)
					}
				}
				for _, check := range []string{"token", "discovery", "schemas", "filter", "paging", "errors"} {
					if !seen[check] {
						t.Errorf("nothing was found about %s", check)
					}
				}
				if report.Suggested.UpdateMethod != test.method {
					t.Errorf("suggested method = %s, want %s", report.Suggested.UpdateMethod, test.method)
				}
				calls := server.Calls()
				if calls["create"]+calls["patch"]+calls["put"]+calls["delete"] != 0 {
					t.Errorf("a probe wrote: %v", calls)
				}
			})
		})
	}
}

func TestProbeSuggestsAPageSize(t *testing.T) {
	t.Parallel()
	server := simcomeet.New(&simcomeet.Options{MaxPage: 4})
	for i := range 9 {
		if _, err := server.Add(map[string]any{"userName": fmt.Sprint("p", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, faults := range []simcomeet.Faults{{}, {NoDiscovery: true}} {
		server.SetFaults(faults)
		report, err := dial(server, func(c *provision.Connection) { c.PageSize = 100 }).Probe(t.Context())
		if err != nil || report.Suggested.PageSize != 4 {
			t.Errorf("under %+v: page size %d, %v; want 4", faults, report.Suggested.PageSize, err)
		}
	}
}

func TestProbeWithoutAnApp(t *testing.T) {
	t.Parallel()
	tests := map[fault.Kind]simcomeet.Faults{
		fault.Unauthorized: {RefuseToken: true},
		fault.Throttled:    {ThrottleNext: 1},
		fault.Unavailable:  {HTML404: true},
	}
	for kind, faults := range tests {
		server := simcomeet.New(nil)
		server.SetFaults(faults)
		var prober app.Prober = dial(server, nil)
		if _, err := prober.Probe(t.Context()); !fault.Is(err, kind) {
			t.Errorf("error = %v, want %v", err, kind)
		}
	}
	server := simcomeet.New(nil)
	server.SetFaults(simcomeet.Faults{Forbid: true})
	if _, err := dial(server, nil).Probe(t.Context()); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("403 = %v", err)
	}
}
