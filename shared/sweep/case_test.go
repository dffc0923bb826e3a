package sweep_test

import (
	"testing"

	"example.com/autoprovision/infra/simcomeet"
)

// TestCaseOfNames: an app that compares user names with their case holds an
// account under somebody's address in another case. The sweep's listing shows
// it, and it is adopted, never doubled (R2).
func TestCaseOfNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		faults simcomeet.Faults
		// looked is true when a look that came before the sweep found the name taken, and nobody who has it.
		looked bool
	}{
		"in filters":              {faults: simcomeet.Faults{ExactFilters: true}},
		"everywhere":              {faults: simcomeet.Faults{ExactFilters: true, ExactNames: true}},
		"in filters, looked once": {faults: simcomeet.Faults{ExactFilters: true}, looked: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMissing(t, everyoneOn)
			m.app.SetFaults(test.faults)
			kim, err := m.app.Add(map[string]any{"userName": "Kim@Example.com"})
			must(t, err)
			m.queue.deaf.Store(true)
			m.directory("POST", "/users", body{"primaryEmail": "kim@example.com", "password": "secret-enough", "name": body{"givenName": "Kim", "familyName": "K"}})
			m.queue.deaf.Store(false)
			people := len(m.app.Accounts())
			if test.looked {
				if _, res, err := m.system.Admin.Reconcile(t.Context(), "kim@example.com"); err != nil || len(res.Record.Retries) != 1 {
					t.Fatalf("look: %+v, %v", res, err)
				}
			}
			m.sweep()
			adopted, _ := m.app.Account(kim.ID)
			if adopted.UserName != "kim@example.com" || adopted.ExternalID == "" || len(m.app.Accounts()) != people {
				t.Errorf("the account is %+v, one of %d, want %d", adopted, len(m.app.Accounts()), people)
			}
			records, err := m.system.Store.RecordsByEmail(t.Context(), "kim@example.com")
			must(t, err)
			if len(records) != 1 || records[0].Account.ID != kim.ID || !records[0].Account.Adopted || len(records[0].Attention) > 0 {
				t.Errorf("records %+v", records)
			}
		})
	}
}
