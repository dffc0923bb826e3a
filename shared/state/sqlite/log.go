package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// eventRow is an event and its document, encoded before the write begins.
type eventRow struct {
	provision.Event
	doc string
}

func eventRows(op string, events []provision.Event) ([]eventRow, error) {
	rows := make([]eventRow, 0, len(events))
	for _, e := range events {
		if e.ID == "" {
			return nil, stored.Invalid(op, "id", "an event needs an id")
		}
		doc, err := stored.Encode(op, e)
		if err != nil {
			return nil, err
		}
		rows = append(rows, eventRow{e, doc})
	}
	return rows, nil
}

func addEvents(tx sqlitefile.Tx, events []eventRow) error {
	for _, e := range events {
		_, err := tx.Exec(`INSERT INTO events (id, time, name, outcome, user_id, doc) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING`, e.ID, stored.Nanos(e.Time), e.Name, string(e.Outcome), e.UserID, e.doc)
		if err != nil {
			return err
		}
	}
	return nil
}

// storedEvent is an event and its place in the order of the log.
type storedEvent struct {
	event provision.Event
	place stored.Token
}

// Events implements state.Log. Events of the same time are ordered as they
// were stored, the last one first.
func (s *Store) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	const op, name = "state: read events", "events"
	from, err := stored.Page(op, name, f.Limit, f.Token, stored.Token{At: math.MaxInt64, Row: math.MaxInt64})
	if err != nil {
		return nil, "", err
	}
	query := "SELECT row, time, id, doc FROM events WHERE (time, row) < (?, ?)"
	args := []any{from.At, from.Row}
	where := func(condition string, value any) {
		query += " AND " + condition
		args = append(args, value)
	}
	if !f.From.IsZero() {
		where("time >= ?", stored.Nanos(f.From))
	}
	if !f.To.IsZero() {
		where("time < ?", stored.Nanos(f.To))
	}
	if f.UserID != "" {
		where("user_id <> '' AND user_id = ?", f.UserID)
	}
	if f.Name != "" {
		where("name = ?", f.Name)
	}
	if f.Outcome != "" {
		where("outcome = ?", string(f.Outcome))
	}
	query += " ORDER BY time DESC, row DESC LIMIT ?"
	args = append(args, f.Limit+1)

	var found []storedEvent
	err = s.file.Query(ctx, func(rows *sql.Rows) error {
		e := storedEvent{place: stored.Token{List: name}}
		var id string
		var doc sql.RawBytes
		if err := rows.Scan(&e.place.Row, &e.place.At, &id, &doc); err != nil {
			return err
		}
		if err := stored.Decode(op, doc, &e.event, id); err != nil {
			return err
		}
		found = append(found, e)
		return nil
	}, query, args...)
	if err != nil {
		return nil, "", err
	}
	found, next := stored.Cut(found, f.Limit, func(e storedEvent) stored.Token { return e.place })
	events := make([]provision.Event, len(found))
	for i, e := range found {
		events[i] = e.event
	}
	return events, next, nil
}

// Append implements state.Log.
func (s *Store) Append(ctx context.Context, events ...provision.Event) error {
	rows, err := eventRows("state: append events", events)
	if err != nil || len(rows) == 0 {
		return err
	}
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error { return addEvents(tx, rows) })
}

// countDays takes whole days as they were counted, and counts the events of a
// day that has begun before ?1; ?2 is the first whole day, and ?3 its begin.
const countDays = `SELECT date(day * 86400, 'unixepoch'), name, outcome, sum(count) FROM (
		SELECT day, name, outcome, count FROM usage WHERE day >= ?2
		UNION ALL SELECT ?2 - 1, name, outcome, 1 FROM events WHERE time >= ?1 AND time < ?3
	) GROUP BY day, name, outcome ORDER BY day, name, outcome`

// Usage implements state.Log.
func (s *Store) Usage(ctx context.Context, since time.Time) ([]state.DayCount, error) {
	const day = int64(24 * time.Hour)
	from := stored.Nanos(since)
	first := from / day
	if from%day > 0 {
		first++
	}
	var counts []state.DayCount
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var c state.DayCount
		if err := rows.Scan(&c.Day, &c.Name, &c.Outcome, &c.Count); err != nil {
			return err
		}
		counts = append(counts, c)
		return nil
	}, countDays, from, first, first*day)
	return counts, err
}

// Expire implements state.Log.
func (s *Store) Expire(ctx context.Context, before time.Time) error {
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec("DELETE FROM events WHERE time < ?", stored.Nanos(before))
		return err
	})
}
