package admin_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/state"
)

// whom are the people of mixed, by what becomes of them without an edit.
var whom = map[string][2]int{"held": {0, 10}, "pending": {10, 20}, "unseen": {20, 25}, "protected": {25, 26}, "fine": {26, 40}}

// mixed is a crowd of whom some are held, some are to be suspended in seven days,
// some were suspended in the directory and nobody has looked since, and one is protected.
func mixed(t *testing.T) (*office, []string) {
	t.Helper()
	o, ids := crowd(t)
	o.World.Configure(func(c *provision.Configuration) {
		c.Policies = []provision.PolicyEdit{{Policy: weekly(), SavedAt: o.Business().Add(-30 * day)}}
		c.Protected = []provision.Protected{{Email: reconciletest.Email(25), UserID: ids[25]}}
		c.Revision++
	})
	for _, id := range ids[10:20] {
		o.Directory().Suspend(id, o.Business())
	}
	o.Directory().Suspend(ids[25], o.Business())
	o.MustLook(ids...)
	o.Directory().Group("g", ids[10:]...)
	o.Advance(time.Minute)
	o.World.Sweep()
	for _, id := range ids[20:25] {
		o.Directory().Suspend(id, o.Business())
	}
	o.Advance(time.Minute)
	if held, err := o.Held(t.Context()); err != nil || held == nil || held.People != 10 {
		t.Fatalf("held %+v, %v", held, err)
	}
	return o, ids
}

// weekly suspends who is suspended after a week, and who leaves the scope at once.
func weekly() provision.Deprovisioning {
	return provision.Deprovisioning{AppOff: provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "21d"},
		Suspended: provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "21d"}}
}

func frames(change func(*provision.Deprovisioning)) admin.Proposal {
	d := weekly()
	change(&d)
	return admin.Proposal{Deprovisioning: &d}
}

func inGroups(groups ...string) admin.Proposal {
	return admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}, Groups: groups}}
}

// TestConfirmedEditReleasesWhatItBringsAbout: a confirmed preview releases what
// the edit brings about or moves sooner: nothing that is held already, nothing
// that comes as early without the edit (R12).
func TestConfirmedEditReleasesWhatItBringsAbout(t *testing.T) {
	t.Parallel()
	nobody := []string{}
	for name, test := range map[string]struct {
		edit admin.Proposal
		want map[string]string
	}{
		"a mapping":             {edit: admin.Proposal{Mapping: []provision.MappedAttribute{{App: "userName", Directory: "primaryEmail"}, {App: "title", Expression: "'x'"}}}},
		"the limit":             {edit: admin.Proposal{Guard: &provision.Guard{MaxShare: 0.1, MinUsers: 6}}},
		"the same time frames":  {edit: frames(func(*provision.Deprovisioning) {})},
		"the same scope":        {edit: inGroups("g@example.com")},
		"later suspends":        {edit: frames(func(d *provision.Deprovisioning) { d.Suspended.SuspendAfter = "14d" })},
		"hard deletes for held": {edit: frames(func(d *provision.Deprovisioning) { d.AppOff.DeleteAfter = "3d" })},
		"sooner suspends": {frames(func(d *provision.Deprovisioning) { d.Suspended.SuspendAfter = "3d" }),
			map[string]string{"pending": "suspend suspended", "unseen": "suspend suspended"}},
		"sooner hard deletes": {frames(func(d *provision.Deprovisioning) { d.Suspended.DeleteAfter = "14d" }),
			map[string]string{"pending": "hardDelete suspended", "unseen": "hardDelete suspended"}},
		"a hard delete alone": {frames(func(d *provision.Deprovisioning) { d.Suspended = provision.TimeFrames{DeleteAfter: "2d"} }),
			map[string]string{"pending": "hardDelete suspended", "unseen": "hardDelete suspended"}},
		"a smaller scope": {inGroups("small@example.com"), map[string]string{"fine": "suspend appOff, hardDelete appOff"}},
		"protection ends": {admin.Proposal{Protected: &nobody}, map[string]string{"protected": "suspend suspended, hardDelete suspended"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, ids := mixed(t)
			o.Directory().Group("small", ids[10:26]...)
			preview := o.previewed(t, test.edit)
			rows, _, err := o.PreviewRows(t.Context(), preview.ID, provision.PreviewOperations, "", 500)
			must(t, err)
			if slices.ContainsFunc(rows, func(r provision.PreviewRow) bool { return r.Held && r.Confirms }) {
				t.Error("the preview confirms what is held")
			}
			must(t, o.PutPreviewed(t.Context(), preview.ID))
			got, confirms := map[string]string{}, 0
			for who, at := range whom {
				for _, id := range ids[at[0]:at[1]] {
					confirms += len(o.Record(id).Verdicts)
					if said := released(o.Record(id)); said != "" || got[who] != "" {
						if id != ids[at[0]] && got[who] != said {
							t.Errorf("%s: %q for one, %q for another", who, got[who], said)
						}
						got[who] = said
					}
				}
			}
			if test.want == nil {
				test.want = map[string]string{}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("released (-want +got):\n%s", diff)
			}
			if preview.Confirms != confirms {
				t.Errorf("the preview says that it confirms %d, and it was %d", preview.Confirms, confirms)
			}
			o.deliver()
			if held, err := o.Held(t.Context()); err != nil || held == nil || held.People < 10 {
				t.Errorf("held afterwards: %+v, %v", held, err)
			}
			for _, id := range ids[:10] {
				if rec := o.Record(id); rec.Hold == nil || rec.Account.State != provision.AccountActive {
					t.Errorf("somebody held is %s, held %v", rec.Account.State, rec.Hold)
				}
			}
		})
	}
}

