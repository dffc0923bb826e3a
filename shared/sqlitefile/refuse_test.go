package sqlitefile_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
)

// snapshot is the files of a folder, but for the lock and SQLite's index of the
// write-ahead log, which holds no data.
func snapshot(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".lock") || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 || !strings.HasSuffix(e.Name(), "-wal") {
			all[e.Name()] = data
		}
	}
	return all
}

// refused fails unless Open refuses the file in words that say what to do, and
// leaves it as it was.
func refused(t *testing.T, path, what string, kind fault.Kind, words string) {
	t.Helper()
	before := snapshot(t, filepath.Dir(path))
	f, err := sqlitefile.Open(path, schema(1), nil)
	if err == nil {
		closeFile(t, f)
	}
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: got %v, want one of kind %v that says %q", what, err, kind, words)
	}
	after := snapshot(t, filepath.Dir(path))
	for name, data := range before {
		if !bytes.Equal(after[name], data) {
			t.Errorf("%s: opening changed %s", what, name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%s: opening left %d files of %d", what, len(after), len(before))
	}
}

// filled is the bytes of a good file of many pages.
func filled(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	f := open(t, path, nil)
	for id := range 50 {
		if err := insert(f, context.Background(), id, strings.Repeat("x", 3000)); err != nil {
			t.Fatal(err)
		}
	}
	closeFile(t, f)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	good := filled(t)
	const backup = "from a backup"
	edit := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	for what, c := range map[string]struct {
		data  []byte
		words string
	}{
		"an empty file":          {nil, backup},
		"10 bytes of it":         {good[:10], backup},
		"100 bytes of it":        {good[:100], backup},
		"one page of it":         {good[:4096], backup},
		"half of it":             {good[:len(good)/2], backup},
		"all but a byte":         {good[:len(good)-1], backup},
		"all but a page":         {good[:len(good)-4096], backup},
		"a page of zeros in it":  {edit(func(b []byte) { clear(b[2*4096 : 3*4096]) }), backup},
		"garbage after its head": {edit(func(b []byte) { copy(b[4096:], bytes.Repeat([]byte("garbage!"), 2000)) }), backup},
		"a text":                 {[]byte("this is a file of somebody else, and a long one"), "not a file of this program"},
		"a short text":           {[]byte("hello"), "not a file of this program"},
		"another program's":      {edit(func(b []byte) { copy(b[68:72], "othr") }), "not a file of this program"},
		"of a newer layout":      {edit(func(b []byte) { b[63]++ }), "newer version"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, what, fault.Unready, c.words)
		})
	}
	t.Run("a log without its file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path+"-wal", []byte("frames"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "a log without its file", fault.Unready, backup)
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		_, err := sqlitefile.Open(filepath.Join(t.TempDir(), "none", "state.db"), schema(1), nil)
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "create it") {
			t.Errorf("got %v", err)
		}
	})
}

// TestCutBesideItsLog: a last page that is cut is refused also beside a log,
// unless the log has that page whole, as where a crash has cut it.
func TestCutBesideItsLog(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		change string // what the log has
		edit   func(log []byte) []byte
		ok     bool
	}{
		"the last page":                 {"UPDATE rows SET doc = upper(doc)", nil, true},
		"another page":                  {"UPDATE rows SET doc = 'y' WHERE id = 0", nil, false},
		"the last page from before":     {"UPDATE rows SET doc = upper(doc)", func(b []byte) []byte { b[16]++; return b }, false},
		"the last page, no commit":      {"UPDATE rows SET doc = doc || doc", func(b []byte) []byte { return b[:len(b)-1] }, false},
		"the last page, not to its end": {"UPDATE rows SET doc = upper(doc)", func(b []byte) []byte { return b[:len(b)-1] }, false},
		"a part of its head":            {"UPDATE rows SET doc = upper(doc)", func(b []byte) []byte { return b[:20] }, false},
	} {
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, filled(t), 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, path, nil)
		err := f.Write(context.Background(), func(tx sqlitefile.Tx) error { _, err := tx.Exec(test.change); return err })
		if err != nil {
			t.Fatal(err)
		}
		killed := filepath.Join(t.TempDir(), "state.db")
		for _, file := range []string{"", "-wal"} {
			data, err := os.ReadFile(path + file)
			if err != nil || len(data) == 0 {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
			if file == "" {
				data = data[:len(data)-100]
			} else if test.edit != nil {
				data = test.edit(data)
			}
			if err := os.WriteFile(killed+file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		closeFile(t, f)
		if !test.ok {
			refused(t, killed, what, fault.Unready, "from a backup")
			continue
		}
		f = open(t, killed, nil)
		if got := rows(t, f, "rows WHERE doc = '"+strings.Repeat("X", 3000)+"'"); len(got) != 50 {
			t.Errorf("%d rows are whole of 50", len(got))
		}
		closeFile(t, f)
	}
}

// BenchmarkOpen opens a file of about 100 MB, which it checks each time.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	f, err := sqlitefile.Open(path, schema(1), nil)
	if err != nil {
		b.Fatal(err)
	}
	doc := strings.Repeat("x", 1000)
	err = f.Write(context.Background(), func(tx sqlitefile.Tx) error {
		for id := range 100_000 {
			if _, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (?, ?)", id, doc); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, f.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := sqlitefile.Open(path, schema(1), nil)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
