package workspace

import (
	"bytes"
	"encoding/json"
	"testing"

	"example.com/autoprovision/shared/provision"
)

// FuzzDecodeUser reads any answer as a user. What may lead to a removal, or
// ends one, must be the directory's own explicit word (R13): a state is known
// only when the keys that decide it are there and of their type.
func FuzzDecodeUser(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","primaryEmail":"a@b.c","suspended":false,"archived":false,"orgUnitPath":"/"}`,
		`{"id":"1","primaryEmail":"a@b.c","suspended":true,"archived":false,"orgUnitPath":"/","suspensionTime":"2026-01-02T03:04:05Z"}`,
		`{"id":"1","primaryEmail":"a@b.c","suspended":false,"archived":true,"orgUnitPath":"/x","archivalTime":"never"}`,
		`{"id":"1","primaryEmail":"a@b.c","deletionTime":"2026-01-02T03:04:05Z"}`,
		`{"id":"1","primaryEmail":"a@b.c","suspended":"false","archived":false,"orgUnitPath":"/"}`,
		`{"id":"1","primaryEmail":"a@b.c","suspended":null,"archived":false,"orgUnitPath":"/"}`,
		`{"ID":"1","PRIMARYEMAIL":"a@b.c","Suspended":true,"archived":false,"orgUnitPath":"/"}`,
		`{"id":"1","id":"2"}`, `{}`, `[]`, `null`, `{`, `{"deletionTime":5}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		user := decodeUser(bytes.Clone(data))
		if user.Lifecycle == provision.Unknown {
			return
		}
		var keys map[string]any
		if err := json.Unmarshal(data, &keys); err != nil || user.ID == "" || user.Email == "" {
			t.Fatalf("%s is taken for %+v", data, user)
		}
		if user.Lifecycle == provision.Deleted {
			if user.Since.IsZero() {
				t.Fatalf("%s is deleted without a time", data)
			}
			return
		}
		explicit := 0
		for name, value := range keys {
			if _, is := value.(bool); is && (bytes.EqualFold([]byte(name), []byte("suspended")) || bytes.EqualFold([]byte(name), []byte("archived"))) {
				explicit++
			}
		}
		if explicit < 2 || user.OrgUnitPath == "" {
			t.Fatalf("%s is taken for %+v without the directory's word", data, user)
		}
	})
}