// previewed makes a preview and waits for its end.
func (o *office) previewed(t *testing.T, edit admin.Proposal) provision.Preview {
	t.Helper()
	p, err := o.Preview(t.Context(), edit)
	must(t, err)
	o.Queue.DeliverAll(o.World)
	p, err = o.PreviewByID(t.Context(), p.ID)
	if err != nil || p.State != provision.PreviewDone {
		t.Fatalf("preview %+v, %v", p, err)
	}
	return p
}

// released is what was released for a person, as text.
func released(rec provision.Record) string {
	var list []string
	for _, v := range rec.Verdicts {
		if v.Release {
			list = append(list, string(v.Operation)+" "+string(v.Condition))
		}
	}
	return strings.Join(slices.Clip(list), ", ")
}

// TestPreviewTellsHeldApart: what waits for an administrator is not among what an edit does.
func TestPreviewTellsHeldApart(t *testing.T) {
	t.Parallel()
	o, ids := mixed(t)
	o.Directory().Group("small", ids[10:30]...)
	preview := o.previewed(t, inGroups("small@example.com"))
	if n := preview.Counts[provision.Suspend]; preview.Held != 10 || preview.Confirms != 20 || n != 25 {
		t.Errorf("%d are held, %d confirmed, %d suspended of 10, 20 and 25", preview.Held, preview.Confirms, n)
	}
	rows, _, err := o.PreviewRows(t.Context(), preview.ID, provision.PreviewOperations, "", 500)
	must(t, err)
	for _, row := range rows {
		held := slices.Contains(ids[:10], row.UserID)
		begun := slices.Contains(ids[30:], row.UserID)
		if row.Held != held || row.Confirms != begun || held != strings.Contains(row.Why, "held") || begun == !row.Was.IsZero() {
			t.Errorf("a row says %+v", row)
		}
	}
}

// TestEarlierGraceStays: who is named by no preview keeps the day that an earlier
// edit left them, whatever else is edited and confirmed meanwhile (R9).
func TestEarlierGraceStays(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.World.Configure(func(c *provision.Configuration) {
		c.Policies = []provision.PolicyEdit{{Policy: provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "21d"}}}}
	})
	o.Directory().Suspend(ids[0], o.Business())
	o.MustLook(ids[0])
	o.Advance(10 * day)
	sooner := provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "7d"}}
	must(t, o.Put(t.Context(), admin.Proposal{Deprovisioning: &sooner}, ""))
	o.deliver()
	o.Advance(time.Hour)
	for _, edit := range []admin.Proposal{
		frames(func(d *provision.Deprovisioning) { *d = sooner; d.Deleted.SuspendAfter = "1d" }),
		frames(func(d *provision.Deprovisioning) { *d = sooner; d.Suspended.DeleteAfter = "8d" }),
		inGroups(),
	} {
		preview := o.previewed(t, edit)
		must(t, o.PutPreviewed(t.Context(), preview.ID))
		o.deliver()
		if rec := o.Record(ids[0]); preview.Confirms != 0 || rec.Account.State != provision.AccountSuspended {
			t.Errorf("%d are confirmed, and the account is %s: %+v", preview.Confirms, rec.Account.State, rec.Verdicts)
		}
	}
	o.Advance(23 * time.Hour)
	o.deliver()
	if rec := o.Record(ids[0]); rec.Account.State != provision.AccountNone {
		t.Errorf("a day after the edit that moved the hard delete the account is %s", rec.Account.State)
	}
}

