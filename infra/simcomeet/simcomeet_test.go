package simcomeet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// caller calls a Server as a client would.
type caller struct {
	t      *testing.T
	server *Server
	token  string
}

func start(t *testing.T) (*Server, caller) {
	s := New(nil)
	return s, caller{t, s, s.Token()}
}

// send returns the status and the body, or status 0 when the connection was dropped.
func (c caller) send(method, path string, body any) (int, map[string]any, http.Header) {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, "http://sim"+path, reader)
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.server.Transport().RoundTrip(r)
	if err != nil {
		return 0, nil, nil
	}
	defer resp.Body.Close()
	var object map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&object) // some answers are no JSON, and tests look at the status
	return resp.StatusCode, object, resp.Header
}

func (c caller) want(status int, method, path string, body any) map[string]any {
	c.t.Helper()
	got, object, _ := c.send(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s = %d %v, want %d", method, path, got, object, status)
	}
	return object
}

func person(name string) map[string]any {
	return map[string]any{
		"schemas": []string{userSchema}, "userName": name + "@example.com", "externalId": "id-" + name,
		"name":   map[string]any{"givenName": name, "familyName": "Test"},
		"emails": []any{map[string]any{"type": "work", "value": name + "@example.com", "primary": true}},
	}
}

func (c caller) make(name string) string {
	c.t.Helper()
	return c.want(http.StatusCreated, "POST", base+"/Users", person(name))["id"].(string)
}

func patch(operations ...map[string]any) map[string]any {
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations}
}

func op(op, path string, value any) map[string]any {
	o := map[string]any{"op": op}
	if path != "" {
		o["path"] = path
	}
	if value != nil {
		o["value"] = value
	}
	return o
}

func TestAnAccountLives(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	id := c.make("ana")
	if got := c.want(200, "GET", base+"/Users/"+id, nil); got["userName"] != "ana@example.com" || got["active"] != true {
		t.Fatalf("created account = %v", got)
	}
	if got := c.want(409, "POST", base+"/Users", map[string]any{
		"schemas": []string{userSchema}, "userName": "ANA@example.com", "name": map[string]any{"givenName": "A", "familyName": "B"},
	}); got["scimType"] != "uniqueness" {
		t.Errorf("double userName is refused with %v", got)
	}
	c.want(200, "PATCH", base+"/Users/"+id, patch(op("replace", "active", false)))
	if acc, _ := s.Account(id); acc.Active {
		t.Error("still active after the suspension")
	}
	c.want(204, "DELETE", base+"/Users/"+id, nil)
	c.want(404, "DELETE", base+"/Users/"+id, nil)
	if got := c.want(404, "GET", base+"/Users/"+id, nil); got["status"] != "404" {
		t.Errorf("404 = %v", got)
	}
	c.make("ana") // the name is free again (RFC 7644 section 3.6)
	want := map[string]int{"created": 2, "suspended": 1, "deleted": 1}
	if diff := cmp.Diff(want, s.Effects()); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}

func TestPatchOperations(t *testing.T) {
	t.Parallel()
	const work = `emails[type eq "work"]`
	tests := map[string]struct {
		operations []map[string]any
		path       []string
		want       any
	}{
		"by path":              {[]map[string]any{op("replace", "title", "Chef")}, []string{"title"}, "Chef"},
		"any case":             {[]map[string]any{op("Replace", "TITLE", "Chef")}, []string{"title"}, "Chef"},
		"new sub-attribute":    {[]map[string]any{op("add", "name.middleName", "M")}, []string{"name", "middleName"}, "M"},
		"without a path":       {[]map[string]any{op("replace", "", map[string]any{"name": map[string]any{"givenName": "Zoe"}})}, []string{"name", "givenName"}, "Zoe"},
		"the rest stays":       {[]map[string]any{op("replace", "", map[string]any{"name": map[string]any{"givenName": "Zoe"}})}, []string{"name", "familyName"}, "Test"},
		"extension":            {[]map[string]any{op("replace", enterpriseSchema+":department", "Kitchen")}, []string{enterpriseSchema, "department"}, "Kitchen"},
		"extension as a value": {[]map[string]any{op("replace", "", map[string]any{enterpriseSchema: map[string]any{"department": "Kitchen"}})}, []string{enterpriseSchema, "department"}, "Kitchen"},
		"removal":              {[]map[string]any{op("replace", "title", "Chef"), op("remove", "title", nil)}, []string{"title"}, nil},
		"entry of a list":      {[]map[string]any{op("replace", work+".value", "z@example.com")}, []string{"emails"}, []any{map[string]any{"type": "work", "value": "z@example.com", "primary": true}}},
		"entry removed":        {[]map[string]any{op("remove", work, nil)}, []string{"emails"}, nil},
		"list emptied":         {[]map[string]any{op("replace", "", map[string]any{"emails": []any{}})}, []string{"emails"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := start(t)
			id := c.make("ana")
			var got any = c.want(200, "PATCH", base+"/Users/"+id, patch(test.operations...))
			for _, key := range test.path {
				object, _ := got.(map[string]any)
				got = object[key]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", test.path, diff)
			}
		})
	}
}

func TestPatchRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation map[string]any
		scimType  string
	}{
		"no such entry":     {op("replace", `emails[type eq "home"].value`, "x"), "noTarget"},
		"odd path":          {op("replace", "a b", "x"), "invalidPath"},
		"path as a name":    {op("replace", "", map[string]any{"name.givenName": "x"}), "invalidPath"},
		"read-only":         {op("replace", "id", "x"), "mutability"},
		"active as text":    {op("replace", "active", "False"), "invalidValue"},
		"no userName":       {op("remove", "userName", nil), "invalidValue"},
		"number as title":   {op("replace", "title", 5), "invalidValue"},
		"unknown operation": {op("move", "title", "x"), "invalidSyntax"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := start(t)
			id := c.make("ana")
			before, _ := s.Account(id)
			got := c.want(400, "PATCH", base+"/Users/"+id, patch(op("replace", "title", "First"), test.operation))
			if got["scimType"] != test.scimType {
				t.Errorf("scimType = %v, want %s", got["scimType"], test.scimType)
			}
			if after, _ := s.Account(id); cmp.Diff(before, after) != "" {
				t.Errorf("a refused PATCH changed the account: %s", after.Resource)
			}
		})
	}
}

func TestPutReplacesEverything(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	id := c.make("ana")
	_, _, header := c.send("GET", base+"/Users/"+id, nil)
	body := person("ana")
	delete(body, "emails")
	body["active"] = true
	got := c.want(200, "PUT", base+"/Users/"+id, body)
	if got["emails"] != nil || got["active"] != true {
		t.Errorf("after PUT: %v", got)
	}
	delete(body, "active")
	if got := c.want(200, "PUT", base+"/Users/"+id, body); got["active"] != false {
		t.Errorf("a PUT without active leaves it %v", got["active"])
	}
	r := httptest.NewRequestWithContext(t.Context(), "PUT", "http://sim"+base+"/Users/"+id, strings.NewReader(`{}`))
	r.Header.Set("Authorization", "Bearer "+s.Token())
	r.Header.Set("If-Match", header.Get("ETag"))
	resp, err := s.Transport().RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("PUT of an old version = %v, %v", resp.StatusCode, err)
	}
	resp.Body.Close()
}

func TestListsAndFilters(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for i := range 7 {
		c.make(fmt.Sprint("p", i))
	}
	var seen []string
	for at := 1; at <= 7; at += 3 {
		got := c.want(200, "GET", fmt.Sprintf("%s/Users?startIndex=%d&count=3", base, at), nil)
		if got["totalResults"] != 7.0 {
			t.Fatalf("totalResults = %v", got["totalResults"])
		}
		for _, row := range got["Resources"].([]any) {
			seen = append(seen, row.(map[string]any)["externalId"].(string))
		}
	}
	if want := []string{"id-p0", "id-p1", "id-p2", "id-p3", "id-p4", "id-p5", "id-p6"}; !slices.Equal(seen, want) {
		t.Errorf("pages hold %v", seen)
	}
	if got := c.want(200, "GET", base+"/Users?count=0", nil); got["Resources"] != nil || got["totalResults"] != 7.0 {
		t.Errorf("count=0 = %v", got)
	}
	find := func(filter string) int {
		got := c.want(200, "GET", base+"/Users?filter="+url.QueryEscape(filter), nil)
		rows, _ := got["Resources"].([]any)
		return len(rows)
	}
	for filter, want := range map[string]int{
		`userName eq "P3@EXAMPLE.com"`: 1, `USERNAME Eq "p3@example.com"`: 1, `externalId eq "id-p3"`: 1, `externalId eq "ID-P3"`: 0, `userName eq "nobody"`: 0,
	} {
		if got := find(filter); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	c.want(400, "GET", base+"/Users?filter="+url.QueryEscape(`userName sw "p"`), nil)
	s.SetFaults(Faults{IgnoreFilters: true})
	if got := find(`userName eq "nobody"`); got != 7 {
		t.Errorf("an ignored filter finds %d", got)
	}
}

func TestFaultsSpoilAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults Faults
		method string
		status int
		acted  bool
	}{
		"throttle":          {Faults{ThrottleNext: 1, RetryAfter: "7"}, "DELETE", 429, false},
		"fail":              {Faults{FailNext: 1, FailStatus: 503}, "DELETE", 503, false},
		"lost before":       {Faults{LoseNext: 1}, "DELETE", 0, false},
		"lost after":        {Faults{LoseNext: 1, LoseActs: true}, "DELETE", 0, true},
		"no effect":         {Faults{NoEffect: true}, "DELETE", 204, false},
		"token refused":     {Faults{RefuseToken: true}, "DELETE", 401, false},
		"forbidden":         {Faults{Forbid: true}, "DELETE", 403, false},
		"web page":          {Faults{HTML404: true}, "DELETE", 404, false},
		"another kind only": {Faults{FailNext: 1, Only: []string{CallGet}}, "DELETE", 204, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := start(t)
			id := c.make("ana")
			s.SetFaults(test.faults)
			status, _, header := c.send(test.method, base+"/Users/"+id, nil)
			if _, there := s.Account(id); status != test.status || there == test.acted {
				t.Errorf("status %d, account still there: %v; want %d, acted %v", status, there, test.status, test.acted)
			}
			if header.Get("Retry-After") != test.faults.RetryAfter {
				t.Errorf("Retry-After = %q", header.Get("Retry-After"))
			}
		})
	}
}

