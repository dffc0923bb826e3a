package firestore

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	cloud "cloud.google.com/go/firestore"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// TestOddIDs sees that ids which are no ids of documents are kept all the same.
func TestOddIDs(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	ids := []string{"a/b", "a", "..", ".", "__id7__", "%2E%2E", "%5F%5Fid7__", "ä b?#", "a%2Fb"}
	for i, id := range ids {
		change := state.Change{Record: provision.Record{UserID: id, Email: fmt.Sprint(i)}, Events: []provision.Event{{ID: id, Time: suiteTime()}}}
		if _, err := s.Commit(ctx, change); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for i, id := range ids {
		if r, err := s.Record(ctx, id); err != nil || r.UserID != id || r.Email != fmt.Sprint(i) {
			t.Errorf("%q was read as %q of %q, error %v", id, r.UserID, r.Email, err)
		}
	}
	if err := s.AddPage(ctx, "s", 1, ids, ids); err != nil {
		t.Error(err)
	}
	looks, err := s.Looks(ctx, "s")
	if err != nil {
		t.Error(err)
	}
	var users, events []string
	for sel := (state.Selection{Kind: state.SelectAll, Limit: 1}); ; {
		page, next, err := s.Select(ctx, sel)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, page[0].UserID)
		if sel.Token = next; next == "" {
			break
		}
	}
	for f := (state.EventFilter{Limit: 1}); ; {
		page, next, err := s.Events(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page[0].ID)
		if f.Token = next; next == "" {
			break
		}
	}
	slices.Sort(ids)
	for what, got := range map[string][]string{"selected": users, "looks": looks, "events": events} {
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("%s are %q, want %q", what, got, ids)
		}
	}
}

func TestAppsAreApart(t *testing.T) {
	t.Parallel()
	client, ctx := dial(t, emulated(t)), context.Background()
	one, other := New(client, newApp(), suiteTime), New(client, newApp(), suiteTime)
	if _, err := one.Commit(ctx, state.Change{Record: provision.Record{UserID: "u", Hold: &provision.Hold{}}}); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*Store]int{one: 1, other: 0} {
		if h, err := s.Held(ctx); err != nil || h.People != want {
			t.Errorf("%d held, want %d, error %v", h.People, want, err)
		}
	}
}

