package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keptFile is a small file of the data folder that is read at the start and
// replaced as a whole, so that a kill leaves the old content or the new one.
type keptFile struct{ path string }

func keptIn(folder, name string) keptFile { return keptFile{filepath.Join(folder, name)} }

// load returns nil for a file that is not there yet.
func (k keptFile) load() ([]byte, error) {
	data, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w: give the account that runs this program the right to read it", k.path, err)
	}
	return data, nil
}

// save replaces the content. It does not wait for the disk: what is kept here
// is worth a program's life, not a power cut.
func (k keptFile) save(data []byte) error {
	temporary := k.path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil { // #nosec G703 -- in the folder that the program was started with
		return err
	}
	return os.Rename(temporary, k.path)
}
