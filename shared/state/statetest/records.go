package statetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// fullRecord is a record in which no field is empty.
func fullRecord(id string) provision.Record {
	attributes := provision.Attributes{"userName": "ana@example.com", "active": true, "x": 1.5, `emails[type eq "work"].value`: "Ä <&> \u2028"}
	cause := provision.Cause{Condition: provision.ConditionAppOff, Since: at(1), Deadline: at(2), Text: "out of scope"}
	return provision.Record{
		UserID: id, Email: "Ana@Example.com", Lifecycle: provision.Suspended, InScope: true, Reasons: []string{"why"}, LookedAt: at(3), SettledAt: at(2), LookedUnder: 4,
		Account: provision.Link{ID: "account-" + id, State: provision.AccountSuspended, App: "https://app.example.com", Adopted: true,
			LinkedAt: at(4), ActiveSince: at(5), SuspendedAt: at(6), RemovedAt: at(7), Applied: attributes, Form: attributes},
		Conditions:   []provision.Condition{{Name: provision.ConditionAppOff, Since: at(8), Floor: at(9)}},
		UnarchivedAt: at(10), ArchivedAt: at(11), MissingSweep: "sweep", MissingAt: at(12),
		Next:           &provision.Pending{Operation: provision.HardDelete, At: at(13), Cause: cause},
		CountSuspendAt: at(14), CountDeleteAt: at(15),
		Retries: []provision.Retry{{Operation: provision.Suspend, Reason: provision.RetryRefused, Tries: 2, Since: at(16), At: at(17),
			Fingerprint: "f", Error: "refused", AccountID: "other"}},
		Hold:     &provision.Hold{Operation: provision.Suspend, Condition: provision.ConditionDeleted, Since: at(18), HeldAt: at(19)},
		Verdicts: []provision.Verdict{{Operation: provision.Suspend, Condition: provision.ConditionDeleted, Since: at(20), Release: true, At: at(21)}},
		Intent: &provision.Intent{ID: "intent", Operation: provision.Update, Cause: cause, StartedAt: at(22), Revision: 7,
			Attributes: attributes, AccountID: "a", Released: true, Fingerprint: "f", Doubt: "d"},
		Lease:         &provision.Lease{Owner: "worker", Until: at(23)},
		SuspendDoneAt: at(24), DeleteDoneAt: at(25), GoneAt: at(29),
		Repairs: map[string][]time.Time{"title": {at(26), at(27)}}, Left: []string{"title"},
		Attention: []provision.Attention{{Kind: provision.AttentionDrift, UserIDs: []string{id}, AccountID: "a", Why: "w", Todo: "t", Since: at(28)}},
	}
}

func testRecordFields(t *testing.T, open Open) {
	s := open(t).Store
	r := fullRecord("u1")
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if field := v.Type().Field(i).Name; v.Field(i).IsZero() && field != "Version" {
			t.Errorf("the suite's record leaves %s empty; fill it in fullRecord", field)
		}
	}
	r = commit(t, s, r)
	same(t, "a record with every field", record(t, s, "u1"), r)
	r = commit(t, s, provision.Record{UserID: "u1", Version: r.Version})
	same(t, "the same record emptied", record(t, s, "u1"), r)
	same(t, "a record that is not there", record(t, s, "u2"), provision.Record{UserID: "u2"})
}

func testRecordCompareAndSet(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	first := commit(t, s, provision.Record{UserID: "u1", Email: "one@example.com"})
	second := first
	second.Email = "two@example.com"
	second = commit(t, s, second)
	for what, r := range map[string]provision.Record{
		"the version before":              first,
		"version 0 of one that is stored": {UserID: "u1"},
		"a version to come":               {UserID: "u1", Version: second.Version + 1},
		"a version of one not stored":     {UserID: "u2", Version: 1},
	} {
		_, err := s.Commit(ctx, state.Change{Record: r})
		kind(t, what, err, fault.Conflict)
	}
	same(t, "the record after the conflicts", record(t, s, "u1"), second)
	same(t, "the other record after the conflicts", record(t, s, "u2"), provision.Record{UserID: "u2"})
	_, err := s.Commit(ctx, state.Change{})
	kind(t, "a record without an id", err, fault.Invalid)
}

