package statetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

func testEvents(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	full := provision.Event{ID: "full", Time: at(-1), Name: provision.EventSuspend, UserID: "u9", Email: "ana@example.com", AccountID: "a9",
		Outcome: provision.OutcomeFailed, Error: "refused",
		Cause: provision.Cause{Condition: provision.ConditionDeleted, Since: at(-3), Deadline: at(-2), Text: "why"}}
	must(t, s.Append(ctx, full))
	same(t, "an event with every field", allEvents(t, s, state.EventFilter{}), []provision.Event{full})

	for i := range 12 {
		e := event(name("e", i), at(i/2)) // two at a time
		e.UserID = name("u", i%3)
		if i%4 == 0 {
			e.Name = provision.EventSuspend
		}
		if i%6 == 0 {
			e.Outcome = provision.OutcomeFailed
		}
		must(t, s.Append(ctx, e))
	}
	all := allEvents(t, s, state.EventFilter{})
	if len(all) != 13 || !slices.IsSortedFunc(all, func(a, b provision.Event) int { return b.Time.Compare(a.Time) }) {
		t.Fatalf("not all events, newest first: %v", ids(all))
	}
	for what, f := range map[string]state.EventFilter{
		"user":             {UserID: "u001"},
		"name":             {Name: provision.EventSuspend},
		"outcome":          {Outcome: provision.OutcomeFailed},
		"from":             {From: at(2)},
		"to":               {To: at(2)},
		"between":          {From: at(1), To: at(3)},
		"user and name":    {UserID: "u002", Name: provision.EventSuspend},
		"all of it":        {UserID: "u000", Name: provision.EventSuspend, Outcome: provision.OutcomeFailed, From: at(0), To: at(1)},
		"nobody":           {UserID: "u404"},
		"an empty stretch": {From: at(2), To: at(2)},
	} {
		var want []string
		for _, e := range all {
			if (f.UserID == "" || e.UserID == f.UserID) && (f.Name == "" || e.Name == f.Name) && (f.Outcome == "" || e.Outcome == f.Outcome) &&
				(f.From.IsZero() || !e.Time.Before(f.From)) && (f.To.IsZero() || e.Time.Before(f.To)) {
				want = append(want, e.ID)
			}
		}
		same(t, "events by "+what, ids(allEvents(t, s, f)), want)
	}
}

func testEventIDs(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	first := event("e1", at(1))
	must(t, s.Append(ctx, first))
	again := first
	again.Name, again.Time = provision.EventHardDelete, at(2)
	must(t, s.Append(ctx, again, event("e2", at(3)), again))
	r := commit(t, s, provision.Record{UserID: "u1"}, again, event("e3", at(4)), event("e3", at(5)))
	_, err := s.PutConfiguration(ctx, provision.Configuration{}, again, event("e4", at(6)))
	must(t, err)
	commit(t, s, r, again)
	must(t, s.Append(ctx))
	events := allEvents(t, s, state.EventFilter{})
	same(t, "events of which some were repeated", ids(events), []string{"e4", "e3", "e2", "e1"})
	same(t, "the repeated event", events[3], first)
	kind(t, "an event without an id", s.Append(ctx, provision.Event{Time: at(1)}), fault.Invalid)
}

