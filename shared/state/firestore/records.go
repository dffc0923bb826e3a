package firestore

import (
	"context"
	"slices"
	"time"

	cloud "cloud.google.com/go/firestore"
	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// maxIn is how many values one query compares a field with
// (firebase.google.com/docs/firestore/query-data/queries#limitations).
const maxIn = 30

// Record implements state.Records.
func (s *Store) Record(ctx context.Context, userID string) (provision.Record, error) {
	found, err := s.RecordsByID(ctx, []string{userID})
	if r, ok := found[userID]; ok {
		return r, err
	}
	return provision.Record{UserID: userID}, err
}

// RecordsByID implements state.Records.
func (s *Store) RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	const op = "state: read records"
	if err := atMost(op, ids); err != nil {
		return nil, err
	}
	refs := make([]*cloud.DocumentRef, len(ids))
	for i, id := range ids {
		refs[i] = s.records().Doc(key(id))
	}
	found, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return nil, wrap(op, err)
	}
	byID := make(map[string]provision.Record, len(found))
	for _, snap := range found {
		if !snap.Exists() {
			continue
		}
		r, err := record(op, snap)
		if err != nil {
			return nil, err
		}
		byID[r.UserID] = r
	}
	return byID, nil
}

// RecordsByAccount implements state.Records. Of two records with one account,
// which the reconciler never makes, it returns the one with the lower user id.
func (s *Store) RecordsByAccount(ctx context.Context, accountIDs []string) (map[string]provision.Record, error) {
	const op = "state: read records by account"
	if err := atMost(op, accountIDs); err != nil {
		return nil, err
	}
	chunks := slices.Collect(slices.Chunk(accountIDs, maxIn))
	found := make([][]provision.Record, len(chunks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, chunk := range chunks {
		group.Go(func() (err error) {
			found[i], err = s.find(ctx, op, s.records().Where(fieldAccount, "in", chunk))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byAccount := map[string]provision.Record{}
	for _, r := range slices.Concat(found...) {
		if other, ok := byAccount[r.Account.ID]; !ok || r.UserID < other.UserID {
			byAccount[r.Account.ID] = r
		}
	}
	return byAccount, nil
}

func atMost(op string, ids []string) error {
	if len(ids) > stored.MaxPage {
		return stored.Invalid(op, "", "more than %d ids", stored.MaxPage)
	}
	return nil
}

// RecordsByEmail implements state.Records.
func (s *Store) RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error) {
	return s.find(ctx, "state: read records by address", s.records().Where(fieldEmail, "==", stored.FoldEmail(email)))
}

// find reads the records that a query selects.
func (s *Store) find(ctx context.Context, op string, q cloud.Query) ([]provision.Record, error) {
	var records []provision.Record
	err := query(ctx, op, q.Select(fieldDoc), func(snap *cloud.DocumentSnapshot) error {
		r, err := record(op, snap)
		records = append(records, r)
		return err
	})
	return records, err
}

// record reads one record from its document.
func record(op string, snap *cloud.DocumentSnapshot) (provision.Record, error) {
	var r provision.Record
	if err := decode(op, snap, &r); err != nil {
		return r, err
	}
	if key(r.UserID) != snap.Ref.ID {
		return r, fault.New(fault.Internal, op, "the stored record %q holds another user's document; restore the state from a backup", snap.Ref.ID)
	}
	r.Version = version(snap.UpdateTime)
	return r, nil
}

// Commit implements state.Records. It is one request, unless others get in the way.
func (s *Store) Commit(ctx context.Context, change state.Change) (int64, error) {
	const op = "state: commit record"
	r := change.Record
	if r.UserID == "" {
		return 0, stored.Invalid(op, "userId", "a record needs a user id")
	}
	derived, err := recordFields(op, r)
	if err != nil {
		return 0, err
	}
	replaced := replacement{ref: s.records().Doc(key(r.UserID)), version: r.Version, fields: derived}
	return s.replace(ctx, op, replaced, change.Events, func(b *batch) {
		if change.EndedLook != "" {
			b.Delete(s.owed(change.EndedLook).Doc(key(r.UserID)))
		}
	})
}

// The fields of a record that queries use. Times are nanoseconds since 1970 and
// not timestamps, which Firestore cuts to microseconds.
const (
	fieldEmail         = "email"   // folded
	fieldAccount       = "account" // while the account exists
	fieldMarks         = "marks"
	fieldNext          = "next"
	fieldRetry         = "retry"
	fieldHoldMark      = "holdMark" // while something is held
	fieldHeldAt        = "heldAt"
	fieldCountSuspend  = "countSuspend"
	fieldCountDelete   = "countDelete"
	fieldSuspendDone   = "suspendDone"
	fieldDeleteDone    = "deleteDone"
	fieldGone          = "gone"
	fieldOpenRevision  = "openRevision" // of an intent under a lease
	fieldOpenUntil     = "openUntil"
	fieldManagedFrom   = "managedFrom"
	fieldManagedUntil  = "managedUntil"
	fieldActiveFrom    = "activeFrom"
	fieldActiveUntil   = "activeUntil"
	markLinked         = "linked"
	markHeld           = "held"
	markNeedsAttention = "attention"
	markGone           = "gone"
	markIntent         = "intent"
)

func recordFields(op string, r provision.Record) (fields, error) {
	doc, err := stored.Encode(op, r)
	if err != nil {
		return nil, err
	}
	f := fields{
		fieldDoc: doc, fieldEmail: stored.FoldEmail(r.Email), fieldAccount: nil, fieldMarks: marks(r),
		fieldNext: nil, fieldRetry: nanos(r.RetryAt()), fieldGone: nanos(r.GoneAt),
		fieldCountSuspend: nanos(r.CountSuspendAt), fieldCountDelete: nanos(r.CountDeleteAt),
		fieldSuspendDone: nanos(r.SuspendDoneAt), fieldDeleteDone: nanos(r.DeleteDoneAt),
		fieldHoldMark: nil, fieldHeldAt: nil, fieldOpenRevision: nil, fieldOpenUntil: nil,
	}
	if r.Account.Exists() {
		f[fieldAccount] = r.Account.ID
	}
	if r.Next != nil {
		f[fieldNext] = stored.Nanos(r.Next.At)
	}
	if r.Hold != nil {
		f[fieldHoldMark], f[fieldHeldAt] = r.HoldMark(), stored.Nanos(r.Hold.HeldAt)
	}
	if r.Intent != nil && r.Lease != nil {
		f[fieldOpenRevision], f[fieldOpenUntil] = r.Intent.Revision, stored.Nanos(r.Lease.Until)
	}
	managed(r.Account).put(f, fieldManagedFrom, fieldManagedUntil)
	active(r.Account).put(f, fieldActiveFrom, fieldActiveUntil)
	return f, nil
}

// nanos is a time as it is stored; nil for the zero time.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stored.Nanos(t)
}

// marks are the selections in the order of user ids that a record belongs to;
// nil for none. One array costs one index where a field for each would cost five.
func marks(r provision.Record) any {
	var list []string
	for _, m := range []struct {
		mark string
		on   bool
	}{
		{markLinked, r.Account.Exists()},
		{markHeld, r.Hold != nil},
		{markNeedsAttention, len(r.Attention) > 0},
		{markGone, !r.GoneAt.IsZero()},
		{markIntent, r.Intent != nil},
	} {
		if m.on {
			list = append(list, m.mark)
		}
	}
	if list == nil {
		return nil
	}
	return list
}