// TestOverdueIsMovedByNoEdit: what is due already comes no sooner by a shorter time frame.
func TestOverdueIsMovedByNoEdit(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.World.Configure(func(c *provision.Configuration) {
		c.Policies = []provision.PolicyEdit{{Policy: provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: "1d"}}}}
	})
	o.App.Meet = func(name, _ string) error {
		if name != "suspend" {
			return nil
		}
		return fault.New(fault.Invalid, "test: suspend", "open roles")
	}
	o.Directory().Suspend(ids[0], o.Business())
	o.MustLook(ids[0])
	o.Advance(2 * day)
	o.MustLook(ids[0])
	if _, waits := o.Record(ids[0]).Retry(provision.Suspend); !waits {
		t.Fatalf("the app did not refuse: %+v", o.Record(ids[0]))
	}
	now := provision.Deprovisioning{Suspended: provision.TimeFrames{SuspendAfter: provision.Within24h}}
	if preview := o.previewed(t, admin.Proposal{Deprovisioning: &now}); preview.Confirms != 0 || preview.Counts[provision.Suspend] != 1 {
		t.Errorf("%d are confirmed of %v", preview.Confirms, preview.Counts)
	}
}

// TestHeldAfterThePreview: who comes on the held list between a preview and its
// confirmation was not shown as held, and stays on it.
func TestHeldAfterThePreview(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	preview := o.previewed(t, inGroups("small@example.com"))
	o.Directory().Group("g", ids[:20]...)
	o.Advance(time.Minute)
	o.World.Sweep()
	o.Advance(time.Minute)
	must(t, o.PutPreviewed(t.Context(), preview.ID))
	o.deliver()
	if held, err := o.Held(t.Context()); err != nil || held == nil || held.People != 20 || o.suspended() != 0 {
		t.Errorf("held %+v, %d suspended, %v", held, o.suspended(), err)
	}
}

// offWithTenToGo is turned off, with the preview of a turn-on that suspends ten people.
func offWithTenToGo(t *testing.T) (*office, provision.Preview) {
	t.Helper()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[10:]...)
	o.World.Sweep()
	must(t, o.TurnOff(t.Context()))
	o.Advance(day)
	return o, o.previewed(t, admin.Proposal{})
}

// TestConfirmedTurnOn: all that a turn-on brings about is named and released.
func TestConfirmedTurnOn(t *testing.T) {
	t.Parallel()
	o, preview := offWithTenToGo(t)
	if preview.Confirms != 10 || preview.Held != 0 {
		t.Errorf("%d are confirmed and %d held of 10 and none", preview.Confirms, preview.Held)
	}
	o.Advance(time.Minute)
	must(t, o.TurnOn(t.Context(), preview.ID))
	o.deliver()
	if held, err := o.Held(t.Context()); err != nil || held != nil || o.suspended() != 10 {
		t.Errorf("held %+v, %d suspended, %v", held, o.suspended(), err)
	}
}

// TestReplacedGroupIsLost: that a group of the scope is gone keeps nobody from
// previewing the edit that takes it out.
func TestReplacedGroupIsLost(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	o.Directory().Dissolve("g")
	if preview := o.previewed(t, inGroups("small@example.com")); preview.Confirms != 20 {
		t.Errorf("%d are confirmed of 20", preview.Confirms)
	}
}