func testUsage(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	midnight := time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
	for i, e := range []provision.Event{
		{Time: midnight.Add(-time.Nanosecond), Name: "b", Outcome: provision.OutcomeDone},
		{Time: midnight, Name: "b", Outcome: provision.OutcomeDone},
		{Time: midnight.In(time.FixedZone("east", 3600)), Name: "b", Outcome: provision.OutcomeDone},
		{Time: midnight, Name: "b", Outcome: provision.OutcomeFailed},
		{Time: midnight.Add(time.Hour), Name: "a", Outcome: provision.OutcomeDone},
		{Time: midnight.Add(-48 * time.Hour), Name: "a", Outcome: provision.OutcomeDone},
	} {
		e.ID = fmt.Sprint(i)
		must(t, s.Append(ctx, e))
	}
	usage, err := s.Usage(ctx, midnight.Add(-time.Hour))
	must(t, err)
	same(t, "usage", usage, []state.DayCount{
		{Day: "2026-04-01", Name: "b", Outcome: provision.OutcomeDone, Count: 1},
		{Day: "2026-04-02", Name: "a", Outcome: provision.OutcomeDone, Count: 1},
		{Day: "2026-04-02", Name: "b", Outcome: provision.OutcomeDone, Count: 2},
		{Day: "2026-04-02", Name: "b", Outcome: provision.OutcomeFailed, Count: 1},
	})
	must(t, s.Append(ctx, provision.Event{ID: "1", Time: midnight, Name: "b", Outcome: provision.OutcomeDone})) // known already
	must(t, s.Expire(ctx, midnight))
	for _, since := range []time.Time{{}, midnight.Add(-72 * time.Hour), midnight} {
		usage, err = s.Usage(ctx, since)
		must(t, err)
		same(t, "usage after events have expired", usage, []state.DayCount{
			{Day: "2026-04-02", Name: "a", Outcome: provision.OutcomeDone, Count: 1},
			{Day: "2026-04-02", Name: "b", Outcome: provision.OutcomeDone, Count: 2},
			{Day: "2026-04-02", Name: "b", Outcome: provision.OutcomeFailed, Count: 1},
		})
	}
	events := ids(allEvents(t, s, state.EventFilter{}))
	slices.Sort(events)
	same(t, "events that have not expired", events, []string{"1", "2", "3", "4"})
}

func testSweeps(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	read := func() provision.Sweeps {
		t.Helper()
		v, err := s.Sweeps(ctx)
		must(t, err)
		return v
	}
	same(t, "sweeps when there was none", read(), provision.Sweeps{})
	v := provision.Sweeps{Current: &provision.Sweep{ID: "s1", State: provision.SweepRunning, Cause: "button", QueuedAt: at(1), StartedAt: at(2),
		ProgressAt: at(3), Listed: 4, ToLook: 5, Looked: 6, PageToken: "p", Stage: "list", Revision: 8, Reason: "r"}}
	version, err := s.PutSweeps(ctx, v)
	must(t, err)
	_, err = s.PutSweeps(ctx, v)
	kind(t, "a second first version", err, fault.Conflict)
	v.Version = version
	same(t, "sweeps", read(), v)
	v.Queued = &provision.Sweep{ID: "s2", State: provision.SweepQueued}
	next, err := s.PutSweeps(ctx, v)
	must(t, err)
	_, err = s.PutSweeps(ctx, v)
	kind(t, "an old version", err, fault.Conflict)
	v.Version = next
	same(t, "sweeps replaced", read(), v)
}

func testLooks(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	left := func(sweep string, want int) {
		t.Helper()
		n, err := s.LooksLeft(ctx, sweep)
		must(t, err)
		same(t, "looks left of "+sweep, n, want)
		owed, err := s.Looks(ctx, sweep)
		must(t, err)
		slices.Sort(owed)
		same(t, "looks of "+sweep, len(slices.Compact(owed)), want)
	}
	listed := func(sweep string, want ...string) {
		t.Helper()
		got, err := s.Rows(ctx, sweep)
		must(t, err)
		slices.Sort(got)
		same(t, "listed by "+sweep, slices.Compact(got), want)
	}
	left("s1", 0)
	listed("s1")
	must(t, s.AddPage(ctx, "s1", 0, []string{"u1", "u2", "u3"}, []string{"u1", "u2"}))
	must(t, s.AddPage(ctx, "s1", 1, []string{"u4", "u3"}, []string{"u4", "u2", "u4"})) // a user may move between pages
	must(t, s.AddPage(ctx, "s2", 0, nil, []string{"u1"}))
	left("s1", 3)
	listed("s1", "u1", "u2", "u3", "u4")
	must(t, s.EndLook(ctx, "s1", "u1"))
	must(t, s.EndLook(ctx, "s1", "u1"))
	must(t, s.EndLook(ctx, "s1", "not owed"))
	left("s1", 2)
	left("s2", 1)
	owed, err := s.Looks(ctx, "s1")
	must(t, err)
	slices.Sort(owed)
	same(t, "looks of s1", owed, []string{"u2", "u4"})
	must(t, s.AddPage(ctx, "s1", 0, []string{"u9"}, []string{"u1", "u9"})) // a page that is repeated
	left("s1", 2)
	listed("s1", "u1", "u2", "u3", "u4")

	must(t, s.DropSets(ctx, "s1"))
	left("s1", 2)
	left("s2", 0)
	must(t, s.DropSets(ctx, "s3"))
	left("s1", 0)
	listed("s1")
	must(t, s.AddPage(ctx, "s1", 0, nil, []string{"u1"})) // dropped, so it may be stored again
	left("s1", 1)

	var page []string
	for i := range 500 {
		page = append(page, name("p", i))
	}
	must(t, s.AddPage(ctx, "s4", 0, page, page))
	left("s4", 500)
	listed("s4", page...)
}

