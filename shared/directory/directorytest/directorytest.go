// Package directorytest is the conformance suite of the directory port.
//
// It owns what every adapter must do, told as changes to a directory and what
// the port then reads. It promises to make everything it needs under names of
// its own, so that it can run against a directory that others use, and leaves
// what it made behind. It never looks at how an adapter does it.
package directorytest

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

// Directory is the whole port.
type Directory interface {
	directory.Users
	directory.Organization
	directory.Picker
	directory.Watcher
}

// World changes the directory that the adapter reads. Its methods end the test
// when they fail, and return ids.
type World interface {
	AddUser(t *testing.T, email, orgUnitPath string) (id string)
	// PatchUser sets keys of the user resource, such as suspended or primaryEmail.
	PatchUser(t *testing.T, id string, keys map[string]any)
	DeleteUser(t *testing.T, id string)
	RestoreUser(t *testing.T, id string)
	AddGroup(t *testing.T, email, name string) (id string)
	// AddMember takes the id or address of a user or a group.
	AddMember(t *testing.T, groupID, member string)
	// AddEveryone makes the customer as a whole a member.
	AddEveryone(t *testing.T, groupID string)
	AddOrgUnit(t *testing.T, parentPath, name string) (id string)
	RenameOrgUnit(t *testing.T, id, name string)
	// AddSchema makes a custom schema with one field.
	AddSchema(t *testing.T, name, field string)
}

// Harness is one directory and the adapter that reads it.
type Harness struct {
	Directory Directory
	World     World
	// Domain is the customer's primary domain, OtherDomain another one of it.
	Domain, OtherDomain string
	// PushAddress takes push notifications.
	PushAddress string
}

// Run runs the suite. Each test asks for a harness of its own; they may share a directory.
func Run(t *testing.T, harness func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"User", testUser},
		{"UserLifecycle", testLifecycle},
		{"UserByEmail", testUserByEmail},
		{"ListUsers", testListUsers},
		{"ListDeleted", testListDeleted},
		{"Domains", testDomains},
		{"OrgUnits", testOrgUnits},
		{"Group", testGroup},
		{"ListMembers", testListMembers},
		{"HasMember", testHasMember},
		{"SearchGroups", testSearchGroups},
		{"SearchUsers", testSearchUsers},
		{"Attributes", testAttributes},
		{"Watch", testWatch},
		{"Cancelled", testCancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, harness(t))
		})
	}
}

// name returns a name that nothing in the directory has.
func name(prefix string) string { return prefix + "-" + strings.ToLower(uuid.NewString()[:8]) }

func (h Harness) address(prefix string) string { return name(prefix) + "@" + h.Domain }

func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: got error %v, want kind %v", what, err, kind)
	}
	if err != nil && strings.Contains(err.Error(), "@") {
		t.Errorf("%s: the error text holds an address: %v", what, err)
	}
}
