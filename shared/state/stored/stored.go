// Package stored owns the form in which the adapters of the state port keep
// what they are given: values as JSON documents, times as numbers, and the
// tokens of pages.
//
// It promises that what one version wrote is read back whole or refused, and
// that no error quotes a document, which may be personal. It never stores
// anything itself.
package stored

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
)

// MaxPage is the most rows of a page and the most ids of a question.
const MaxPage = 500

// Encode is a value as its document; fault.Invalid when it has none.
func Encode(op string, v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		// The error may quote the value, and that may be personal.
		return "", fault.New(fault.Invalid, op, "the %T cannot be stored as JSON", v)
	}
	return string(doc), nil
}

// Decode reads a document strictly: a field that v does not have means that
// another version wrote it, which is then to be left alone (fault.Unavailable),
// and whatever else does not fit that it is damaged (fault.Internal). key names
// the document in the error.
func Decode(op string, doc []byte, v any, key string) error {
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		_, err = decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
	if err != nil && strings.HasPrefix(err.Error(), "json: unknown field ") && json.Valid(doc) {
		return fault.New(fault.Unavailable, op, "the stored %T %q was written by another version of this program: finish its deployment, or go back to it", v, key)
	}
	// The cause may quote the document, and that may be personal.
	return fault.New(fault.Internal, op, "the stored %T %q does not decode; restore the state from a backup", v, key)
}

// Nanos is a time in nanoseconds since 1970. Times outside the years 1678 to
// 2262, which an int64 cannot hold, the zero time among them, become the
// nearest one that it can, so that they still sort rightly.
func Nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// FoldEmail makes addresses that differ only in case equal.
func FoldEmail(email string) string { return strings.ToLower(email) }

// Token is where the last page ended. To callers of the port it is opaque.
type Token struct {
	// List is what was being listed, so that no other list takes the token.
	List string `json:"l"`
	// At and Row are the place in an order by number, ID in one by text, and Key
	// what an order by text has before the id.
	At  int64  `json:"a,omitempty"`
	Row int64  `json:"r,omitempty"`
	Key string `json:"k,omitempty"`
	ID  string `json:"i,omitempty"`
}

func (t Token) String() string {
	data, err := json.Marshal(t)
	if err != nil {
		panic("stored: page token does not marshal: " + err.Error()) // a struct of numbers and strings always does
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// Page checks the size and the token of a page of a list, and returns where it
// begins: first for the first page. Errors are fault.Invalid.
func Page(op, list string, limit int, text string, first Token) (Token, error) {
	if limit < 1 || limit > MaxPage {
		return Token{}, Invalid(op, "pageSize", "the page size must be 1 to %d", MaxPage)
	}
	if text == "" {
		return first, nil
	}
	var t Token
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &t) != nil || t.List != list {
		return Token{}, Invalid(op, "pageToken", "the page token is not one of this list; begin with the first page")
	}
	return t, nil
}

// Cut takes away the rows beyond the page's end that were read to learn whether
// there are any, and makes the next token of the last row that stays.
func Cut[T any](rows []T, limit int, last func(T) Token) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	rows = rows[:limit]
	return rows, last(rows[limit-1]).String()
}

// Invalid is a fault.Invalid about an input field.
func Invalid(op, field, format string, args ...any) error {
	err := fault.New(fault.Invalid, op, format, args...)
	err.Field = field
	return err
}
