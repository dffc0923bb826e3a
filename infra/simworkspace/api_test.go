package simworkspace

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start returns a seeded Workspace that delivers to nobody.
func start(t *testing.T, seed uint64) *Workspace {
	t.Helper()
	w := New(seed, &Options{Push: &http.Client{Transport: nowhere{}}})
	t.Cleanup(w.Close)
	w.Seed(DefaultCompany())
	return w
}

type nowhere struct{}

func (nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// do sends a request to a path below /admin/directory/v1 and returns the status and the body.
func do(t *testing.T, w *Workspace, verb, path, body string) (int, string) {
	t.Helper()
	if !strings.HasPrefix(path, "/sim/") && !strings.HasPrefix(path, "/admin/") {
		path = "/admin/directory/v1" + path
	}
	req, err := http.NewRequestWithContext(t.Context(), verb, "http://sim.invalid"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// ok is do for a call that must succeed; it decodes the answer.
func ok(t *testing.T, w *Workspace, verb, path, body string) map[string]any {
	t.Helper()
	code, text := do(t, w, verb, path, body)
	if code >= 300 {
		t.Fatalf("%s %s: %d %s", verb, path, code, text)
	}
	var out map[string]any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s %s: %v in %s", verb, path, err, text)
		}
	}
	return out
}

func refused(t *testing.T, w *Workspace, verb, path, body string, code int, reason string) {
	t.Helper()
	got, text := do(t, w, verb, path, body)
	if got != code || !strings.Contains(text, fmt.Sprintf(`"reason":%q`, reason)) || !strings.HasPrefix(text, fmt.Sprintf(`{"error":{"code":%d,`, code)) {
		t.Errorf("%s %s: got %d %s, want %d %s", verb, path, got, text, code, reason)
	}
}

func TestUserLife(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	w := New(1, &Options{Clock: func() time.Time { return now }})
	defer w.Close()
	created := ok(t, w, "POST", "/users", `{"primaryEmail":"Ana@Example.com","name":{"givenName":"Ana","familyName":"Silva"},"phones":[{"value":"1"}]}`)
	id := created["id"].(string)
	if len(id) != 21 || created["primaryEmail"] != "ana@example.com" || created["orgUnitPath"] != "/" || created["suspended"] != false {
		t.Errorf("created %v", created)
	}
	refused(t, w, "POST", "/users", `{"primaryEmail":"ana@example.com","name":{"givenName":"A","familyName":"S"}}`, 409, "duplicate")
	refused(t, w, "POST", "/users", `{"primaryEmail":"ana@elsewhere.example","name":{"givenName":"A","familyName":"S"}}`, 404, "notFound")
	refused(t, w, "POST", "/users", `{"primaryEmail":"eve@example.com"}`, 400, "invalid")
	refused(t, w, "PATCH", "/users/"+id, `{"orgUnitPath":"/Nowhere"}`, 400, "invalid")

	patched := ok(t, w, "PATCH", "/users/"+id, `{"suspended":true,"phones":null,"organizations":[{"title":"CEO"}]}`)
	if patched["suspensionTime"] != "2026-03-04T05:06:07.000Z" || patched["suspensionReason"] != "ADMIN" || patched["phones"] != nil || patched["organizations"] == nil {
		t.Errorf("patched %v", patched)
	}
	if put := ok(t, w, "PUT", "/users/"+id, `{"suspended":false,"archived":true}`); put["suspensionTime"] != nil || put["archivalTime"] == nil || put["organizations"] == nil {
		t.Errorf("update must keep what it does not name: %v", put)
	}
	ok(t, w, "PATCH", "/users/"+id, `{"archived":false,"primaryEmail":"ana.silva@example.com"}`)
	renamed := ok(t, w, "GET", "/users/ana@example.com", "") // the old address is an alias
	if renamed["id"] != id || renamed["primaryEmail"] != "ana.silva@example.com" || fmt.Sprint(renamed["aliases"]) != "[ana@example.com]" {
		t.Errorf("renamed %v", renamed)
	}
	ok(t, w, "DELETE", "/users/"+id+"/aliases/ana@example.com", "")
	refused(t, w, "GET", "/users/ana@example.com", "", 404, "notFound")
	ok(t, w, "POST", "/users/"+id+"/makeAdmin", `{"status":true}`)

	if code, text := do(t, w, "DELETE", "/users/"+id, ""); code != 204 || text != "" {
		t.Errorf("delete: %d %s", code, text)
	}
	refused(t, w, "GET", "/users/"+id, "", 404, "notFound")
	if list := ok(t, w, "GET", "/users?customer=my_customer", ""); list["users"] != nil {
		t.Errorf("nobody is left, but the list is %v", list)
	}
	deleted := ok(t, w, "GET", "/users?customer=my_customer&showDeleted=true", "")["users"].([]any)
	if got := deleted[0].(map[string]any); got["id"] != id || got["deletionTime"] != "2026-03-04T05:06:07.000Z" {
		t.Errorf("deleted %v", got)
	}
	now = now.Add(19 * 24 * time.Hour)
	ok(t, w, "POST", "/users/"+id+"/undelete", `{"orgUnitPath":"/"}`)
	if back := ok(t, w, "GET", "/users/"+id, ""); back["deletionTime"] != nil || back["isAdmin"] != true || back["organizations"] == nil {
		t.Errorf("restored %v", back)
	}
	ok(t, w, "DELETE", "/users/"+id, "")
	now = now.Add(20 * 24 * time.Hour)
	refused(t, w, "POST", "/users/"+id+"/undelete", `{}`, 404, "notFound")
	if list := ok(t, w, "GET", "/users?customer=my_customer&showDeleted=true", ""); list["users"] != nil {
		t.Errorf("still listed after 20 days: %v", list)
	}
}

func TestUndeleteNeedsTheAddress(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	id, _ := w.UserID("ana.silva@example.com")
	ok(t, w, "DELETE", "/users/"+id, "")
	ok(t, w, "POST", "/users", `{"primaryEmail":"ana.silva@example.com","name":{"givenName":"Ana","familyName":"Silva"}}`)
	refused(t, w, "POST", "/users/"+id+"/undelete", `{}`, 412, "conditionNotMet")
}

func TestListing(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for _, order := range []string{"", "&orderBy=email", "&orderBy=familyName&sortOrder=DESCENDING", "&orderBy=givenName", "&sortOrder=DESCENDING"} {
		seen := map[string]bool{}
		for token, pages := "", 0; ; pages++ {
			page := ok(t, w, "GET", "/users?customer=my_customer&maxResults=7&fields=nextPageToken,users(id)&pageToken="+url.QueryEscape(token)+order, "")
			for _, u := range page["users"].([]any) {
				id := u.(map[string]any)["id"].(string)
				if seen[id] {
					t.Fatalf("%s: %s twice", order, id)
				}
				seen[id] = true
			}
			if next, more := page["nextPageToken"].(string); more {
				token = next
				continue
			}
			if pages != 5 {
				t.Errorf("%s: %d pages before the last", order, pages)
			}
			break
		}
		if len(seen) != 41 {
			t.Errorf("%s: %d people", order, len(seen))
		}
	}
	refused(t, w, "GET", "/users?customer=my_customer&maxResults=501", "", 400, "invalidParameter")
	refused(t, w, "GET", "/users", "", 400, "badRequest")
	refused(t, w, "GET", "/users?customer=C0other", "", 403, "forbidden")
	for query, want := range map[string]int{
		"domain=example.net":                                    3,
		"customer=my_customer&query=isSuspended=true":           2,
		"customer=my_customer&query=orgUnitPath=/Engineering":   13,
		"customer=my_customer&query=email:maya*+givenName:Maya": 1,
		"customer=my_customer&query=name:'Dana+Ben-David'":      1,
		"customer=my_customer&showDeleted=true":                 1,
		"customer=my_customer&query=isArchived=true":            1,
	} {
		got, _ := ok(t, w, "GET", "/users?"+query, "")["users"].([]any)
		if len(got) != want {
			t.Errorf("%s: %d users, want %d", query, len(got), want)
		}
	}
}

func TestPartialAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for fields, want := range map[string]string{
		"primaryEmail,name(givenName)":        `{"primaryEmail":"maya.cohen@example.com","name":{"givenName":"Maya"}}`,
		"name/familyName,organizations/title": `{"name":{"familyName":"Cohen"},"organizations":[{"title":"Head of Talent"}]}`,
		"suspended,nothing":                   `{"suspended":false}`,
		"name(givenName),name/fullName":       `{"name":{"givenName":"Maya","fullName":"Maya Cohen"}}`,
		"customSchemas/Employment/level":      `{"customSchemas":{"Employment":{"level":"L6"}}}`,
		"emails(address)":                     `{"emails":[{"address":"maya.cohen@example.com"}]}`,
	} {
		_, got := do(t, w, "GET", "/users/maya.cohen@example.com?projection=full&fields="+url.QueryEscape(fields), "")
		if got != want {
			t.Errorf("%s: got %s, want %s", fields, got, want)
		}
	}
	for _, fields := range []string{"a(", "a)", "a,,b", "(a)", "a/"} {
		refused(t, w, "GET", "/users/maya.cohen@example.com?fields="+url.QueryEscape(fields), "", 400, "invalid")
	}
}

