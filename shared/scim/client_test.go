package scim_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/app/apptest"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
)

const workEmail = `emails[type eq "work"].value`

// connection is a plain one; nothing listens at its address.
func connection() provision.Connection {
	return provision.Connection{
		BaseURL: "https://sim.invalid/scim/v2", UpdateMethod: scim.MethodAuto, PatchStyle: scim.StylePath,
		MediaType: scim.MediaSCIM, PageSize: apptest.PageSize, Concurrency: 4,
	}
}

func fixed(token string) func(context.Context) (secrets.Value, error) {
	return func(context.Context) (secrets.Value, error) { return secrets.NewValue(token), nil }
}

// dial makes a client of a simulated Comeet.
func dial(server *simcomeet.Server, change func(*provision.Connection)) *scim.Client {
	c := connection()
	if change != nil {
		change(&c)
	}
	return scim.New(c, fixed(server.Token()), &scim.Options{Transport: server.Transport()})
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a client whose every call gets one answer.
func answering(status int, header http.Header, body string) *scim.Client {
	c := connection()
	c.UpdateMethod = scim.MethodPatch
	return scim.New(c, fixed(secretToken), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return response(r, status, header, body), nil
	})})
}

func response(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{"Content-Type": {"application/scim+json"}}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func person(name string) provision.Attributes {
	return provision.Attributes{
		"userName": name + "@example.com", "name.givenName": name, "name.familyName": "Test", workEmail: name + "@example.com",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*provision.Connection)
		faults simcomeet.Faults
	}{
		"as Comeet may be":      {},
		"PATCH by value":        {change: func(c *provision.Connection) { c.PatchStyle = scim.StyleValue }},
		"PUT":                   {change: func(c *provision.Connection) { c.UpdateMethod = scim.MethodPut }},
		"plain JSON":            {change: func(c *provision.Connection) { c.MediaType = scim.MediaJSON }},
		"no PATCH":              {faults: simcomeet.Faults{NoPatch: true}},
		"no PATCH, not said so": {faults: simcomeet.Faults{NoPatch: true, NoDiscovery: true}},
		"no discovery":          {faults: simcomeet.Faults{NoDiscovery: true}},
		"answers without body":  {faults: simcomeet.Faults{NoContent: true}},
		"no entries of lists":   {faults: simcomeet.Faults{NoPathFilters: true}},
		"filters ignored":       {faults: simcomeet.Faults{IgnoreFilters: true}},
		"filters refused":       {faults: simcomeet.Faults{RefuseFilters: true}},
		"404 without a body":    {faults: simcomeet.Faults{NotFoundForm: simcomeet.FormEmpty}},
		"404 in JSON":           {faults: simcomeet.Faults{NotFoundForm: simcomeet.FormJSON}},
		"404 as a page, by PUT": {change: func(c *provision.Connection) { c.UpdateMethod = scim.MethodPut },
			faults: simcomeet.Faults{NotFoundForm: simcomeet.FormPage, RefuseFilters: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.Run(t, func(t *testing.T) apptest.Harness {
				server := simcomeet.New(nil)
				server.SetFaults(test.faults)
				t.Cleanup(func() {
					for _, v := range server.Violations() {
						t.Errorf("the app accuses: %s: %s", v.Rule, v.Text)
					}
				})
				return apptest.Harness{Accounts: dial(server, test.change)}
			})
		})
	}
}

// calls runs act and returns what it cost at the app, discovery apart.
func calls(t *testing.T, server *simcomeet.Server, act func() error) map[string]int {
	t.Helper()
	server.ResetCalls()
	if err := act(); err != nil {
		t.Fatal(err)
	}
	counts := server.Calls()
	delete(counts, simcomeet.CallDiscovery)
	return counts
}

