package admin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
)

// TestReachIsBounded: a count reads a bounded part of large groups, as of the
// people. Whoever may be in the rest is unknown; small groups are read beside it.
func TestReachIsBounded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ids := o.Directory().HireMany(100)
	o.Directory().Group("large", ids[5:]...)
	o.Directory().Group("small", ids[3:5]...)
	in := inGroups("large@example.com", "small@example.com").Scope
	check := func(page int, want admin.Reach, mostRead int) {
		t.Helper()
		o.Directory().Paged(page)
		before := o.Directory().Count("members")
		reach, err := o.Reach(t.Context(), *in)
		must(t, err)
		if diff := cmp.Diff(want, reach); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", page, diff)
		}
		if read := o.Directory().Count("members") - before; read > mostRead {
			t.Errorf("pages of %d: read %d of members", page, read)
		}
	}
	check(10, admin.Reach{In: 97, Out: 3, Reasons: []admin.ReachReason{
		{Why: "they are not a member, direct or nested, of large@example.com or small@example.com", People: 3}}}, 11)
	check(1, admin.Reach{In: 7, Out: 3, Unknown: 3, Partial: true, Reasons: []admin.ReachReason{
		{Why: "membership of large@example.com is not known: the group has more members than are read to count people", People: 3}}}, 52)
}
