package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

const (
	createDone    = provision.EventCreate + " done in scope"
	adoptDone     = provision.EventUpdate + " done adopted"
	updateDone    = provision.EventUpdate + " done changed in the directory"
	renameDone    = provision.EventUpdate + " done renamed"
	suspendDone   = provision.EventSuspend + " done"
	unsuspendDone = provision.EventUnsuspend + " done no condition holds any more"
	deleteDone    = provision.EventHardDelete + " done"
)

// story is one thing that happens to one person, and what must come of it.
type story struct {
	name string
	// before brings the world to where the story begins, change is what happens.
	before, change func(w *reconciletest.World, id string)
	// events that the story adds to the log.
	events []string
	// accounts of the person in the end, with their ids left out.
	accounts []provision.Account
}

func account(n int, title string, active bool) provision.Account {
	return provision.Account{UserName: reconciletest.Email(n), ExternalID: reconciletest.ID(n), Active: active,
		Attributes: provision.Attributes{"userName": reconciletest.Email(n), "title": title}}
}

func stories() []story {
	nothing := func(*reconciletest.World, string) {}
	created := func(w *reconciletest.World, id string) { w.MustLook(id) }
	left := func(w *reconciletest.World, id string) {
		w.MustLook(id)
		w.Directory.Suspend(id, w.Business())
		w.Advance(time.Minute)
		w.MustLook(id)
		w.Advance(2 * reconciletest.Day)
	}
	suspended := func(w *reconciletest.World, id string) { left(w, id); w.MustLook(id) }
	active := []provision.Account{account(0, "worker", true)}
	return []story{
		{"create", nothing, nothing, []string{createDone}, active},
		{"adopt", func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: "USER0@example.com", Active: true})
		}, nothing, []string{adoptDone}, active},
		{"adopt suspended", func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: "USER0@example.com"})
		}, nothing, []string{adoptDone, unsuspendDone}, active},
		{"update", created, func(w *reconciletest.World, id string) { w.Directory.Title(id, "boss") },
			[]string{updateDone}, []provision.Account{account(0, "boss", true)}},
		{"update that removes", created, func(w *reconciletest.World, id string) {
			w.Directory.Change(id, func(u *provision.User) { u.Resource = nil })
		}, []string{updateDone}, []provision.Account{{UserName: reconciletest.Email(0), ExternalID: reconciletest.ID(0), Active: true,
			Attributes: provision.Attributes{"userName": reconciletest.Email(0)}}}},
		{"rename", created, func(w *reconciletest.World, id string) {
			w.Directory.Change(id, func(u *provision.User) { u.Email = reconciletest.Email(9) })
		}, []string{renameDone}, []provision.Account{{UserName: reconciletest.Email(9), ExternalID: reconciletest.ID(0), Active: true,
			Attributes: provision.Attributes{"userName": reconciletest.Email(9), "title": "worker"}}}},
		{"suspend", left, nothing, []string{suspendDone}, []provision.Account{account(0, "worker", false)}},
		{"unsuspend", suspended, func(w *reconciletest.World, id string) { w.Directory.Restore(id) }, []string{unsuspendDone}, active},
		{"hard delete", suspended, func(w *reconciletest.World, id string) { w.Advance(6 * reconciletest.Day) }, []string{deleteDone}, nil},
		{"update of an account that is gone", created, func(w *reconciletest.World, id string) {
			w.Directory.Title(id, "boss")
			w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
		}, []string{createDone + " again"}, []provision.Account{account(0, "boss", true)}},
		{"suspend of an account that is gone", left, func(w *reconciletest.World, id string) {
			w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
		}, []string{provision.EventNotice + " done the account to be suspended was not in the app any more"}, nil},
		{"hard delete of an account that is gone", suspended, func(w *reconciletest.World, id string) {
			w.Advance(6 * reconciletest.Day)
			w.App.Change(w.Record(id).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
		}, []string{deleteDone}, nil},
	}
}

// begin makes a world in which a story is about to be looked at.
func (s story) begin(t testing.TB) (w *reconciletest.World, id string, logged int) {
	w = reconciletest.New(t)
	id = w.Directory.Hire(0)
	s.before(w, id)
	s.change(w, id)
	return w, id, len(w.Events())
}

// check holds the end of a story to what must come of it.
func (s story) check(t testing.TB, what string, w *reconciletest.World, id string, logged int) {
	t.Helper()
	if diff := cmp.Diff(s.events, w.Events()[logged:]); diff != "" {
		t.Errorf("%s: events (-want +got):\n%s", what, diff)
	}
	var accounts []provision.Account
	for _, a := range w.App.All() {
		a.ID = ""
		accounts = append(accounts, a)
	}
	if diff := cmp.Diff(s.accounts, accounts); diff != "" {
		t.Errorf("%s: accounts (-want +got):\n%s", what, diff)
	}
	rec := w.Record(id)
	if rec.Intent != nil || rec.Lease != nil || len(rec.Retries) > 0 || rec.Hold != nil {
		t.Errorf("%s: left behind intent %v, lease %v, retries %v, hold %v", what, rec.Intent, rec.Lease, rec.Retries, rec.Hold)
	}
	if len(s.accounts) == 0 && rec.Account.Exists() || len(accounts) == 1 && rec.Account.ID != w.App.All()[0].ID {
		t.Errorf("%s: the record is about account %q, %s", what, rec.Account.ID, rec.Account.State)
	}
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, id, logged := s.begin(t)
			w.MustLook(id)
			s.check(t, "once", w, id, logged)
			w.App.Forget()
			w.MustLook(id)
			if writes := w.App.Writes(); len(writes) > 0 {
				t.Errorf("a second look did %v", writes)
			}
		})
	}
}

// TestFaultMatrix makes every port call of every story fail: before or after
// its effect, or as the last one of a process that crashes there.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, id, _ := s.begin(t)
			w.Start().Inject(reconciletest.Fault{})
			w.MustLook(id)
			calls := w.Process().Calls()
			for i, name := range calls {
				for _, how := range []reconciletest.How{reconciletest.Before, reconciletest.After, reconciletest.CrashBefore, reconciletest.CrashAfter} {
					what := fmt.Sprintf("call %d of %d, %s, %v", i+1, len(calls), name, how)
					w, id, logged := s.begin(t)
					w.Start().Inject(reconciletest.Fault{Call: i + 1, How: how})
					again(t, what, w, id)
					s.check(t, what, w, id, logged)
				}
			}
		})
	}
}

// again looks at one person until a look succeeds.
func again(t testing.TB, what string, w *reconciletest.World, id string) {
	t.Helper()
	var err error
	for range 60 { // longer than a lease
		if _, err = w.Look(id); err == nil {
			return
		}
		if w.Process().Dead() {
			w.Restart()
		}
		w.Advance(5 * time.Second)
	}
	t.Errorf("%s: never done: %v", what, err)
}
