// Package sqlite owns the embedded adapter of the state port: the tables of
// records, events, configuration, sweeps, previews and channels in the one
// SQLite file.
//
// It promises what the port promises, with each change in one transaction. The
// JSON document of a row is the truth; the columns beside it are derived from
// it in the same write, for selections and counts alone. It never waits for
// the network and never keeps anything in memory between calls.
package sqlite

import (
	"context"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// Store implements state.Store.
type Store struct{ file *sqlitefile.File }

var _ state.Store = (*Store)(nil)

// Schema is the tables, for sqlitefile.Open.
func Schema() sqlitefile.Schema {
	return sqlitefile.Schema{Name: "state", Steps: []string{tables, usage, byAddress}}
}

// New returns the store in a file that was opened with Schema; fault.Internal
// when it was not.
func New(file *sqlitefile.File) (*Store, error) {
	s := &Store{file: file}
	if _, err := s.count(context.Background(), "SELECT count(*) FROM documents"); err != nil {
		return nil, err
	}
	return s, nil
}

// nanos is a time as it is stored; nil for the zero time.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stored.Nanos(t)
}

// changed returns fault.Conflict unless a row was changed.
func changed(op string, n int64, err error) error {
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, op, "it has changed since it was read")
	}
	return err
}

// list is strings as a JSON array, for json_each in a query.
func list(op string, values []string) (string, error) {
	if values == nil {
		values = []string{}
	}
	return stored.Encode(op, values)
}
