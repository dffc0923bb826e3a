package admin_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestEditsSayWhatChanged: the event of an edit says from what to what, and its
// line in the log of the program names nobody.
func TestEditsSayWhatChanged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	last := func() string {
		t.Helper()
		events := o.World.Events()
		return events[len(events)-1]
	}
	policy := provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "21d"}}
	must(t, o.Put(t.Context(), admin.Proposal{Deprovisioning: &policy}, ""))
	policy.Suspended.SuspendAfter = "within24h"
	must(t, o.Put(t.Context(), admin.Proposal{Deprovisioning: &policy, Guard: &provision.Guard{MaxShare: 0.25, MinUsers: 3}}, ""))
	for _, want := range []string{"deprovisioning time frames, safety edited: when a user is suspended, suspend: after 7 days → within 24 hours", "limit, share of the accounts: 10 % → 25 %; limit, people: 5 → 3"} {
		if got := last(); !strings.Contains(got, want) {
			t.Errorf("the event says %q, not %q", got, want)
		}
	}
	mapping := append(slices.Clone(o.Configuration().Mapping), provision.MappedAttribute{App: "title", Directory: "organizations[primary].title"})
	must(t, o.Put(t.Context(), admin.Proposal{Mapping: mapping}, ""))
	if got := last(); !strings.Contains(got, "attributes edited: attributes: added Job title from ") {
		t.Errorf("the event says %q", got)
	}
	policy.AppOff.SuspendAfter = "1d"
	must(t, o.Put(t.Context(), admin.Proposal{Deprovisioning: &policy}, ""))
	if got := last(); !strings.Contains(got, "when "+o.Profile.Name+" is turned off for a user, suspend: never → after 1 day") {
		t.Errorf("the event says %q", got)
	}
	var users []string
	for i := range 60 {
		o.Directory().Hire(i)
		users = append(users, reconciletest.Email(i))
	}
	must(t, o.Put(t.Context(), admin.Proposal{Protected: &users}, ""))
	if got := last(); !strings.Contains(got, "safety edited: protected people: added "+users[0]) || len(got) > 800 {
		t.Errorf("the event says %q", got)
	}
}
