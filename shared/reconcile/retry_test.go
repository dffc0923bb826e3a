package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

func TestR2Conflicts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrange func(w *reconciletest.World, id string)
		words   string
	}{
		"an account linked to another person": {func(w *reconciletest.World, id string) {
			other := w.Directory.Hire(1)
			w.MustLook(other)
			w.App.Change(w.Record(other).Account.ID, func(a *provision.Account) { a.UserName, a.ExternalID = reconciletest.Email(0), "" })
		}, "linked to another person"},
		"an account with another directory id": {func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: reconciletest.Email(0), ExternalID: reconciletest.ID(7), Active: true})
		}, "another person's directory id"},
		"two matches": {func(w *reconciletest.World, id string) {
			w.App.Add(provision.Account{UserName: reconciletest.Email(0), Active: true})
			w.App.Add(provision.Account{UserName: "else", ExternalID: id, Active: true})
		}, "more than one account"},
		"an account that somebody else is about to adopt": {func(w *reconciletest.World, id string) {
			account := w.App.Add(provision.Account{UserName: reconciletest.Email(0), Active: true})
			w.Edit("1", func(r *provision.Record) {
				r.Intent = &provision.Intent{ID: "i", Operation: provision.Create, AccountID: account}
				r.Lease = &provision.Lease{Owner: "somebody", Until: w.Real().Add(time.Minute)}
			})
		}, "being adopted for another person"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := reconciletest.New(t)
			id := w.Directory.Hire(0)
			test.arrange(w, id)
			before := w.App.All()
			w.MustLook(id)
			if diff := cmp.Diff(before, w.App.All()); diff != "" {
				t.Errorf("the app was changed (-before +after):\n%s", diff)
			}
			rec := w.Record(id)
			if len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryConflict || !strings.Contains(rec.Retries[0].Error, test.words) {
				t.Errorf("retries are %+v", rec.Retries)
			}
			if len(rec.Attention) != 1 || rec.Attention[0].Kind != provision.AttentionConflict || rec.Attention[0].AccountID == "" {
				t.Errorf("attention is %+v", rec.Attention)
			}
			other := w.Directory.Hire(5)
			w.MustLook(other)
			if len(w.App.Of(other)) != 1 {
				t.Error("one person's conflict stopped another's account")
			}
		})
	}
}

func TestR2AdoptsWhatCarriesAnUnknownExternalID(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	account := w.App.Add(provision.Account{UserName: "User0@Example.com", ExternalID: "employee-7", Active: true})
	w.MustLook(id)
	if rec := w.Record(id); rec.Account.ID != account || !rec.Account.Adopted {
		t.Errorf("linked to %+v", rec.Account)
	}
}

// TestR2Schedule counts the tries of somebody whose update the app refuses.
func TestR2Schedule(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Directory.Title(id, "boss")
	var tries []time.Duration
	begin := w.Business()
	w.App.Meet = func(name, _ string) error {
		if name != "update" {
			return nil
		}
		tries = append(tries, w.Business().Sub(begin))
		return fault.New(fault.Conflict, "app: update", "the address is taken")
	}
	w.MustLook(id)
	w.Queue.Until(w, 4*day)
	want := []time.Duration{0, 5 * time.Minute, 6*time.Hour + 5*time.Minute, 18*time.Hour + 5*time.Minute, 42*time.Hour + 5*time.Minute, 66*time.Hour + 5*time.Minute, 90*time.Hour + 5*time.Minute}
	if diff := cmp.Diff(want, tries); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
	failed := 0
	for _, e := range w.Events() {
		if strings.HasPrefix(e, provision.EventUpdate+" failed") {
			failed++
		}
	}
	if failed != len(tries) {
		t.Errorf("%d failures are logged of %d", failed, len(tries))
	}
	w.App.Meet = nil
	w.Directory.Title(id, "chief")
	w.MustLook(id)
	if got := w.App.Of(id)[0].Attributes["title"]; got != "chief" {
		t.Errorf("a change of the person's own data did not bring the try forward: %v", got)
	}
}

