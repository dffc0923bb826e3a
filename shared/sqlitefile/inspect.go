package sqlitefile

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/autoprovision/shared/fault"
)

const (
	// magic begins every SQLite file (https://sqlite.org/fileformat.html#magic_header_string).
	magic = "SQLite format 3\x00"
	// pageBytes is SQLite's default, which all our files have.
	pageBytes = 4096
)

// prepare sees that path is a good file of ours, and creates it if there is none.
// It changes nothing in a file that is there.
func prepare(path string, schemas []Schema) error {
	const op = "sqlitefile: open"
	wal, err := size(path + "-wal")
	if err != nil {
		return unusable(op, path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- in the folder that the program was started with
	if errors.Is(err, fs.ErrNotExist) {
		// A log without its file would be replayed into the new one.
		if wal > 0 {
			return damaged(path, "the file is missing, but its write-ahead log is there")
		}
		return create(path)
	}
	if err != nil {
		return unusable(op, path, err)
	}
	head := make([]byte, len(magic))
	n, err := io.ReadFull(file, head)
	length, sizeErr := size(path)
	closeErr := errors.Join(sizeErr, file.Close())
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && magic[:n] == string(head[:n]):
		// create renames a whole file into place, so that an empty one is never ours.
		return damaged(path, "the file is cut short")
	case err == nil && string(head) != magic, errors.Is(err, io.ErrUnexpectedEOF):
		return foreign(path)
	case err != nil || closeErr != nil:
		return unusable(op, path, errors.Join(err, closeErr))
	}
	// SQLite reads a last page that is cut short as if zeros followed. A crash may
	// have left it so, but then the log has the whole page.
	if length%pageBytes != 0 {
		whole, err := logged(path+"-wal", length/pageBytes+1)
		if err != nil {
			return unusable(op, path, err)
		}
		if !whole {
			return damaged(path, "the file is cut short")
		}
	}
	return inspect(path, schemas)
}

// logged reports whether a write-ahead log has a page, counted from 1, in a
// transaction that was committed (https://sqlite.org/fileformat.html#the_write_ahead_log).
func logged(path string, page int64) (bool, error) {
	log, err := os.Open(path) // #nosec G304 -- in the folder that the program was started with
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer log.Close()
	head, frame := make([]byte, 32), make([]byte, 24+pageBytes)
	if _, err := log.ReadAt(head, 0); err != nil {
		return false, ignoreEnd(err)
	}
	seen, committed := false, false
	for at := int64(len(head)); ; at += int64(len(frame)) {
		if _, err := log.ReadAt(frame, at); err != nil {
			return committed, ignoreEnd(err)
		}
		if !bytes.Equal(frame[8:16], head[16:24]) { // the salts: what follows is left from before
			return committed, nil
		}
		seen = seen || int64(binary.BigEndian.Uint32(frame)) == page
		committed = committed || seen && binary.BigEndian.Uint32(frame[4:]) > 0 // the size after a commit
	}
}

// ignoreEnd returns nil for the end of a file.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// inspect reads the file through a read-only connection, which cannot change
// it: not even the write-ahead log is moved into it.
func inspect(path string, schemas []Schema) error {
	const op = "sqlitefile: open"
	db, err := sql.Open("sqlite", dsn(path, "ro", "busy_timeout(5000)"))
	if err != nil {
		return wrap(op, err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var id, version int
	if err := db.QueryRow("PRAGMA application_id").Scan(&id); err != nil {
		return unreadable(op, path, err)
	}
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return unreadable(op, path, err)
	}
	if id != applicationID {
		return foreign(path)
	}
	if version > layout {
		return newer(path)
	}
	var verdict string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return unreadable(op, path, err)
	}
	if verdict != "ok" {
		return damaged(path, "SQLite's quick_check found it inconsistent")
	}
	for _, schema := range schemas {
		var version int
		err := db.QueryRow("SELECT coalesce(max(version), 0) FROM schemas WHERE name = ?", schema.Name).Scan(&version)
		if err != nil {
			return unreadable(op, path, err)
		}
		if version > len(schema.Steps) {
			return newer(path)
		}
	}
	return nil
}

// create makes an empty file of ours beside path and renames it into place, so
// that there is never a file at path that is only half made.
func create(path string) error {
	const op = "sqlitefile: create"
	temporary := path + ".new"
	for _, leftover := range []string{temporary, temporary + "-wal", temporary + "-shm", temporary + "-journal"} {
		if err := os.Remove(leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unusable(op, path, err)
		}
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // #nosec G304 -- in the folder that the program was started with
	if err != nil {
		return unusable(op, path, err)
	}
	if err := file.Close(); err != nil {
		return unusable(op, path, err)
	}
	db, err := sql.Open("sqlite", dsn(temporary, "rw", "synchronous(FULL)", "journal_mode(WAL)"))
	if err != nil {
		return wrap(op, err)
	}
	_, err = db.ExecContext(context.Background(), fmt.Sprintf(`BEGIN IMMEDIATE;
		PRAGMA application_id = %d;
		PRAGMA user_version = %d;
		CREATE TABLE schemas (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
		COMMIT`, applicationID, layout))
	if err := errors.Join(err, db.Close()); err != nil {
		return wrap(op, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return unusable(op, path, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return unusable(op, path, err)
	}
	return nil
}

// size is the length of a file in bytes; 0 when there is none.
func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func damaged(path, what string) error {
	return fault.New(fault.Unready, "sqlitefile: open",
		"%s is damaged (%s); nothing was changed; restore it and the files beside it from a backup, or move them away to start empty", path, what)
}

func foreign(path string) error {
	return fault.New(fault.Unready, "sqlitefile: open",
		"%s is not a file of this program; nothing was changed; move it away, or give another data folder", path)
}

func newer(path string) error {
	return fault.New(fault.Unready, "sqlitefile: open",
		"%s was written by a newer version of this program; nothing was changed; run that version or a later one", path)
}

// unreadable tells a damaged file from a disk that refuses.
func unreadable(op, path string, err error) error {
	if isCorrupt(err) {
		return damaged(path, "SQLite cannot read it")
	}
	return wrap(op, err)
}
