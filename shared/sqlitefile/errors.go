package sqlitefile

import (
	"context"
	"errors"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"example.com/autoprovision/shared/fault"
)

// wrap gives an error of SQLite or of a context its kind, once; a fault stays
// as it is. SQLite's texts name tables and columns, never values.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	wrapped := &fault.Error{Kind: fault.Internal, Op: op, Err: err}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		wrapped.Kind = fault.Unavailable
		return wrapped
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		wrapped.Kind, wrapped.Detail = fault.Unavailable, "the disk that holds the state is full; free some space"
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		wrapped.Kind, wrapped.Detail = fault.Unavailable, "the disk that holds the state refuses; see that it is mounted, writable and not full"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM:
		wrapped.Kind = fault.Unavailable
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		wrapped.Detail = "the file that holds the state is damaged; stop the program and restore the file from a backup"
	}
	return wrapped
}

// code is SQLite's primary result code; SQLITE_OK when err is not SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

func isFull(err error) bool {
	return code(err) == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC)
}

func isCorrupt(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

func isReadOnly(err error) bool {
	return code(err) == sqlite3.SQLITE_READONLY || errors.Is(err, syscall.EROFS)
}

func closed(op string) error {
	return fault.New(fault.Unavailable, op, "the state is closed, since the program is stopping")
}
