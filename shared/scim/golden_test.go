package scim_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// TestRequests compares every shape of request with its golden file.
func TestRequests(t *testing.T) {
	t.Parallel()
	full := person("ana")
	full["title"] = "Chef"
	full[scim.EnterpriseSchema+":department"] = "Kitchen"
	full[`phoneNumbers[type eq "mobile"].value`] = "+1 555 0100"
	value := func(c *provision.Connection) { c.PatchStyle = scim.StyleValue }
	put := func(c *provision.Connection) { c.UpdateMethod = scim.MethodPut }

	tests := map[string]struct {
		change func(*provision.Connection)
		act    func(*scim.Client, string) error
	}{
		"create": {nil, func(c *scim.Client, _ string) error {
			_, err := c.Create(t.Context(), "id-bo", person("bo"))
			return err
		}},
		"create-json": {func(c *provision.Connection) { c.MediaType = scim.MediaJSON }, func(c *scim.Client, _ string) error {
			bo := person("bo")
			bo[scim.EnterpriseSchema+":department"] = "Kitchen"
			_, err := c.Create(t.Context(), "id-bo", bo)
			return err
		}},
		"update-path":           {nil, updates(t, full, full)},
		"update-path-removal":   {nil, updates(t, person("ana"), full)},
		"update-path-new-entry": {nil, updates(t, full, person("ana"))},
		"update-value":          {value, updates(t, full, full)},
		"update-value-removal":  {value, updates(t, person("ana"), full)},
		"update-put":            {put, updates(t, full, person("ana"))},
		"suspend-path":          {nil, suspends(t, false)},
		"suspend-value":         {value, suspends(t, false)},
		"suspend-put":           {put, suspends(t, false)},
		"unsuspend-path":        {nil, suspends(t, true)},
		"find": {nil, func(c *scim.Client, _ string) error {
			_, err := c.Find(t.Context(), "id-1", `Ana "A&B" + 100%\@example.com`)
			return err
		}},
		"list": {nil, func(c *scim.Client, _ string) error {
			_, err := c.List(t.Context(), 4)
			return err
		}},
		"verify": {nil, func(c *scim.Client, _ string) error { return c.Verify(t.Context()) }},
		"get": {nil, func(c *scim.Client, id string) error {
			_, err := c.Get(t.Context(), app.Ref{ID: id})
			return err
		}},
		"delete": {nil, func(c *scim.Client, id string) error { return c.Delete(t.Context(), app.Ref{ID: id}) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simcomeet.New(&simcomeet.Options{Now: clockAt2000})
			ana, err := dial(server, nil).Create(t.Context(), "id-ana", full)
			if err != nil {
				t.Fatal(err)
			}
			var sent bytes.Buffer
			c := connection()
			if test.change != nil {
				test.change(&c)
			}
			client := scim.New(c, fixed(server.Token()), &scim.Options{Transport: recording(server.Transport(), &sent)})
			if err := test.act(client, ana.ID); err != nil {
				t.Fatal(err)
			}
			compare(t, name, sent.Bytes())
		})
	}
}

func updates(t *testing.T, attributes, previous provision.Attributes) func(*scim.Client, string) error {
	return func(c *scim.Client, id string) error {
		_, err := c.Update(t.Context(), id, "id-ana", attributes, previous)
		return err
	}
}

func suspends(t *testing.T, active bool) func(*scim.Client, string) error {
	return func(c *scim.Client, id string) error { return c.SetActive(t.Context(), app.Ref{ID: id}, active) }
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("requests (-want +got):\n%s\nrun with -update if this is meant", diff)
	}
}

// recording writes each request down, in the order in which they are sent.
func recording(next http.RoundTripper, out *bytes.Buffer) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		fmt.Fprintf(out, "%s %s\n", r.Method, strings.TrimPrefix(r.URL.String(), "https://sim.invalid"))
		for _, name := range []string{"Accept", "Authorization", "Content-Type", "If-Match", "User-Agent"} {
			if value := r.Header.Get(name); value != "" {
				fmt.Fprintf(out, "%s: %s\n", name, value)
			}
		}
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if err := json.Indent(out, body, "", "  "); err != nil {
				return nil, err
			}
			out.WriteByte('\n')
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		out.WriteByte('\n')
		return next.RoundTrip(r)
	})
}
