package comeet

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

func TestProfileHoldsTogether(t *testing.T) {
	t.Parallel()
	p := Profile()
	mapped := map[string]bool{}
	for _, m := range p.Mapping {
		if m.Directory == "" || mapped[m.App] {
			t.Errorf("default mapping of %s is empty or double", m.App)
		}
		mapped[m.App] = true
	}
	if diff := cmp.Diff([]string{userName, givenName, familyName, workEmail}, p.Mandatory()); diff != "" {
		t.Errorf("mandatory attributes (-want +got):\n%s", diff)
	}
	for _, path := range p.Mandatory() {
		if !mapped[path] {
			t.Errorf("mandatory %s is not in the default mapping", path)
		}
	}
	for _, a := range p.Attributes {
		if err := p.CheckAttribute(a.Path); err != nil {
			t.Errorf("offered attribute %s: %v", a.Path, err)
		}
		if a.Label == "" {
			t.Errorf("offered attribute %+v lacks a label", a)
		}
	}
}

func TestDefaultConnectionLacksOnlyTheAddress(t *testing.T) {
	t.Parallel()
	c := Profile().Connection
	if got := fields(checkConnection(c)); cmp.Diff([]string{"baseUrl"}, got) != "" {
		t.Fatalf("fields at fault = %v, want baseUrl alone", got)
	}
	c.BaseURL = "https://app.example.com/scim/v2"
	if err := checkConnection(c); err != nil {
		t.Fatal(err)
	}
	if !c.HardDelete || c.RequestsPerSecond != 2 || c.Concurrency != 4 {
		t.Errorf("defaults = %+v", c)
	}
}

func TestConnectionFaultsNameTheField(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*provision.Connection)
		want   string
	}{
		"no scheme":         {func(c *provision.Connection) { c.BaseURL = "app.example.com/scim" }, "baseUrl"},
		"other scheme":      {func(c *provision.Connection) { c.BaseURL = "ftp://app.example.com" }, "baseUrl"},
		"no host":           {func(c *provision.Connection) { c.BaseURL = "https:///scim" }, "baseUrl"},
		"plain http":        {func(c *provision.Connection) { c.BaseURL = "http://app.example.com/scim" }, "baseUrl"},
		"looks like home":   {func(c *provision.Connection) { c.BaseURL = "http://localhost.example.com/" }, "baseUrl"},
		"user info":         {func(c *provision.Connection) { c.BaseURL = "https://a:b@app.example.com" }, "baseUrl"},
		"query":             {func(c *provision.Connection) { c.BaseURL = "https://app.example.com/?x=1" }, "baseUrl"},
		"empty query":       {func(c *provision.Connection) { c.BaseURL = "https://app.example.com/?" }, "baseUrl"},
		"fragment":          {func(c *provision.Connection) { c.BaseURL = "https://app.example.com/#" }, "baseUrl"},
		"not an address":    {func(c *provision.Connection) { c.BaseURL = "https://[::1" }, "baseUrl"},
		"update method":     {func(c *provision.Connection) { c.UpdateMethod = "PATCH" }, "updateMethod"},
		"patch style":       {func(c *provision.Connection) { c.PatchStyle = "" }, "patchStyle"},
		"media type":        {func(c *provision.Connection) { c.MediaType = "text/plain" }, "mediaType"},
		"page size 0":       {func(c *provision.Connection) { c.PageSize = 0 }, "pageSize"},
		"page size 1001":    {func(c *provision.Connection) { c.PageSize = 1001 }, "pageSize"},
		"concurrency":       {func(c *provision.Connection) { c.Concurrency = 65 }, "concurrency"},
		"rate below 0":      {func(c *provision.Connection) { c.RequestsPerSecond = -1 }, "requestsPerSecond"},
		"rate not a number": {func(c *provision.Connection) { c.RequestsPerSecond = math.NaN() }, "requestsPerSecond"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Profile().Connection
			c.BaseURL = "https://app.example.com/scim/v2"
			test.change(&c)
			if got := fields(checkConnection(c)); cmp.Diff([]string{test.want}, got) != "" {
				t.Errorf("fields at fault = %v, want %s", got, test.want)
			}
		})
	}
	for _, address := range []string{"http://127.0.0.1:8080/scim/v2", "http://localhost:1", "http://[::1]:1/x", "https://app.example.com"} {
		c := Profile().Connection
		c.BaseURL = address
		if err := checkConnection(c); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// fields are the fields that a joined error names.
func fields(err error) []string {
	var names []string
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	for _, err := range joined.Unwrap() {
		var f *fault.Error
		if errors.As(err, &f) && f.Kind == fault.Invalid {
			names = append(names, f.Field)
		}
	}
	return names
}