func TestPeopleWithOpenRolesStayActive(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	id := c.make("ana")
	s.SetFaults(Faults{RefuseSuspend: []string{"ANA@example.com"}})
	c.want(400, "PATCH", base+"/Users/"+id, patch(op("replace", "active", false)))
	c.want(200, "PATCH", base+"/Users/"+id, patch(op("replace", "title", "Chef")))
	s.SetFaults(Faults{})
	c.want(200, "PATCH", base+"/Users/"+id, patch(op("replace", "active", false)))
}

func TestItAccuses(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	id := c.make("ana")
	second := person("ana2")
	second["externalId"] = "id-ana"
	c.want(201, "POST", base+"/Users", second)
	third := c.make("bo")
	c.want(200, "PATCH", base+"/Users/"+third, patch(op("replace", "externalId", "id-ana")))
	byHand, err := s.Add(map[string]any{"userName": "owner@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	c.want(200, "PATCH", base+"/Users/"+byHand.ID, patch(op("replace", "active", false)))
	c.want(204, "DELETE", base+"/Users/"+byHand.ID, nil)
	c.token = "guessed"
	c.want(401, "GET", base+"/Users/"+id, nil)
	var rules []string
	for _, v := range s.Violations() {
		rules = append(rules, v.Rule)
	}
	want := []string{"doubleCreate", "takenOver", "doubleExternalId", "orphanRemoved", "orphanRemoved", "unknownToken"}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Errorf("rules broken (-want +got):\n%s", diff)
	}
}

func TestAnAdoptedAccountMayBeRemovedAndAFormerTokenUsed(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	byHand, err := s.Add(map[string]any{"userName": "ana@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	c.want(200, "PATCH", base+"/Users/"+byHand.ID, patch(op("add", "externalId", "id-ana")))
	c.want(204, "DELETE", base+"/Users/"+byHand.ID, nil)
	s.SetToken("next")
	c.want(401, "GET", base+"/Users/"+byHand.ID, nil)
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}

func TestOverlappingWritesAreAccused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t)
		id := c.make("ana")
		s.SetFaults(Faults{LatencyMS: 1000})
		begun := time.Now()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { c.want(200, "PATCH", base+"/Users/"+id, patch(op("replace", "title", "x"))) })
		}
		both.Wait()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("latency was %v", took)
		}
		if v := s.Violations(); len(v) != 1 || v[0].Rule != "overlap" {
			t.Errorf("violations: %v", v)
		}
	})
}

func TestControlAPI(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	id := c.want(201, "POST", "/sim/accounts", map[string]any{"userName": "hand@example.com"})["id"].(string)
	c.want(200, "PATCH", "/sim/accounts/"+id, map[string]any{"title": "Chef", "active": false})
	if got := c.want(200, "GET", "/sim/accounts/"+id, nil); got["active"] != false || got["managed"] != false {
		t.Errorf("account = %v", got)
	}
	c.want(200, "PUT", "/sim/faults", map[string]any{"wrongTotal": 3})
	if got := c.want(200, "GET", base+"/Users", nil); got["totalResults"] != 4.0 {
		t.Errorf("totalResults = %v", got["totalResults"])
	}
	c.want(400, "PUT", "/sim/faults", map[string]any{"wrongTotals": 3})
	c.want(200, "PUT", "/sim/token", map[string]any{"token": "next"})
	if s.Token() != "next" {
		t.Error("the token did not change")
	}
	if got := c.want(200, "GET", "/sim/calls", nil)["calls"].(map[string]any)["list"]; got != 1.0 {
		t.Errorf("list calls = %v", got)
	}
	c.want(200, "DELETE", "/sim/calls", nil)
	if len(s.Calls()) != 0 {
		t.Errorf("calls after the reset: %v", s.Calls())
	}
	if got := c.want(200, "GET", "/sim/violations", nil)["items"]; len(got.([]any)) != 0 {
		t.Errorf("violations = %v", got)
	}
	c.want(200, "DELETE", "/sim/accounts/"+id, nil)
	c.want(404, "DELETE", "/sim/accounts/"+id, nil)
}

// A page must not cost more where there are many accounts.
func BenchmarkPageOf100(b *testing.B) {
	s := New(nil)
	for i := range 100_000 {
		if _, err := s.Add(person(fmt.Sprint("p", i))); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		r := httptest.NewRequest("GET", "http://sim"+base+"/Users?startIndex=90001&count=100", nil)
		r.Header.Set("Authorization", "Bearer "+s.Token())
		if _, err := s.Transport().RoundTrip(r); err != nil {
			b.Fatal(err)
		}
	}
}
