package admin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// crowd is 40 people with accounts for two days, in a group.
func crowd(t *testing.T) (*office, []string) {
	o := newOffice(t)
	ids := o.Directory().HireMany(40)
	o.Directory().Group("g", ids...)
	o.World.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
	})
	o.MustLook(ids...)
	o.Advance(2 * day)
	return o, ids
}

func (o *office) suspended() (n int) {
	for _, a := range o.App.All() {
		if !a.Active {
			n++
		}
	}
	return n
}

func TestHeldLists(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	held, err := o.Held(t.Context())
	if err != nil || held == nil || held.People != 20 || o.suspended() != 0 {
		t.Fatalf("held %+v, %d suspended, %v", held, o.suspended(), err)
	}
	kind(t, "a list that never was", o.DecideHeld(t.Context(), "held-x", nil, true), fault.Conflict)
	if got := fields(o.DecideHeld(t.Context(), held.ID, []string{ids[20], ids[0]}, true)); len(got) != 1 || got[0] != "users[1]" {
		t.Errorf("somebody who is not on the list: %v", got)
	}

	must(t, o.DecideHeld(t.Context(), held.ID, ids[20:23], true)) // some are confirmed
	o.deliver()
	if o.suspended() != 3 {
		t.Errorf("%d are suspended of 3 confirmed", o.suspended())
	}
	kind(t, "the list as it was", o.DecideHeld(t.Context(), held.ID, nil, true), fault.Conflict)

	o.Directory().Group("g", append(append([]string{}, ids[:18]...), ids[23], ids[24])...) // two return, two leave
	o.Advance(time.Minute)
	o.World.Sweep()
	now, err := o.Held(t.Context())
	if err != nil || now.People != 17 || now.ID == held.ID || o.suspended() != 3 {
		t.Fatalf("held %+v, %d suspended, %v", now, o.suspended(), err)
	}
	must(t, o.DecideHeld(t.Context(), now.ID, ids[25:30], false)) // some are dismissed
	o.deliver()
	o.World.Sweep()
	rest, err := o.Held(t.Context())
	if err != nil || rest.People != 12 || o.suspended() != 3 {
		t.Fatalf("held %+v, %d suspended, %v", rest, o.suspended(), err)
	}
	must(t, o.DecideHeld(t.Context(), rest.ID, nil, true))
	o.deliver()
	if held, _ := o.Held(t.Context()); held != nil || o.suspended() != 15 {
		t.Errorf("held %+v, %d suspended", held, o.suspended())
	}

	// A dismissal is for one cause: whoever leaves again is held, or suspended, again.
	o.Directory().Group("g", ids...)
	o.Advance(time.Minute)
	o.World.Sweep()
	o.Directory().Group("g", append(append([]string{}, ids[:25]...), ids[26:]...)...)
	o.Advance(time.Minute)
	o.World.Sweep()
	if rec := o.Record(ids[25]); rec.Account.State == provision.AccountActive && rec.Hold == nil {
		t.Errorf("an old dismissal still counts: %+v", rec.Verdicts)
	}
}

// TestEachDecisionIsLogged: who confirmed or dismissed a removal, whose and why,
// is one event of that person (R14); so is a release by a confirmed edit.
func TestEachDecisionIsLogged(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	held, err := o.Held(t.Context())
	must(t, err)
	ctx := admin.As(t.Context(), "42")
	must(t, o.DecideHeld(ctx, held.ID, ids[20:22], true))
	held, err = o.Held(t.Context())
	must(t, err)
	must(t, o.DecideHeld(ctx, held.ID, nil, false))
	o.Directory().Group("small", ids[:10]...)
	preview := o.previewed(t, inGroups("small@example.com"))
	must(t, o.PutPreviewed(ctx, preview.ID))
	o.deliver()
	for n, id := range ids {
		want := ""
		switch {
		case n >= 22:
			want = "held suspend dismissed, by 42"
		case n >= 20:
			want = "held suspend confirmed, by 42"
		case n >= 10:
			want = "suspend confirmed with a preview, by 42"
		}
		var got []string
		events, _, err := o.Store.Events(t.Context(), state.EventFilter{UserID: id, Name: provision.EventNotice, Limit: 10})
		must(t, err)
		for _, e := range events {
			got = append(got, e.Cause.Text)
			if e.Email != o.Record(id).Email || e.AccountID == "" || e.Cause.Condition != provision.ConditionAppOff || e.Outcome != provision.OutcomeDone {
				t.Errorf("event %+v", e)
			}
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%d: events %q, want %q", n, got, want)
		}
	}
}

