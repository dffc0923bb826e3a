package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// leaver is a world in which ana is hired and the steps are done.
func leaver(t *testing.T, frames string, steps ...string) (*world, *person) {
	t.Helper()
	w := newWorld()
	for _, row := range split(frames) {
		if err := w.configure("frames " + row); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range append([]string{"hire ana"}, steps...) {
		if err := w.do(step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	return w, w.people[0]
}

func TestR3_Since(t *testing.T) {
	t.Parallel()
	at := func(days float64) time.Time { return start.Add(time.Duration(days * 24 * float64(time.Hour))) }
	cases := []struct {
		sentence                            string
		looked, swept, turnedOn, own, since time.Time
		lifecycle                           provision.Lifecycle
	}{
		{"the directory's own time between two looks", at(10), at(0), at(0), at(11), at(11), provision.Suspended},
		{"of a deletion likewise", at(10), at(0), at(0), at(11), at(11), provision.Deleted},
		{"none given: the first look", at(10), at(0), at(0), time.Time{}, at(12), provision.Suspended},
		{"before the last look that saw them without it: the first look", at(10), at(0), at(0), at(9), at(12), provision.Suspended},
		{"before the last sweep, which saw them too: the first look", at(10), at(11.5), at(0), at(11), at(12), provision.Suspended},
		{"in the future, by a clock that is wrong: the first look", at(10), at(0), at(0), at(13), at(12), provision.Suspended},
		{"before the last turn-on: the turn-on", at(10), at(0), at(11.5), at(11), at(11.5), provision.Suspended},
	}
	for _, c := range cases {
		w, p := leaver(t, "")
		p.record.LookedAt, w.cfg.SweptAt, w.cfg.TurnedOnAt, w.cfg.PlannedAt = c.looked, c.swept, c.turnedOn, c.turnedOn
		l := w.sees(p, false)
		l.User.Lifecycle, l.User.Since = c.lifecycle, c.own
		d := decide.Decide(w.cfg, l, p.record, at(12))
		if len(d.Record.Conditions) != 1 || !d.Record.Conditions[0].Since.Equal(c.since) {
			t.Errorf("%s: conditions %+v, want since %s", c.sentence, d.Record.Conditions, c.since)
		}
	}
}

func TestR8_ASweepRunsFirst(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "suspended within24h never", "turn off", "advance 1h", "suspend ana")
	w.cfg.On, w.cfg.TurnedOnAt = true, w.now
	if d := decide.Decide(w.cfg, w.sees(p, false), p.record, w.now); d.Operation != nil || d.Record.Next == nil {
		t.Errorf("before the sweep knows all removals: %+v, next %+v", d.Operation, d.Record.Next)
	}
	w.cfg.PlannedAt = w.now
	if d := decide.Decide(w.cfg, w.sees(p, false), p.record, w.now); d.Operation == nil || d.Operation.Kind != provision.Suspend {
		t.Errorf("after: %+v", d.Operation)
	}
}

func TestR11_UnauthorizedIsNoTurnOn(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "suspended 1d never", "suspend ana")
	w.cfg.Authorization.State = provision.NeedsReauthorizing
	if err := w.do("advance 5d"); err != nil {
		t.Fatal(err)
	}
	if err := w.do("look ana"); err != nil || p.record.Account.State != provision.AccountActive {
		t.Fatalf("unauthorized: %v, account %s", err, p.record.Account.State)
	}
	w.cfg.Authorization.State = provision.AuthorizationOK
	if err := w.do("sweep"); err != nil || p.record.Account.State != provision.AccountSuspended {
		t.Fatalf("reauthorized: %v, account %s", err, p.record.Account.State)
	}
}

func TestR12_WhatTheGuardCounts(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sentence, frames  string
		steps             []string
		suspendAt, delete string // offsets; empty for not counted
	}{
		{"nothing for an active person", "suspended 1d 2d", nil, "", ""},
		{"both for a leaver", "suspended 1d 7d", []string{"suspend ana"}, "24h", "168h"},
		{"the hard delete once suspended", "suspended 1d 7d", []string{"suspend ana", "advance 2d"}, "", "168h"},
		{"a held one", "suspended 1d never", []string{"guard holds", "suspend ana", "advance 2d"}, "24h", ""},
		{"not a confirmed one", "suspended 1d never", []string{"guard holds", "suspend ana", "advance 2d", "app refuses suspend", "confirm ana"}, "", ""},
		{"not a dismissed one", "suspended 1d never", []string{"guard holds", "suspend ana", "advance 2d", "dismiss ana"}, "", ""},
		{"not one that waits for a retry, nor an overdue hard delete behind it", "suspended 1d 2d",
			[]string{"app refuses suspend", "suspend ana", "advance 3d"}, "", ""},
		{"not of an archived person", "suspended 1d 7d", []string{"suspend ana", "archive ana"}, "", ""},
		{"not of a protected person", "suspended 1d 7d", []string{"suspend ana", "protect ana"}, "", ""},
	}
	for _, c := range cases {
		_, p := leaver(t, c.frames, c.steps...)
		offset := func(at time.Time) string {
			if at.IsZero() {
				return ""
			}
			return strings.TrimSuffix(at.Sub(start).String(), "0m0s")
		}
		if s, d := offset(p.record.CountSuspendAt), offset(p.record.CountDeleteAt); s != c.suspendAt || d != c.delete {
			t.Errorf("%s: suspend %q and hard delete %q, want %q and %q", c.sentence, s, d, c.suspendAt, c.delete)
		}
	}
}

