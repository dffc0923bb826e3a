package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
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

// story is one thing that happens to the n-th person, and what must come of it.
type story struct {
	name string
	// before brings the world to where the story begins, change is what happens.
	before, change func(w *reconciletest.World, n int)
	// events that the story adds to the log.
	events []string
	// want is the person's account in the end; nil for none.
	want func(n int) *provision.Account
}

func account(name func(n int) string, title any, active bool) func(n int) *provision.Account {
	return func(n int) *provision.Account {
		attributes := provision.Attributes{"userName": name(n)}
		if title != nil {
			attributes["title"] = title
		}
		return &provision.Account{UserName: name(n), ExternalID: reconciletest.ID(n), Active: active, Attributes: attributes}
	}
}

func stories() []story {
	nothing := func(*reconciletest.World, int) {}
	created := func(w *reconciletest.World, n int) { w.MustLook(reconciletest.ID(n)) }
	left := func(w *reconciletest.World, n int) {
		created(w, n)
		w.Directory.Suspend(reconciletest.ID(n), w.Business())
		w.Advance(time.Minute)
		w.MustLook(reconciletest.ID(n))
		w.Advance(2 * reconciletest.Day)
	}
	suspended := func(w *reconciletest.World, n int) { left(w, n); w.MustLook(reconciletest.ID(n)) }
	waited := func(w *reconciletest.World, _ int) { w.Advance(6 * reconciletest.Day) }
	promoted := func(w *reconciletest.World, n int) { w.Directory.Title(reconciletest.ID(n), "boss") }
	removed := func(w *reconciletest.World, n int) {
		w.App.Change(w.Record(reconciletest.ID(n)).Account.ID, func(a *provision.Account) { *a = provision.Account{} })
	}
	there := func(active bool) func(w *reconciletest.World, n int) {
		return func(w *reconciletest.World, n int) {
			w.App.Add(provision.Account{UserName: strings.ToUpper(reconciletest.Email(n)), Active: active})
		}
	}
	none := func(int) *provision.Account { return nil }
	same := func(n int) string { return reconciletest.Email(n) }
	other := func(n int) string { return "renamed-" + reconciletest.Email(n) }
	active := account(same, "worker", true)
	return []story{
		{"create", nothing, nothing, []string{createDone}, active},
		{"adopt", there(true), nothing, []string{adoptDone}, active},
		{"adopt suspended", there(false), nothing, []string{adoptDone, unsuspendDone}, active},
		{"update", created, promoted, []string{updateDone}, account(same, "boss", true)},
		{"update that removes", created, func(w *reconciletest.World, n int) {
			w.Directory.Change(reconciletest.ID(n), func(u *provision.User) { u.Resource = nil })
		}, []string{updateDone}, account(same, nil, true)},
		{"rename", created, func(w *reconciletest.World, n int) {
			w.Directory.Change(reconciletest.ID(n), func(u *provision.User) { u.Email = other(n) })
		}, []string{renameDone}, account(other, "worker", true)},
		{"suspend", left, nothing, []string{suspendDone}, account(same, "worker", false)},
		{"unsuspend", suspended, func(w *reconciletest.World, n int) { w.Directory.Restore(reconciletest.ID(n)) }, []string{unsuspendDone}, active},
		{"hard delete", suspended, waited, []string{deleteDone}, none},
		{"update of an account that is gone", created, func(w *reconciletest.World, n int) { promoted(w, n); removed(w, n) },
			[]string{provision.EventCreate + " done the account was not in the app any more"}, account(same, "boss", true)},
		{"suspend of an account that is gone", left, removed,
			[]string{provision.EventNotice + " done the account to be suspended was not in the app any more"}, none},
		{"hard delete of an account that is gone", suspended, func(w *reconciletest.World, n int) { waited(w, n); removed(w, n) },
			[]string{deleteDone}, none},
	}
}

// scene is one story told again and again in one world, each time with another
// person and in processes of its own.
type scene struct {
	story
	w *reconciletest.World
	n int
}

func (s story) scene(t testing.TB) *scene {
	w := reconciletest.New(t)
	w.Configure(func(c *provision.Configuration) { c.Guard.MinUsers = 1000 })
	return &scene{story: s, w: w}
}

// begin brings the next person to where a look must do something, and returns their id.
func (s *scene) begin() (id string) {
	s.n++
	id = s.w.Directory.Hire(s.n)
	s.w.Start()
	s.before(s.w, s.n)
	s.change(s.w, s.n)
	s.w.Start().Inject(reconciletest.Fault{})
	return id
}

// calls are the port calls of the story's look.
func (s *scene) calls() []string {
	s.w.MustLook(s.begin())
	return s.w.Process().Calls()
}

// check holds the end of the present person's story to what must come of it.
func (s *scene) check(t testing.TB, what string) {
	t.Helper()
	id := reconciletest.ID(s.n)
	events := s.w.EventsOf(id)
	if diff := cmp.Diff(s.events, events[max(len(events)-len(s.events), 0):]); diff != "" {
		t.Errorf("%s: events (-want +got):\n%s", what, diff)
	}
	if again := slices.Compact(slices.Clone(events)); len(again) != len(events) {
		t.Errorf("%s: logged twice: %q", what, events)
	}
	rec := s.w.Record(id)
	var account *provision.Account
	for _, a := range s.w.App.Of(id) {
		if a.ID != rec.Account.ID {
			t.Errorf("%s: the record is about account %q, and there is %q", what, rec.Account.ID, a.ID)
		}
		account = &a
		account.ID = ""
	}
	if diff := cmp.Diff(s.want(s.n), account); diff != "" {
		t.Errorf("%s: account (-want +got):\n%s", what, diff)
	}
	if rec.Account.Exists() != (account != nil) || account != nil && account.Active != (rec.Account.State == provision.AccountActive) {
		t.Errorf("%s: the record says %s", what, rec.Account.State)
	}
	if rec.Intent != nil || rec.Lease != nil || len(rec.Retries) > 0 || rec.Hold != nil {
		t.Errorf("%s: left behind intent %v, lease %v, retries %v, hold %v", what, rec.Intent, rec.Lease, rec.Retries, rec.Hold)
	}
}

func TestStories(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sc := s.scene(t)
			id := sc.begin()
			before := len(sc.w.EventsOf(id))
			sc.w.MustLook(id)
			sc.check(t, "once")
			if got := len(sc.w.EventsOf(id)) - before; got != len(s.events) {
				t.Errorf("%d events", got)
			}
			sc.w.App.Forget()
			sc.w.MustLook(id)
			if writes := sc.w.App.Writes(); len(writes) > 0 {
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
			sc := s.scene(t)
			for i, name := range sc.calls() {
				for _, how := range []reconciletest.How{reconciletest.Before, reconciletest.After, reconciletest.CrashBefore, reconciletest.CrashAfter} {
					what := fmt.Sprintf("call %d, %s, %v", i+1, name, how)
					id := sc.begin()
					before := len(sc.w.EventsOf(id))
					sc.w.Process().Inject(reconciletest.Fault{Call: i + 1, How: how})
					again(t, what, sc.w, id)
					sc.check(t, what)
					if got := len(sc.w.EventsOf(id)) - before; got != len(s.events) {
						t.Errorf("%s: %d events, want %d", what, got, len(s.events))
					}
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
