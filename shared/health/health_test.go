package health

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// counted counts the writes of the sources, and the reads of what is pending.
type counted struct {
	*sqlite.Store
	writes, reads int
	err           error
}

func (c *counted) Select(ctx context.Context, sel state.Selection) ([]provision.Record, string, error) {
	c.reads++
	return c.Store.Select(ctx, sel)
}

func (c *counted) PutSources(ctx context.Context, s provision.Sources, events ...provision.Event) (int64, error) {
	if c.err != nil {
		return 0, c.err
	}
	c.writes++
	return c.Store.PutSources(ctx, s, events...)
}

type world struct {
	*Health
	store *counted
	at    time.Time
	log   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlitefile.Open(filepath.Join(t.TempDir(), "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	plain, err := sqlite.New(db)
	must(t, err)
	w := &world{store: &counted{Store: plain}, at: start}
	now := func() time.Time { return w.at }
	w.Health = New(Ports{Store: w.store, Business: now, Real: now, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Pushed: true, SweepEvery: 4 * time.Hour})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneWriteAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 600 { // ten minutes, a message a second from each source
		w.Push(t.Context())
		w.Audit(t.Context(), 1)
		w.at = w.at.Add(time.Second)
	}
	if w.store.writes != 10 {
		t.Errorf("%d writes in ten minutes, want 10", w.store.writes)
	}
	r, err := w.Report(t.Context())
	must(t, err)
	last := w.at.Add(-time.Second)
	if !r.Push.LastAt.Equal(last) || !r.Audit.LastAt.Equal(last) || r.Audit.Unknown != 600 {
		t.Errorf("push %v, audit %v, unknown %d; want %v and 600", r.Push.LastAt, r.Audit.LastAt, r.Audit.Unknown, last)
	}
	// Another process sees it to the minute.
	stored, err := w.store.Sources(t.Context())
	must(t, err)
	if last.Sub(stored.PushAt) > time.Minute || stored.Unknown < 540 {
		t.Errorf("stored %+v", stored)
	}
}

// What could not be stored is stored with the next message a minute later.
func TestStoreOutOfOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.err = context.DeadlineExceeded
	w.Audit(t.Context(), 3)
	w.store.err = nil
	w.at = w.at.Add(time.Minute)
	w.Audit(t.Context(), 1)
	stored, err := w.store.Sources(t.Context())
	must(t, err)
	if stored.Unknown != 4 || !stored.AuditAt.Equal(w.at) {
		t.Errorf("stored %+v", stored)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := func(what string, push, audit, sweep State) {
		t.Helper()
		r, err := w.Report(t.Context())
		must(t, err)
		if got := []State{r.Push.State, r.Audit.State, r.Sweep.State}; !cmp.Equal(got, []State{push, audit, sweep}) {
			t.Errorf("%s: %v, want %v %v %v", what, got, push, audit, sweep)
		}
	}
	edit := func(change func(*provision.Configuration)) {
		t.Helper()
		c, err := w.store.Configuration(t.Context())
		must(t, err)
		change(&c)
		_, err = w.store.PutConfiguration(t.Context(), c)
		must(t, err)
	}
	want("off", Off, Silent, Off)
	edit(func(c *provision.Configuration) {
		c.On, c.TurnedOnAt, c.Scope, c.Policies = true, start, &provision.Scope{}, []provision.PolicyEdit{{}}
		c.Authorization.State = provision.AuthorizationOK
	})
	want("just turned on", Down, Silent, Alive)
	channel := state.PushChannel{ID: "c", OpenedAt: start}
	must(t, w.store.PutChannel(t.Context(), channel))
	want("a channel without an answer", Down, Silent, Alive)
	w.at = start.Add(9 * time.Hour)
	want("two intervals since the turn-on", Down, Silent, Alive)
	w.at = start.Add(9*time.Hour + 1)
	want("no sweep for longer since the turn-on", Down, Silent, Silent)
	w.SweepEvery = 24 * time.Hour
	want("where sweeps are rarer", Down, Silent, Alive)
	w.SweepEvery = 4 * time.Hour
	w.at = start
	channel.ResourceID, channel.Expiration = "r", start.Add(6*time.Hour)
	must(t, w.store.PutChannel(t.Context(), channel))
	edit(func(c *provision.Configuration) { c.SweptAt = start })
	w.Audit(t.Context(), 0)
	want("all well", Alive, Alive, Alive)
	r, err := w.Report(t.Context())
	must(t, err)
	if r.Push.Channels != 1 || !r.Push.ExpiresAt.Equal(channel.Expiration) || r.Work.Known {
		t.Errorf("report %+v", r)
	}
	w.at = start.Add(6 * time.Hour)
	want("the channel has ended", Down, Alive, Alive)
	w.at = start.Add(8 * 24 * time.Hour)
	want("nothing for a week", Down, Silent, Silent)
	edit(func(c *provision.Configuration) { c.Authorization.State = provision.NeedsReauthorizing })
	want("unauthorized", Down, Silent, Down)
	must(t, w.Write(t.Context()))
	line := w.log.String()
	for _, want := range []string{"level=WARN msg=sources push=down", "overdueSeconds=-1 held=0 on=true authorization=needsReauthorization"} {
		if !strings.Contains(line, want) {
			t.Errorf("logged %q, without %q", line, want)
		}
	}
}

func TestWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct{ due, want time.Time }{
		{time.Time{}, time.Time{}},
		{start.Add(-time.Minute), start.Add(-time.Minute)},
		{start.Add(time.Hour), time.Time{}}, // a deadline that is to come
	} {
		w.Backlog = func(context.Context) (int, time.Time, error) { return 3, test.due, nil }
		r, err := w.Report(t.Context())
		must(t, err)
		if want := (Work{Known: true, Waiting: 3, OldestDueAt: test.want}); r.Work != want {
			t.Errorf("work %+v, want %+v", r.Work, want)
		}
		if got, want := r.overdue(), 0; !test.want.IsZero() && got != 60 || test.want.IsZero() && got != want {
			t.Errorf("overdue for %d s", got)
		}
	}
}

func TestReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	say := func(key, eventID string) {
		t.Helper()
		r := provision.Review{Key: key, EventID: eventID, Why: "why", Todo: "todo", Since: w.at, SeenAt: w.at, Until: w.at.Add(time.Hour)}
		must(t, w.Review(t.Context(), r, provision.Event{ID: eventID, Time: w.at, Name: provision.EventNotice, Outcome: provision.OutcomeDone}))
		w.at = w.at.Add(time.Minute)
	}
	for _, said := range [][2]string{{"a", "1"}, {"a", "1"}, {"b", "2"}, {"a", "3"}} {
		say(said[0], said[1])
	}
	stored, err := w.store.Sources(t.Context())
	must(t, err)
	var got []string
	for _, r := range stored.Reviews {
		got = append(got, r.Key+r.EventID+" "+r.Since.Sub(start).String()+" "+r.SeenAt.Sub(start).String())
	}
	if want := []string{"b2 2m0s 2m0s", "a3 0s 3m0s"}; !cmp.Equal(got, want) {
		t.Errorf("reviews %q, want %q", got, want)
	}
	events, _, err := w.store.Events(t.Context(), state.EventFilter{Limit: 10})
	must(t, err)
	if len(events) != 3 || w.store.writes != 3 {
		t.Errorf("%d events and %d writes, want 3 of each: the same event said twice is one", len(events), w.store.writes)
	}
	w.at = w.at.Add(2 * time.Hour) // over, and seen anew: it counts from now
	again := w.at
	say("a", "4")
	for i := range 2 * maxReviews {
		say("many-"+string(rune('a'+i)), "m"+string(rune('a'+i)))
	}
	stored, err = w.store.Sources(t.Context())
	must(t, err)
	if len(stored.Reviews) != maxReviews || stored.Reviews[0].Since.Before(again) {
		t.Errorf("%d reviews are kept, the first since %v", len(stored.Reviews), stored.Reviews[0].Since)
	}
}