func TestR12_WhoLeavesTheHeldList(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sentence, step string
		stays          bool
	}{
		{"nothing happened", "advance 1d", true},
		{"a sweep", "sweep", true},
		{"look now", "look-now ana", true},
		{"deleted as well: the suspension still holds", "delete ana", true},
		{"restored", "restore ana", false},
		{"archived: the suspension waits, and so does the hold", "archive ana", true},
		{"protected", "protect ana", false},
		{"confirmed", "confirm ana", false},
		{"dismissed", "dismiss ana", false},
		{"the policy orders it no more", "frames suspended never never", false},
	}
	for _, c := range cases {
		_, p := leaver(t, "suspended 1d never", "guard holds", "suspend ana", "advance 2d", "guard allows", c.step)
		if (p.record.Hold != nil) != c.stays {
			t.Errorf("%s: hold %+v", c.sentence, p.record.Hold)
		}
	}
}

func TestR17_CreatesThatAreHeld(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "", "hand delete ana")
	p.record.Account.State, p.record.Hold = provision.AccountNone, &provision.Hold{Operation: provision.Create, HeldAt: w.now}
	created := func() *decide.Operation {
		return decide.Decide(w.cfg, w.sees(p, false), p.record, w.now).Operation
	}
	if op := created(); op != nil {
		t.Errorf("held: %+v", op)
	}
	p.record.Hold, p.record.Verdicts = nil, []provision.Verdict{{Operation: provision.Create, At: w.now}}
	if op := created(); op != nil {
		t.Errorf("dismissed: %+v", op)
	}
	p.record.Verdicts[0].Release = true
	if op := created(); op == nil || op.Kind != provision.Create || !op.Released {
		t.Errorf("confirmed: %+v", op)
	}
}

