package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// byUser is the condition of a selection in the order of user ids. The words
// are those of the partial indexes, so that SQLite uses them.
func byUser(kind state.SelectionKind) (condition string, ok bool) {
	switch kind {
	case state.SelectAll:
		return "", true
	case state.SelectLinked:
		return "account_id IS NOT NULL AND ", true
	case state.SelectHeld:
		return "hold_mark IS NOT NULL AND ", true
	case state.SelectAttention:
		return "attention AND ", true
	case state.SelectGone:
		return "gone_at IS NOT NULL AND ", true
	case state.SelectIntent:
		return "intent_revision IS NOT NULL AND ", true
	}
	return "", false
}

// byTime is the column of a selection in the order of a time, and what that
// column holds for a record with it.
func byTime(kind state.SelectionKind) (column string, at func(provision.Record) time.Time, ok bool) {
	switch kind {
	case state.SelectPending:
		return "next_at", func(r provision.Record) time.Time { return r.Next.At }, true
	case state.SelectRetry:
		return "retry_at", provision.Record.RetryAt, true
	}
	return "", nil, false
}

// Select implements state.Records.
func (s *Store) Select(ctx context.Context, sel state.Selection) ([]provision.Record, string, error) {
	const op = "state: select records"
	from, err := stored.Page(op, string(sel.Kind), sel.Limit, sel.Token, stored.Token{At: math.MinInt64})
	if err != nil {
		return nil, "", err
	}
	var records []provision.Record
	last := func(r provision.Record) stored.Token { return stored.Token{List: string(sel.Kind), ID: r.UserID} }
	// One row more than the page holds says whether there is a next one.
	if condition, ok := byUser(sel.Kind); ok {
		records, err = s.records(ctx, op,
			"SELECT user_id, version, doc FROM records WHERE "+condition+"user_id > ? ORDER BY user_id LIMIT ?",
			from.ID, sel.Limit+1)
	} else if sel.Kind == state.SelectByAddress {
		last = func(r provision.Record) stored.Token {
			return stored.Token{List: string(sel.Kind), Key: stored.FoldEmail(r.Email), ID: r.UserID}
		}
		records, err = s.records(ctx, op,
			"SELECT user_id, version, doc FROM records WHERE (email, user_id) > (?, ?) ORDER BY email, user_id LIMIT ?",
			from.Key, from.ID, sel.Limit+1)
	} else if column, at, ok := byTime(sel.Kind); ok {
		until := int64(math.MaxInt64)
		if !sel.Before.IsZero() {
			until = stored.Nanos(sel.Before)
		}
		last = func(r provision.Record) stored.Token {
			return stored.Token{List: string(sel.Kind), At: stored.Nanos(at(r)), ID: r.UserID}
		}
		records, err = s.records(ctx, op, "SELECT user_id, version, doc FROM records WHERE "+column+" IS NOT NULL AND "+
			"("+column+", user_id) > (?, ?) AND "+column+" <= ? ORDER BY "+column+", user_id LIMIT ?",
			from.At, from.ID, until, sel.Limit+1)
	} else {
		return nil, "", stored.Invalid(op, "kind", "there is no selection %q", sel.Kind)
	}
	if err != nil {
		return nil, "", err
	}
	records, next := stored.Cut(records, sel.Limit, last)
	return records, next, nil
}

const sumHeld = "SELECT count(*), coalesce(sum(hold_mark), 0), min(held_at) FROM records WHERE hold_mark IS NOT NULL"

// Held implements state.Records.
func (s *Store) Held(ctx context.Context) (h state.Held, err error) {
	err = s.file.Query(ctx, func(rows *sql.Rows) error {
		var since sql.NullInt64
		err := rows.Scan(&h.People, &h.Marks, &since)
		if since.Valid {
			h.Since = time.Unix(0, since.Int64).UTC()
		}
		return err
	}, sumHeld)
	return h, err
}

// managed is provision.Link.ManagedAt and active provision.Link.ActiveAt, at
// time ?1, in SQL. The suite holds them to those functions.
const (
	earliest = "(-9223372036854775808)"
	managed  = `linked_at IS NOT NULL AND linked_at <= ?1
		AND (account_state IN ('active', 'suspended') OR coalesce(removed_at > ?1, FALSE))`
	active = managed + ` AND CASE
		WHEN account_state = 'active' THEN coalesce(active_since <= ?1, TRUE)
		WHEN suspended_at > ?1 THEN TRUE
		ELSE account_state = 'none' AND coalesce(suspended_at, ` + earliest + `) < coalesce(active_since, ` + earliest + `)
		END`
)

// Count implements state.Records.
func (s *Store) Count(ctx context.Context, c state.Count) (int, error) {
	const op = "state: count records"
	at := stored.Nanos(c.Time)
	switch c.Kind {
	case state.CountRemovals:
		switch c.Operation {
		case provision.Suspend:
			return s.count(ctx, removals("suspend"), at, stored.Nanos(c.Until))
		case provision.HardDelete:
			return s.count(ctx, removals("delete"), at, stored.Nanos(c.Until))
		}
		return 0, stored.Invalid(op, "operation", "only suspends and hard deletes are counted, not %q", c.Operation)
	case state.CountManagedAt:
		return s.count(ctx, "SELECT count(*) FROM records WHERE "+managed, at)
	case state.CountActiveAt:
		return s.count(ctx, "SELECT count(*) FROM records WHERE "+active, at)
	case state.CountGone:
		return s.count(ctx, "SELECT count(*) FROM records WHERE gone_at > ? AND gone_at <= ?", at, stored.Nanos(c.Until))
	case state.CountOpenIntents:
		return s.count(ctx, "SELECT count(*) FROM records WHERE intent_revision < ? AND lease_until > ?", c.Revision, at)
	}
	return 0, stored.Invalid(op, "kind", "there is no count %q", c.Kind)
}

// removals is one statement, since two would see two moments.
func removals(column string) string {
	return "SELECT (SELECT count(*) FROM records WHERE " + column + "_done > ?1) + (SELECT count(*) FROM records WHERE count_" + column + " <= ?2)"
}

func (s *Store) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.file.Query(ctx, func(rows *sql.Rows) error { return rows.Scan(&n) }, query, args...)
	return n, err
}
