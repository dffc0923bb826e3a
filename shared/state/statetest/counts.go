package statetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// moment draws a time from a few that lie close, the zero time among them, so
// that equal ones and those a nanosecond apart are frequent.
func moment(t *rapid.T, label string) time.Time {
	return rapid.SampledFrom([]time.Time{{}, at(0), at(0).Add(1), at(1), at(2), at(2).Add(-1), at(3), time.Unix(0, 0).UTC()}).Draw(t, label)
}

// drawRecord draws what the counts depend on.
func drawRecord(t *rapid.T, id string) provision.Record {
	r := provision.Record{
		UserID: id,
		Account: provision.Link{
			State:    rapid.SampledFrom([]provision.AccountState{provision.AccountNone, provision.AccountActive, provision.AccountSuspended, ""}).Draw(t, "state"),
			LinkedAt: moment(t, "linkedAt"), ActiveSince: moment(t, "activeSince"),
			SuspendedAt: moment(t, "suspendedAt"), RemovedAt: moment(t, "removedAt"),
		},
		CountSuspendAt: moment(t, "countSuspendAt"), CountDeleteAt: moment(t, "countDeleteAt"),
		SuspendDoneAt: moment(t, "suspendDoneAt"), DeleteDoneAt: moment(t, "deleteDoneAt"),
		GoneAt: moment(t, "goneAt"),
	}
	if rapid.Bool().Draw(t, "held") {
		r.Hold = &provision.Hold{Operation: provision.Suspend, Since: at(1), HeldAt: at(rapid.IntRange(0, 3).Draw(t, "heldAt"))}
	}
	if rapid.Bool().Draw(t, "intends") {
		r.Intent = &provision.Intent{ID: "i", Revision: rapid.Int64Range(0, 2).Draw(t, "revision")}
	}
	if rapid.Bool().Draw(t, "leased") {
		r.Lease = &provision.Lease{Owner: "w", Until: moment(t, "until")}
	}
	return r
}

// counted says in the words of the port for how many a record is counted.
func counted(r provision.Record, c state.Count) (n int) {
	add := func(yes bool) {
		if yes {
			n++
		}
	}
	switch c.Kind {
	case state.CountRemovals:
		done, pending := r.SuspendDoneAt, r.CountSuspendAt
		if c.Operation == provision.HardDelete {
			done, pending = r.DeleteDoneAt, r.CountDeleteAt
		}
		add(done.After(c.Time))
		add(!pending.IsZero() && !pending.After(c.Until))
	case state.CountActiveAt:
		add(r.Account.ActiveAt(c.Time))
	case state.CountManagedAt:
		add(r.Account.ManagedAt(c.Time))
	case state.CountGone:
		add(r.GoneAt.After(c.Time) && !r.GoneAt.After(c.Until))
	case state.CountOpenIntents:
		add(r.Intent != nil && r.Intent.Revision < c.Revision && r.Lease != nil && r.Lease.Until.After(c.Time))
	}
	return n
}