func testRecordRace(t *testing.T, open Open) {
	const writers = 100
	s, ctx := open(t).Store, context.Background()
	start := commit(t, s, provision.Record{UserID: "u1"})

	var won, lost atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			r := start
			r.Email = fmt.Sprintf("writer%d@example.com", i)
			switch _, err := s.Commit(ctx, state.Change{Record: r, Events: []provision.Event{event(fmt.Sprint("race", i), at(i))}}); {
			case err == nil:
				won.Add(1)
			case fault.Is(err, fault.Conflict):
				lost.Add(1)
			default:
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != writers-1 {
		t.Errorf("%d writers of one version won and %d lost, want 1 and %d", won.Load(), lost.Load(), writers-1)
	}
	if n := len(allEvents(t, s, state.EventFilter{})); n != 1 {
		t.Errorf("%d events of the one writer that won", n)
	}
	for i := range writers { // each tries again until it wins
		all.Go(func() {
			for {
				r, err := s.Record(ctx, "u1")
				if err != nil {
					t.Error(err)
					return
				}
				r.Left = append(r.Left, fmt.Sprint("writer", i))
				if _, err = s.Commit(ctx, state.Change{Record: r}); err == nil {
					return
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if left := record(t, s, "u1").Left; len(left) != writers {
		t.Errorf("%d of %d increments are there; others were overwritten", len(left), writers)
	}
}

func testChangeAtomic(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	must(t, s.AddPage(ctx, "sweep", 0, []string{"u1", "u2"}, []string{"u1", "u2"}))
	looksLeft := func(want int) {
		t.Helper()
		n, err := s.LooksLeft(ctx, "sweep")
		must(t, err)
		same(t, "looks left", n, want)
	}
	change := state.Change{Record: provision.Record{UserID: "u1", Version: 3}, Events: []provision.Event{event("e1", at(1))}, EndedLook: "sweep"}
	_, err := s.Commit(ctx, change)
	kind(t, "a change of a record that has changed", err, fault.Conflict)
	same(t, "events after a conflict", allEvents(t, s, state.EventFilter{}), nil)
	looksLeft(2)

	change.Record.Version = 0
	_, err = s.Commit(ctx, change)
	must(t, err)
	same(t, "events after the commit", allEvents(t, s, state.EventFilter{}), change.Events)
	looksLeft(1)
}

func testRecordsBy(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	want := map[string]provision.Record{}
	var asked []string
	for i := range 500 {
		id := name("u", i)
		asked = append(asked, id)
		if i%2 == 0 {
			want[id] = commit(t, s, provision.Record{UserID: id, Email: fmt.Sprintf("User%d@Example.com", i/4)})
		}
	}
	found, err := s.RecordsByID(ctx, asked)
	must(t, err)
	same(t, "records by 500 ids, half of them stored", found, want)
	_, err = s.RecordsByID(ctx, append(asked, "one-more"))
	kind(t, "501 ids", err, fault.Invalid)
	found, err = s.RecordsByID(ctx, nil)
	must(t, err)
	same(t, "records by no ids", found, nil)

	linked := map[string]provision.Record{}
	for i, accountState := range []provision.AccountState{provision.AccountActive, provision.AccountSuspended, provision.AccountNone} {
		r := want[name("u", 2*i)]
		r.Account = provision.Link{ID: name("a", i), State: accountState}
		if r = commit(t, s, r); accountState != provision.AccountNone {
			linked[r.Account.ID] = r
		}
	}
	found, err = s.RecordsByAccount(ctx, []string{"a000", "a001", "a002", "a003"})
	must(t, err)
	same(t, "records by account, without those whose account is gone", found, linked)

	byEmail, err := s.RecordsByEmail(ctx, "uSER100@exaMPLE.com")
	must(t, err)
	if len(byEmail) != 2 {
		t.Fatalf("%d records by an address that two have had", len(byEmail))
	}
	for _, r := range byEmail {
		same(t, "a record by its address", r, want[r.UserID])
	}
	byEmail, err = s.RecordsByEmail(ctx, "user100@example.co")
	must(t, err)
	same(t, "records by an address nobody had", byEmail, nil)
}

func testSelections(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	want := map[state.SelectionKind][]string{}
	for i := range 40 {
		r := provision.Record{UserID: name("u", i), Account: provision.Link{State: provision.AccountNone}}
		belongs := func(kind state.SelectionKind) { want[kind] = append(want[kind], r.UserID) }
		belongs(state.SelectAll)
		if i%2 == 0 {
			r.Account = provision.Link{ID: name("a", i), State: provision.AccountSuspended}
			belongs(state.SelectLinked)
		}
		if i%3 == 0 {
			r.Hold = &provision.Hold{Operation: provision.Suspend}
			belongs(state.SelectHeld)
		}
		if i%5 == 0 {
			r.Attention = []provision.Attention{{Kind: provision.AttentionFailed}}
			belongs(state.SelectAttention)
		}
		if i%7 == 0 {
			r.Intent = &provision.Intent{ID: "i"}
			belongs(state.SelectIntent)
		}
		if i%11 == 0 {
			r.GoneAt = at(i)
			belongs(state.SelectGone)
		}
		commit(t, s, r)
	}
	check := func(limit int) {
		t.Helper()
		for kind, want := range want {
			all := allPages(t, limit, func(token string) ([]provision.Record, string, error) {
				return s.Select(ctx, state.Selection{Kind: kind, Limit: limit, Token: token})
			})
			same(t, fmt.Sprintf("selection %s by %d", kind, limit), userIDs(all), want)
		}
	}
	check(1)
	check(len(want[state.SelectLinked])) // the page's end is the list's
	check(500)

	r := record(t, s, want[state.SelectHeld][0]) // u000 belongs to all
	commit(t, s, provision.Record{UserID: r.UserID, Version: r.Version})
	for kind := range want {
		if kind != state.SelectAll {
			want[kind] = want[kind][1:]
		}
	}
	check(500)
}

func userIDs(records []provision.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.UserID)
	}
	return out
}

func testSelectionByAddress(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	for i, email := range []string{"cleo@example.com", "Ana@example.com", "", "ben@example.com", "ANA@example.com", "ana@example.co", "b%_@example.com"} {
		commit(t, s, provision.Record{UserID: name("u", i), Email: email})
	}
	want := []string{name("u", 2), name("u", 5), name("u", 1), name("u", 4), name("u", 6), name("u", 3), name("u", 0)}
	for _, limit := range []int{1, 3, 7, 500} {
		all := allPages(t, limit, func(token string) ([]provision.Record, string, error) {
			return s.Select(ctx, state.Selection{Kind: state.SelectByAddress, Limit: limit, Token: token})
		})
		same(t, fmt.Sprintf("selection by address by %d", limit), userIDs(all), want)
	}
}

func testSelectionsByTime(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	// Two a minute, the later ones first, and one without.
	var want []string
	for i := range 10 {
		r := provision.Record{UserID: name("u", 9-i)}
		r.Next = &provision.Pending{Operation: provision.Suspend, At: at(i / 2)}
		// Of several retries the earliest counts.
		r.Retries = []provision.Retry{{Operation: provision.Update, At: at(100)}, {Operation: provision.Suspend, At: at(i / 2)}}
		commit(t, s, r)
	}
	for i := range 5 {
		want = append(want, name("u", 8-2*i), name("u", 9-2*i))
	}
	commit(t, s, provision.Record{UserID: "without"})
	for _, kind := range []state.SelectionKind{state.SelectPending, state.SelectRetry} {
		for limit := 1; limit < 4; limit++ {
			for before, n := range map[time.Time]int{{}: 10, at(2): 6, at(2).Add(-time.Nanosecond): 4, at(0).Add(-1): 0} {
				all := allPages(t, limit, func(token string) ([]provision.Record, string, error) {
					return s.Select(ctx, state.Selection{Kind: kind, Before: before, Limit: limit, Token: token})
				})
				same(t, fmt.Sprintf("selection %s before %v by %d", kind, before, limit), userIDs(all), want[:n])
			}
		}
	}
}