func TestWhatCallsCost(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	richer := person("ana")
	richer[`phoneNumbers[type eq "work"].value`] = "+1 555 0100"
	tests := map[string]struct {
		change func(*provision.Connection)
		faults simcomeet.Faults
		act    func(c *scim.Client, id string) error
		want   map[string]int
	}{
		"an update": {
			act: func(c *scim.Client, id string) error {
				_, err := c.Update(ctx, id, "id-ana", person("ana"), person("ana"))
				return err
			}, want: map[string]int{"patch": 1}},
		"an update of what may not be there reads first": {
			act: func(c *scim.Client, id string) error {
				_, err := c.Update(ctx, id, "id-ana", richer, person("ana"))
				return err
			}, want: map[string]int{"get": 1, "patch": 1}},
		"an adoption reads first": {
			act: func(c *scim.Client, id string) error {
				_, err := c.Update(ctx, id, "id-ana", person("ana"), nil)
				return err
			}, want: map[string]int{"get": 1, "patch": 1}},
		"an entry that was removed by hand costs one refused write": {
			act: func(c *scim.Client, id string) error {
				_, err := c.Update(ctx, id, "id-ana", richer, richer)
				return err
			}, want: map[string]int{"get": 1, "patch": 2}},
		"an app that cannot address entries is asked once": {
			faults: simcomeet.Faults{NoPathFilters: true},
			act: func(c *scim.Client, id string) error {
				for range 2 {
					if _, err := c.Update(ctx, id, "id-ana", person("ana"), person("ana")); err != nil {
						return err
					}
				}
				return nil
			}, want: map[string]int{"get": 2, "patch": 3}},
		"an update by PUT": {
			change: func(c *provision.Connection) { c.UpdateMethod = scim.MethodPut },
			act: func(c *scim.Client, id string) error {
				_, err := c.Update(ctx, id, "id-ana", person("ana"), person("ana"))
				return err
			}, want: map[string]int{"get": 1, "put": 1}},
		"no PATCH, as discovery says": {
			faults: simcomeet.Faults{NoPatch: true},
			act:    func(c *scim.Client, id string) error { return c.SetActive(ctx, app.Ref{ID: id}, false) },
			want:   map[string]int{"get": 1, "put": 1}},
		"no PATCH, found out once": {
			faults: simcomeet.Faults{NoPatch: true, NoDiscovery: true},
			act: func(c *scim.Client, id string) error {
				if err := c.SetActive(ctx, app.Ref{ID: id}, false); err != nil {
					return err
				}
				return c.SetActive(ctx, app.Ref{ID: id}, true)
			}, want: map[string]int{"patch": 1, "get": 2, "put": 2}},
		"a suspension": {
			act:  func(c *scim.Client, id string) error { return c.SetActive(ctx, app.Ref{ID: id}, false) },
			want: map[string]int{"patch": 1}},
		"a look-up": {
			act: func(c *scim.Client, id string) error {
				_, err := c.Find(ctx, "id-ana", "ana@example.com")
				return err
			}, want: map[string]int{"find": 2}},
		"a look-up without filters lists once": {
			faults: simcomeet.Faults{RefuseFilters: true},
			act: func(c *scim.Client, id string) error {
				_, err := c.Find(ctx, "id-ana", "ana@example.com")
				return err
			}, want: map[string]int{"find": 1, "list": 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simcomeet.New(nil)
			client := dial(server, test.change)
			ana, err := client.Create(ctx, "id-ana", person("ana"))
			if err != nil {
				t.Fatal(err)
			}
			server.SetFaults(test.faults)
			got := calls(t, server, func() error { return test.act(client, ana.ID) })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// What others keep in an account's lists must survive our updates.
func TestForeignEntriesSurvive(t *testing.T) {
	t.Parallel()
	for _, method := range []string{scim.MethodPatch, scim.MethodPut} {
		for _, style := range []string{scim.StylePath, scim.StyleValue} {
			server := simcomeet.New(nil)
			byHand, err := server.Add(map[string]any{"userName": "ana@example.com", "nickName": "Annie", "emails": []any{
				map[string]any{"type": "home", "value": "ana@example.org", "primary": true},
			}})
			if err != nil {
				t.Fatal(err)
			}
			client := dial(server, func(c *provision.Connection) { c.UpdateMethod, c.PatchStyle = method, style })
			after, err := client.Update(t.Context(), byHand.ID, "id-ana", person("ana"), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := person("ana")
			want["nickName"], want[`emails[type eq "home"].value`] = "Annie", "ana@example.org"
			if diff := cmp.Diff(want, after.Attributes); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", method, style, diff)
			}
		}
	}
}

func TestFindComparesEachRow(t *testing.T) {
	t.Parallel()
	server := simcomeet.New(nil)
	for _, name := range []string{"ana@example.com", "ANA@example.com", "anna@example.com", "rene\u0301@example.com"} {
		if _, err := server.Add(map[string]any{"userName": name}); err != nil {
			t.Fatal(err)
		}
	}
	client := dial(server, nil)
	tests := map[string]int{"Ana@Example.com": 2, "anna@example.com": 1, "ann@example.com": 0}
	for _, faults := range []simcomeet.Faults{{}, {IgnoreFilters: true}, {IgnoreFilters: true, Duplicates: true}} {
		server.SetFaults(faults)
		for name, want := range tests {
			found, err := client.Find(t.Context(), "", name)
			if err != nil || len(found) != want {
				t.Errorf("find %s under %+v = %v, %v; want %d", name, faults, found, err, want)
			}
		}
	}
	// é written as one character and as two is the same name.
	if found, err := client.Find(t.Context(), "", "ren\u00e9@example.com"); err != nil || len(found) != 1 {
		t.Errorf("find by the composed form = %v, %v", found, err)
	}
}

// A success that names nothing must be looked up, and must not pass for an
// account when there is none.
func TestCreateWithoutAnAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	server := simcomeet.New(nil)
	server.SetFaults(simcomeet.Faults{NoContent: true})
	client := dial(server, nil)
	ana, err := client.Create(t.Context(), "id-ana", person("ana"))
	if err != nil || ana.ExternalID != "id-ana" || len(server.Accounts()) != 1 {
		t.Fatalf("create = %+v, %v", ana, err)
	}
	lost := scim.New(connection(), fixed(server.Token()), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			return response(r, http.StatusCreated, nil, ""), nil
		}
		return server.Transport().RoundTrip(r)
	})})
	if _, err := lost.Create(t.Context(), "id-bo", person("bo")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a create without effect = %v", err)
	}
	if _, err := lost.Create(t.Context(), "id-other", person("ana")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a create that finds somebody else's account = %v", err)
	}
}

