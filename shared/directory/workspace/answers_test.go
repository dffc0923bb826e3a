package workspace_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// answering returns a client of a directory that answers by the path's end and
// the page token; what is not listed is 404.
func answering(t *testing.T, answers map[string]string) *workspace.Client {
	t.Helper()
	return newClient(t, network(func(req *http.Request) (*http.Response, error) {
		path := strings.TrimPrefix(req.URL.Path, "/admin/directory/v1/")
		if token := req.URL.Query().Get("pageToken"); token != "" {
			path += "#" + token
		}
		if req.URL.Query().Get("showDeleted") == "true" {
			path += "!deleted"
		}
		if body, ok := answers[path]; ok {
			return reply(200, body)
		}
		return reply(404, refusal(404, "notFound"))
	}))
}

func TestDecodeUser(t *testing.T) {
	t.Parallel()
	const full = `"id":"1","primaryEmail":"ana@example.com","orgUnitPath":"/"`
	suspendedAt := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, test := range []struct {
		name string
		json string
		want provision.Lifecycle
		at   time.Time
	}{
		{"active", `{` + full + `,"suspended":false,"archived":false}`, provision.Active, time.Time{}},
		{"suspended", `{` + full + `,"suspended":true,"archived":false,"suspensionTime":"2026-03-04T05:06:07.000Z"}`, provision.Suspended, suspendedAt},
		{"suspended, in milliseconds", `{` + full + `,"suspended":true,"archived":false,"suspensionTime":"1772600767000"}`, provision.Suspended, suspendedAt},
		{"suspended, with an unreadable time", `{` + full + `,"suspended":true,"archived":false,"suspensionTime":"lately"}`, provision.Suspended, time.Time{}},
		{"archived wins", `{` + full + `,"suspended":true,"archived":true,"archivalTime":1772600767000}`, provision.Archived, suspendedAt},
		{"deleted wins", `{` + full + `,"suspended":true,"archived":true,"deletionTime":"2026-03-04T05:06:07Z"}`, provision.Deleted, suspendedAt},
		{"deleted, with little else", `{"id":"1","primaryEmail":"ana@example.com","deletionTime":"2026-03-04T05:06:07Z"}`, provision.Deleted, suspendedAt},
		{"deleted never", `{` + full + `,"suspended":false,"archived":false,"deletionTime":"1970-01-01T00:00:00.000Z"}`, provision.Active, time.Time{}},
		{"deleted at an unreadable time", `{` + full + `,"suspended":false,"archived":false,"deletionTime":"lately"}`, provision.Unknown, time.Time{}},
		{"without suspended", `{` + full + `,"archived":false}`, provision.Unknown, time.Time{}},
		{"without archived", `{` + full + `,"suspended":false}`, provision.Unknown, time.Time{}},
		{"with null", `{` + full + `,"suspended":null,"archived":false}`, provision.Unknown, time.Time{}},
		{"with a string", `{` + full + `,"suspended":"false","archived":false}`, provision.Unknown, time.Time{}},
		{"without an org unit", `{"id":"1","primaryEmail":"ana@example.com","suspended":false,"archived":false}`, provision.Unknown, time.Time{}},
		{"without an address", `{"id":"1","orgUnitPath":"/","suspended":false,"archived":false}`, provision.Unknown, time.Time{}},
		{"with odd keys that decide nothing", `{` + full + `,"suspended":false,"archived":false,"aliases":7,"etag":{},"isAdmin":"yes"}`, provision.Active, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := answering(t, map[string]string{"users/1": test.json, "users": `{"users":[` + test.json + `]}`})
			page, err := client.ListUsers(t.Context(), "")
			if err != nil || len(page.Users) != 1 {
				t.Fatalf("list: got %+v, %v", page, err)
			}
			got := page.Users[0]
			if got.ID != "1" || got.Lifecycle != test.want || !got.Since.Equal(test.at) || string(got.Resource) != test.json {
				t.Errorf("list: got %+v, want %s since %v", got, test.want, test.at)
			}
			one, err := client.User(t.Context(), "1")
			if test.want == provision.Unknown {
				if !fault.Is(err, fault.Incomplete) {
					t.Errorf("get: got %v, want incomplete", err)
				}
			} else if diff := cmp.Diff(got, one); diff != "" || err != nil {
				t.Errorf("get: %v, differs from the listing: %s", err, diff)
			}
		})
	}
}

