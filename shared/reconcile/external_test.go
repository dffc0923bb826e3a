package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

// TestFormOfExternalID: the app's answer says whether it keeps our external id;
// only a departure from that is drift (R17).
func TestFormOfExternalID(t *testing.T) {
	t.Parallel()
	attributes := provision.Attributes{"userName": "ana"}
	shown := func(external string) provision.Account {
		return provision.Account{ID: "a1", ExternalID: external, Attributes: attributes}
	}
	silent := provision.Account{ID: "a1", ExternalID: "u1"} // made of what was sent
	for _, tt := range []struct {
		name    string
		answers []provision.Account // to the create and to the updates after it
		found   string
		want    []string
	}{
		{"kept", []provision.Account{shown("u1")}, "u1", nil},
		{"emptied by hand", []provision.Account{shown("u1")}, "", []string{"externalId"}},
		{"overwritten after an answer without the account", []provision.Account{shown("u1"), silent}, "other", []string{"externalId"}},
		{"never shown", []provision.Account{shown("")}, "", nil},
		{"never shown, and an answer without the account", []provision.Account{shown(""), silent}, "", nil},
		{"shown later", []provision.Account{shown(""), shown("u1")}, "", []string{"externalId"}},
	} {
		rec := provision.Record{UserID: "u1"}
		for i, answer := range tt.answers {
			intent := provision.Intent{Operation: provision.Update, Attributes: attributes}
			if i == 0 {
				intent.Operation = provision.Create
			}
			succeed(&rec, intent, outcome{account: answer}, "app", time.Time{})
		}
		if diff := cmp.Diff(tt.want, decide.Drift(rec, shown(tt.found))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
}
