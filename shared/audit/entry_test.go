package audit

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "entries", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// message is an entry as Pub/Sub pushes it.
func message(entry []byte) []byte {
	return fmt.Appendf(nil, `{"message":{"data":%q,"messageId":"1","publishTime":"2026-11-02T08:00:00Z"},"subscription":"projects/p/subscriptions/s"}`,
		base64.StdEncoding.EncodeToString(entry))
}

func TestParseSamples(t *testing.T) {
	t.Parallel()
	want := map[string]Event{
		"add-member":        {Name: "addgroupmember", Users: []string{"ben@example.com"}, Group: "eng@example.com", Member: "ben@example.com"},
		"move-user":         {Name: "moveusertoorgunit", Users: []string{"ben@example.com"}, OrgUnit: "/Eng", Value: "/"},
		"suspend-user":      {Name: "suspenduser", Users: []string{"sus@example.com"}},
		"delete-user":       {Name: "deleteuser", Users: []string{"sus@example.com"}},
		"rename-user":       {Name: "renameuser", Users: []string{"cleo@example.com", "cleo.new@example.com"}, Value: "cleo.new@example.com"},
		"remove-member":     {Name: "removegroupmember", Users: []string{"ana@example.com"}, Group: "eng@example.com", Member: "ana@example.com"},
		"bulk-upload":       {Name: "groupmemberbulkupload"},
		"switch-app":        {Name: "toggleserviceenabled", OrgUnit: "Sales", Service: "Comeet", Value: "false", Apps: []string{"Comeet"}},
		"update-membership": {Name: "updatemembership", Group: "eng@example.com", Member: "cleo@example.com", MemberKind: "user"},
	}
	keys := map[string]bool{}
	for name, event := range want {
		e, err := Parse(sample(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]Event{event}, e.Events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if keys[e.Key] {
			t.Errorf("%s: its key is another entry's", name)
		}
		keys[e.Key] = true
	}
}

// What Google adds, leaves out or writes otherwise does not hide the event.
func TestParseOddities(t *testing.T) {
	t.Parallel()
	envelope := func(service, method, metadata string) string {
		return fmt.Sprintf(`{"protoPayload":{"serviceName":%q,"methodName":%q,"metadata":%s}}`, service, method, metadata)
	}
	for name, test := range map[string]struct {
		entry string
		want  []Event
	}{
		"values that are no strings": {
			envelope(adminService, "google.admin.AdminService.createUser", `{"event":[{"eventName":"CREATE_USER","parameter":[
				{"name":"X","intValue":"3"},{"name":"Y","value":7},{"name":"Z","multiStrValue":["a"]},{"name":"USER_EMAIL","value":"a@b.example"}]}]}`),
			[]Event{{Name: "createuser", Users: []string{"a@b.example"}}}},
		"an event outside of an array": {
			envelope(adminService, "google.admin.AdminService.createUser", `{"event":{"eventName":"CREATE_USER","parameter":{"name":"USER_EMAIL","value":"a@b.example"}}}`),
			[]Event{{Name: "createuser", Users: []string{"a@b.example"}}}},
		"two events": {
			envelope(adminService, "google.admin.AdminService.x", `{"event":[{"eventName":"CREATE_ORG_UNIT"},{"eventName":""}]}`),
			[]Event{{Name: "createorgunit"}, {Name: "x"}}},
		"two members of a group": {
			envelope(adminService, "a.b.addGroupMember", `{"event":{"eventName":"ADD_GROUP_MEMBER","parameter":[{"name":"USER_EMAIL","value":"a@b.example"},
				{"name":"GROUP_EMAIL","value":"g@b.example"},{"name":"USER_EMAIL","value":"c@b.example"}]}}`),
			[]Event{{Name: "addgroupmember", Users: []string{"a@b.example", "c@b.example"}, Group: "g@b.example", Member: "a@b.example"},
				{Name: "addgroupmember", Users: []string{"a@b.example", "c@b.example"}, Group: "g@b.example", Member: "c@b.example"}}},
		"no metadata": {
			envelope(adminService, "google.admin.AdminService.usersBulkUpload", `null`), []Event{{Name: "usersbulkupload"}}},
		"a group within a group": {
			envelope(groupsService, "a.b.UpdateMembership", `{"group":"group:g@b.example","membershipDelta":[{"member":"group:h@b.example"}]}`),
			[]Event{{Name: "updatemembership", Group: "g@b.example", Member: "h@b.example", MemberKind: "group"}}},
		"a group and no member": {
			envelope(groupsService, "a.b.DeleteGroup", `{"group":"group:g@b.example"}`), []Event{{Name: "deletegroup", Group: "g@b.example"}}},
		"another service": {envelope("login.googleapis.com", "a.b.loginSuccess", `{"event":[{"eventName":"login_success"}]}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Parse([]byte(test.entry))
			if diff := cmp.Diff(test.want, e.Events); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSameEntrySameKey(t *testing.T) {
	t.Parallel()
	first, err := Parse(sample(t, "suspend-user"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse([]byte(strings.Replace(string(sample(t, "suspend-user")), `"receiveTimestamp"`, `"later"`, 1)))
	if err != nil || first.Key != again.Key {
		t.Errorf("keys %s and %s, %v", first.Key, again.Key, err)
	}
	other, err := Parse([]byte(strings.Replace(string(sample(t, "suspend-user")), `"insertId": "k3"`, `"insertId": "k33"`, 1)))
	if err != nil || first.Key == other.Key {
		t.Errorf("another insert id has the same key: %v", err)
	}
}

func TestUnwrap(t *testing.T) {
	t.Parallel()
	entry := `{"protoPayload":{"serviceName":"s","methodName":"m"}}`
	coded := base64.StdEncoding.EncodeToString([]byte(entry))
	wrapped := `{"message":{"data":"` + coded + `"}}`
	for name, body := range map[string]string{
		"pub/sub push":                  wrapped,
		"through the framework":         `{"message":{"@type":"type.googleapis.com/google.pubsub.v1.PubsubMessage","attributes":null,"data":"` + coded + `","messageId":"1"}}`,
		"structured CloudEvent":         `{"specversion":"1.0","type":"google.cloud.pubsub.topic.v1.messagePublished","source":"s","id":"1","data":` + wrapped + `}`,
		"structured, in base64":         `{"specversion":"1.0","id":"1","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(wrapped)) + `"}`,
		"structured, the entry as data": `{"specversion":"1.0","id":"1","data":` + entry + `}`,
		"the entry itself":              entry,
	} {
		got, err := Unwrap([]byte(body))
		if err != nil || string(got) != entry {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, body := range []string{``, `{`, `[]`, `{}`, `null`, `{"message":{}}`, `{"message":{"data":"%%%"}}`, `{"specversion":"1.0"}`,
		`{"specversion":"1.0","data":` + `{"specversion":"1.0","data":` + wrapped + `}}`} {
		if _, err := Unwrap([]byte(body)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: error %v", body, err)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ana@Example.com": "ana@example.com", " a@b.example ": "a@b.example", "user:a@b.example": "a@b.example",
		"": "", "a": "", "@b": "", "a@": "", "a b@c.example": "", "../x@y": "", strings.Repeat("a", 400) + "@b.example": "",
	} {
		if got := address(in); got != want {
			t.Errorf("address(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever comes, it is read or refused as invalid, the reason quotes nothing
// of it, and what is taken for an address can stand in a path.
func FuzzReceive(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "entries", "*.json"))
	if err != nil || len(names) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(message(data))
		f.Add(data)
	}
	f.Add([]byte(`{"message":{"data":"eyJwcm90b1BheWxvYWQiOnsic2VydmljZU5hbWUiOiJzIn19"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		data, err := Unwrap(body)
		if err == nil {
			var e Entry
			if e, err = Parse(data); err == nil {
				for _, event := range e.Events {
					for _, a := range append(event.Users, event.Group, event.Member) {
						if a != "" && (strings.ContainsAny(a, "/ ?#\n") || !strings.Contains(a, "@") || len(a) > 330) {
							t.Errorf("taken for an address: %q", a)
						}
					}
				}
				return
			}
		}
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "@") {
			t.Errorf("error %v", err)
		}
	})
}