// A held, confirmed or dismissed create is about one loss: it ends when the
// person needs no account any more, and holds nothing back when they return.
func TestR17_DecisionsAboutACreateEndWithTheirCause(t *testing.T) {
	t.Parallel()
	c := newWorld().cfg
	in := decide.Look{User: provision.User{ID: "1", Email: "ana@example.com", Lifecycle: provision.Active},
		Scope: scope.Verdict{Known: true, In: true}, Desired: provision.Attributes{"userName": "ana@example.com"}}
	out := in
	out.Scope = scope.Verdict{Known: true, Reasons: []string{"moved"}}
	unknown := in
	unknown.Scope = scope.Verdict{Reasons: []string{"no answer"}}
	for name, r := range map[string]provision.Record{
		"held":      {Hold: &provision.Hold{Operation: provision.Create, HeldAt: start}},
		"dismissed": {Verdicts: []provision.Verdict{{Operation: provision.Create, At: start}}},
	} {
		r.UserID, r.Version, r.GoneAt, r.Account = "1", 1, start, provision.Link{ID: "a", State: provision.AccountNone, RemovedAt: start}
		for _, look := range []decide.Look{in, unknown, in} {
			d := decide.Decide(c, look, r, start.Add(time.Hour))
			if r = d.Record; d.Operation != nil {
				t.Errorf("%s: %s", name, d.Operation.Kind)
			}
		}
		r = decide.Decide(c, out, r, start.Add(2*time.Hour)).Record
		if d := decide.Decide(c, in, r, start.Add(3*time.Hour)); d.Operation == nil || d.Operation.Kind != provision.Create {
			t.Errorf("%s: nothing is done for somebody who is back in scope", name)
		}
	}
}

func TestR16_MappingErrorKeepsNoRemovalBack(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "suspended within24h never")
	l := w.sees(p, false)
	l.Desired, l.MappingError = nil, "title: gives a list"
	if op := decide.Decide(w.cfg, l, p.record, w.now).Operation; op == nil || op.Kind != provision.Update || op.Impossible == "" {
		t.Errorf("an active person: %+v", op)
	}
	l.User.Lifecycle = provision.Suspended
	if op := decide.Decide(w.cfg, l, p.record, w.now).Operation; op == nil || op.Kind != provision.Suspend || op.Impossible != "" {
		t.Errorf("a suspended one: %+v", op)
	}
}

// TestR2_MappingErrorSaysWhatToDo: it does not pass by itself, as a failure of the app may.
func TestR2_MappingErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "suspended within24h never")
	l := w.sees(p, false)
	l.Desired, l.MappingError = nil, "title: gives a list"
	op := decide.Decide(w.cfg, l, p.record, w.now).Operation
	r := decide.FailedTry(p.record, *op, provision.RetryFailed, op.Impossible, "", w.now)
	list := decide.Decide(w.cfg, l, r, w.now).Record.Attention
	if len(list) != 1 || list[0].Kind != provision.AttentionFailed || !strings.Contains(list[0].Todo, "mapping") {
		t.Errorf("attention %+v", list)
	}
}

