package decide_test

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// BenchmarkDecide is the decision about one person: a sweep makes one for each
// listed user, most of them with nothing to do.
func BenchmarkDecide(b *testing.B) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	frames := provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"}
	c := provision.Configuration{
		On: true, Revision: 3, TurnedOnAt: at.AddDate(0, -1, 0), PlannedAt: at.AddDate(0, -1, 0), SweptAt: at.Add(-time.Hour),
		Authorization: provision.Authorization{State: provision.AuthorizationOK},
		Connection:    provision.Connection{HardDelete: true}, Scope: &provision.Scope{}, Guard: provision.DefaultGuard,
		Policies: []provision.PolicyEdit{{SavedAt: at.AddDate(0, -1, 0), Policy: provision.Deprovisioning{AppOff: frames, Suspended: frames, Deleted: frames}}},
	}
	attributes := provision.Attributes{"userName": "ana@example.com", "name.givenName": "Ana", "name.familyName": "Lima",
		"title": "Engineer", `emails[type eq "work"].value`: "ana@example.com"}
	ana := decide.Look{
		User:  provision.User{ID: "1", Email: "ana@example.com", Lifecycle: provision.Active, OrgUnitPath: "/"},
		Scope: scope.Verdict{Known: true, In: true, Reasons: []string{"the app is on for the org unit"}}, Desired: attributes,
	}
	linked := decide.Decide(c, ana, provision.Record{UserID: "1", Account: provision.Link{
		ID: "a1", State: provision.AccountActive, LinkedAt: at.AddDate(0, -1, 0), ActiveSince: at.AddDate(0, -1, 0), Applied: attributes, Form: attributes,
	}}, at.Add(-time.Hour)).Record
	changed, suspended := ana, ana
	changed.Desired = provision.Attributes{"userName": "ana@example.com", "name.givenName": "Ana", "name.familyName": "Silva",
		"title": "Engineer", `emails[type eq "work"].value`: "ana@example.com"}
	suspended.User.Lifecycle, suspended.User.Since, suspended.Desired = provision.Suspended, at, nil
	for _, bench := range []struct {
		name string
		look decide.Look
		rec  provision.Record
		now  time.Time
		want provision.OperationKind
	}{
		{"nothing to do", ana, linked, at, ""},
		{"create", ana, provision.Record{UserID: "1"}, at, provision.Create},
		{"update", changed, linked, at, provision.Update},
		{"suspended, waiting", suspended, linked, at, ""},
		{"suspend", suspended, decide.Decide(c, suspended, linked, at).Record, at.AddDate(0, 0, 2), provision.Suspend},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var got provision.OperationKind
				if op := decide.Decide(c, bench.look, bench.rec, bench.now).Operation; op != nil {
					got = op.Kind
				}
				if got != bench.want {
					b.Fatalf("decided %q, want %q", got, bench.want)
				}
			}
		})
	}
}
