package require

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Source opens every file of the repository at root. The go command keeps the
// result of a test until a file that the test itself opened changes; a test
// which lets other programs read the source, to build or to deploy it, would
// otherwise be answered from what another source gave.
func Source(t testing.TB, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}