func TestProjection(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for params, want := range map[string]bool{
		"": false, "?projection=basic": false, "?projection=full": true,
		"?projection=custom&customFieldMask=Employment": true, "?projection=custom&customFieldMask=Other": false,
	} {
		if _, got := ok(t, w, "GET", "/users/maya.cohen@example.com"+params, "")["customSchemas"]; got != want {
			t.Errorf("%q: custom fields %v", params, got)
		}
	}
	changed := ok(t, w, "PATCH", "/users/maya.cohen@example.com", `{"customSchemas":{"Employment":{"level":"L9"}}}`)
	if got := fmt.Sprint(changed["customSchemas"]); !strings.Contains(got, "level:L9") || !strings.Contains(got, "startDate:") {
		t.Errorf("a change of one field gave %s", got)
	}
	refused(t, w, "PATCH", "/users/maya.cohen@example.com", `{"customSchemas":{"Nothing":{"a":1}}}`, 400, "invalid")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	members := func(params string) []string {
		list, _ := ok(t, w, "GET", "/groups/recruiting@example.com/members"+params, "")["members"].([]any)
		var out []string
		for _, m := range list {
			out = append(out, m.(map[string]any)["email"].(string))
		}
		slices.Sort(out)
		return out
	}
	if got := members(""); len(got) != 6 || !slices.Contains(got, "hiring-managers@example.com") || slices.Contains(got, "noa.levi@example.com") {
		t.Errorf("direct members %v", got)
	}
	if got := members("?includeDerivedMembership=true"); len(got) != 11 || !slices.Contains(got, "noa.levi@example.com") {
		t.Errorf("all members %v", got)
	}
	if g := ok(t, w, "GET", "/groups/recruiting@example.com", ""); g["directMembersCount"] != "6" {
		t.Errorf("group %v", g)
	}
	// Who is deleted is gone from the groups, and back when restored.
	noa, _ := w.UserID("noa.levi@example.com")
	ok(t, w, "DELETE", "/users/"+noa, "")
	if got := members("?includeDerivedMembership=true"); len(got) != 10 {
		t.Errorf("with one deleted: %v", got)
	}
	ok(t, w, "POST", "/users/"+noa+"/undelete", `{}`)
	if got := ok(t, w, "GET", "/groups/recruiting@example.com/hasMember/"+noa, "")["isMember"]; got != true {
		t.Errorf("restored: isMember %v", got)
	}

	if empty := ok(t, w, "GET", "/groups/alumni@example.com/members", ""); empty["members"] != nil {
		t.Errorf("an empty group has the key: %v", empty)
	}
	refused(t, w, "POST", "/groups/hiring-managers@example.com/members", `{"email":"recruiting@example.com"}`, 412, "conditionNotMet")
	ok(t, w, "POST", "/groups", `{"email":"top@example.com"}`)
	ok(t, w, "POST", "/groups/top@example.com/members", `{"email":"recruiting@example.com"}`)
	refused(t, w, "POST", "/groups/hiring-managers@example.com/members", `{"email":"top@example.com"}`, 412, "conditionNotMet")
	refused(t, w, "POST", "/groups/recruiting@example.com/members", `{"email":"maya.cohen@example.com"}`, 409, "duplicate")
	refused(t, w, "GET", "/groups/interviewers@example.com/hasMember/stefan@example.net", "", 400, "invalid")
	ok(t, w, "POST", "/groups/alumni@example.com/members", `{"email":"someone@outside.example"}`)
	refused(t, w, "POST", "/groups/alumni@example.com/members", `{"email":"someone@outside.example"}`, 409, "duplicate")
	ok(t, w, "DELETE", "/groups/alumni@example.com/members/someone@outside.example", "")
	ok(t, w, "DELETE", "/groups/hiring-managers@example.com", "")
	if got := members("?includeDerivedMembership=true"); len(got) != 5 {
		t.Errorf("after the inner group was deleted: %v", got)
	}
	groups := ok(t, w, "GET", "/groups?userKey=maya.cohen@example.com", "")["groups"].([]any)
	if len(groups) != 1 {
		t.Errorf("groups of a user: %v", groups)
	}
}

