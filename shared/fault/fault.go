// Package fault classifies errors by what a caller can do about them.
//
// It owns the error kinds that adapters wrap once and that the rest of the
// system acts on; it promises that an error's text holds no secret and no
// personal address as long as adapters keep both out of Op and Detail; it
// never decides what follows from a kind.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what a caller can do about an error.
type Kind int

const (
	// Internal is a bug or a condition nobody planned for.
	Internal Kind = iota
	// Invalid means the input was refused and will be refused again unchanged.
	Invalid
	// NotFound means the other side says, in its own form, that there is no such thing.
	NotFound
	// Conflict means the thing exists already, or has changed since it was read.
	Conflict
	// Unauthorized means the credentials were refused.
	Unauthorized
	// Forbidden means that this one request was refused as not permitted.
	Forbidden
	// Throttled means that the other side asked for fewer requests.
	Throttled
	// Unavailable means that the other side gave no usable answer; it may or may not have acted.
	Unavailable
	// Incomplete means an answer lacked what it must hold, so that nothing may be concluded from it (R13).
	Incomplete
	// Unready means that it cannot be done in the present state; the text says what must happen first.
	Unready
)

var names = [...]string{"internal", "invalid", "not found", "conflict", "unauthorized", "forbidden",
	"throttled", "unavailable", "incomplete", "not ready"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Error is an error with a kind.
type Error struct {
	Kind Kind
	// Op is what was tried, as "package: verb noun".
	Op string
	// Detail says in a sentence fit for an administrator what is wrong. It may be empty.
	Detail string
	// RetryAfter is how long the other side asked to be left alone, in real time; 0 when it did not say.
	RetryAfter time.Duration
	// Field names the input field at fault, for Invalid; it may be empty.
	Field string
	// Err is the cause; it may be nil.
	Err error
}

func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if len(parts) == 0 {
		return e.Kind.String()
	}
	return strings.Join(parts, ": ")
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of a kind with a detail.
func New(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Detail: fmt.Sprintf(format, args...)}
}

// Wrap gives err a kind; it returns nil for a nil err.
func Wrap(kind Kind, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Op: op, Err: err}
}

// Field is an Invalid error about one input field.
func Field(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of the outermost fault in err's chain; Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of one of the kinds.
func Is(err error, kinds ...Kind) bool {
	if err == nil {
		return false
	}
	k := KindOf(err)
	for _, want := range kinds {
		if k == want {
			return true
		}
	}
	return false
}

// Words are what err says to an administrator: the outermost detail, without the
// names of our own operations; of joined errors, each. An error without a detail
// says what its cause does or, without one, its kind.
func Words(err error) string {
	switch e := err.(type) {
	case *Error:
		switch {
		case e.Detail != "":
			return e.Detail
		case e.Err != nil:
			return Words(e.Err)
		}
		return e.Kind.String()
	case interface{ Unwrap() []error }:
		var parts []string
		for _, err := range e.Unwrap() {
			parts = append(parts, Words(err))
		}
		return strings.Join(parts, "; ")
	}
	if inner := errors.Unwrap(err); inner != nil {
		return strings.Replace(err.Error(), inner.Error(), Words(inner), 1)
	}
	return err.Error()
}

// Each returns the outermost fault of each error that was joined in err, in
// order, and one of kind Internal for an error that has none.
func Each(err error) []*Error {
	switch e := err.(type) {
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, err := range e.Unwrap() {
			all = append(all, Each(err)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return Each(inner)
	}
	return []*Error{{Kind: Internal, Err: err}}
}

// RetryAfter returns how long the other side asked to be left alone; 0 when it did not say.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
