package sqlite

import (
	"context"
	"database/sql"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// The names of the documents.
const (
	configuration = "configuration"
	sweeps        = "sweeps"
	sources       = "sources"
)

// Configuration implements state.Configurations.
func (s *Store) Configuration(ctx context.Context) (c provision.Configuration, err error) {
	c.Version, err = s.document(ctx, "state: read configuration", configuration, &c)
	return c, err
}

// PutConfiguration implements state.Configurations.
func (s *Store) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	return s.putDocument(ctx, "state: put configuration", configuration, c.Version, c, events)
}

// Sweeps implements state.Sweeps.
func (s *Store) Sweeps(ctx context.Context) (v provision.Sweeps, err error) {
	v.Version, err = s.document(ctx, "state: read sweeps", sweeps, &v)
	return v, err
}

// PutSweeps implements state.Sweeps.
func (s *Store) PutSweeps(ctx context.Context, v provision.Sweeps) (int64, error) {
	return s.putDocument(ctx, "state: put sweeps", sweeps, v.Version, v, nil)
}

// Sources implements state.Sources.
func (s *Store) Sources(ctx context.Context) (v provision.Sources, err error) {
	v.Version, err = s.document(ctx, "state: read sources", sources, &v)
	return v, err
}

// PutSources implements state.Sources.
func (s *Store) PutSources(ctx context.Context, v provision.Sources, events ...provision.Event) (int64, error) {
	return s.putDocument(ctx, "state: put sources", sources, v.Version, v, events)
}

// document reads a document into v and returns its version; 0, and v as it was, when there is none.
func (s *Store) document(ctx context.Context, op, name string, v any) (version int64, err error) {
	err = s.file.Query(ctx, func(rows *sql.Rows) error {
		var doc sql.RawBytes
		if err := rows.Scan(&version, &doc); err != nil {
			return err
		}
		return stored.Decode(op, doc, v, name)
	}, "SELECT version, doc FROM documents WHERE name = ?", name)
	return version, err
}

// putDocument replaces the document that has the given version, 0 for none, and returns the new one.
func (s *Store) putDocument(ctx context.Context, op, name string, version int64, v any, events []provision.Event) (int64, error) {
	doc, err := stored.Encode(op, v)
	if err != nil {
		return 0, err
	}
	rows, err := eventRows(op, events)
	if err != nil {
		return 0, err
	}
	err = s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		query := "UPDATE documents SET version = ?2 + 1, doc = ?3 WHERE name = ?1 AND version = ?2"
		if version == 0 {
			query = "INSERT INTO documents (name, version, doc) VALUES (?1, ?2 + 1, ?3) ON CONFLICT (name) DO NOTHING"
		}
		n, err := tx.Exec(query, name, version, doc)
		if err := changed(op, n, err); err != nil {
			return err
		}
		return addEvents(tx, rows)
	})
	if err != nil {
		return 0, err
	}
	return version + 1, nil
}

// Channels implements state.Channels.
func (s *Store) Channels(ctx context.Context) ([]state.PushChannel, error) {
	var channels []state.PushChannel
	err := s.file.Query(ctx, func(rows *sql.Rows) error {
		var id string
		var doc sql.RawBytes
		var channel state.PushChannel
		if err := rows.Scan(&id, &doc); err != nil {
			return err
		}
		if err := stored.Decode("state: read channels", doc, &channel, id); err != nil {
			return err
		}
		channels = append(channels, channel)
		return nil
	}, "SELECT id, doc FROM channels ORDER BY id")
	return channels, err
}

// PutChannel implements state.Channels.
func (s *Store) PutChannel(ctx context.Context, c state.PushChannel) error {
	doc, err := stored.Encode("state: put channel", c)
	if err != nil {
		return err
	}
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec("INSERT INTO channels (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc", c.ID, doc)
		return err
	})
}

// DeleteChannel implements state.Channels.
func (s *Store) DeleteChannel(ctx context.Context, id string) error {
	return s.file.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec("DELETE FROM channels WHERE id = ?", id)
		return err
	})
}
