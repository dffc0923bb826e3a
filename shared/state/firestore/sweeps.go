package firestore

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"

	cloud "cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state/stored"
)

// pages are the pages of a sweep's listing, each a document; owed are the looks
// that it is owed, each a document without a field, and without an index.
func (s *Store) pages(set string) *cloud.CollectionRef {
	return s.sweeps().Doc(key(set)).Collection("pages")
}

func (s *Store) owed(set string) *cloud.CollectionRef {
	return s.sweeps().Doc(key(set)).Collection("looks")
}

// AddPage implements state.Sweeps.
func (s *Store) AddPage(ctx context.Context, set string, page int, rows, looks []string) error {
	const op = "state: add page"
	doc, err := stored.Encode(op, rows)
	if err != nil {
		return err
	}
	looks = slices.Compact(slices.Sorted(slices.Values(looks)))
	err = s.write(ctx, op, func(b *batch) {
		// Names of one length, so that their order is that of the numbers.
		b.Create(s.pages(set).Doc(fmt.Sprintf("%09d", page)), map[string]any{fieldDoc: doc})
		for _, id := range looks {
			b.Set(s.owed(set).Doc(key(id)), map[string]any{})
		}
	})
	if status.Code(err) == codes.AlreadyExists {
		return nil // its looks may have ended since
	}
	return wrap(op, err)
}

// Rows implements state.Sweeps.
func (s *Store) Rows(ctx context.Context, set string) ([]string, error) {
	const op = "state: read rows"
	var listed []string
	err := query(ctx, op, s.pages(set).OrderBy(cloud.DocumentID, cloud.Asc), func(snap *cloud.DocumentSnapshot) error {
		var ids []string
		err := decode(op, snap, &ids)
		listed = append(listed, ids...)
		return err
	})
	return listed, err
}

// EndLook implements state.Sweeps.
func (s *Store) EndLook(ctx context.Context, set, userID string) error {
	_, err := s.owed(set).Doc(key(userID)).Delete(ctx)
	return wrap("state: end look", err)
}

// Looks implements state.Sweeps.
func (s *Store) Looks(ctx context.Context, set string) ([]string, error) {
	const op = "state: read looks"
	var users []string
	err := query(ctx, op, s.owed(set).Select(), func(snap *cloud.DocumentSnapshot) error {
		id, err := url.PathUnescape(snap.Ref.ID)
		if err != nil {
			return fault.New(fault.Internal, op, "the stored look %q is at nobody; restore the state from a backup", snap.Ref.ID)
		}
		users = append(users, id)
		return nil
	})
	return users, err
}

// LooksLeft implements state.Sweeps.
func (s *Store) LooksLeft(ctx context.Context, set string) (int, error) {
	return count(ctx, "state: count looks", s.owed(set).Query)
}

// DropSets implements state.Sweeps.
func (s *Store) DropSets(ctx context.Context, keep string) error {
	const op = "state: drop sets"
	// The sweeps' documents do not exist, but are listed for what is below them.
	all, err := s.sweeps().DocumentRefs(ctx).GetAll()
	if err != nil {
		return wrap(op, err)
	}
	for _, sweep := range all {
		if sweep.ID == key(keep) {
			continue
		}
		for _, below := range []string{"pages", "looks"} {
			if err := s.remove(ctx, op, sweep.Collection(below).Query); err != nil {
				return err
			}
		}
	}
	return nil
}

// PutOrphans implements state.Sweeps. A list of more than one commit's size is
// replaced piece by piece; a page that is read meanwhile may show some of both.
func (s *Store) PutOrphans(ctx context.Context, orphans []provision.Orphan) error {
	const op = "state: put orphans"
	sorted := slices.Clone(orphans)
	slices.SortStableFunc(sorted, func(a, b provision.Orphan) int { return cmp.Compare(a.AccountID, b.AccountID) })
	sorted = slices.CompactFunc(sorted, func(a, b provision.Orphan) bool { return a.AccountID == b.AccountID })
	docs, err := chunks(op, sorted)
	if err != nil {
		return err
	}
	name := func(n int) *cloud.DocumentRef { return s.orphans().Doc(fmt.Sprintf("%09d", n)) }
	first := 0
	for group := range slices.Chunk(docs, commitChunks) {
		if err := s.write(ctx, op, func(b *batch) {
			for i, doc := range group {
				b.Set(name(first+i), map[string]any{fieldDoc: doc})
			}
		}); err != nil {
			return wrap(op, err)
		}
		first += len(group)
	}
	return s.remove(ctx, op, s.orphans().OrderBy(cloud.DocumentID, cloud.Asc).StartAt(name(first).ID))
}

// Orphans implements state.Sweeps.
func (s *Store) Orphans(ctx context.Context, token string, limit int) ([]provision.Orphan, string, error) {
	return readChunks[provision.Orphan](ctx, "state: read orphans", "orphans", s.orphans().Query, token, limit)
}