func testCounts(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	versions := map[string]int64{}
	rapid.Check(t, func(t *rapid.T) {
		// The same few records are written anew each time, so that a failure
		// depends on nothing but what was drawn.
		var records []provision.Record
		for _, id := range []string{"u1", "u2", "u3"} {
			r := drawRecord(t, id)
			r.Version = versions[id]
			version, err := s.Commit(ctx, state.Change{Record: r})
			if err != nil {
				t.Fatal(err)
			}
			versions[id] = version
			records = append(records, r)
		}
		var held state.Held
		for _, r := range records {
			if r.Hold != nil {
				held.People++
				held.Marks += r.HoldMark()
				if held.Since.IsZero() || r.Hold.HeldAt.Before(held.Since) {
					held.Since = r.Hold.HeldAt
				}
			}
		}
		if got, err := s.Held(ctx); err != nil || got != held {
			t.Fatalf("held %+v, want %+v, error %v, of %+v", got, held, err, records)
		}
		c := state.Count{Time: moment(t, "time"), Until: moment(t, "until"), Revision: rapid.Int64Range(0, 3).Draw(t, "than revision")}
		for _, c.Kind = range []state.CountKind{state.CountRemovals, state.CountActiveAt, state.CountManagedAt, state.CountGone, state.CountOpenIntents} {
			for _, c.Operation = range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
				want := 0
				for _, r := range records {
					want += counted(r, c)
				}
				got, err := s.Count(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Fatalf("count %+v is %d, want %d of %+v", c, got, want, records)
				}
			}
		}
	})
	for what, c := range map[string]state.Count{
		"an unknown count":     {Kind: "no such count"},
		"an unknown operation": {Kind: state.CountRemovals, Operation: provision.Create},
		"removals of no kind":  {Kind: state.CountRemovals},
		"a count of no kind":   {},
	} {
		_, err := s.Count(ctx, c)
		kind(t, what, err, fault.Invalid)
	}
}

// testCountedOnce counts removals while each of them goes from pending to done.
func testCountedOnce(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	const people = 40
	versions := make([]int64, people)
	for i := range versions {
		version, err := s.Commit(ctx, state.Change{Record: provision.Record{UserID: name("u", i), CountSuspendAt: at(1)}})
		must(t, err)
		versions[i] = version
	}
	c := state.Count{Kind: state.CountRemovals, Operation: provision.Suspend, Time: at(0), Until: at(2)}
	done := make(chan error, 1)
	go func() {
		for i, version := range versions {
			rec := provision.Record{UserID: name("u", i), Version: version, SuspendDoneAt: at(1)}
			if _, err := s.Commit(ctx, state.Change{Record: rec}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for counts := 0; ; counts++ {
		n, err := s.Count(ctx, c)
		must(t, err)
		if n != people {
			t.Errorf("count %d: %d removals of %d", counts, n, people)
		}
		select {
		case err := <-done:
			must(t, err)
			return
		default:
		}
	}
}

// testHeld holds somebody, for another cause, and no more, beside somebody who stays held.
func testHeld(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	stays := provision.Record{UserID: "stays", Hold: &provision.Hold{Operation: provision.Suspend, HeldAt: at(2)}}
	_, err := s.Commit(ctx, state.Change{Record: stays})
	must(t, err)
	r := provision.Record{UserID: "goes"}
	for _, step := range []struct {
		what string
		hold *provision.Hold
		want state.Held
	}{
		{"held", &provision.Hold{Operation: provision.Suspend, HeldAt: at(1)}, state.Held{People: 2, Since: at(1)}},
		{"for another cause, later", &provision.Hold{Operation: provision.HardDelete, Since: at(1), HeldAt: at(3)}, state.Held{People: 2, Since: at(2)}},
		{"no more", nil, state.Held{People: 1, Since: at(2)}},
	} {
		r.Hold = step.hold
		r.Version, err = s.Commit(ctx, state.Change{Record: r})
		must(t, err)
		step.want.Marks = stays.HoldMark() + r.HoldMark()
		got, err := s.Held(ctx)
		must(t, err)
		same(t, step.what, got, step.want)
	}
}

func testCountsFresh(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	const people = 32
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			before, err := s.Held(ctx)
			if err != nil {
				t.Error(err)
			}
			r := provision.Record{UserID: name("u", i), Hold: &provision.Hold{Operation: provision.Suspend, HeldAt: at(i)}}
			if _, err := s.Commit(ctx, state.Change{Record: r}); err != nil {
				t.Error(err)
			}
			after, err := s.Held(ctx)
			if err != nil || after.People <= before.People || after.Marks == before.Marks {
				t.Errorf("held %+v before a hold was committed and %+v after (error %v)", before, after, err)
			}
		})
	}
	all.Wait()
	h, err := s.Held(ctx)
	must(t, err)
	same(t, "held", h.People, people)
	same(t, "held since", h.Since, at(0))
}
