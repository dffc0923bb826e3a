package firestore

import (
	"context"
	"fmt"
	"time"

	cloud "cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state/stored"
)

const (
	fieldExpires = "expires" // nanoseconds since 1970, of a preview
	fieldKind    = "kind"    // of a chunk of its rows
)

// rows are a preview's, in chunks.
func (s *Store) rows(previewID string) *cloud.CollectionRef {
	return s.previews().Doc(key(previewID)).Collection("rows")
}

// Preview implements state.Previews.
func (s *Store) Preview(ctx context.Context, id string) (provision.Preview, error) {
	const op = "state: read preview"
	var p provision.Preview
	snap, err := s.previews().Doc(key(id)).Get(ctx)
	switch {
	case status.Code(err) == codes.NotFound:
		return p, fault.New(fault.NotFound, op, "there is no such preview; it may have expired")
	case err != nil:
		return p, wrap(op, err)
	}
	if err := decode(op, snap, &p); err != nil {
		return p, err
	}
	p.Version = version(snap.UpdateTime)
	return p, nil
}

// PutPreview implements state.Previews.
func (s *Store) PutPreview(ctx context.Context, p provision.Preview, rows []provision.PreviewRow) (int64, error) {
	const op = "state: put preview"
	if p.ID == "" {
		return 0, stored.Invalid(op, "id", "a preview needs an id")
	}
	doc, err := stored.Encode(op, p)
	if err != nil {
		return 0, err
	}
	byKind := map[provision.PreviewKind][]provision.PreviewRow{}
	for _, row := range rows {
		byKind[row.Kind] = append(byKind[row.Kind], row)
	}
	added := map[*cloud.DocumentRef]map[string]any{}
	for kind, rows := range byKind {
		docs, err := chunks(op, rows)
		if err != nil {
			return 0, err
		}
		for i, doc := range docs {
			// The version that was read grows with every call, and so do the names.
			name := fmt.Sprintf("%020d-%06d-%s", p.Version, i, key(string(kind)))
			added[s.rows(p.ID).Doc(name)] = map[string]any{fieldKind: string(kind), fieldDoc: doc}
		}
	}
	replaced := replacement{ref: s.previews().Doc(key(p.ID)), version: p.Version,
		fields: fields{fieldDoc: doc, fieldExpires: nanos(p.ExpiresAt)}}
	return s.replace(ctx, op, replaced, nil, func(b *batch) {
		for ref, data := range added {
			b.Set(ref, data)
		}
	})
}

// PreviewRows implements state.Previews.
func (s *Store) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) ([]provision.PreviewRow, string, error) {
	return readChunks[provision.PreviewRow](ctx, "state: read preview rows", string(kind)+" of "+id,
		s.rows(id).Where(fieldKind, "==", string(kind)), token, limit)
}

// ExpirePreviews implements state.Previews. A preview goes after its rows, so
// that none are left when this is interrupted.
func (s *Store) ExpirePreviews(ctx context.Context, before time.Time) error {
	const op = "state: expire previews"
	expired := s.previews().Where(fieldExpires, "<", stored.Nanos(before))
	return query(ctx, op, expired.Select(), func(snap *cloud.DocumentSnapshot) error {
		if err := s.remove(ctx, op, snap.Ref.Collection("rows").Query); err != nil {
			return err
		}
		_, err := snap.Ref.Delete(ctx)
		return wrap(op, err)
	})
}
