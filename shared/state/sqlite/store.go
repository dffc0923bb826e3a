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
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
)

// maxPage is the most rows of a page and the most ids of a question.
const maxPage = 500

// Store implements state.Store.
type Store struct{ file *sqlitefile.File }

var _ state.Store = (*Store)(nil)

// Schema is the tables, for sqlitefile.Open.
func Schema() sqlitefile.Schema {
	return sqlitefile.Schema{Name: "state", Steps: []string{tables}}
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

// nanos is a time as it is stored, in nanoseconds since 1970; nil for the zero
// time. Times outside the years 1678 to 2262, which an int64 cannot hold,
// become the nearest one that it can, so that they still sort rightly.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return bound(t)
}

// bound is a time as a limit of a comparison; the zero time is before all.
func bound(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// encode is a value as its document.
func encode(op string, v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		// The error may quote the value, and that may be personal.
		return "", fault.New(fault.Invalid, op, "the %T cannot be stored as JSON", v)
	}
	return string(doc), nil
}

// decode reads a document strictly: a field that v does not have, or anything
// after the end, means that it was not written by this version. key names the row.
func decode(op string, doc []byte, v any, key string) error {
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		_, err = decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
	// The cause may quote the document, and that may be personal.
	return fault.New(fault.Internal, op, "the stored %T %q does not decode; restore the state from a backup", v, key)
}

// token is where the last page ended. To callers it is opaque.
type token struct {
	// List is what was being listed, so that no other list takes the token.
	List string `json:"l"`
	// At and Row are the place in an order by number, ID in one by text.
	At  int64  `json:"a,omitempty"`
	Row int64  `json:"r,omitempty"`
	ID  string `json:"i,omitempty"`
}

func (t token) String() string {
	data, err := json.Marshal(t)
	if err != nil {
		panic("sqlite: page token does not marshal: " + err.Error()) // a struct of numbers and strings always does
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// page checks the size and the token of a page of a list. first is the token
// of the first page.
func page(op, list string, limit int, text string, first token) (token, error) {
	if limit < 1 || limit > maxPage {
		return token{}, invalid(op, "pageSize", "the page size must be 1 to %d", maxPage)
	}
	if text == "" {
		return first, nil
	}
	var t token
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &t) != nil || t.List != list {
		return token{}, invalid(op, "pageToken", "the page token is not one of this list; begin with the first page")
	}
	return t, nil
}

// cut takes away the row beyond the page's end that was read to learn whether
// there is one, and makes the next token of the last row that stays.
func cut[T any](rows []T, limit int, last func(T) token) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	rows = rows[:limit]
	return rows, last(rows[limit-1]).String()
}

func invalid(op, field, format string, args ...any) error {
	err := fault.New(fault.Invalid, op, format, args...)
	err.Field = field
	return err
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
	return encode(op, values)
}
