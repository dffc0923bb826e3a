package file_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/secrets/secretstest"
)

const token = "a-token-that-nobody-may-see"

func open(t *testing.T, folder string) *file.Store {
	t.Helper()
	s, err := file.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored is a folder with a token in it.
func stored(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if _, err := open(t, folder).Put(context.Background(), secrets.AppToken, secrets.NewValue(token)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// refused fails unless opening the folder is refused in words that name the
// remedy and not the token, and changes nothing.
func refused(t *testing.T, folder string, kind fault.Kind, remedy string) {
	t.Helper()
	before := files(t, folder)
	_, err := file.Open(folder)
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), remedy) || strings.Contains(err.Error(), token) {
		t.Errorf("got %v, want one of kind %v that says %q", err, kind, remedy)
	}
	after := files(t, folder)
	if len(after) != len(before) {
		t.Errorf("opening left %d files of %d", len(after), len(before))
	}
	for name, data := range before {
		if !bytes.Equal(after[name], data) {
			t.Errorf("opening changed %s", name)
		}
	}
}

func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestConformance(t *testing.T) {
	t.Parallel()
	secretstest.Run(t, func(t *testing.T) secretstest.Harness {
		folder := t.TempDir()
		return secretstest.Harness{Store: open(t, folder), Reopen: func() secrets.Store { return open(t, folder) }}
	})
}

func TestFilesAreTheOwnersAndEncrypted(t *testing.T) {
	t.Parallel()
	folder := stored(t)
	for name, data := range files(t, folder) {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if bytes.Contains(data, []byte(token)) {
			t.Errorf("%s holds the token in the clear", name)
		}
	}
}

func TestDestroyedVersionsAreGoneFromTheFile(t *testing.T) {
	t.Parallel()
	folder := stored(t)
	s := open(t, folder)
	long := strings.Repeat("x", 3000)
	if _, err := s.Put(context.Background(), secrets.AppToken, secrets.NewValue(long)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(context.Background(), secrets.AppToken); err != nil {
		t.Fatal(err)
	}
	for name, data := range files(t, folder) {
		if len(data) > 200 {
			t.Errorf("%s still has %d bytes", name, len(data))
		}
	}
}

func TestKeyIsChecked(t *testing.T) {
	t.Parallel()
	t.Run("readable by others", func(t *testing.T) {
		t.Parallel()
		folder := stored(t)
		if err := os.Chmod(filepath.Join(folder, "secrets.key"), 0o640); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, fault.Unready, "chmod 600")
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		folder := stored(t)
		if err := os.Remove(filepath.Join(folder, "secrets.key")); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, fault.Unready, "authorize anew")
	})
	t.Run("of the wrong length", func(t *testing.T) {
		t.Parallel()
		folder := stored(t)
		if err := os.Truncate(filepath.Join(folder, "secrets.key"), 31); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, fault.Unready, "31 bytes")
	})
	t.Run("of another file", func(t *testing.T) {
		t.Parallel()
		folder, other := stored(t), stored(t)
		if err := os.Rename(filepath.Join(other, "secrets.key"), filepath.Join(folder, "secrets.key")); err != nil {
			t.Fatal(err)
		}
		refused(t, folder, fault.Unready, "another key")
	})
}

func TestChangedFileIsRefused(t *testing.T) {
	t.Parallel()
	folder := stored(t)
	path := filepath.Join(folder, "secrets.enc")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, folder)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Latest(context.Background(), secrets.AppToken); !fault.Is(err, fault.Unready) || strings.Contains(err.Error(), token) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	}
	for length := range good {
		if err := os.WriteFile(path, good[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Latest(context.Background(), secrets.AppToken); !fault.Is(err, fault.Unready) {
			t.Fatalf("cut to %d bytes: %v", length, err)
		}
	}
	refused(t, folder, fault.Unready, "restore both")
	if _, err := s.Put(context.Background(), secrets.AppToken, secrets.NewValue("new")); !fault.Is(err, fault.Unready) {
		t.Errorf("Put over a changed file: %v", err)
	}
}

func TestLeftoversOfACrashDoNoHarm(t *testing.T) {
	t.Parallel()
	folder := stored(t)
	for _, name := range []string{"secrets.enc.new", "secrets.key.new"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, folder)
	v, _, err := s.Latest(context.Background(), secrets.AppToken)
	if err != nil || v.Reveal() != token {
		t.Fatalf("Latest: %v", err)
	}
	if _, err := s.Put(context.Background(), secrets.AppToken, secrets.NewValue("next")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, "secrets.enc"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := file.Open(filepath.Join(t.TempDir(), "none"))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
}