func testOrphans(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	read := func() []provision.Orphan {
		t.Helper()
		return allPages(t, 2, func(token string) ([]provision.Orphan, string, error) { return s.Orphans(ctx, token, 2) })
	}
	same(t, "orphans when there are none", read(), nil)
	var want []provision.Orphan
	for i := range 5 {
		want = append(want, provision.Orphan{AccountID: name("a", i), UserName: "n", ExternalID: "x", Active: i%2 == 0, Why: "w"})
	}
	must(t, s.PutOrphans(ctx, []provision.Orphan{want[3], want[0], want[4], want[2], want[1]}))
	same(t, "orphans", read(), want)
	must(t, s.PutOrphans(ctx, want[1:3]))
	same(t, "orphans replaced", read(), want[1:3])
	must(t, s.PutOrphans(ctx, nil))
	same(t, "orphans removed", read(), nil)
}

func testPreviews(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	_, err := s.Preview(ctx, "p1")
	kind(t, "a preview that is not there", err, fault.NotFound)
	p := provision.Preview{ID: "p1", State: provision.PreviewRunning, Revision: 2, CreatedAt: at(0), ExpiresAt: at(60),
		Proposal: map[string]string{"scope": "f"}, Listed: 3, Counts: map[provision.OperationKind]int{provision.Suspend: 1}, Reason: "r"}
	row := func(i int, kind provision.PreviewKind) provision.PreviewRow {
		return provision.PreviewRow{Kind: kind, UserID: name("u", 100-i), Email: "e", AccountID: "a", UserName: "n",
			Operation: provision.Suspend, DueAt: at(i), Condition: provision.ConditionAppOff, Why: "w"}
	}
	var operations, orphans []provision.PreviewRow
	for i := range 6 { // the rows of two lists in turns, two to a call
		operations, orphans = append(operations, row(i, provision.PreviewOperations)), append(orphans, row(i, provision.PreviewOrphans))
		p.Version, err = s.PutPreview(ctx, p, []provision.PreviewRow{operations[i], orphans[i]})
		must(t, err)
	}
	got, err := s.Preview(ctx, "p1")
	must(t, err)
	same(t, "a preview", got, p)
	_, err = s.PutPreview(ctx, provision.Preview{ID: "p1", Version: p.Version - 1}, operations[:1])
	kind(t, "an old version", err, fault.Conflict)
	_, err = s.PutPreview(ctx, provision.Preview{ID: "p1"}, nil)
	kind(t, "a second first version", err, fault.Conflict)
	_, err = s.PutPreview(ctx, provision.Preview{ID: "p2", ExpiresAt: at(61)}, operations[:1])
	must(t, err)
	rows := func(id string, kind provision.PreviewKind) []provision.PreviewRow {
		t.Helper()
		return allPages(t, 4, func(token string) ([]provision.PreviewRow, string, error) {
			return s.PreviewRows(ctx, id, kind, token, 4)
		})
	}
	same(t, "rows in the order they were added", rows("p1", provision.PreviewOperations), operations)
	same(t, "rows of another list", rows("p1", provision.PreviewOrphans), orphans)
	same(t, "rows of an empty list", rows("p1", provision.PreviewAdopt), nil)

	must(t, s.ExpirePreviews(ctx, at(60)))
	same(t, "a preview at the moment it expires", rows("p1", provision.PreviewOrphans), orphans)
	must(t, s.ExpirePreviews(ctx, at(60).Add(time.Nanosecond)))
	_, err = s.Preview(ctx, "p1")
	kind(t, "an expired preview", err, fault.NotFound)
	same(t, "rows of an expired preview", rows("p1", provision.PreviewOrphans), nil)
	same(t, "rows of a preview that has not expired", rows("p2", provision.PreviewOperations), operations[:1])
}