// TestR2Breaker: an app that fails costs nobody a step; one person's failure
// among others that are served becomes that person's.
func TestR2Breaker(t *testing.T) {
	t.Parallel()
	t.Run("the app fails for all", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		calls := 0
		w.App.Meet = func(string, string) error { calls++; return fault.New(fault.Unavailable, "app", "500") }
		ids := w.Directory.HireMany(20)
		for range 10 {
			for _, id := range ids {
				if _, err := w.Look(id); fault.RetryAfter(err) <= 0 {
					t.Fatalf("look: %v, want to be asked again", err)
				}
			}
			w.Advance(time.Second)
		}
		if calls > 12 {
			t.Errorf("%d calls on an app that is down for 10 seconds", calls)
		}
		since := w.Configuration().FailingSince
		if began := w.Business().Add(-10 * time.Second); since.Before(began) || since.After(began.Add(5*time.Second)) {
			t.Errorf("the app fails since %v, and began at %v", since, began)
		}
		w.App.Meet = nil
		w.Advance(3 * time.Minute)
		w.MustLook(ids...)
		if c := w.Configuration(); !c.FailingSince.IsZero() {
			t.Errorf("the app answers, and fails since %v", c.FailingSince)
		}
		if diff := cmp.Diff(slices.Repeat([]string{createDone}, len(ids)), w.Events()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
	t.Run("Retry-After", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		w.App.Meet = func(string, string) error {
			return &fault.Error{Kind: fault.Throttled, Op: "app", RetryAfter: 90 * time.Second}
		}
		a, b := w.Directory.Hire(0), w.Directory.Hire(1)
		_, err := w.Look(a)
		if got := fault.RetryAfter(err); got != 90*time.Second {
			t.Errorf("to be asked again after %v", got)
		}
		w.App.Meet = func(string, string) error { t.Error("asked before the time"); return nil }
		w.Advance(89 * time.Second)
		if _, err := w.Look(b); fault.RetryAfter(err) != time.Second {
			t.Errorf("another person: %v", err)
		}
		w.Advance(time.Second)
		w.App.Meet = nil
		w.MustLook(a, b)
	})
	t.Run("one person's own failure", func(t *testing.T) {
		t.Parallel()
		w := reconciletest.New(t)
		bad := w.Directory.Hire(0)
		tries := 0
		w.App.Meet = func(name, externalID string) error {
			if name == "create" && externalID == bad {
				tries++
				return fault.New(fault.Unavailable, "app", "500")
			}
			return nil
		}
		for n := 1; n <= 10; n++ {
			_, _ = w.Look(bad)
			w.Advance(10 * time.Second)
			w.MustLook(w.Directory.Hire(n))
		}
		if tries != 3 {
			t.Errorf("%d tries in 100 seconds, want 3 and then the schedule", tries)
		}
		rec := w.Record(bad)
		if len(rec.Retries) != 1 || rec.Retries[0].Reason != provision.RetryFailed {
			t.Errorf("retries: %+v", rec.Retries)
		}
		if c := w.Configuration(); !c.FailingSince.IsZero() {
			t.Errorf("one person fails, and the app since %v", c.FailingSince)
		}
		if got := len(w.App.All()); got != 10 {
			t.Errorf("%d others have an account", got)
		}
	})
}

// TestProbe: while it is not known whether the app has recovered, one call at a time finds out.
func TestProbe(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(3)
	w.App.Meet = func(string, string) error { return fault.New(fault.Unavailable, "app", "500") }
	if _, err := w.Look(ids[0]); err == nil {
		t.Fatal("the app did not fail")
	}
	w.Advance(time.Minute)
	w.App.Meet = func(name, externalID string) error {
		if externalID == ids[1] && name == "find" {
			if _, err := w.Look(ids[2]); !errors.Is(err, reconcile.ErrPaused) {
				t.Errorf("another call beside the one that finds out: %v", err)
			}
		}
		return nil
	}
	w.MustLook(ids[1], ids[2], ids[0])
}

// TestR2NeedlessUpdate: when the next try of an update is due, and the account
// shows that there is nothing to update any more, nobody's attention is needed.
func TestR2NeedlessUpdate(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	before := w.App.All()
	w.App.Meet = func(name, _ string) error {
		if name == "update" {
			return fault.New(fault.Invalid, "app: update", "no such title")
		}
		return nil
	}
	w.Directory.Title(id, "boss")
	w.MustLook(id)
	w.Directory.Title(id, "worker")
	w.MustLook(id)
	if got := w.Record(id); len(got.Retries) != 1 || len(got.Attention) != 1 {
		t.Fatalf("retries %+v, attention %+v", got.Retries, got.Attention)
	}
	w.Queue.Until(w, reconciletest.Day+time.Minute)
	if got := w.Record(id); len(got.Retries) != 0 || len(got.Attention) != 0 {
		t.Errorf("a day later: retries %+v, attention %+v", got.Retries, got.Attention)
	}
	if diff := cmp.Diff(before, w.App.All()); diff != "" {
		t.Errorf("the app (-before +after):\n%s", diff)
	}
}

// TestR19FreedName: a name that comes free brings nothing forward that does not
// wait for it: what the app refused by rule is tried again a day later.
func TestR19FreedName(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(2)
	w.MustLook(ids...)
	refused := 0
	w.App.Meet = func(name, externalID string) error {
		if name != "suspend" || externalID != ids[1] {
			return nil
		}
		refused++
		return fault.New(fault.Invalid, "app: suspend", "the account has open roles")
	}
	w.Directory.Suspend(ids[1], w.Business())
	w.Advance(time.Minute)
	w.MustLook(ids[1])
	w.Queue.Until(w, 2*day)
	w.Directory.Change(ids[0], func(u *provision.User) { u.Email = "new@example.com" })
	w.Directory.Change(ids[1], func(u *provision.User) { u.Email = reconciletest.Email(0) })
	w.MustLook(ids[1])
	before := refused
	w.MustLook(ids[0])
	w.Queue.DeliverAll(w)
	if before == 0 || refused != before {
		t.Errorf("refused %d times, and then %d times more at once", before, refused-before)
	}
}

// TestR17DismissedIsNotListed: of a creation that an administrator dismissed
// nothing waits any more, and nothing is left to settle.
func TestR17DismissedIsNotListed(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.MustLook(id)
	w.Edit(id, func(r *provision.Record) {
		r.Account.State, r.GoneAt = provision.AccountNone, w.Business()
		r.Retries = []provision.Retry{{Operation: provision.Create, Reason: provision.RetryConflict, Error: "taken", At: w.Business().Add(time.Hour)}}
		r.Verdicts = []provision.Verdict{{Operation: provision.Create, At: w.Business()}}
	})
	w.MustLook(id)
	if rec := w.Record(id); len(rec.Retries)+len(rec.Attention) > 0 || rec.Account.Exists() || !rec.Dismissed(provision.Create) {
		t.Errorf("retries %+v, attention %+v, verdicts %+v", rec.Retries, rec.Attention, rec.Verdicts)
	}
}

// TestR19DeletedIsNotHammered: what the app refuses of somebody who is deleted is
// tried again a day later, however each look came to know that they are.
func TestR19DeletedIsNotHammered(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	id := w.Directory.Hire(0)
	w.Configure(func(c *provision.Configuration) {
		c.Policies[0].Policy.Deleted = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	w.MustLook(id)
	w.Advance(time.Hour)
	w.Queue.Drop()
	tried := 0
	w.App.Meet = func(name, _ string) error {
		if name != "suspend" {
			return nil
		}
		tried++
		return fault.New(fault.Invalid, "app", "the account has open roles")
	}
	w.Directory.Delete(id, w.Business(), true)
	for range 5 {
		w.MustLook(id)
		w.Sweep()
		w.Advance(time.Hour)
	}
	if tried != 1 {
		t.Errorf("tried %d times within a day", tried)
	}
}