func TestR2_RetrySchedule(t *testing.T) {
	t.Parallel()
	op := decide.Operation{Kind: provision.Create, Fingerprint: "f"}
	var r provision.Record
	var waits []string
	now := start
	for range 6 {
		r = decide.FailedTry(r, op, provision.RetryFailed, "why", "", now)
		at := r.RetryAt()
		waits = append(waits, at.Sub(now).String())
		now = at
	}
	if diff := cmp.Diff([]string{"5m0s", "6h0m0s", "12h0m0s", "24h0m0s", "24h0m0s", "24h0m0s"}, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if retry, _ := r.Retry(provision.Create); retry.Tries != 6 || !retry.Since.Equal(start) {
		t.Errorf("retry %+v", retry)
	}
	op.Fingerprint = "changed"
	if retry, _ := decide.FailedTry(r, op, provision.RetryFailed, "why", "", now).Retry(provision.Create); retry.Tries != 1 || !retry.Since.Equal(now) {
		t.Errorf("a try of something else: %+v", retry)
	}
	if r := decide.FailedTry(provision.Record{}, op, provision.RetryRefused, "why", "", now); !r.RetryAt().Equal(now.Add(24 * time.Hour)) {
		t.Errorf("refused: tried again at %s", r.RetryAt())
	}
}

func TestAttention(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sentence, frames string
		steps            []string
		want             provision.AttentionKind // empty for nothing
		why              string
	}{
		{"a leaver needs nobody", "suspended 1d 7d", []string{"suspend ana", "advance 3d"}, "", ""},
		{"R6: archived with an active account", "", []string{"archive ana"}, provision.AttentionArchived, "archived"},
		{"R6: archived with a suspended account", "suspended within24h never", []string{"suspend ana", "archive ana"}, "", ""},
		{"R6: archived, chosen as a condition", "archived 21d never", []string{"archive ana"}, "", ""},
		{"R18: what would have happened to a protected person", "suspended 7d 21d", []string{"protect ana", "suspend ana"}, provision.AttentionProtected, "2000-01-08T00:00:00Z"},
		{"R18: what was refused before somebody was protected waits no more", "suspended 1d never", []string{"app refuses suspend", "suspend ana", "advance 1d", "protect ana"},
			provision.AttentionProtected, "is protected"},
		{"R18: a protected person in no condition", "suspended 7d 21d", []string{"protect ana"}, "", ""},
		{"R12: a dismissed leaver still has access", "suspended 1d 2d", []string{"guard holds", "suspend ana", "advance 1d", "dismiss ana"}, provision.AttentionHeld, "2000-01-02T00:00:00Z"},
		{"R12: a dismissed leaver, of whom only the hard delete was ordered", "suspended never 1d", []string{"guard holds", "suspend ana", "advance 1d", "dismiss ana"}, provision.AttentionHeld, "hard delete"},
		{"R12: not one who is to lose it otherwise", "suspended 1d never; deleted 7d never", []string{"guard holds", "suspend ana", "advance 1d", "dismiss ana", "delete ana"}, "", ""},
		{"R12: not one who has lost it", "suspended 1d 2d", []string{"guard holds", "suspend ana", "advance 1d", "dismiss ana", "hand suspend ana", "sweep"}, "", ""},
		{"R12: not one whose suspend was confirmed", "suspended 1d never", []string{"guard holds", "suspend ana", "advance 1d", "confirm ana"}, "", ""},
		{"R12: not one who is back", "suspended 1d 2d", []string{"guard holds", "suspend ana", "advance 1d", "dismiss ana", "restore ana"}, "", ""},
		{"R19: a refused suspend", "suspended 1d never", []string{"app refuses suspend", "suspend ana", "advance 1d"}, provision.AttentionRefused, "open roles"},
		{"R17: an attribute given up", "", []string{"title ana A", "hand title ana x", "sweep", "hand title ana y", "sweep", "hand title ana z", "sweep", "hand title ana q", "sweep"},
			provision.AttentionDrift, "title"},
	}
	for _, c := range cases {
		w, p := leaver(t, c.frames, c.steps...)
		list := p.record.Attention
		switch {
		case c.want == "" && len(list) == 0:
		case len(list) != 1 || list[0].Kind != c.want || !strings.Contains(list[0].Why, c.why) || list[0].Todo == "":
			t.Errorf("%s: %+v", c.sentence, list)
			continue
		}
		if len(list) == 0 {
			continue
		}
		since := list[0].Since // it keeps its age
		if err := w.do("advance 1h"); err != nil {
			t.Fatal(err)
		}
		if err := w.do("look ana"); err != nil || !p.record.Attention[0].Since.Equal(since) {
			t.Errorf("%s: since %s, then %v", c.sentence, since, p.record.Attention)
		}
	}
}

// TestR4_FurtherConditionMovesNoDeadline: only the end of a cause, an edit of
// time frames or a turn-on moves the deadlines of a condition that holds.
func TestR4_FurtherConditionMovesNoDeadline(t *testing.T) {
	t.Parallel()
	for _, steps := range [][]string{
		{"out ana", "suspend ana", "delete ana"}, {"out ana", "delete ana"}, {"suspend ana", "out ana", "delete ana"}, {"suspend ana", "delete ana", "undelete ana"},
	} {
		w, p := leaver(t, "appOff 21d 364d; suspended 7d 365d; deleted 21d never", steps[0])
		before := decide.Deadlines(w.cfg, p.record)[0]
		for _, step := range steps[1:] {
			if err := w.do("advance 1h"); err != nil {
				t.Fatal(err)
			}
			if err := w.do(step); err != nil {
				t.Fatal(err)
			}
			found := false
			for _, dl := range decide.Deadlines(w.cfg, p.record) {
				if dl.Condition.Name == before.Condition.Name {
					found = true
					if diff := cmp.Diff(before, dl); diff != "" {
						t.Errorf("%v: %s moved (-before +after):\n%s", steps, step, diff)
					}
				}
			}
			if !found {
				t.Errorf("%v: %s ended %s", steps, step, before.Condition.Name)
			}
		}
	}
}

