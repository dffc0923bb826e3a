package sqlite

import (
	"context"
	"database/sql"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state/stored"
)

// Preview implements state.Previews.
func (s *Store) Preview(ctx context.Context, id string) (provision.Preview, error) {
	const op = "state: read preview"
	var p provision.Preview
	found := false
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var version int64
		var doc sql.RawBytes
		if err := rows.Scan(&version, &doc); err != nil {
			return err
		}
		if err := stored.Decode(op, doc, &p, id); err != nil {
			return err
		}
		p.Version, found = version, true
		return nil
	}, "SELECT version, doc FROM previews WHERE id = ?", id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, op, "there is no such preview; it may have expired")
	}
	return p, err
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
	docs := make([]string, len(rows))
	for i, row := range rows {
		if docs[i], err = stored.Encode(op, row); err != nil {
			return 0, err
		}
	}
	err = s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		query := "UPDATE previews SET version = ?2 + 1, expires_at = ?3, doc = ?4 WHERE id = ?1 AND version = ?2"
		if p.Version == 0 {
			query = "INSERT INTO previews (id, version, expires_at, doc) VALUES (?1, ?2 + 1, ?3, ?4) ON CONFLICT (id) DO NOTHING"
		}
		n, err := tx.Exec(query, p.ID, p.Version, nanos(p.ExpiresAt), doc)
		if err := changed(op, n, err); err != nil {
			return err
		}
		for i, row := range rows {
			_, err := tx.Exec("INSERT INTO preview_rows (preview_id, kind, doc) VALUES (?, ?, ?)", p.ID, string(row.Kind), docs[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return p.Version + 1, nil
}

// storedRow is a row of a preview and its place.
type storedRow struct {
	row   provision.PreviewRow
	place int64
}

// PreviewRows implements state.Previews.
func (s *Store) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, pageToken string, limit int) ([]provision.PreviewRow, string, error) {
	const op = "state: read preview rows"
	name := string(kind) + " of " + id
	from, err := stored.Page(op, name, limit, pageToken, stored.Token{})
	if err != nil {
		return nil, "", err
	}
	var found []storedRow
	err = s.file.Query(ctx, func(rows *sql.Rows) error {
		var r storedRow
		var doc sql.RawBytes
		if err := rows.Scan(&r.place, &doc); err != nil {
			return err
		}
		if err := stored.Decode(op, doc, &r.row, id); err != nil {
			return err
		}
		found = append(found, r)
		return nil
	}, "SELECT row, doc FROM preview_rows WHERE preview_id = ? AND kind = ? AND row > ? ORDER BY row LIMIT ?",
		id, string(kind), from.Row, limit+1)
	if err != nil {
		return nil, "", err
	}
	found, next := stored.Cut(found, limit, func(r storedRow) stored.Token { return stored.Token{List: name, Row: r.place} })
	rows := make([]provision.PreviewRow, len(found))
	for i, r := range found {
		rows[i] = r.row
	}
	return rows, next, nil
}

// ExpirePreviews implements state.Previews.
func (s *Store) ExpirePreviews(ctx context.Context, before time.Time) error {
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec("DELETE FROM preview_rows WHERE preview_id IN (SELECT id FROM previews WHERE expires_at < ?)", stored.Nanos(before))
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM previews WHERE expires_at < ?", stored.Nanos(before))
		return err
	})
}
