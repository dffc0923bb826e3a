package sweep

import (
	"context"
	"testing"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
)

type twoPages struct{ directory.Organization }

func (twoPages) ListMembers(_ context.Context, _, token string) (directory.MemberPage, error) {
	if token == "" {
		return directory.MemberPage{UserIDs: []string{"1"}, Next: "2"}, nil
	}
	return directory.MemberPage{UserIDs: []string{"2"}}, nil
}

// Where all members are known by the time that somebody asks for the first of
// them, nothing is asked for early: it would be a matter of luck what is.
func TestWholeListBeforeItsParts(t *testing.T) {
	t.Parallel()
	for range 50 {
		members := roster.NewMembers()
		if err := roster.New(twoPages{}, nil).Read(t.Context(), members, provision.GroupRef{ID: "g"}); err != nil {
			t.Fatal(err)
		}
		v := &survey{ctx: t.Context(), scoped: make(chan struct{}), members: members}
		close(v.scoped)
		if whole, err := v.whenever(members.More()); !whole || err != nil {
			t.Fatalf("whole %t, error %v", whole, err)
		}
	}
}