func TestOrgUnits(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	const units = "/customer/my_customer/orgunits"
	count := func(params string) int {
		list, _ := ok(t, w, "GET", units+params, "")["organizationUnits"].([]any)
		return len(list)
	}
	if all, with, top, eng := count("?type=all"), count("?type=allIncludingParent"), count(""), count("?type=all&orgUnitPath=/Engineering"); all != 8 || with != 9 || top != 5 || eng != 2 {
		t.Errorf("got %d, %d, %d and %d", all, with, top, eng)
	}
	platform := ok(t, w, "GET", units+"/Engineering/Platform", "")
	sales := ok(t, w, "GET", units+"/Sales", "")
	ok(t, w, "PATCH", units+"/Engineering", `{"name":"Technology"}`)
	if got := ok(t, w, "GET", "/users/yuki.tanaka@example.com", "")["orgUnitPath"]; got != "/Technology/Platform" {
		t.Errorf("after a rename the user is in %v", got)
	}
	ok(t, w, "PATCH", units+"/"+platform["orgUnitId"].(string), `{"parentOrgUnitId":"`+sales["orgUnitId"].(string)+`"}`)
	if got := ok(t, w, "GET", "/users/yuki.tanaka@example.com", "")["orgUnitPath"]; got != "/Sales/Platform" {
		t.Errorf("after a move the user is in %v", got)
	}
	refused(t, w, "PATCH", units+"/Sales", `{"parentOrgUnitPath":"/Sales/Platform"}`, 400, "invalid")
	refused(t, w, "POST", units, `{"name":"Sales","parentOrgUnitPath":"/"}`, 409, "duplicate")
	refused(t, w, "DELETE", units+"/Sales", "", 412, "conditionNotMet")
	ok(t, w, "POST", units, `{"name":"Empty","parentOrgUnitPath":"/HR"}`)
	ok(t, w, "DELETE", units+"/HR/Empty", "")
	refused(t, w, "GET", units+"/HR/Empty", "", 404, "notFound")
	empty := New(1, nil)
	defer empty.Close()
	if got := ok(t, empty, "GET", units+"?type=all", ""); got["organizationUnits"] != nil {
		t.Errorf("with the root alone: %v", got)
	}
}

