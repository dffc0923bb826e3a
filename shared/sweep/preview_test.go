package sweep_test

import (
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
