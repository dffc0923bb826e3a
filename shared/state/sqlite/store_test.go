package sqlite_test

import (
	"path/filepath"
	"testing"

	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/state/statetest"
)

// openStore opens or creates the store at path.
func openStore(t testing.TB, path string, o *sqlitefile.Options) (*sqlitefile.File, *sqlite.Store) {
	t.Helper()
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlite.Schema()}, o)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.New(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, store
}

func closeFile(t testing.TB, file *sqlitefile.File) {
	t.Helper()
	if err := file.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) statetest.Harness {
		path := filepath.Join(t.TempDir(), "state.db")
		file, store := openStore(t, path, nil)
		t.Cleanup(func() { closeFile(t, file) })
		return statetest.Harness{Store: store, Reopen: func() state.Store {
			closeFile(t, file)
			file, store = openStore(t, path, nil)
			return store
		}}
	})
}