func TestDomainsAndCustomer(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	const domains = "/customer/my_customer/domains"
	ok(t, w, "POST", domains, `{"domainName":"example.org"}`)
	refused(t, w, "POST", domains, `{"domainName":"example.org"}`, 409, "duplicate")
	ok(t, w, "PATCH", "/customers/my_customer", `{"customerDomain":"example.org"}`)
	primary := map[string]any{}
	for _, d := range ok(t, w, "GET", domains, "")["domains"].([]any) {
		primary[d.(map[string]any)["domainName"].(string)] = d.(map[string]any)["isPrimary"]
	}
	if diff := cmp.Diff(map[string]any{"example.com": false, "example.net": false, "example.org": true}, primary); diff != "" {
		t.Error(diff)
	}
	refused(t, w, "DELETE", domains+"/example.org", "", 400, "invalid")
	refused(t, w, "DELETE", domains+"/example.net", "", 412, "conditionNotMet")
	if c := ok(t, w, "GET", "/customers/my_customer", ""); c["customerDomain"] != "example.org" || c["id"] != w.CustomerID() {
		t.Errorf("customer %v", c)
	}
}

func TestUnknownPath(t *testing.T) {
	t.Parallel()
	if code, text := do(t, start(t, 1), "GET", "/admin/directory/v2/users", ""); code != 404 || !strings.HasPrefix(text, "<!DOCTYPE html>") {
		t.Errorf("%d %s", code, text)
	}
}