func testChannels(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	read := func() []state.PushChannel {
		t.Helper()
		all, err := s.Channels(ctx)
		must(t, err)
		slices.SortFunc(all, func(a, b state.PushChannel) int { return a.OpenedAt.Compare(b.OpenedAt) })
		return all
	}
	same(t, "channels when there are none", read(), nil)
	first, second := state.PushChannel{ID: "b", ResourceID: "r", OpenedAt: at(1), Expiration: at(2)}, state.PushChannel{ID: "a", OpenedAt: at(3)}
	must(t, s.PutChannel(ctx, first))
	must(t, s.PutChannel(ctx, second))
	same(t, "channels", read(), []state.PushChannel{first, second})
	second.Event, second.Address, second.TokenVersion, second.RetiredAt, second.Gap, second.Stopped = "update", "https://push.invalid/", "7", at(4), true, true
	must(t, s.PutChannel(ctx, second))
	must(t, s.DeleteChannel(ctx, first.ID))
	must(t, s.DeleteChannel(ctx, first.ID))
	same(t, "channels after one was changed and one deleted", read(), []state.PushChannel{second})
}

func testPaging(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	for i := range 3 {
		commit(t, s, provision.Record{UserID: name("u", i)}, event(name("e", i), at(i)))
	}
	lists := map[string]func(token string, limit int) (string, error){
		"events": func(token string, limit int) (string, error) {
			_, next, err := s.Events(ctx, state.EventFilter{Limit: limit, Token: token})
			return next, err
		},
		"orphans": func(token string, limit int) (string, error) {
			_, next, err := s.Orphans(ctx, token, limit)
			return next, err
		},
		"preview rows": func(token string, limit int) (string, error) {
			_, next, err := s.PreviewRows(ctx, "p", provision.PreviewAdopt, token, limit)
			return next, err
		},
	}
	for _, k := range []state.SelectionKind{state.SelectAll, state.SelectByAddress, state.SelectLinked, state.SelectPending, state.SelectHeld,
		state.SelectAttention, state.SelectRetry, state.SelectIntent} {
		lists["selection "+string(k)] = func(token string, limit int) (string, error) {
			_, next, err := s.Select(ctx, state.Selection{Kind: k, Limit: limit, Token: token})
			return next, err
		}
	}
	ofAll, err := lists["selection all"]("", 1)
	must(t, err)
	ofEvents, err := lists["events"]("", 1)
	must(t, err)
	for list, read := range lists {
		for _, limit := range []int{-1, 0, 501} {
			_, err := read("", limit)
			kind(t, fmt.Sprintf("%s by %d", list, limit), err, fault.Invalid)
		}
		for _, token := range []string{"nonsense", "!", "bm9uc2Vuc2U", ofAll + "x", ofAll, ofEvents} {
			if token == ofAll && list == "selection all" || token == ofEvents && list == "events" {
				continue
			}
			_, err := read(token, 1)
			kind(t, fmt.Sprintf("%s with token %q", list, token), err, fault.Invalid)
		}
	}
	_, _, err = s.Select(ctx, state.Selection{Kind: "no such selection", Limit: 1})
	kind(t, "an unknown selection", err, fault.Invalid)
}

func testContext(t *testing.T, open Open) {
	s := open(t).Store
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Record(ctx, "u1")
	kind(t, "a read with an ended context", err, fault.Unavailable)
	_, err = s.Commit(ctx, state.Change{Record: provision.Record{UserID: "u1"}})
	kind(t, "a write with an ended context", err, fault.Unavailable)
}

func testReopen(t *testing.T, open Open) {
	h, ctx := open(t), context.Background()
	if h.Reopen == nil {
		t.Skip("nothing of the data is in this process")
	}
	r := commit(t, h.Store, fullRecord("u1"), event("e1", at(1)))
	version, err := h.Store.PutConfiguration(ctx, provision.Configuration{Revision: 3})
	must(t, err)
	must(t, h.Store.AddPage(ctx, "s1", 0, []string{"u1"}, []string{"u1"}))
	s := h.Reopen()
	same(t, "the record after a restart", record(t, s, "u1"), r)
	same(t, "the events after a restart", ids(allEvents(t, s, state.EventFilter{})), []string{"e1"})
	c, err := s.Configuration(ctx)
	must(t, err)
	same(t, "the configuration after a restart", c, provision.Configuration{Revision: 3, Version: version})
	n, err := s.LooksLeft(ctx, "s1")
	must(t, err)
	same(t, "looks left after a restart", n, 1)
	commit(t, s, r)
}
