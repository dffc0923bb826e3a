package scim_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
)

// secretToken has no word in it that could stand in an answer by chance.
const secretToken = "qX7vZ2kP9wL4tR8sN3mB6hJ1"

func clockAt2000() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// acts are all calls that a reconciler makes.
var acts = map[string]func(context.Context, *scim.Client) error{
	"verify": func(ctx context.Context, c *scim.Client) error { return c.Verify(ctx) },
	"get":    func(ctx context.Context, c *scim.Client) error { _, err := c.Get(ctx, app.Ref{ID: "a1"}); return err },
	"find": func(ctx context.Context, c *scim.Client) error {
		_, err := c.Find(ctx, "id", "ana@example.com")
		return err
	},
	"list": func(ctx context.Context, c *scim.Client) error { _, err := c.List(ctx, 1); return err },
	"create": func(ctx context.Context, c *scim.Client) error {
		_, err := c.Create(ctx, "id", person("ana"))
		return err
	},
	"update": func(ctx context.Context, c *scim.Client) error {
		_, err := c.Update(ctx, "a1", "id", person("ana"), person("ana"))
		return err
	},
	"suspend": func(ctx context.Context, c *scim.Client) error { return c.SetActive(ctx, app.Ref{ID: "a1"}, false) },
	"delete":  func(ctx context.Context, c *scim.Client) error { return c.Delete(ctx, app.Ref{ID: "a1"}) },
}

func scimError(status int, scimType, detail string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d","scimType":%q,"detail":%q}`, status, scimType, detail)
}

const done = fault.Kind(-1)