// TestSameSeed: the same seed gives the same company, another one another.
func TestSameSeed(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }
	list := func(seed uint64) string {
		w := New(seed, &Options{Clock: now})
		defer w.Close()
		w.Seed(DefaultCompany())
		_, text := do(t, w, "GET", "/users?customer=my_customer&maxResults=500&projection=full", "")
		return text
	}
	if first, second := list(7), list(7); first != second {
		t.Error("two companies of one seed differ")
	}
	if list(7) == list(8) {
		t.Error("two seeds give the same company")
	}
}

// TestPopulate lists 10,000 people, and everybody exactly once.
func TestPopulate(t *testing.T) {
	t.Parallel()
	w := New(1, nil)
	defer w.Close()
	email := w.Populate(10_000)
	seen := map[string]bool{}
	for token := ""; ; {
		page := ok(t, w, "GET", "/groups/"+email+"/members?includeDerivedMembership=true&pageToken="+token, "")
		for _, m := range page["members"].([]any) {
			seen[m.(map[string]any)["id"].(string)] = true
		}
		var more bool
		if token, more = page["nextPageToken"].(string); !more {
			break
		}
	}
	if len(seen) != 10_000 {
		t.Errorf("%d members", len(seen))
	}
}

func BenchmarkListUsers10000(b *testing.B) {
	w := New(1, nil)
	defer w.Close()
	w.Populate(10_000)
	for b.Loop() {
		for token := ""; ; {
			req, err := http.NewRequestWithContext(b.Context(), "GET",
				"http://sim.invalid/admin/directory/v1/users?customer=my_customer&maxResults=500&projection=full&pageToken="+token, nil)
			if err != nil {
				b.Fatal(err)
			}
			resp, err := w.Transport().RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			data, err := io.ReadAll(resp.Body)
			if err != nil {
				b.Fatal(err)
			}
			_, rest, more := strings.Cut(string(data[max(0, len(data)-200):]), `"nextPageToken":"`)
			if !more {
				break
			}
			token, _, _ = strings.Cut(rest, `"`)
		}
	}
}

func BenchmarkPopulate100000(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := New(1, nil)
		w.Populate(100_000)
		w.Close()
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	ok(t, w, "POST", "/users/watch?customer=my_customer", `{"id":"c","type":"web_hook","address":"https://push.invalid/"}`)
	id, _ := w.UserID("maya.cohen@example.com")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 20 {
				do(t, w, "PATCH", "/users/"+id, fmt.Sprintf(`{"suspended":%v}`, n%2 == 0))
				do(t, w, "GET", "/users?customer=my_customer&projection=full", "")
				do(t, w, "GET", "/groups/recruiting@example.com/members?includeDerivedMembership=true", "")
				do(t, w, "POST", "/users", fmt.Sprintf(`{"primaryEmail":"new-%d-%d@example.com","name":{"givenName":"N","familyName":"N"}}`, i, n))
				w.SetFaults(Faults{StaleMS: n})
				w.Calls()
			}
		})
	}
	group.Wait()
	w.SetFaults(Faults{})
	if got := len(ok(t, w, "GET", "/users?customer=my_customer&maxResults=500", "")["users"].([]any)); got != 41+160 {
		t.Errorf("%d users", got)
	}
}
