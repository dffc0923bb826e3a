package sweep_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// TestPreviewTellsTheImpossibleApart: what the mapping fails for would not be
// done: neither an update, nor a new account, nor an adoption.
func TestPreviewTellsTheImpossibleApart(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(4)
	w.MustLook(ids[0])
	w.App.Add(provision.Account{UserName: reconciletest.Email(1), Active: true})
	for _, id := range ids[:3] {
		w.Directory.Title(id, "!")
	}
	preview := previewed(t, w, w.Configuration())
	if diff := cmp.Diff(map[provision.OperationKind]int{provision.Create: 1}, preview.Counts); diff != "" || preview.Impossible != 3 {
		t.Errorf("%d are impossible of 3; counts (-want +got):\n%s", preview.Impossible, diff)
	}
	rows, _, err := w.Store.PreviewRows(t.Context(), "p", provision.PreviewOperations, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Impossible == (row.UserID == ids[3]) || row.Impossible == (row.Why == "in scope") {
			t.Errorf("a row says %+v", row)
		}
	}
	for _, kind := range []provision.PreviewKind{provision.PreviewAdopt, provision.PreviewOrphans} {
		if rows, _, err := w.Store.PreviewRows(t.Context(), "p", kind, "", 10); err != nil || len(rows) > 0 {
			t.Errorf("%s: %+v, %v", kind, rows, err)
		}
	}
}

// TestPreviewCountsItsLists: an adoption is among what is done, a match of two
// accounts is a conflict and no update, and each list knows its length.
func TestPreviewCountsItsLists(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(4)
	w.App.Add(provision.Account{UserName: reconciletest.Email(0), Active: true})
	w.App.Add(provision.Account{UserName: reconciletest.Email(1), Active: true})
	w.App.Add(provision.Account{UserName: "somebody else", ExternalID: ids[1], Active: true})
	w.App.Add(provision.Account{UserName: "an orphan", Active: true})
	preview := previewed(t, w, w.Configuration())
	if diff := cmp.Diff(map[provision.OperationKind]int{provision.Create: 2, provision.Update: 1}, preview.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	lists := map[provision.PreviewKind]int{provision.PreviewOperations: 4, provision.PreviewAdopt: 3, provision.PreviewOrphans: 1}
	if diff := cmp.Diff(lists, preview.Lists); diff != "" || preview.Adopted != 1 || preview.Conflicts != 1 {
		t.Errorf("%d adopted, %d conflicts; lists (-want +got):\n%s", preview.Adopted, preview.Conflicts, diff)
	}
	rows, _, err := w.Store.PreviewRows(t.Context(), "p", provision.PreviewOperations, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []provision.PreviewRow{ // the heaviest first
		{UserID: ids[1], Operation: provision.Update, Conflict: true}, {UserID: ids[0], Operation: provision.Update, Adopts: true},
		{UserID: ids[2], Operation: provision.Create}, {UserID: ids[3], Operation: provision.Create},
	} {
		got := provision.PreviewRow{UserID: rows[i].UserID, Operation: rows[i].Operation, Adopts: rows[i].Adopts, Conflict: rows[i].Conflict}
		if got != want || rows[i].Why == "" {
			t.Errorf("row %d is %+v", i, rows[i])
		}
	}
}

// TestPreviewAdoptsNobodyElses: an account that carries another person's
// directory id is a conflict (R2), whoever comes first in the listing; one with
// an external id from elsewhere is adopted.
func TestPreviewAdoptsNobodyElses(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(4)
	w.Directory.Delete(ids[3], w.Business(), true)
	w.App.Add(provision.Account{UserName: reconciletest.Email(0), ExternalID: ids[2], Active: true})
	w.App.Add(provision.Account{UserName: reconciletest.Email(1), ExternalID: "from elsewhere", Active: true})
	w.App.Add(provision.Account{UserName: reconciletest.Email(2), ExternalID: ids[3], Active: true})
	preview := previewed(t, w, w.Configuration())
	// The third one's own id stands on the first's account, beside the name on hers.
	if preview.Adopted != 1 || preview.Conflicts != 2 || preview.Counts[provision.Update] != 1 {
		t.Errorf("%d adopted, %d conflicts, counts %v", preview.Adopted, preview.Conflicts, preview.Counts)
	}
	rows, _, err := w.Store.PreviewRows(t.Context(), "p", provision.PreviewOperations, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Adopts != (row.UserID == ids[1]) || row.Conflict == row.Adopts {
			t.Errorf("a row is %+v", row)
		}
		if row.UserID == ids[0] && !strings.Contains(row.Why, "of another person, "+reconciletest.Email(2)+":") {
			t.Errorf("%s: %s", row.UserID, row.Why)
		}
	}
}

// TestPreviewCountsWhatMoves: of an edit, the removals that come at another time.
func TestPreviewCountsWhatMoves(t *testing.T) {
	t.Parallel()
	w := reconciletest.New(t)
	ids := w.Directory.HireMany(2)
	for _, id := range ids {
		w.MustLook(id)
	}
	w.Directory.Suspend(ids[0], w.Business())
	w.MustLook(ids[0])
	present := w.Configuration()
	c := present.Clone()
	c.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: "2d"}
	now := c.Clone()
	now.Policies[0].Policy.Suspended = provision.TimeFrames{SuspendAfter: "5d"}
	for _, test := range []struct {
		present, proposed provision.Configuration
		moved             int
	}{{c, now, 1}, {now, c, 1}, {c, c, 0}} {
		preview := previewedEdit(t, w, &test.present, test.proposed)
		if preview.Moved != test.moved {
			t.Errorf("%d move, want %d", preview.Moved, test.moved)
		}
	}
}