// TestVerdictWaitsForTheLease: a verdict in the middle of an operation would cost its outcome.
// TestOneIsAPerson in what the log says of one who is held.
func TestOneIsAPerson(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	for _, users := range [][]string{ids[20:21], ids[21:39]} {
		held, err := o.Held(t.Context())
		must(t, err)
		must(t, o.DecideHeld(t.Context(), held.ID, users, false))
		o.deliver()
	}
	o.Advance(day)
	o.World.Sweep()
	var said []string
	events, _, err := o.Store.Events(t.Context(), state.EventFilter{Limit: 100})
	must(t, err)
	for _, e := range events {
		said = append(said, e.Cause.Text)
	}
	for _, want := range []string{"held operations of 1 person dismissed", "held operations of 18 people dismissed", "operations for 1 person have been held since "} {
		if !slices.ContainsFunc(said, func(text string) bool { return strings.HasPrefix(text, want) }) {
			t.Errorf("the log does not say %q: %q", want, said)
		}
	}
}

func TestVerdictWaitsForTheLease(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	held, err := o.Held(t.Context())
	must(t, err)
	until := o.Real().Add(time.Minute)
	o.Edit(ids[30], func(r *provision.Record) { r.Lease = &provision.Lease{Owner: "somebody", Until: until} })
	must(t, o.DecideHeld(t.Context(), held.ID, ids[30:31], true))
	if o.Real().Before(until) || len(o.Record(ids[30]).Verdicts) != 1 {
		t.Errorf("given %v before the lease ended: %+v", until.Sub(o.Real()), o.Record(ids[30]).Verdicts)
	}
}

// TestPreviewAges: a preview waits a real hour for the person who reads it,
// however fast business time goes.
func TestPreviewAges(t *testing.T) {
	t.Parallel()
	o, _ := crowd(t)
	business := o.Service.Business
	edit := admin.Proposal{Guard: &provision.Guard{MaxShare: 0.2, MinUsers: 5}}
	for _, passed := range []time.Duration{59 * time.Minute, time.Hour} {
		p, err := o.Preview(t.Context(), edit)
		must(t, err)
		o.deliver()
		o.Service.Business = func() time.Time { return business().Add(30 * day) }
		o.Advance(passed)
		if err := o.Put(t.Context(), edit, p.ID); fault.Is(err, fault.Conflict) != (passed == time.Hour) {
			t.Errorf("%v and 30 business days later: %v", passed, err)
		}
	}
}

// TestConfirmedPreview: an edit with its preview releases whom the preview
// named, and nobody else.
func TestConfirmedPreview(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	edit := admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: []string{"small@example.com"}}}
	ask := func() string {
		t.Helper()
		p, err := o.Preview(t.Context(), edit)
		if err != nil {
			t.Fatal(err)
		}
		o.deliver()
		if p, err = o.PreviewByID(t.Context(), p.ID); err != nil || p.State != provision.PreviewDone || p.Counts[provision.Suspend] != 20 {
			t.Fatalf("preview %+v, %v", p, err)
		}
		return p.ID
	}
	id := ask()
	other := edit
	other.Guard = &provision.Guard{MaxShare: 1}
	kind(t, "another body", o.Put(t.Context(), other, id), fault.Conflict)
	kind(t, "no such preview", o.Put(t.Context(), edit, "none"), fault.Conflict)
	kind(t, "turning on with the preview of an edit", o.TurnOn(t.Context(), id), fault.Conflict)
	o.Advance(time.Hour)
	kind(t, "an hour later", o.Put(t.Context(), edit, id), fault.Conflict)
	id = ask()
	must(t, o.Put(t.Context(), admin.Proposal{Guard: &provision.Guard{MaxShare: 0.05, MinUsers: 5}}, ""))
	kind(t, "after another edit", o.Put(t.Context(), edit, id), fault.Conflict)
	if o.suspended() != 0 {
		t.Fatalf("%d are suspended by refused edits", o.suspended())
	}

	id = ask()
	o.Directory().Group("small", ids[:10]...) // ten more leave after the preview
	must(t, o.Put(t.Context(), edit, id))
	o.deliver()
	for n, id := range ids {
		rec := o.Record(id)
		switch {
		case n >= 20 && rec.Account.State != provision.AccountSuspended:
			t.Errorf("%d, whom the preview named, is %s, held %v", n, rec.Account.State, rec.Hold)
		case n >= 10 && n < 20 && (rec.Account.State != provision.AccountActive || rec.Hold == nil):
			t.Errorf("%d, whom the preview did not name, is %s, held %v", n, rec.Account.State, rec.Hold)
		case n < 10 && rec.Account.State != provision.AccountActive:
			t.Errorf("%d, who stays, is %s", n, rec.Account.State)
		}
	}
}
