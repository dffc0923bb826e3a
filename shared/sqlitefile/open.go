package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"example.com/autoprovision/shared/fault"
)

const (
	// applicationID marks our files among all SQLite files, "apvn" in ASCII
	// (https://sqlite.org/pragma.html#pragma_application_id).
	applicationID = 0x6170766e
	// layout is the user_version: how this package itself uses the file. The
	// tables of the adapters have versions of their own, in table schemas.
	layout = 1
	// readers is the number of connections for reads; each has its own cache.
	readers = 4
)

// Schema is the tables of one adapter.
type Schema struct {
	// Name tells the adapters' schemas in one file apart; it never changes.
	Name string
	// Steps are SQL scripts: step i brings version i to version i+1. A step
	// that has been released is never edited; a change is a new step.
	Steps []string
}

// Options are what Open can be told.
type Options struct {
	// MaxPages bounds the file's size, in pages of 4096 bytes; 0 for no bound.
	// Beyond it writes fail as they do on a full disk.
	MaxPages int
}

// File is an open file. Its methods may be used by many goroutines.
type File struct {
	path    string
	lock    *flock.Flock
	writer  *sql.DB
	conn    *sql.Conn // the writer's only connection
	changes *statements
	reader  *sql.DB
	reads   *statements
	writes  chan *write
	closing chan struct{}
	stopped chan struct{}
}

// Open opens or creates the file at path, for this process alone, and brings
// the schemas up to date in one transaction. o may be nil.
//
// Errors are fault.Unready when the file is in use, damaged, not ours or from
// a newer version, and fault.Unavailable when the folder or disk refuses; the
// text says what to do, and the file is as it was.
func Open(path string, schemas []Schema, o *Options) (_ *File, err error) {
	const op = "sqlitefile: open"
	if o == nil {
		o = &Options{}
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, err)
	}
	f := &File{path: path, lock: flock.New(path+".lock", flock.SetPermissions(0o600)), writes: make(chan *write),
		closing: make(chan struct{}), stopped: make(chan struct{})}
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, unusable(op, path, err)
	}
	if !locked {
		return nil, fault.New(fault.Unready, op, "%s is in use by another process; stop that one, or give this one a data folder of its own", path)
	}
	defer func() {
		if err != nil {
			f.release() // #nosec G104 -- what is returned is the first error
		}
	}()
	if err := prepare(path, schemas); err != nil {
		return nil, err
	}
	if err := f.connect(o); err != nil {
		return nil, wrap(op, err)
	}
	if err := f.migrate(schemas); err != nil {
		return nil, wrap(op, err)
	}
	go f.run()
	return f, nil
}

// Close stores the writes that wait, moves the write-ahead log into the file
// and lets go of it. Later writes and reads are fault.Unavailable. It is called once.
func (f *File) Close() error {
	close(f.closing)
	<-f.stopped
	_, err := f.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	return wrap("sqlitefile: close", errors.Join(err, f.release()))
}

// release closes what is open, the writer last, since the last connection to
// close removes the write-ahead log and a read-only one cannot.
func (f *File) release() error {
	var errs []error
	if f.reader != nil {
		errs = append(errs, f.reads.close(), f.reader.Close())
	}
	if f.conn != nil {
		errs = append(errs, f.changes.close(), f.conn.Close())
	}
	if f.writer != nil {
		errs = append(errs, f.writer.Close())
	}
	return errors.Join(append(errs, f.lock.Unlock())...)
}

// connect opens the connections of the writer and the readers.
func (f *File) connect(o *Options) (err error) {
	pragmas := []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)",
		"temp_store(MEMORY)", "cache_size(-4096)", "journal_size_limit(16777216)",
	}
	if o.MaxPages > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count(%d)", o.MaxPages))
	}
	if f.writer, err = sql.Open("sqlite", dsn(f.path, "rw", pragmas...)); err != nil {
		return err
	}
	if f.conn, err = f.writer.Conn(context.Background()); err != nil {
		return err
	}
	f.changes = newStatements(f.conn.PrepareContext)
	if f.reader, err = sql.Open("sqlite", dsn(f.path, "ro", "busy_timeout(5000)", "temp_store(MEMORY)", "cache_size(-1024)")); err != nil {
		return err
	}
	f.reader.SetMaxOpenConns(readers)
	f.reader.SetMaxIdleConns(readers)
	f.reads = newStatements(f.reader.PrepareContext)
	return nil
}

// migrate runs the steps that the file has not seen.
func (f *File) migrate(schemas []Schema) error {
	ctx := context.Background()
	tx, err := f.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	changed := false
	for _, schema := range schemas {
		var version int
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schemas WHERE name = ?", schema.Name).Scan(&version)
		if err != nil {
			return err
		}
		for _, step := range schema.Steps[version:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
			changed = true
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO schemas (name, version) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
			schema.Name, len(schema.Steps)); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return tx.Commit()
}

// dsn is the data source name of path, which may hold any character.
func dsn(path, mode string, pragmas ...string) string {
	query := url.Values{"mode": {mode}, "_dqs": {"0"}, "_pragma": pragmas}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter, https://sqlite.org/uri.html
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}).String()
}

// unusable says what is wrong with the folder or file, in words.
func unusable(op, path string, err error) error {
	detail := "cannot use " + path + "; see that its disk and folder work, or give another data folder"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		detail = "there is no folder " + filepath.Dir(path) + "; create it, or give another data folder"
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		detail = path + " cannot be written; give the account that runs this program the right to write it and its folder, or give another data folder"
	case isFull(err):
		detail = "the disk that holds " + path + " is full; free some space and start again"
	}
	return &fault.Error{Kind: fault.Unavailable, Op: op, Detail: detail, Err: err}
}

// syncFolder makes a rename in the folder durable.
func syncFolder(folder string) error {
	dir, err := os.Open(folder) // #nosec G304 -- the folder that the program was started with
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
