package firestore

import (
	"context"
	"slices"

	cloud "cloud.google.com/go/firestore"

	"example.com/autoprovision/shared/state/stored"
)

const (
	// chunkRows is how many rows one document of a list holds, so that a long
	// list costs few reads and writes. A row takes some hundred bytes, a
	// document holds 1 MiB.
	chunkRows = 200
	// commitChunks is how many such documents one commit stores, of 10 MiB at most.
	commitChunks = 20
)

// chunks are rows as documents, in their order.
func chunks[T any](op string, rows []T) ([]string, error) {
	var docs []string
	for chunk := range slices.Chunk(rows, chunkRows) {
		doc, err := stored.Encode(op, chunk)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// placed is a row and its place: its document, and its number there from 1.
type placed[T any] struct {
	row   T
	place stored.Token
}

// readChunks reads one page of the rows in the documents that q selects, in the
// order of the documents' names.
func readChunks[T any](ctx context.Context, op, list string, q cloud.Query, token string, limit int) ([]T, string, error) {
	from, err := stored.Page(op, list, limit, token, stored.Token{})
	if err != nil {
		return nil, "", err
	}
	q = q.OrderBy(cloud.DocumentID, cloud.Asc).Limit(limit/chunkRows + 2)
	var found []placed[T]
	for first := true; ; first = false {
		next := q
		switch {
		case !first:
			next = q.StartAfter(from.ID)
		case token != "":
			next = q.StartAt(from.ID)
		}
		read := 0
		if err := query(ctx, op, next, func(snap *cloud.DocumentSnapshot) error {
			var rows []T
			if err := decode(op, snap, &rows); err != nil {
				return err
			}
			for i, row := range rows {
				place := stored.Token{List: list, ID: snap.Ref.ID, Row: int64(i + 1)}
				if place.ID != from.ID || place.Row > from.Row {
					found = append(found, placed[T]{row, place})
				}
			}
			read++
			from.ID = snap.Ref.ID
			from.Row = int64(len(rows))
			return nil
		}); err != nil {
			return nil, "", err
		}
		if read == 0 || len(found) > limit {
			break
		}
	}
	found, last := stored.Cut(found, limit, func(p placed[T]) stored.Token { return p.place })
	rows := make([]T, len(found))
	for i, p := range found {
		rows[i] = p.row
	}
	return rows, last, nil
}