func TestUserChecksWhoAnswers(t *testing.T) {
	t.Parallel()
	const ana = `{"id":"1","primaryEmail":"ana@example.com","suspended":false,"archived":false,"orgUnitPath":"corp/sales/"}`
	client := answering(t, map[string]string{"users/1": ana, "users/2": ana, "users/Ana@Example.com": ana, "users/alias@example.com": ana})
	if got, err := client.User(t.Context(), "1"); err != nil || got.OrgUnitPath != "/corp/sales" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := client.User(t.Context(), "2"); !fault.Is(err, fault.Incomplete) {
		t.Errorf("another user's answer: got %v", err)
	}
	if _, err := client.UserByEmail(t.Context(), "Ana@Example.com"); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := client.UserByEmail(t.Context(), "alias@example.com"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an alias: got %v", err)
	}
}

func TestUserPages(t *testing.T) {
	t.Parallel()
	const ok = `"primaryEmail":"a@example.com","suspended":false,"archived":false,"orgUnitPath":"/"}`
	client := answering(t, map[string]string{
		"users":         `{"users":[{"id":"1",` + ok + `,{"primaryEmail":"noid@example.com"},{"id":7},"odd",{"id":"2",` + ok + `],"nextPageToken":"p2"}`,
		"users#p2":      `{"users":[{"id":"3",` + ok + `]}`,
		"users#nokey":   `{"nextPageToken":"p4"}`,
		"users#null":    `{"users":null}`,
		"users#object":  `{"users":{}}`,
		"users#loop":    `{"users":[],"nextPageToken":"loop"}`,
		"users!deleted": `{"kind":"admin#directory#users"}`,
		"users#d2!deleted": `{"users":[{"id":"8","primaryEmail":"gone@example.com"},
			{"id":"9","primaryEmail":"x@example.com","suspended":true,"deletionTime":"2026-03-04T05:06:07.000Z"}]}`,
	})
	page, err := client.ListUsers(t.Context(), "")
	if err != nil || page.Next != "p2" || len(page.Users) != 2 || page.Users[1].ID != "2" {
		t.Errorf("got %+v, %v, want users 1 and 2 and another page", page, err)
	}
	if page, err = client.ListUsers(t.Context(), "p2"); err != nil || page.Next != "" || len(page.Users) != 1 {
		t.Errorf("got %+v, %v", page, err)
	}
	for _, token := range []string{"nokey", "null", "object", "loop"} {
		if _, err := client.ListUsers(t.Context(), token); !fault.Is(err, fault.Incomplete) {
			t.Errorf("%s: got %v, want incomplete (R13)", token, err)
		}
	}
	if page, err = client.ListDeleted(t.Context(), ""); err != nil || len(page.Users) != 0 {
		t.Errorf("none deleted: got %+v, %v", page, err)
	}
	page, err = client.ListDeleted(t.Context(), "d2")
	if err != nil || len(page.Users) != 2 || page.Users[0].Lifecycle != provision.Deleted || page.Users[1].Lifecycle != provision.Deleted ||
		page.Users[1].Since.IsZero() {
		t.Errorf("got %+v, %v", page, err)
	}
}