func TestAnswersAndTheirKinds(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html"}}
	page := "<html>not here</html>"
	type kinds map[string]fault.Kind
	tests := map[string]struct {
		status int
		header http.Header
		body   string
		// all is the kind for every act that is not in but; done is no error.
		all fault.Kind
		but kinds
	}{
		"401":                           {401, nil, scimError(401, "", "no"), fault.Unauthorized, nil},
		"401 without a body":            {401, nil, "", fault.Unauthorized, nil},
		"403":                           {403, nil, scimError(403, "", "no"), fault.Forbidden, kinds{"verify": fault.Unauthorized}},
		"404 in SCIM":                   {404, nil, scimError(404, "", "no"), fault.NotFound, kinds{"verify": fault.Unavailable, "list": fault.Unavailable, "find": done, "create": fault.Unavailable, "delete": done}},
		"404 in JSON":                   {404, nil, `{"message":"no"}`, fault.Unavailable, nil},
		"404 as a web page":             {404, html, page, fault.Unavailable, nil},
		"404 as a page, odd type":       {404, nil, page, fault.Unavailable, nil},
		"404 without a body":            {404, nil, "", fault.Unavailable, nil},
		"409 uniqueness":                {409, nil, scimError(409, "uniqueness", "taken"), fault.Conflict, nil},
		"409 by a rule":                 {409, nil, scimError(409, "", "last admin"), fault.Invalid, kinds{"create": fault.Conflict, "update": fault.Conflict, "find": fault.Invalid}},
		"400":                           {400, nil, scimError(400, "invalidValue", "open roles"), fault.Invalid, nil},
		"400 uniqueness":                {400, nil, scimError(400, "uniqueness", "taken"), fault.Conflict, nil},
		"405":                           {405, nil, "", fault.Invalid, nil},
		"406":                           {406, nil, "", fault.Invalid, nil},
		"408":                           {408, nil, "", fault.Unavailable, nil},
		"412":                           {412, nil, "", fault.Unavailable, nil},
		"415":                           {415, nil, "", fault.Invalid, nil},
		"422":                           {422, nil, "", fault.Invalid, nil},
		"425":                           {425, nil, "", fault.Unavailable, nil},
		"429":                           {429, nil, "", fault.Throttled, nil},
		"500":                           {500, nil, scimError(500, "", "oops"), fault.Unavailable, nil},
		"501":                           {501, nil, "", fault.Invalid, nil},
		"502 as a web page":             {502, html, page, fault.Unavailable, nil},
		"503":                           {503, nil, "", fault.Unavailable, nil},
		"302":                           {302, http.Header{"Location": {"https://elsewhere.invalid/login"}}, "", fault.Unavailable, nil},
		"304":                           {304, nil, "", fault.Unavailable, nil},
		"200 as a web page":             {200, html, page, fault.Unavailable, nil},
		"200 as a page, odd type":       {200, nil, page, fault.Unavailable, nil},
		"200 as JSON said to be a page": {200, html, `{"totalResults":0}`, fault.Unavailable, nil},
		"200 with a list":               {200, nil, `[]`, fault.Unavailable, nil},
		"200 with null":                 {200, nil, `null`, fault.Unavailable, nil},
		"200 with two objects":          {200, nil, `{}{}`, fault.Unavailable, nil},
		"200 cut":                       {200, nil, `{"totalResults":1,"Resources":[{"id":"a1"`, fault.Unavailable, nil},
		"200 with nothing in it":        {200, nil, `{}`, fault.Incomplete, kinds{"create": fault.Unavailable, "update": done, "suspend": done, "delete": done}},
		"200 without a body":            {200, nil, "", fault.Incomplete, kinds{"create": fault.Unavailable, "update": done, "suspend": done, "delete": done}},
		"200 with another account":      {200, nil, `{"id":"a2","active":true}`, fault.Incomplete, kinds{"create": done, "suspend": done, "delete": done}},
		"200, active is odd":            {200, nil, `{"id":"a1","active":"perhaps"}`, fault.Incomplete, kinds{"suspend": done, "delete": done}},
		"200, a row without an id":      {200, nil, `{"id":"a1","totalResults":1,"Resources":[{"userName":"x"}]}`, fault.Incomplete, kinds{"get": done, "create": done, "update": done, "suspend": done, "delete": done}},
		"200, rows are missing":         {200, nil, `{"id":"a1","totalResults":3}`, fault.Incomplete, kinds{"verify": done, "get": done, "create": done, "update": done, "suspend": done, "delete": done}},
		"200, totalResults is odd":      {200, nil, `{"id":"a1","totalResults":"3","Resources":[]}`, fault.Incomplete, kinds{"get": done, "create": done, "update": done, "suspend": done, "delete": done}},
		"204":                           {204, nil, "", fault.Incomplete, kinds{"create": fault.Unavailable, "update": done, "suspend": done, "delete": done}},
		"plain JSON":                    {200, http.Header{"Content-Type": {"application/json"}}, `{"id":"a1","totalResults":0}`, done, nil},
		"no media type":                 {200, http.Header{}, `{"id":"a1","totalResults":0}`, done, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // after a 429 the client waits before each call
				client := answering(test.status, test.header, test.body)
				for act, do := range acts {
					want, ok := test.but[act]
					if !ok {
						want = test.all
					}
					err := do(t.Context(), client)
					if want == done && err != nil || want != done && !fault.Is(err, want) {
						t.Errorf("%s: %v (%v), want %v", act, err, fault.KindOf(err), want)
					}
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tests := map[string]time.Duration{
			"":                     0,
			"120":                  2 * time.Minute,
			" 1 ":                  time.Second,
			"-5":                   0,
			"soon":                 0,
			"9999999":              24 * time.Hour,
			"99999999999999999999": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat):  90 * time.Second,
			time.Now().Add(-90 * time.Second).UTC().Format(http.TimeFormat): 0,
		}
		for value, want := range tests {
			for status, kind := range map[int]fault.Kind{429: fault.Throttled, 503: fault.Unavailable} {
				begun := time.Now()
				err := answering(status, http.Header{"Retry-After": {value}}, "").Delete(t.Context(), app.Ref{ID: "a1"})
				if fault.RetryAfter(err) != want || !fault.Is(err, kind) {
					t.Errorf("Retry-After %q: %v after %v, want %v", value, fault.KindOf(err), fault.RetryAfter(err), want)
				}
				if time.Since(begun) != 0 {
					t.Error("the client waited by itself")
				}
			}
		}
	})
}

func TestBodiesThatAreTooLargeOrCutOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", scim.MediaSCIM)
		if strings.Contains(r.URL.Path, "/large/") {
			fmt.Fprint(w, `{"id":"a1","x":"`)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 9<<20)) // the client stops reading
			return
		}
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"id":"a1"}`)
	}))
	defer server.Close()
	for _, kind := range []string{"large", "short"} {
		c := connection()
		c.BaseURL = server.URL + "/" + kind
		client := scim.New(c, fixed(secretToken), nil)
		for act, do := range acts {
			if err := do(t.Context(), client); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %s: %v, want fault.Unavailable", kind, act, err)
			}
		}
	}
}

func TestSlowAndLostAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults simcomeet.Faults
		acted  bool
	}{
		"slow, acted":   {simcomeet.Faults{SlowNext: 1, SlowMS: 60_000, Only: []string{"delete"}}, true},
		"slow, not yet": {simcomeet.Faults{LatencyMS: 60_000, Only: []string{"delete"}}, false},
		"lost, acted":   {simcomeet.Faults{LoseNext: 1, LoseActs: true}, true},
		"lost, not":     {simcomeet.Faults{LoseNext: 1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := simcomeet.New(nil)
				client := dial(server, nil)
				ana, err := client.Create(t.Context(), "id-ana", person("ana"))
				if err != nil {
					t.Fatal(err)
				}
				server.SetFaults(test.faults)
				begun := time.Now()
				if err := client.Delete(t.Context(), app.Ref{ID: ana.ID}); !fault.Is(err, fault.Unavailable) {
					t.Errorf("error = %v, want fault.Unavailable", err)
				}
				if took := time.Since(begun); took > 30*time.Second {
					t.Errorf("given up after %v, want at most 30 s", took)
				}
				if _, there := server.Account(ana.ID); there == test.acted {
					t.Errorf("acted = %v, want %v", !there, test.acted)
				}
				server.SetFaults(simcomeet.Faults{})
				if err := client.Delete(t.Context(), app.Ref{ID: ana.ID}); err != nil {
					t.Errorf("the second try: %v", err)
				}
			})
		})
	}
}

func TestRateAndConcurrencyLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := simcomeet.New(nil)
		server.SetFaults(simcomeet.Faults{LatencyMS: 1000})
		limited := dial(server, func(c *provision.Connection) { c.Concurrency = 2 })
		if took := timed(6, func() error { return limited.Verify(t.Context()) }, t); took != 3*time.Second {
			t.Errorf("6 calls of 1 s, 2 at a time, took %v", took)
		}
		server.SetFaults(simcomeet.Faults{})
		slow := dial(server, func(c *provision.Connection) { c.RequestsPerSecond = 2 })
		if took := timed(5, func() error { return slow.Verify(t.Context()) }, t); took != 2*time.Second {
			t.Errorf("5 calls at 2 a second took %v", took)
		}
	})
}

// A call that cannot be sent in time must not look like one that may have acted.
func TestALimitThatLeavesNoRoomSendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := simcomeet.New(nil)
		client := dial(server, func(c *provision.Connection) { c.RequestsPerSecond = 0.1 })
		if err := client.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := client.Verify(ctx); !fault.Is(err, fault.Throttled) {
			t.Errorf("error = %v, want fault.Throttled", err)
		}
		if n := server.Calls()["list"]; n != 1 {
			t.Errorf("%d calls were sent, want 1", n)
		}
	})
}

// What throttles one call slows all down, and all leave the app alone for as
// long as it asks for.
func TestThrottlingSlowsAllDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := simcomeet.New(nil)
		client := dial(server, func(c *provision.Connection) { c.Concurrency, c.RequestsPerSecond = 10, 10 })
		server.SetFaults(simcomeet.Faults{ThrottleNext: 1})
		if err := client.Verify(t.Context()); !fault.Is(err, fault.Throttled) {
			t.Fatalf("error = %v, want fault.Throttled", err)
		}
		if took := timed(20, func() error { return client.Verify(t.Context()) }, t); took < 2100*time.Millisecond || took > 2900*time.Millisecond {
			t.Errorf("20 calls at seven a second, and then more, took %v", took)
		}
		server.SetFaults(simcomeet.Faults{FailNext: 1, FailStatus: 503, RetryAfter: "20"})
		if err := client.Verify(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("error = %v, want fault.Unavailable", err)
		}
		if took := timed(5, func() error { return client.Verify(t.Context()) }, t); took < 20*time.Second || took > 22*time.Second {
			t.Errorf("5 calls after the app asked for 20 s took %v", took)
		}
	})
}

// timed runs n calls at once and returns how long all took.
func timed(n int, call func() error, t *testing.T) time.Duration {
	begun := time.Now()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

func TestListingsThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults simcomeet.Faults
		people int
		want   fault.Kind
	}{
		"more in the total than there are": {simcomeet.Faults{WrongTotal: 2}, 5, fault.Incomplete},
		"the first page for ever":          {simcomeet.Faults{IgnoreStartIndex: true}, 5, fault.Incomplete},
		"one page holds all":               {simcomeet.Faults{IgnoreStartIndex: true}, 3, done},
		"pages that shift":                 {simcomeet.Faults{Duplicates: true}, 8, done},
		"throttled midway":                 {simcomeet.Faults{RequestsPerSecond: 1}, 5, fault.Throttled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := simcomeet.New(nil)
			client := dial(server, nil)
			for i := range test.people {
				if _, err := client.Create(t.Context(), fmt.Sprint("id", i), person(fmt.Sprint("p", i))); err != nil {
					t.Fatal(err)
				}
			}
			server.SetFaults(test.faults)
			seen, err := map[string]bool{}, error(nil)
			for start := 1; start != 0 && err == nil; {
				page, listErr := client.List(t.Context(), start)
				for _, a := range page.Accounts {
					seen[a.ID] = true
				}
				start, err = page.Next, listErr
			}
			switch {
			case test.want == done && (err != nil || len(seen) != test.people):
				t.Errorf("%d of %d people, %v", len(seen), test.people, err)
			case test.want != done && !fault.Is(err, test.want):
				t.Errorf("error = %v, want %v", err, test.want)
			}
			if test.want == fault.Incomplete {
				server.SetFaults(simcomeet.Faults{IgnoreFilters: true, WrongTotal: test.faults.WrongTotal, IgnoreStartIndex: test.faults.IgnoreStartIndex})
				if found, err := client.Find(t.Context(), "id-nobody", ""); !fault.Is(err, fault.Incomplete) {
					t.Errorf("a look-up through such a listing = %v, %v", found, err)
				}
			}
		})
	}
}

// Ids come from the app; none may lead a call to another address.
func TestIdsStayIdsInAddresses(t *testing.T) {
	t.Parallel()
	var paths []string
	client := scim.New(connection(), fixed(secretToken), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		paths = append(paths, r.URL.EscapedPath())
		return response(r, 204, nil, ""), nil
	})})
	for _, id := range []string{"", ".", ".."} {
		if err := client.Delete(t.Context(), app.Ref{ID: id}); !fault.Is(err, fault.Internal) {
			t.Errorf("delete %q = %v", id, err)
		}
	}
	for _, id := range []string{"../Groups/1", "a/b", "a?b=c", "a#b", "a%2Fb", "ü"} {
		if err := client.Delete(t.Context(), app.Ref{ID: id}); err != nil {
			t.Errorf("delete %q = %v", id, err)
		}
	}
	if len(paths) != 6 {
		t.Fatalf("sent %v", paths)
	}
	for _, path := range paths {
		if rest, ok := strings.CutPrefix(path, "/scim/v2/Users/"); !ok || strings.ContainsAny(rest, "/?#") {
			t.Errorf("an id led to %s", path)
		}
	}
}
