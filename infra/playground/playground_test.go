package playground

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

func TestSentence(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		event provision.Event
		want  string
	}{
		{provision.Event{Name: provision.EventCreate, Outcome: provision.OutcomeDone, Cause: provision.Cause{Text: "in scope"}}, "got an account: they are in the provisioning scope."},
		{provision.Event{Name: provision.EventSuspend, Outcome: provision.OutcomeDone, Cause: provision.Cause{Condition: provision.ConditionSuspended}},
			"has their account suspended, because they are suspended in Google Workspace."},
		{provision.Event{Name: provision.EventHardDelete, Outcome: provision.OutcomeRefused, Error: "it has open roles."},
			"could not have their account hard deleted: it has open roles."},
		{provision.Event{Name: provision.EventConfiguration, Outcome: provision.OutcomeDone, Cause: provision.Cause{Text: "turned on"}}, "The configuration changed: turned on."},
		{provision.Event{Name: provision.EventNotice, Outcome: provision.OutcomeDone}, provision.EventNotice + "."},
		{provision.Event{Name: provision.EventNotice, Outcome: provision.OutcomeDone,
			Cause: provision.Cause{Condition: provision.ConditionDeleted, Text: "held suspend dismissed"}},
			"has a notice: held suspend dismissed, because they are deleted in Google Workspace."},
	} {
		if got := sentence("Comeet", test.event); got != test.want {
			t.Errorf("%s: %q, want %q", test.event.Name, got, test.want)
		}
	}
}

// Each person stands beside the account that carries their id, whatever its
// name; the accounts that are left stand apart.
func TestRows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	people := []simworkspace.PersonView{
		{ID: "1", Email: "ana@example.com", GivenName: "Ana", FamilyName: "Silva", Title: "Translator", OrgUnit: "/HR", Suspended: true},
		{ID: "2", Email: "ben@example.com", GivenName: "Ben", FamilyName: "Okafor", OrgUnit: "/", DeletedAt: now},
		{ID: "3", Email: "cleo@example.com", GivenName: "Cleo", FamilyName: "Park", OrgUnit: "/", Archived: true},
	}
	accounts := []simcomeet.Account{
		{ID: "a", UserName: "old@example.com", ExternalID: "1", Active: false, Resource: []byte(`{"name":{"givenName":"Ana","familyName":"Silva"},"title":"Intern"}`)},
		{ID: "b", UserName: "by hand", Active: true},
		{ID: "c", UserName: "left", ExternalID: "99", Active: true},
	}
	records := []admin.Person{{ID: "1", Next: &provision.Pending{Operation: provision.HardDelete, At: now.AddDate(0, 0, 7)}, HeldBy: "guard"}}
	var v view
	v.rows(people, records, accounts, now)
	var got []string
	for _, r := range v.People {
		text := r.Name + "/" + r.About + "/" + r.State.Text + "/" + r.Account.Text + "/" + r.As + "/" + r.UserName
		for _, b := range r.Deeds {
			text += " " + b.Deed
		}
		if r.Next != nil {
			text += " next, " + r.Next.Waits
		}
		got = append(got, text)
	}
	want := []string{
		"Ana Silva/Translator · /HR/Suspended/Suspended/Ana Silva, Intern/old@example.com unsuspend archive delete next, held until an administrator confirms or dismisses it",
		"Ben Okafor//Deleted/No account// restore",
		"Cleo Park//Archived/No account// suspend unarchive delete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]stranger{{"by hand", "b", label{"Active", "good"}}, {"left", "c", label{"Active", "good"}}}, v.Strangers); diff != "" {
		t.Errorf("strangers (-want +got):\n%s", diff)
	}
}

// One manner at most is marked, and choosing it leads back to itself.
func TestManners(t *testing.T) {
	t.Parallel()
	for _, chosen := range manners(simcomeet.Faults{}) {
		for _, m := range manners(chosen.faults) {
			if m.Here != (m.Name == chosen.Name) {
				t.Errorf("having chosen %s, %s is marked: %v", chosen.Name, m.Name, m.Here)
			}
		}
	}
}

// TestWhatFellDue: it is done only where nothing keeps it.
func TestWhatFellDue(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status string
		manner int
		want   string
	}{
		{admin.StatusOn, 0, "What fell due is starting now."},
		{admin.StatusOn, 1, "What fell due is starting now."}, // slowly
		{admin.StatusOn, 2, "What fell due waits, because Comeet fails."},
		{admin.StatusOn, 3, "What fell due waits, because Comeet refuses the token."},
		{admin.StatusNeedsReauthorization, 0, "What fell due waits, because Comeet refuses the token."},
		{admin.StatusHeld, 0, "What fell due is starting now, except for what is held for you."},
		{admin.StatusOff, 0, "Nothing is done, because autoprovisioning is not on."},
	} {
		if got := whatFellDue(test.status, "Comeet", manners(simcomeet.Faults{})[test.manner].faults); got != test.want {
			t.Errorf("%s, manner %d: %q, want %q", test.status, test.manner, got, test.want)
		}
	}
}

func TestLocalPart(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Ada.Berg": "ada.berg", "Eun-ji.Park": "eun-ji.park", "Liam.O'Brien": "liam.obrien", "李.明": "."} {
		if got := localPart(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