func TestListRequest(t *testing.T) {
	t.Parallel()
	var asked []string
	client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
		q := req.URL.Query()
		asked = append(asked, q.Get("customer")+" "+q.Get("maxResults")+" "+q.Get("projection")+" "+q.Get("query")+q.Get("domain"))
		if fields := q.Get("fields"); !strings.HasPrefix(fields, "nextPageToken,users(id,primaryEmail,suspended,") {
			t.Errorf("fields: %s", fields)
		}
		return reply(200, `{"users":[]}`)
	}))
	if _, err := client.ListUsers(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"my_customer 500 full "}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	for body, ok := range map[string]bool{
		`{"domains":[{"domainName":"Example.com","isPrimary":true,"verified":true},{"domainName":"b.example"}]}`: true,
		`{"domains":[{"domainName":"a.example"}]}`:                                                               false,
		`{"domains":[{"domainName":"a.example","isPrimary":true},{"domainName":"b.example","isPrimary":true}]}`:  false,
		`{"domains":[{"isPrimary":true}]}`:                                                                       false,
		`{"kind":"admin#directory#domains"}`:                                                                     false,
	} {
		got, err := answering(t, map[string]string{"customer/my_customer/domains": body}).Domains(t.Context())
		if (err == nil) != ok || !ok && !fault.Is(err, fault.Incomplete) || ok && got[0].Name != "example.com" {
			t.Errorf("%s: got %v, %v", body, got, err)
		}
	}
}

func TestOrgUnits(t *testing.T) {
	t.Parallel()
	const (
		root = `{"orgUnitId":"id:root","orgUnitPath":"/","name":"Example"}`
		eng  = `{"orgUnitId":"id:eng","orgUnitPath":"/Eng","name":"Eng","parentOrgUnitPath":"/","parentOrgUnitId":"id:root"}`
		plat = `{"orgUnitId":"id:plat","orgUnitPath":"Eng/Plat","name":"Plat"}`
	)
	tree := []directory.OrgUnit{
		{ID: workspace.RootID, Path: "/", Name: "/"},
		{ID: "id:eng", Path: "/Eng", Name: "Eng", ParentID: workspace.RootID},
		{ID: "id:plat", Path: "/Eng/Plat", Name: "Plat", ParentID: "id:eng"},
	}
	for _, test := range []struct {
		name, body string
		want       []directory.OrgUnit
	}{
		{"as Google lists them", `{"organizationUnits":[` + eng + `,` + plat + `]}`, tree},
		{"children first, root included", `{"organizationUnits":[` + plat + `,` + eng + `,` + root + `]}`, []directory.OrgUnit{tree[0], tree[2], tree[1]}},
		{"none but the root", `{"kind":"admin#directory#orgUnits"}`, tree[:1]},
		{"a parent is missing", `{"organizationUnits":[` + plat + `]}`, nil},
		{"without an id", `{"organizationUnits":[{"orgUnitPath":"/Eng"}]}`, nil},
		{"twice the same path", `{"organizationUnits":[` + eng + `,` + eng + `]}`, nil},
	} {
		got, err := answering(t, map[string]string{"customer/my_customer/orgunits": test.body}).OrgUnits(t.Context())
		if test.want == nil {
			if !fault.Is(err, fault.Incomplete) {
				t.Errorf("%s: got %v, %v, want incomplete", test.name, got, err)
			}
		} else if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.name, err, diff)
		}
	}
}

// TestMembersWithoutTheKey is R13: a group without a members key is empty only if its own count is 0.
func TestMembersWithoutTheKey(t *testing.T) {
	t.Parallel()
	const two = `{"members":[{"id":"1","type":"USER"},{"id":"2","type":"USER"}],"nextPageToken":"p2"}`
	for _, test := range []struct {
		name, first, second, count string
		ok                         bool
	}{
		{"empty", `{}`, "", `"0"`, true},
		{"empty, as a number", `{}`, "", `0`, true},
		{"not empty", `{}`, "", `"3"`, false},
		{"unknown", `{}`, "", `null`, false},
		{"more to come", `{"nextPageToken":"p2"}`, `{}`, `"0"`, false},
		{"the key with nothing in it", `{"members":[]}`, "", `"3"`, true},
		{"all were on the pages before", two, `{}`, `"2"`, true},
		{"some were not on the pages before", two, `{}`, `"3"`, false},
		{"a member without a type", `{"members":[{"id":"1"}]}`, "", `"1"`, false},
		{"a user without an id", `{"members":[{"type":"USER"}]}`, "", `"1"`, false},
		{"groups and others", `{"members":[{"id":"g","type":"GROUP"},{"id":"1","type":"USER"},{"type":"EXTERNAL"}]}`, "", `"1"`, true},
	} {
		client := answering(t, map[string]string{
			"groups/g/members":    test.first,
			"groups/g/members#p2": test.second,
			"groups/g":            `{"id":"g","email":"g@example.com","directMembersCount":` + test.count + `}`,
		})
		var ids []string
		var err error
		for token, more := "", true; more && err == nil; {
			var page directory.MemberPage
			page, err = client.ListMembers(t.Context(), "g", token)
			ids = append(ids, page.UserIDs...)
			token, more = page.Next, page.Next != ""
		}
		if (err == nil) != test.ok || !test.ok && !fault.Is(err, fault.Incomplete) {
			t.Errorf("%s: got %v, %v", test.name, ids, err)
		}
	}
	if _, err := answering(t, nil).ListMembers(t.Context(), "g", "foreign"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a foreign token: got %v", err)
	}
}