// TestPreviewShowsEveryDeadlineThatMoves: a preview shows of each deadline that
// moves when it was, and when it is: also of the one behind the next.
func TestPreviewShowsEveryDeadlineThatMoves(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	policy := weekly()
	o.World.Configure(func(c *provision.Configuration) {
		c.Policies = []provision.PolicyEdit{{Policy: policy, SavedAt: o.Business().Add(-30 * day)}}
	})
	o.Directory().Suspend(ids[0], o.Business())
	o.MustLook(ids[0])
	began := o.Business()
	nobody, her := []string{}, []string{reconciletest.Email(0)}
	for _, test := range []struct {
		name string
		edit admin.Proposal
		want []string
	}{
		{"nothing", frames(func(*provision.Deprovisioning) {}), []string{"operations suspend 7d was 7d"}},
		{"the hard delete goes", frames(func(d *provision.Deprovisioning) { d.Suspended.DeleteAfter = provision.Never }),
			[]string{"operations suspend 7d was 7d", "freed hardDelete was 21d"}},
		{"the hard delete comes sooner", frames(func(d *provision.Deprovisioning) { d.Suspended.DeleteAfter = "14d" }),
			[]string{"operations suspend 7d was 7d", "operations hardDelete 14d was 21d confirmed"}},
		{"the hard delete comes later", frames(func(d *provision.Deprovisioning) { d.Suspended.DeleteAfter = "30d" }),
			[]string{"operations suspend 7d was 7d", "operations hardDelete 30d was 21d"}},
		{"the suspend goes, and the hard delete comes sooner", frames(func(d *provision.Deprovisioning) { d.Suspended = provision.TimeFrames{DeleteAfter: "1d"} }),
			[]string{"operations hardDelete 1d was 21d confirmed", "freed suspend was 7d"}},
		{"both go", frames(func(d *provision.Deprovisioning) { d.Suspended = provision.TimeFrames{} }), []string{"freed suspend was 7d", "freed hardDelete was 21d"}},
		{"she is protected", admin.Proposal{Protected: &her}, []string{"freed suspend was 7d", "freed hardDelete was 21d"}},
		{"nobody is protected", admin.Proposal{Protected: &nobody}, []string{"operations suspend 7d was 7d"}},
	} {
		preview := o.previewed(t, test.edit)
		var got []string
		for _, kind := range []provision.PreviewKind{provision.PreviewOperations, provision.PreviewFreed} {
			rows, _, err := o.PreviewRows(t.Context(), preview.ID, kind, "", 500)
			must(t, err)
			for _, row := range rows {
				got = append(got, moved(row, began))
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// moved is a row as text, with its times in days from another.
func moved(row provision.PreviewRow, from time.Time) string {
	days := func(at time.Time) string { return strconv.Itoa(int(at.Sub(from).Hours())/24) + "d" }
	text := string(row.Kind) + " " + string(row.Operation)
	if !row.DueAt.IsZero() {
		text += " " + days(row.DueAt)
	}
	if !row.Was.IsZero() {
		text += " was " + days(row.Was)
	}
	if row.Confirms {
		text += " confirmed"
	}
	return text
}

// meddled is a store in front of whose preview rows something happens.
type meddled struct {
	state.Store
	meanwhile func()
}

func (m meddled) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) ([]provision.PreviewRow, string, error) {
	m.meanwhile()
	return m.Store.PreviewRows(ctx, id, kind, token, limit)
}

// TestSweepBeforeTheRelease: a sweep comes between what a confirmed edit stores
// and what it releases, and holds everybody. The edit asks for another, which
// acts on the release.
func TestSweepBeforeTheRelease(t *testing.T) {
	t.Parallel()
	o, ids := crowd(t)
	o.Directory().Group("small", ids[:20]...)
	edit := inGroups("small@example.com")
	preview := o.previewed(t, edit)
	o.Service.Store = meddled{o.Service.Store, func() {
		o.Advance(time.Minute)
		o.World.Sweep()
		if held, err := o.Held(t.Context()); err != nil || held == nil || held.People != 20 {
			t.Errorf("held %+v, %v", held, err)
		}
	}}
	must(t, o.Put(t.Context(), edit, preview.ID))
	o.deliver()
	if n := o.suspended(); n != 20 {
		t.Errorf("%d of 20 are suspended whom the preview named", n)
	}
}
