package sqlite

import (
	"context"
	"database/sql"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// Record implements state.Records.
func (s *Store) Record(ctx context.Context, userID string) (provision.Record, error) {
	records, err := s.records(ctx, "state: read record", "SELECT user_id, version, doc FROM records WHERE user_id = ?", userID)
	if err != nil || len(records) == 0 {
		return provision.Record{UserID: userID}, err
	}
	return records[0], nil
}

// RecordsByID implements state.Records.
func (s *Store) RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return s.recordsBy(ctx, "state: read records",
		"SELECT user_id, version, doc FROM records WHERE user_id IN (SELECT value FROM json_each(?))",
		ids, func(r provision.Record) string { return r.UserID })
}

// RecordsByAccount implements state.Records. Of two records with one account,
// which the reconciler never makes, it returns the one with the lower user id.
func (s *Store) RecordsByAccount(ctx context.Context, accountIDs []string) (map[string]provision.Record, error) {
	return s.recordsBy(ctx, "state: read records by account",
		"SELECT user_id, version, doc FROM records WHERE account_id IN (SELECT value FROM json_each(?)) ORDER BY user_id DESC",
		accountIDs, func(r provision.Record) string { return r.Account.ID })
}

func (s *Store) recordsBy(ctx context.Context, op, query string, ids []string, key func(provision.Record) string) (map[string]provision.Record, error) {
	if len(ids) > stored.MaxPage {
		return nil, stored.Invalid(op, "", "more than %d ids", stored.MaxPage)
	}
	array, err := list(op, ids)
	if err != nil {
		return nil, err
	}
	records, err := s.records(ctx, op, query, array)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]provision.Record, len(records))
	for _, r := range records {
		byKey[key(r)] = r
	}
	return byKey, nil
}

// RecordsByEmail implements state.Records.
func (s *Store) RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error) {
	return s.records(ctx, "state: read records by address",
		"SELECT user_id, version, doc FROM records WHERE email = ? ORDER BY user_id", stored.FoldEmail(email))
}

// records reads the records that a query over user_id, version and doc selects.
func (s *Store) records(ctx context.Context, op, query string, args ...any) ([]provision.Record, error) {
	var records []provision.Record
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var (
			id      string
			version int64
			doc     sql.RawBytes
			record  provision.Record
		)
		if err := rows.Scan(&id, &version, &doc); err != nil {
			return err
		}
		if err := stored.Decode(op, doc, &record, id); err != nil {
			return err
		}
		if record.UserID != id {
			return fault.New(fault.Internal, op, "the stored record %q holds another user's document; restore the state from a backup", id)
		}
		record.Version = version
		records = append(records, record)
		return nil
	}, query, args...)
	return records, err
}

// Commit implements state.Records.
func (s *Store) Commit(ctx context.Context, change state.Change) (int64, error) {
	const op = "state: commit record"
	if change.Record.UserID == "" {
		return 0, stored.Invalid(op, "userId", "a record needs a user id")
	}
	args, err := recordArgs(op, change.Record)
	if err != nil {
		return 0, err
	}
	events, err := eventRows(op, change.Events)
	if err != nil {
		return 0, err
	}
	err = s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		query := updateRecord
		if change.Record.Version == 0 {
			query = insertRecord
		}
		n, err := tx.Exec(query, args...)
		if err := changed(op, n, err); err != nil {
			return err
		}
		if change.EndedLook != "" {
			if _, err := tx.Exec(endLook, change.EndedLook, change.Record.UserID); err != nil {
				return err
			}
		}
		return addEvents(tx, events)
	})
	if err != nil {
		return 0, err
	}
	return change.Record.Version + 1, nil
}

// The columns of a record in the order of recordArgs; ?2 is the version that was read.
const (
	insertRecord = `INSERT INTO records (user_id, version, email, account_id, account_state, linked_at, active_since, suspended_at,
			removed_at, next_at, retry_at, hold_mark, held_at, attention, intent_revision, lease_until, count_suspend, count_delete,
			suspend_done, delete_done, gone_at, doc)
		VALUES (?1, ?2 + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
		ON CONFLICT (user_id) DO NOTHING`
	updateRecord = `UPDATE records SET version = ?2 + 1, email = ?3, account_id = ?4, account_state = ?5, linked_at = ?6,
			active_since = ?7, suspended_at = ?8, removed_at = ?9, next_at = ?10, retry_at = ?11, hold_mark = ?12,
			held_at = ?13, attention = ?14, intent_revision = ?15, lease_until = ?16, count_suspend = ?17, count_delete = ?18,
			suspend_done = ?19, delete_done = ?20, gone_at = ?21, doc = ?22
		WHERE user_id = ?1 AND version = ?2`
)

func recordArgs(op string, r provision.Record) ([]any, error) {
	doc, err := stored.Encode(op, r)
	if err != nil {
		return nil, err
	}
	var accountID, nextAt, holdMark, heldAt, intentRevision, leaseUntil any
	if r.Account.Exists() {
		accountID = r.Account.ID
	}
	if r.Next != nil {
		nextAt = stored.Nanos(r.Next.At)
	}
	if r.Hold != nil {
		holdMark, heldAt = r.HoldMark(), stored.Nanos(r.Hold.HeldAt)
	}
	if r.Intent != nil {
		intentRevision = r.Intent.Revision
	}
	if r.Lease != nil {
		leaseUntil = stored.Nanos(r.Lease.Until)
	}
	return []any{
		r.UserID, r.Version, stored.FoldEmail(r.Email), accountID, string(r.Account.State), nanos(r.Account.LinkedAt), nanos(r.Account.ActiveSince),
		nanos(r.Account.SuspendedAt), nanos(r.Account.RemovedAt), nextAt, nanos(r.RetryAt()), holdMark, heldAt, len(r.Attention) > 0,
		intentRevision, leaseUntil, nanos(r.CountSuspendAt), nanos(r.CountDeleteAt), nanos(r.SuspendDoneAt), nanos(r.DeleteDoneAt),
		nanos(r.GoneAt), doc,
	}, nil
}
