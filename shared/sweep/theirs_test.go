package sweep_test

import (
	"slices"
	"testing"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestOneAccountFails: what the app fails at for a few people alone ends no
// sweep, and keeps nobody else's removal back, also after a turn-on (R2).
func TestOneAccountFails(t *testing.T) {
	t.Parallel()
	for name, calls := range map[string][]string{
		"cannot be read": {"get"}, "cannot be changed": {"suspend"}, "cannot be read or changed": {"get", "suspend"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			ids := w.Directory.HireMany(30)
			w.MustLook(ids...)
			for _, id := range ids[:2] {
				w.Directory.Suspend(id, w.Business())
			}
			w.Advance(time.Minute)
			w.MustLook(ids[:2]...)
			w.App.Meet = func(name, externalID string) error {
				if slices.Contains(calls, name) && slices.Contains(ids[:2], externalID) {
					return fault.New(fault.Unavailable, "app: "+name, "status 500")
				}
				return nil
			}
			w.Queue.For(w, day+time.Minute) // their suspends are due
			w.Directory.Suspend(ids[5], w.Business())
			w.Configure(func(c *provision.Configuration) {
				c.Policies[0].Policy.Suspended.SuspendAfter = provision.Within24h
				c.Revision++
			})
			sw := w.Sweep()
			done(t, sw)
			if took := sw.FinishedAt.Sub(sw.StartedAt); took > 5*time.Minute {
				t.Errorf("the sweep took %v", took)
			}
			if w.App.Of(ids[5])[0].Active {
				t.Error("another leaver keeps their access")
			}
			w.Configure(func(c *provision.Configuration) { c.TurnedOnAt, c.Revision = w.Business(), c.Revision+1 })
			done(t, w.Sweep())
			if c := w.Configuration(); c.PlannedAt.Before(c.TurnedOnAt) {
				t.Error("nothing is taken away after a turn-on")
			}
			w.Advance(time.Minute)
			done(t, w.Sweep())
			for _, id := range ids[:2] {
				if rec := w.Record(id); len(rec.Attention) != 1 || len(rec.Retries) != 1 {
					t.Errorf("attention %+v, retries %+v", rec.Attention, rec.Retries)
				}
			}
		})
	}
}

// TestOneAccountFailsForReal does so through the whole system over HTTP.
func TestOneAccountFailsForReal(t *testing.T) {
	t.Parallel()
	m := newMissing(t, everyoneOn)
	ana, ben := m.account("ana@example.com"), m.account("ben@example.com")
	m.app.SetFaults(simcomeet.Faults{FailReads: []string{ana.ID}})
	m.directory("PATCH", "/users/ana@example.com", body{"suspended": true})
	for began := m.now(); ; {
		_, err := m.system.Reconciler.Look(t.Context(), reconcile.Request{UserID: ana.ExternalID})
		if err == nil {
			break
		}
		if m.now().Sub(began) > time.Minute {
			t.Fatal(err)
		}
		m.pass(max(fault.RetryAfter(err), time.Millisecond))
	}
	m.queue.deaf.Store(true)
	m.directory("PATCH", "/users/ben@example.com", body{"suspended": true})
	m.queue.deaf.Store(false)
	m.sweep()
	if account, _ := m.app.Account(ben.ID); account.Active {
		t.Error("another leaver keeps their access")
	}
	m.app.SetFaults(simcomeet.Faults{})
	m.sweep()
	rec, err := m.system.Store.Record(t.Context(), ana.ExternalID)
	if err != nil || rec.Account.State != provision.AccountSuspended || len(rec.Attention) > 0 {
		t.Errorf("readable again: %+v, %v", rec, err)
	}
}
