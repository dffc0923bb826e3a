package file

import (
	"errors"
	"os"
)

// replace stores data under a name, readable by the owner alone: after it, or
// after a crash during it, there is the old file or the new one, whole.
func (s *Store) replace(op, name string, data []byte) error {
	// A fixed name, so that what a crash leaves is overwritten and not collected.
	temporary := s.path(name + ".new")
	err := writeSynced(temporary, data)
	if err == nil {
		err = os.Rename(temporary, s.path(name))
	}
	if err == nil {
		err = syncFolder(s.folder)
	}
	if err != nil {
		return s.unavailable(op, err)
	}
	return nil
}

// writeSynced makes a new file with data in it, on the disk.
func writeSynced(path string, data []byte) error {
	// Removed first, since an existing file would keep its permissions.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- in the folder that the program was started with
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncFolder makes a rename in the folder durable.
func syncFolder(folder string) error {
	dir, err := os.Open(folder) // #nosec G304 -- the folder that the program was started with
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
