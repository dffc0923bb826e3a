package simcomeet

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a Server is restored from makes it the same in every answer, and no id
// comes twice, also when the last account is gone.
func TestRestore(t *testing.T) {
	t.Parallel()
	var last []byte
	s := New(&Options{Keep: func(state []byte) error { last = state; return nil }})
	c := caller{t, s, s.Token()}
	person := func(name, external string) map[string]any {
		return map[string]any{"schemas": []string{userSchema}, "userName": name, "externalId": external, "name": map[string]any{"givenName": "A<b>", "familyName": "B"}}
	}
	first := c.want(201, "POST", base+"/Users", person("ana@example.com", "1"))
	c.want(200, "PATCH", base+"/Users/"+first["id"].(string), map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": "replace", "path": "active", "value": false}}})
	gone := c.want(201, "POST", base+"/Users", person("ben@example.com", "2"))
	if _, err := s.Add(map[string]any{"userName": "by hand"}); err != nil {
		t.Fatal(err)
	}
	gone3 := c.want(201, "POST", base+"/Users", person("cleo@example.com", "3"))
	c.want(204, "DELETE", base+"/Users/"+gone["id"].(string), nil)
	c.want(204, "DELETE", base+"/Users/"+gone3["id"].(string), nil)
	if err := s.SetToken("next"); err != nil {
		t.Fatal(err)
	}

	again := New(nil)
	if err := again.Restore(last); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Accounts(), again.Accounts()); diff != "" {
		t.Errorf("accounts (-before +after):\n%s", diff)
	}
	if string(again.State()) != string(last) {
		t.Errorf("the state of the restored one is another:\n%s\n%s", again.State(), last)
	}
	c = caller{t, again, "next"}
	if found := c.want(200, "GET", base+`/Users?filter=externalId+eq+%221%22`, nil); found["totalResults"] != 1.0 {
		t.Errorf("found by externalId: %v", found)
	}
	c.want(409, "POST", base+"/Users", person("ana@example.com", "4"))
	if made := c.want(201, "POST", base+"/Users", person("dan@example.com", "5")); made["id"] == gone3["id"] {
		t.Errorf("the id %v was given twice", made["id"])
	}
	caller{t, again, "comeet-token"}.want(401, "GET", base+"/Users", nil) // a former token
	if v := again.Violations(); len(v) > 0 {
		t.Errorf("accused: %v", v)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	const account = `{"seq":1,"document":{"id":"cm-000001","userName":"ana"}}`
	for _, state := range []string{"", "garbage", "{}", `{"token":"t","accounts":[{"seq":1,"document":{}}]}`,
		`{"token":"t","accounts":[` + account + `,` + account + `]}`} {
		if New(nil).Restore([]byte(state)) == nil {
			t.Errorf("%q was taken", state)
		}
	}
}

// What cannot be kept is no success.
func TestKeepFails(t *testing.T) {
	t.Parallel()
	s := New(&Options{Keep: func([]byte) error { return errors.New("full") }})
	c := caller{t, s, s.Token()}
	c.want(500, "POST", base+"/Users", map[string]any{"schemas": []string{userSchema}, "userName": "ana@example.com", "name": map[string]any{"givenName": "A", "familyName": "B"}})
	if _, err := s.Add(map[string]any{"userName": "by hand"}); err == nil {
		t.Error("an account by hand that could not be kept was a success")
	}
}
