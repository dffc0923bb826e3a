package sweep_test

import (
	"testing"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// deletedAtOnce takes the account of whoever is deleted at once.
var deletedAtOnce = provision.Deprovisioning{
	Suspended: provision.TimeFrames{SuspendAfter: provision.Within24h}, Deleted: provision.TimeFrames{DeleteAfter: provision.Within24h},
}

// done are the events of somebody's after the first, by name.
func (m *missing) done(id string) (names []string) {
	m.t.Helper()
	page, _, err := m.system.Store.Events(m.t.Context(), state.EventFilter{UserID: id, Outcome: provision.OutcomeDone, Limit: 100})
	must(m.t, err)
	for _, e := range page[:len(page)-1] {
		names = append(names, e.Name)
	}
	return names
}

// TestGateway: something before the app answers 404 for a moment, for every
// call or for those about accounts, when somebody's access is to go. Nothing is
// concluded from that, and it goes as soon as the app can be asked.
func TestGateway(t *testing.T) {
	t.Parallel()
	ofAccounts := []string{simcomeet.CallGet, simcomeet.CallPatch, simcomeet.CallPut, simcomeet.CallDelete}
	for name, test := range map[string]struct {
		only   []string
		method string
		change any
		event  string
	}{
		"suspend, everything":        {nil, "PATCH", body{"suspended": true}, provision.EventSuspend},
		"suspend, accounts alone":    {ofAccounts, "PATCH", body{"suspended": true}, provision.EventSuspend},
		"hard delete, everything":    {nil, "DELETE", nil, provision.EventHardDelete},
		"hard delete, accounts only": {ofAccounts, "DELETE", nil, provision.EventHardDelete},
	} {
		for _, form := range []string{simcomeet.FormEmpty, simcomeet.FormJSON, simcomeet.FormPage} {
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				m := newMissing(t, everyoneOn)
				must(t, m.system.Admin.Put(t.Context(), admin.Proposal{Deprovisioning: &deletedAtOnce}, ""))
				m.swept()
				ana := m.account("ana@example.com")
				m.app.SetFaults(simcomeet.Faults{FailNext: 1_000_000, FailStatus: 404, NotFoundForm: form, Only: test.only})
				m.directory(test.method, "/users/ana@example.com", test.change)
				if _, err := m.system.Reconciler.Look(t.Context(), reconcile.Request{UserID: ana.ExternalID}); err == nil {
					t.Error("the look has ended")
				}
				if names := m.done(ana.ExternalID); len(names) > 0 {
					t.Errorf("the log says done: %q", names)
				}
				m.app.SetFaults(simcomeet.Faults{})
				m.pass(time.Minute) // in which the app is left alone
				m.sweep()
				if now, there := m.app.Account(ana.ID); now.Active || there == (test.method == "DELETE") {
					t.Errorf("in the app: %t, active: %t", there, now.Active)
				}
				if names := m.done(ana.ExternalID); len(names) != 1 || names[0] != test.event {
					t.Errorf("done: %q, want %q", names, test.event)
				}
			})
		}
	}
}

// TestForms404: an app that answers 404 in a form of its own for what is not
// there is understood: a hard delete is done, and an account that was deleted
// by hand is made anew.
func TestForms404(t *testing.T) {
	t.Parallel()
	for _, form := range []string{simcomeet.FormEmpty, simcomeet.FormJSON, simcomeet.FormPage} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			m := newMissing(t, everyoneOn)
			m.app.SetFaults(simcomeet.Faults{NotFoundForm: form})
			must(t, m.system.Admin.Put(t.Context(), admin.Proposal{Deprovisioning: &deletedAtOnce}, ""))
			m.swept()
			ana, ben := m.account("ana@example.com"), m.account("ben@example.com")
			m.directory("DELETE", "/users/ana@example.com", nil)
			if _, err := m.system.Reconciler.Look(t.Context(), reconcile.Request{UserID: ana.ExternalID}); err != nil {
				t.Error(err)
			}
			if names := m.done(ana.ExternalID); len(names) != 1 || names[0] != provision.EventHardDelete {
				t.Errorf("done: %q", names)
			}
			must(t, m.app.Remove(ben.ID))
			m.sweep()
			if again := m.account("ben@example.com"); again.ID == ben.ID || again.ExternalID != ben.ExternalID {
				t.Errorf("the account made anew: %+v", again)
			}
		})
	}
}
