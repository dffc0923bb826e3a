package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestNoTemporaryFolder: without a folder to work in, the error says what to do.
func TestNoTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	s := settings{}
	if err := s.folder(); err == nil || !strings.Contains(err.Error(), "-data") || s.temporary {
		t.Errorf("error %v, temporary %v", err, s.temporary)
	}
}