func TestWatchRequest(t *testing.T) {
	t.Parallel()
	for expiration, want := range map[string]time.Time{
		`,"expiration":"1772600767000"`: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		`,"expiration":1772600767000`:   time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		``:                              {},
	} {
		client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
			body := new(strings.Builder)
			if _, err := io.Copy(body, req.Body); err != nil {
				return nil, err
			}
			for _, part := range []string{`"id":"channel"`, `"type":"web_hook"`, `"address":"https://push.invalid/"`, `"token":"secret"`, `"payload":true`, `"ttl":"21600"`} {
				if !strings.Contains(body.String(), part) {
					t.Errorf("the request lacks %s: %s", part, body)
				}
			}
			if q := req.URL.Query(); q.Get("customer") != "my_customer" || q.Has("event") {
				t.Errorf("asked with %v", q)
			}
			return reply(200, `{"kind":"api#channel","id":"channel","resourceId":"r"`+expiration+`}`)
		}))
		got, err := client.Watch(t.Context(), "channel", "", "https://push.invalid/", "secret")
		if err != nil || got != (directory.Channel{ID: "channel", ResourceID: "r", Expiration: want}) {
			t.Errorf("%s: got %+v, %v", expiration, got, err)
		}
	}
}

// TestSearchUsersIsChecked: a directory that ignores the query finds nobody else.
func TestSearchUsersIsChecked(t *testing.T) {
	t.Parallel()
	client := answering(t, map[string]string{"users": `{"users":[` +
		`{"id":"1","primaryEmail":"ana@example.com","orgUnitPath":"/","suspended":false,"archived":false,"name":{"givenName":"Ana","familyName":"Silva"}},` +
		`{"id":"2","primaryEmail":"ben@example.com","orgUnitPath":"/","suspended":false,"archived":false,"name":{"fullName":"Ben Ananas"}},` +
		`{"id":"3","primaryEmail":"cleo@example.com","orgUnitPath":"/","suspended":false,"archived":false,"name":"Ana"}]}`})
	found, err := client.SearchUsers(t.Context(), "ana s")
	if err != nil || len(found) != 1 || found[0].ID != "1" || directory.NameOf(found[0]) != "Ana Silva" {
		t.Errorf("got %+v, %v", found, err)
	}
}

// TestAttributesAreAskedFor: what the page offers to map is in the answers.
func TestAttributesAreAskedFor(t *testing.T) {
	t.Parallel()
	offered, err := answering(t, map[string]string{"customer/my_customer/schemas": `{"schemas":[{"schemaName":"A","fields":[{"fieldName":"b"}]}]}`}).Attributes(t.Context())
	if err != nil || len(offered) < 20 {
		t.Fatalf("%d attributes, %v", len(offered), err)
	}
	for _, a := range offered {
		if root, _, _ := strings.Cut(a.Path, "."); !slices.Contains(provision.ResourceAttributes(), root) {
			t.Errorf("%s is offered and not asked for", a.Path)
		}
	}
}
