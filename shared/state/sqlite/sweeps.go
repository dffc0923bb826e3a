package sqlite

import (
	"context"
	"database/sql"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state/stored"
)

const endLook = "DELETE FROM sweep_looks WHERE sweep_id = ? AND user_id = ?"

// AddPage implements state.Sweeps.
func (s *Store) AddPage(ctx context.Context, set string, page int, rows, looks []string) error {
	const op = "state: add page"
	rowsJSON, err := list(op, rows)
	if err != nil {
		return err
	}
	looksJSON, err := list(op, looks)
	if err != nil {
		return err
	}
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		n, err := tx.Exec("INSERT INTO sweep_pages (sweep_id, page, listed) VALUES (?, ?, ?) ON CONFLICT (sweep_id, page) DO NOTHING",
			set, page, rowsJSON)
		if err != nil || n == 0 {
			return err // n is 0 when the page is stored: its looks may have ended since
		}
		_, err = tx.Exec("INSERT OR IGNORE INTO sweep_looks (sweep_id, user_id) SELECT ?, value FROM json_each(?)", set, looksJSON)
		return err
	})
}

// Rows implements state.Sweeps.
func (s *Store) Rows(ctx context.Context, set string) ([]string, error) {
	var listed []string
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var doc sql.RawBytes
		var ids []string
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		if err := stored.Decode("state: read rows", doc, &ids, set); err != nil {
			return err
		}
		listed = append(listed, ids...)
		return nil
	}, "SELECT listed FROM sweep_pages WHERE sweep_id = ? ORDER BY page", set)
	return listed, err
}

// EndLook implements state.Sweeps.
func (s *Store) EndLook(ctx context.Context, set, userID string) error {
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec(endLook, set, userID)
		return err
	})
}

// Looks implements state.Sweeps.
func (s *Store) Looks(ctx context.Context, set string) ([]string, error) {
	var users []string
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		users = append(users, id)
		return err
	}, "SELECT user_id FROM sweep_looks WHERE sweep_id = ?", set)
	return users, err
}

// LooksLeft implements state.Sweeps.
func (s *Store) LooksLeft(ctx context.Context, set string) (int, error) {
	return s.count(ctx, "SELECT count(*) FROM sweep_looks WHERE sweep_id = ?", set)
}

// PutOrphans implements state.Sweeps.
func (s *Store) PutOrphans(ctx context.Context, orphans []provision.Orphan) error {
	const op = "state: put orphans"
	docs := make([]string, len(orphans))
	for i, o := range orphans {
		var err error
		if docs[i], err = stored.Encode(op, o); err != nil {
			return err
		}
	}
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		if _, err := tx.Exec("DELETE FROM orphans"); err != nil {
			return err
		}
		for i, o := range orphans {
			if _, err := tx.Exec("INSERT OR REPLACE INTO orphans (account_id, doc) VALUES (?, ?)", o.AccountID, docs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Orphans implements state.Sweeps.
func (s *Store) Orphans(ctx context.Context, pageToken string, limit int) ([]provision.Orphan, string, error) {
	const op, name = "state: read orphans", "orphans"
	from, err := stored.Page(op, name, limit, pageToken, stored.Token{})
	if err != nil {
		return nil, "", err
	}
	var orphans []provision.Orphan
	err = s.file.Query(ctx, func(rows *sql.Rows) error {
		var id string
		var doc sql.RawBytes
		var orphan provision.Orphan
		if err := rows.Scan(&id, &doc); err != nil {
			return err
		}
		if err := stored.Decode(op, doc, &orphan, id); err != nil {
			return err
		}
		orphans = append(orphans, orphan)
		return nil
	}, "SELECT account_id, doc FROM orphans WHERE account_id > ? ORDER BY account_id LIMIT ?", from.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	orphans, next := stored.Cut(orphans, limit, func(o provision.Orphan) stored.Token { return stored.Token{List: name, ID: o.AccountID} })
	return orphans, next, nil
}

// DropSets implements state.Sweeps.
func (s *Store) DropSets(ctx context.Context, keep string) error {
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		if _, err := tx.Exec("DELETE FROM sweep_pages WHERE sweep_id <> ?", keep); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM sweep_looks WHERE sweep_id <> ?", keep)
		return err
	})
}
