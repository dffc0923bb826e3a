package audit_test

import (
	"testing"

	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/fault"
)

func TestTableWith(t *testing.T) {
	t.Parallel()
	usual := audit.DefaultTable()
	table, err := usual.With(" user = PROMOTE_USER demoteUser ; ignore=createUser;")
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]audit.Action{"promoteuser": audit.LookAtUser, "demoteuser": audit.LookAtUser,
		"createuser": audit.Ignore, "deleteuser": audit.LookAtUser} {
		if got := table[event]; got != want {
			t.Errorf("%s is %q, want %q", event, got, want)
		}
	}
	if usual["createuser"] != audit.LookAtUser {
		t.Error("the table that it was made from has changed")
	}
	if same, err := usual.With(""); err != nil || len(same) != len(usual) {
		t.Errorf("without events: %d of %d, %v", len(same), len(usual), err)
	}
	for _, text := range []string{"delete=someEvent", "user=", "user", "someEvent", "user=a; =b"} {
		if _, err := usual.With(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