// TestManyAccounts asks for more accounts than one query compares with.
func TestManyAccounts(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	var asked []string
	for i := range 2*maxIn + 1 {
		id := fmt.Sprint("a", i)
		asked = append(asked, id)
		r := provision.Record{UserID: fmt.Sprint("u", i), Account: provision.Link{ID: id, State: provision.AccountActive}}
		if _, err := s.Commit(ctx, state.Change{Record: r}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.RecordsByAccount(ctx, asked)
	if err != nil || len(found) != len(asked) {
		t.Errorf("%d of %d accounts, error %v", len(found), len(asked), err)
	}
	for id, r := range found {
		if r.Account.ID != id {
			t.Errorf("account %s is %s", id, r.Account.ID)
		}
	}
}

// TestEventsExpire sees that an event is not shown once it is too old, though
// it is still stored, and that Firestore is told when that is.
func TestEventsExpire(t *testing.T) {
	t.Parallel()
	now, ctx := suiteTime(), context.Background()
	s := New(dial(t, emulated(t)), newApp(), func() time.Time { return now })
	old, recent := provision.Event{ID: "old", Time: now, Name: "n", Outcome: provision.OutcomeDone}, provision.Event{ID: "recent", Time: now.Add(time.Hour), Name: "n", Outcome: provision.OutcomeDone}
	if err := s.Append(ctx, old, recent); err != nil {
		t.Fatal(err)
	}
	check := func(want int) {
		t.Helper()
		events, _, err := s.Events(ctx, state.EventFilter{Limit: 10, From: now.AddDate(-1, 0, 0)})
		if err != nil || len(events) != want {
			t.Errorf("%d events, want %d, error %v", len(events), want, err)
		}
		usage, err := s.Usage(ctx, now.AddDate(-1, 0, 0))
		n := 0
		for _, u := range usage {
			n += u.Count
		}
		if err != nil || n != want {
			t.Errorf("%d events counted, want %d, error %v", n, want, err)
		}
	}
	check(2)
	now = old.Time.Add(provision.EventRetention)
	check(2)
	now = now.Add(time.Nanosecond)
	check(1)
	now = now.AddDate(1, 0, 0)
	check(0)
	snap, err := s.events().Doc("old").Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := snap.Data()[fieldExpireAt].(time.Time); !ok || !at.Equal(old.Time.Add(provision.EventRetention)) {
		t.Errorf("Firestore removes it at %v", snap.Data()[fieldExpireAt])
	}
}

// TestUsageOfManyDays sees that days without events, and those at the ends, are
// counted rightly.
func TestUsageOfManyDays(t *testing.T) {
	t.Parallel()
	now, ctx := suiteTime(), context.Background()
	s := New(dial(t, emulated(t)), newApp(), func() time.Time { return now })
	var events []provision.Event
	want := []state.DayCount{}
	for day := 0; day < 28; day += 9 {
		midnight := now.AddDate(0, 0, day-28)
		for i, at := range []time.Time{midnight, midnight.Add(24*time.Hour - 1)} {
			events = append(events, provision.Event{ID: fmt.Sprint(day, "-", i), Time: at, Name: "n", Outcome: provision.OutcomeRefused})
		}
		want = append(want, state.DayCount{Day: midnight.Format(time.DateOnly), Name: "n", Outcome: provision.OutcomeRefused, Count: 2})
	}
	if err := s.Append(ctx, events...); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Usage(ctx, now.AddDate(0, 0, -30)); err != nil || !slices.Equal(got, want) {
		t.Errorf("usage is %v, want %v, error %v", got, want, err)
	}
}

// TestLongLists sees that lists of many documents are paged and shortened rightly.
func TestLongLists(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	for _, n := range []int{5*chunkRows + 1, chunkRows, 1, 0} {
		var orphans []provision.Orphan
		for i := range n {
			orphans = append(orphans, provision.Orphan{AccountID: fmt.Sprintf("a%06d", n-i)})
		}
		if err := s.PutOrphans(ctx, orphans); err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{150, chunkRows, 500} {
			read, token := 0, ""
			for {
				page, next, err := s.Orphans(ctx, token, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page {
					if read++; o.AccountID != fmt.Sprintf("a%06d", read) {
						t.Fatalf("of %d by %d, number %d is %s", n, limit, read, o.AccountID)
					}
				}
				if len(page) > limit || next != "" && len(page) < limit {
					t.Errorf("of %d by %d, a page of %d with next %q", n, limit, len(page), next)
				}
				if token = next; next == "" {
					break
				}
			}
			if read != n {
				t.Errorf("of %d by %d, %d were read", n, limit, read)
			}
		}
	}
}

// TestStrangeDocuments sees that a document that this version did not write is
// refused and not guessed at.
func TestStrangeDocuments(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	for id, data := range map[string]map[string]any{
		"another": {fieldDoc: `{"userId":"other","email":"","lifecycle":"","inScope":false,"lookedAt":"0001-01-01T00:00:00Z","account":{"state":""}}`},
		"later":   {fieldDoc: `{"userId":"later","email":"","lifecycle":"","inScope":false,"lookedAt":"0001-01-01T00:00:00Z","account":{"state":""},"new":1}`},
		"number":  {fieldDoc: 1},
		"without": {"other": ""},
	} {
		if _, err := s.records().Doc(id).Set(ctx, data); err != nil {
			t.Fatal(err)
		}
		want := fault.Internal
		if id == "later" { // another version's, and not damaged
			want = fault.Unavailable
		}
		if _, err := s.Record(ctx, id); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if _, _, err := s.Select(ctx, state.Selection{Kind: state.SelectAll, Limit: 10}); !fault.Is(err, fault.Internal, fault.Unavailable) {
		t.Errorf("a page with them: %v, want an error", err)
	}
}

// TestOldFieldsGo sees that a field that says nothing any more is removed, so
// that no index holds it.
func TestOldFieldsGo(t *testing.T) {
	t.Parallel()
	s, ctx, at := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background(), suiteTime()
	r := provision.Record{UserID: "u", GoneAt: at, CountSuspendAt: at, Next: &provision.Pending{At: at}, Hold: &provision.Hold{},
		Account: provision.Link{ID: "a", State: provision.AccountActive, LinkedAt: at}, Intent: &provision.Intent{}, Lease: &provision.Lease{Until: at}}
	version, err := s.Commit(ctx, state.Change{Record: r})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(ctx, state.Change{Record: provision.Record{UserID: "u", Version: version}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	snap, err := s.records().Doc("u").Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for field := range snap.Data() {
		got = append(got, field)
	}
	if slices.Sort(got); !slices.Equal(got, []string{fieldDoc, fieldEmail, fieldWrite}) {
		t.Errorf("an empty record has the fields %v", got)
	}
}

// TestDropSetsIsComplete sees that nothing of a dropped sweep, also of more
// documents than one commit removes, is left in the database.
func TestDropSetsIsComplete(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	var users []string
	for i := range maxWrites {
		users = append(users, fmt.Sprint("u", i))
	}
	for page := range 2 {
		if err := s.AddPage(ctx, "s1/plan", page, users, users[page:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddPage(ctx, "s1/plan", 3, nil, []string{"one more"}); err != nil {
		t.Fatal(err)
	}
	if err := s.DropSets(ctx, "s2"); err != nil {
		t.Fatal(err)
	}
	left, err := s.sweeps().DocumentRefs(ctx).GetAll()
	if err != nil || len(left) != 0 {
		t.Errorf("%d sweeps are left, error %v", len(left), err)
	}
	for _, below := range []*cloud.CollectionRef{s.pages("s1/plan"), s.owed("s1/plan")} {
		if n, err := count(ctx, "state: count", below.Query); err != nil || n != 0 {
			t.Errorf("%d of %s are left, error %v", n, below.ID, err)
		}
	}
}