// Somebody else may write between our read and our PUT.
func TestPutDoesNotOverwriteAnotherChange(t *testing.T) {
	t.Parallel()
	server := simcomeet.New(nil)
	ana, err := dial(server, nil).Create(t.Context(), "id-ana", person("ana"))
	if err != nil {
		t.Fatal(err)
	}
	c := connection()
	c.UpdateMethod = scim.MethodPut
	client := scim.New(c, fixed(server.Token()), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPut {
			if _, err := server.Edit(ana.ID, map[string]any{"active": false}); err != nil {
				return nil, err
			}
		}
		return server.Transport().RoundTrip(r)
	})})
	if _, err := client.Update(t.Context(), ana.ID, "id-ana", person("ana"), nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v, want fault.Unavailable", err)
	}
	if after, _ := server.Account(ana.ID); after.Active {
		t.Error("an update let a person in again who was suspended meanwhile")
	}
}

// A first sync's workers all want to know at once what the app supports.
func TestManyFirstUpdatesAskOnceWhatTheAppSupports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := simcomeet.New(nil)
		server.SetFaults(simcomeet.Faults{LatencyMS: 20})
		client := dial(server, nil)
		var updates sync.WaitGroup
		for _, name := range []string{"ana", "bo", "cy", "di"} {
			account, err := client.Create(t.Context(), "id-"+name, person(name))
			if err != nil {
				t.Fatal(err)
			}
			updates.Go(func() {
				if _, err := client.Update(t.Context(), account.ID, "id-"+name, person(name), person(name)); err != nil {
					t.Errorf("update of %s: %v", name, err)
				}
			})
		}
		updates.Wait()
		if got := server.Calls()[simcomeet.CallDiscovery]; got != 1 {
			t.Errorf("%d discovery calls, want 1", got)
		}
	})
}
