package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
)

// maxGroup is how many writes share one commit at most: enough to make the
// cost of the commit small beside theirs, few enough that nobody waits long.
const maxGroup = 256

// Tx is what one write does its changes through. It is valid only
// inside the function that it was given to.
type Tx struct{ statements *statements }

// Exec runs one statement and returns how many rows it changed. The query's
// text is kept prepared, so it must be one of a few constants.
func (tx Tx) Exec(query string, args ...any) (int64, error) {
	// The context of one caller must not interrupt the transaction of all, which
	// SQLite would roll back (https://sqlite.org/c3ref/interrupt.html).
	ctx := context.Background()
	stmt, err := tx.statements.get(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// write is one caller's wish, and where its answer goes.
type write struct {
	ctx  context.Context
	do   func(Tx) error
	err  error
	done chan error
}

// Write runs do in a transaction that it may share with other callers' writes,
// and returns once that is on the disk. What do returns is returned, and undoes
// what do has changed and nothing else. do may run twice, one after the other,
// so it only assigns to what it captured; it must not call Write or Query of f.
//
// When ctx ends first, its error is returned as fault.Unavailable, and the
// write may be stored all the same: what do has captured is then not to be read.
func (f *File) Write(ctx context.Context, do func(Tx) error) error {
	const op = "sqlitefile: write"
	w := &write{ctx: ctx, do: do, done: make(chan error, 1)}
	select {
	case f.writes <- w:
	case <-ctx.Done():
		return wrap(op, ctx.Err())
	case <-f.stopped:
		return closed(op)
	}
	select {
	case err := <-w.done:
		return wrap(op, err)
	case <-ctx.Done():
		return wrap(op, ctx.Err())
	}
}

// Query calls scan for each row of a read that sees every write that returned
// before. The query's text is kept prepared, so it must be one of a few constants.
func (f *File) Query(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	const op = "sqlitefile: read"
	select {
	case <-f.closing:
		return closed(op)
	default:
		return wrap(op, f.reads.query(ctx, scan, query, args...))
	}
}

// run is the only goroutine that writes, until Close.
func (f *File) run() {
	defer close(f.stopped)
	g := &grouper{statements: f.changes}
	for {
		select {
		case w := <-f.writes:
			g.commit(f.gather(w))
		case <-f.closing:
			for group := f.gather(); len(group) > 0; group = f.gather() {
				g.commit(group)
			}
			return
		}
	}
}

// gather adds the writes that wait at this moment. The channel has no buffer,
// so a write that was accepted is always answered, also while closing.
func (f *File) gather(group ...*write) []*write {
	for len(group) < maxGroup {
		select {
		case w := <-f.writes:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// grouper runs groups of writes; only the writer's goroutine uses it.
type grouper struct{ statements *statements }

// commit runs a group in one transaction and answers each of its writes.
func (g *grouper) commit(group []*write) {
	err := g.try(group)
	if err != nil && isFull(err) && len(group) > 1 {
		// A full disk took the transaction of all; by itself a small write may still fit.
		for _, w := range group {
			g.commit([]*write{w})
		}
		return
	}
	for _, w := range group {
		if w.err == nil {
			w.err = err
		}
		w.done <- w.err
	}
}

// try runs a group in one transaction, each write in a savepoint of its own.
// It leaves the error of one write in it, and returns the error of them all.
func (g *grouper) try(group []*write) error {
	if err := g.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, w := range group {
		if err := g.one(w); err != nil {
			g.rollback()
			return err
		}
	}
	if err := g.exec("COMMIT"); err != nil {
		g.rollback()
		return err
	}
	return nil
}

// one runs one write; it returns an error when the whole transaction is lost.
func (g *grouper) one(w *write) error {
	if w.err = w.ctx.Err(); w.err != nil {
		return nil // its caller has gone
	}
	if err := g.exec("SAVEPOINT one"); err != nil {
		return err
	}
	if w.err = w.do(Tx{g.statements}); w.err == nil {
		return g.exec("RELEASE one")
	}
	// Some errors, a full disk among them, may have rolled back everything, and
	// then there is no savepoint to go back to (https://sqlite.org/lang_transaction.html section 3).
	if err := g.exec("ROLLBACK TO one"); err != nil {
		if code(w.err) != sqlite3.SQLITE_OK {
			return w.err
		}
		return err
	}
	return g.exec("RELEASE one")
}

func (g *grouper) exec(query string) error {
	_, err := Tx{g.statements}.Exec(query)
	return err
}

// rollback ends a transaction that may have ended by itself, in which case
// SQLite says that there is none, and there is nothing to do.
func (g *grouper) rollback() { _ = g.exec("ROLLBACK") }

// statements keeps queries prepared, by their text.
type statements struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	mu      sync.Mutex
	byQuery map[string]*sql.Stmt
}

func newStatements(prepare func(context.Context, string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, byQuery: map[string]*sql.Stmt{}}
}

// close finalizes all. For a single connection database/sql does not, and a
// connection that still has statements keeps its files.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.byQuery {
		errs = append(errs, stmt.Close())
	}
	clear(s.byQuery)
	return errors.Join(errs...)
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt, ok := s.byQuery[query]; ok {
		return stmt, nil
	}
	// Kept for later callers, so this caller's context must not end it halfway.
	stmt, err := s.prepare(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	s.byQuery[query] = stmt
	return stmt, nil
}

func (s *statements) query(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