func TestR2_RetryEndsWithItsCause(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"suspend ana", "delete ana"} {
		w, p := leaver(t, "", step)
		p.record.Retries = []provision.Retry{{Operation: provision.Update, Reason: provision.RetryConflict, At: w.now.Add(time.Hour)}}
		look := w.sees(p, false)
		look.Scope = scope.Verdict{} // nobody asks for the scope of who is deleted
		if r := decide.Decide(w.cfg, look, p.record, w.now).Record; len(r.Retries) > 0 || len(r.Attention) > 0 {
			t.Errorf("after %q: still waits to update: %+v", step, r.Retries)
		}
	}
}

// TestR4_BlockedDeleteIsNotTriedAgain: a refused hard delete that has to wait
// for a suspend, since an edit ordered one before it, is not said to be tried daily.
func TestR4_BlockedDeleteIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "deleted never 1d", "app refuses hardDelete", "delete ana", "advance 2d")
	if _, waits := p.record.Retry(provision.HardDelete); !waits {
		t.Fatalf("retries %+v", p.record.Retries)
	}
	for _, step := range []string{"guard holds", "frames deleted within24h 1d", "look ana", "dismiss ana", "look ana"} {
		if err := w.do(step); err != nil {
			t.Fatal(err)
		}
	}
	if list := p.record.Attention; len(p.record.Retries) > 0 || len(list) != 1 || list[0].Kind != provision.AttentionHeld {
		t.Errorf("retries %+v, attention %+v", p.record.Retries, p.record.Attention)
	}
}

// TestR2_NeedlessUpdateIsNotTriedAgain: a refused update ends when a look at the
// account shows that nothing is to be updated any more.
func TestR2_NeedlessUpdateIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, steps := range [][]string{
		{"app refuses update", "title ana Boss", "title ana Chief"},
		{"app refuses update", "hand title ana Boss", "sweep", "hand title ana Chief"},
	} {
		w, p := leaver(t, "", "title ana Chief")
		for _, step := range steps {
			if err := w.do(step); err != nil {
				t.Fatal(err)
			}
		}
		if _, waits := p.record.Retry(provision.Update); !waits {
			t.Fatalf("%v: retries %+v", steps, p.record.Retries)
		}
		if err := w.do("sweep"); err != nil || len(p.record.Retries) > 0 || len(p.record.Attention) > 0 {
			t.Errorf("%v: error %v, retries %+v, attention %+v", steps, err, p.record.Retries, p.record.Attention)
		}
	}
}

func TestR12_DismissedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	w, p := leaver(t, "suspended 1d never", "guard holds", "suspend ana", "advance 2d")
	p.record.Retries = []provision.Retry{{Operation: provision.Suspend, Reason: provision.RetryRefused, At: w.now.Add(time.Hour)}}
	h := p.record.Hold
	p.record.Verdicts = []provision.Verdict{{Operation: h.Operation, Condition: h.Condition, Since: h.Since, At: w.now}}
	if r := decide.Decide(w.cfg, w.sees(p, false), p.record, w.now).Record; len(r.Retries) > 0 || len(r.Attention) != 1 || r.Attention[0].Kind != provision.AttentionHeld {
		t.Errorf("dismissed, and still waits: %+v, attention %+v", r.Retries, r.Attention)
	}
}
