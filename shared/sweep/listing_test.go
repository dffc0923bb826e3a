package sweep_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
)

// crowded is a company of five people in an app of 20 pages of accounts that
// are not theirs but for one on the first page and one on the last.
func crowded(t *testing.T) *reconciletest.World {
	w := reconciletest.New(t)
	w.Directory.HireMany(5)
	w.Directory.Paged(2)
	for n := range 4000 {
		account := provision.Account{UserName: fmt.Sprintf("stranger%d@example.com", n), Active: true}
		switch n {
		case 10:
			account.UserName = reconciletest.Email(4)
		case 3990:
			account.UserName = reconciletest.Email(0)
		}
		w.App.Add(account)
	}
	w.Queue.Drop()
	return w
}

// whole checks that a sweep saw the whole listing: two were adopted, three
// created, and the others are orphans.
func whole(t *testing.T, w *reconciletest.World) {
	t.Helper()
	done(t, w.Sweep())
	created := 0
	for n := range 5 {
		if of := w.App.Of(reconciletest.ID(n)); len(of) != 1 {
			t.Errorf("person %d has the accounts %+v", n, of)
		}
	}
	for _, write := range w.App.Writes() {
		if write[:len("create")] == "create" {
			created++
		}
	}
	if all := len(w.App.All()); created != 3 || all != 4003 {
		t.Errorf("%d created, %d accounts", created, all)
	}
	orphans := 0
	for token := ""; ; {
		page, next, err := w.Store.Orphans(context.Background(), token, 500)
		if err != nil {
			t.Fatal(err)
		}
		orphans += len(page)
		if token = next; next == "" {
			break
		}
	}
	if orphans != 3998 {
		t.Errorf("%d orphans, want 3998", orphans)
	}
}

// TestSlowListing: a listing of the app that takes far longer than a turn, and
// than a sweep may stand still, goes on where it stopped.
func TestSlowListing(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	lists := 0
	w.App.Meet = func(name, _ string) error {
		if name == "list" {
			lists++
			w.Advance(90 * time.Second)
		}
		return nil
	}
	begun := w.Real()
	whole(t, w)
	if took := w.Real().Sub(begun); took < 30*time.Minute {
		t.Fatalf("it took %v, and shows nothing", took)
	}
	if lists < 20 || lists > 30 { // each of the four turns may end while a page is on its way
		t.Errorf("%d pages of 20 were read", lists)
	}
}

// TestListingOfAnotherApp: what was listed of one app is nothing to another.
func TestListingOfAnotherApp(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	lists := 0
	w.App.Meet = func(name, _ string) error {
		if name != "list" {
			return nil
		}
		if lists++; lists == 12 {
			w.Configure(func(c *provision.Configuration) { c.Connection.BaseURL += "/other" })
			return fault.New(fault.Unavailable, "app: list", "no answer")
		}
		return nil
	}
	whole(t, w)
	if lists != 32 {
		t.Errorf("%d pages were read, want the first 12 and all 20", lists)
	}
}

// TestListingFailsInTheMiddle: what was listed before the app failed is not listed again.
func TestListingFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, at := range []int{2, 9, 17, 20} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			lists := 0
			w.App.Meet = func(name, _ string) error {
				if name != "list" {
					return nil
				}
				if lists++; lists == at {
					return fault.New(fault.Unavailable, "app: list", "no answer")
				}
				return nil
			}
			whole(t, w)
			if again := lists - 20; again < 1 || again > 5 { // five hundred accounts are three pages; one may be on its way
				t.Errorf("%d pages of 20 were read, the %d. failed", lists, at)
			}
		})
	}
}

// TestPreviewResumes: a preview whose delivery was cut off goes on with the
// listing where it stopped, also when a sweep has tidied up meanwhile.
func TestPreviewResumes(t *testing.T) {
	t.Parallel()
	for _, tidied := range []bool{false, true} {
		t.Run(fmt.Sprint(tidied), func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			ctx := context.Background()
			p := provision.Preview{ID: "p", State: provision.PreviewRunning, Proposed: w.Configuration()}
			if _, err := w.Store.PutPreview(ctx, p, nil); err != nil {
				t.Fatal(err)
			}
			delivery, cut := context.WithCancel(ctx)
			lists := 0
			w.App.Meet = func(name, _ string) error {
				if name != "list" {
					return nil
				}
				if lists++; lists == 13 {
					cut()
					return fault.Wrap(fault.Unavailable, "app: list", context.Canceled)
				}
				return nil
			}
			if err := w.Process().Sweeper.Preview(delivery, "p"); err == nil {
				t.Fatal("it was not cut off")
			}
			most := 28
			if tidied {
				most = 40
				if err := w.Store.DropSets(ctx, "another"); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Process().Sweeper.Preview(ctx, "p"); err != nil {
				t.Fatal(err)
			}
			got, err := w.Store.Preview(ctx, "p")
			if err != nil || got.State != provision.PreviewDone || got.Counts[provision.Create] != 3 || got.Counts[provision.Update] != 2 {
				t.Errorf("the preview is %+v, %v", got, err)
			}
			orphans := 0
			for token := ""; ; {
				page, next, err := w.Store.PreviewRows(ctx, "p", provision.PreviewOrphans, token, 500)
				if err != nil {
					t.Fatal(err)
				}
				orphans += len(page)
				if token = next; next == "" {
					break
				}
			}
			if orphans != 3998 || lists > most {
				t.Errorf("%d orphans, %d pages of 20 were read", orphans, lists)
			}
		})
	}
}
