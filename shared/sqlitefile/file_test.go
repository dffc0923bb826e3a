package sqlitefile_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
)

func schema(steps int) []sqlitefile.Schema {
	all := []string{
		"CREATE TABLE rows (id INTEGER PRIMARY KEY, doc TEXT NOT NULL) STRICT",
		"CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT; INSERT INTO more (id) SELECT id FROM rows",
	}
	return []sqlitefile.Schema{{Name: "test", Steps: all[:steps]}}
}

func open(t *testing.T, path string, o *sqlitefile.Options) *sqlitefile.File {
	t.Helper()
	f, err := sqlitefile.Open(path, schema(1), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func closeFile(t *testing.T, f *sqlitefile.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func insert(f *sqlitefile.File, ctx context.Context, id int, doc string) error {
	return f.Write(ctx, func(tx sqlitefile.Tx) error {
		_, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (?, ?)", id, doc)
		return err
	})
}

func rows(t *testing.T, f *sqlitefile.File, table string) []int {
	t.Helper()
	var ids []int
	err := f.Query(context.Background(), func(rows *sql.Rows) error {
		var id int
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT id FROM "+table+" ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestReopen(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "100% odd?&#=ä folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "state.db")
	if err := os.WriteFile(path+".new", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path, nil)
	for id := range 3 {
		if err := insert(f, context.Background(), id, "x"); err != nil {
			t.Fatal(err)
		}
	}
	closeFile(t, f)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 || e.Name() != "state.db" && e.Name() != "state.db.lock" {
			t.Errorf("after Close there is %s with mode %v (error %v)", e.Name(), info.Mode(), err)
		}
	}
	f = open(t, path, nil)
	defer closeFile(t, f)
	if got := rows(t, f, "rows"); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("rows after reopening: %v", got)
	}
}

func TestMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	f := open(t, path, nil)
	if err := insert(f, context.Background(), 7, "x"); err != nil {
		t.Fatal(err)
	}
	closeFile(t, f)

	bad := schema(2)
	bad[0].Steps[1] += "; SELECT no_such_function()"
	if _, err := sqlitefile.Open(path, bad, nil); err == nil {
		t.Fatal("a step that fails was taken")
	}
	for range 2 { // the second time there is nothing to do
		f, err := sqlitefile.Open(path, schema(2), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, f, "more"); !slices.Equal(got, []int{7}) {
			t.Errorf("the new table has %v", got)
		}
		closeFile(t, f)
	}
	if _, err := sqlitefile.Open(path, schema(1), nil); !fault.Is(err, fault.Unready) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("opened by an older version: %v", err)
	}
}

func TestOneFailsAlone(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "state.db"), nil)
	defer closeFile(t, f)
	refused := errors.New("refused")
	var all sync.WaitGroup
	for id := range 300 {
		all.Go(func() {
			err := f.Write(context.Background(), func(tx sqlitefile.Tx) error {
				if _, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (?, ?)", id, "x"); err != nil {
					return err
				}
				switch id % 3 {
				case 1:
					return fault.Wrap(fault.Conflict, "test", refused)
				case 2:
					_, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (?, ?)", id, "the same id again")
					return err
				}
				return nil
			})
			switch {
			case id%3 == 0 && err != nil, id%3 == 1 && (!errors.Is(err, refused) || !fault.Is(err, fault.Conflict)), id%3 == 2 && err == nil:
				t.Errorf("write %d: %v", id, err)
			}
			var found bool // a read that starts now sees what returned
			err = f.Query(context.Background(), func(*sql.Rows) error { found = true; return nil }, "SELECT 1 FROM rows WHERE id = ?", id)
			if err != nil || found != (id%3 == 0) {
				t.Errorf("after write %d its row is there: %v (error %v)", id, found, err)
			}
		})
	}
	all.Wait()
	if n := len(rows(t, f, "rows")); n != 100 {
		t.Errorf("%d rows of the 100 writes that succeeded", n)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	f := open(t, path, &sqlitefile.Options{MaxPages: 40})
	large := strings.Repeat("x", 100_000) // 25 pages
	var all sync.WaitGroup
	var mu sync.Mutex
	var stored []int
	for id := range 100 {
		all.Go(func() {
			doc := "small"
			if id%10 == 0 {
				doc = large // one fits, the others do not
			}
			err := insert(f, context.Background(), id, doc)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				stored = append(stored, id)
			case !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "free some space"):
				t.Errorf("write %d on a full disk: %v", id, err)
			case doc != large:
				t.Errorf("small write %d failed because of a large one: %v", id, err)
			}
		})
	}
	all.Wait()
	slices.Sort(stored)
	if got := rows(t, f, "rows"); len(stored) != 91 || !slices.Equal(got, stored) {
		t.Errorf("%d writes succeeded, want 91, and %d rows are there", len(stored), len(got))
	}
	closeFile(t, f)
	f = open(t, path, nil)
	defer closeFile(t, f)
	if got := rows(t, f, "rows"); !slices.Equal(got, stored) {
		t.Errorf("after reopening there are %d rows, want %d", len(got), len(stored))
	}
	if err := insert(f, context.Background(), 1000, large); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "state.db"), nil)
	defer closeFile(t, f)
	ctx, cancel := context.WithCancel(context.Background())
	started, release := make(chan struct{}), make(chan struct{})
	result := make(chan error)
	go func() {
		result <- f.Write(ctx, func(tx sqlitefile.Tx) error {
			close(started)
			<-release
			_, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (1, 'x')")
			return err
		})
	}()
	<-started
	waiting := make(chan error)
	go func() { waiting <- insert(f, ctx, 2, "x") }()
	cancel()
	for what, err := range map[string]error{"the write under way": <-result, "the write that waited": <-waiting} {
		if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	close(release)
	if err := insert(f, context.Background(), 3, "x"); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, f, "rows"); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("rows %v; the write under way goes on, the one that waited is left out", got)
	}
}

func TestCloseStoresWhatWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	f := open(t, path, nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	var stored []int
	started := make(chan struct{}, 50)
	for id := range 50 {
		all.Go(func() {
			started <- struct{}{}
			err := insert(f, context.Background(), id, "x")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				stored = append(stored, id)
			} else if !fault.Is(err, fault.Unavailable) {
				t.Errorf("write %d while closing: %v", id, err)
			}
		})
	}
	<-started
	closeFile(t, f)
	all.Wait()
	if err := insert(f, context.Background(), 99, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a write after Close: %v", err)
	}
	if err := f.Query(context.Background(), func(*sql.Rows) error { return nil }, "SELECT 1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a read after Close: %v", err)
	}
	f = open(t, path, nil)
	defer closeFile(t, f)
	slices.Sort(stored)
	if got := rows(t, f, "rows"); !slices.Equal(got, stored) {
		t.Errorf("rows %v, but %v were said to be stored", got, stored)
	}
}

func TestDurability(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "state.db"), nil)
	defer closeFile(t, f)
	err := f.Write(context.Background(), func(tx sqlitefile.Tx) error {
		for query, want := range map[string]string{"PRAGMA synchronous": "2", "PRAGMA journal_mode": "wal"} { // 2 is FULL
			var got string
			if err := tx.Query(func(rows *sql.Rows) error { return rows.Scan(&got) }, query); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %s, want %s", query, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
