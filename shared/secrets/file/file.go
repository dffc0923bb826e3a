// Package file owns the embedded adapter of the secrets port: one encrypted
// file and its key, in the data folder.
//
// It promises that a secret is on the disk only under AES-256-GCM, that a file
// which was changed by anybody else is refused, and that a change is stored
// whole or not at all. The key lies beside the file, so this keeps secrets out
// of backups and logs of the file alone, not from who can read the folder; for
// that there is Secret Manager. It never puts any part of a secret into an
// error, and it never replaces a key.
package file

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

const (
	keyName     = "secrets.key"
	secretsName = "secrets.enc"
	keyBytes    = 32 // AES-256
	// header begins the file and is authenticated with it, so that what
	// follows is never read as a later version's form.
	header = "autoprovision secrets 1\n"
)

// Store implements secrets.Store. One process at a time may use a folder;
// the lock on the SQLite file beside it sees to that.
type Store struct {
	folder string
	aead   cipher.AEAD
	mu     sync.Mutex
}

var _ secrets.Store = (*Store)(nil)

// content is what the file holds in the clear.
type content struct {
	// Last is the number of the last version ever made; no version has it again.
	Last int64 `json:"last"`
	// Versions are those not destroyed, by name, oldest first.
	Versions map[string][]version `json:"versions"`
}

// version is one version of a secret. Its text is not a secrets.Value, which
// would be stored as asterisks.
type version struct {
	Number int64  `json:"number"`
	Text   []byte `json:"text"`
}

// Open returns the store in a folder, and makes a key where there are neither
// key nor secrets. It refuses with fault.Unready a key that is missing though
// there are secrets, of the wrong length or readable by others, and a file of
// secrets that was changed or made with another key; the text says what to do.
func Open(folder string) (*Store, error) {
	const op = "secrets: open"
	s := &Store{folder: folder}
	key, err := s.key(op)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, err)
	}
	if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fault.Wrap(fault.Internal, op, err)
	}
	if _, err := s.read(op); err != nil {
		return nil, err
	}
	return s, nil
}

// key reads the key, or makes it.
func (s *Store) key(op string) ([]byte, error) {
	path := s.path(keyName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s.newKey(op)
	}
	if err != nil {
		return nil, s.unavailable(op, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Unready, op,
			"others than the owner may read the key %s; run chmod 600 on it, and consider the stored tokens known to them", path)
	}
	key, err := os.ReadFile(path) // #nosec G304 -- in the folder that the program was started with
	if err != nil {
		return nil, s.unavailable(op, err)
	}
	if len(key) != keyBytes {
		return nil, fault.New(fault.Unready, op,
			"the key %s has %d bytes instead of %d; restore it from a backup, or remove it and %s and authorize anew", path, len(key), keyBytes, secretsName)
	}
	return key, nil
}

func (s *Store) newKey(op string) ([]byte, error) {
	if _, err := os.Stat(s.path(secretsName)); err == nil {
		return nil, fault.New(fault.Unready, op,
			"the key %s is missing, and %s cannot be read without it; restore the key from a backup, or remove that file and authorize anew", s.path(keyName), secretsName)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, s.unavailable(op, err)
	}
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails, https://pkg.go.dev/crypto/rand#Read
	return key, s.replace(op, keyName, key)
}

// Put implements secrets.Store.
func (s *Store) Put(ctx context.Context, name string, v secrets.Value) (string, error) {
	const op = "secrets: put"
	if name == "" || v.Empty() {
		return "", fault.New(fault.Invalid, op, "a secret has a name and is not empty")
	}
	var made int64
	err := s.change(ctx, op, func(c *content) error {
		c.Last++
		made = c.Last
		c.Versions[name] = append(c.Versions[name], version{Number: made, Text: []byte(v.Reveal())})
		return nil
	})
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(made, 10), nil
}

// Latest implements secrets.Store. It reads the file each time.
func (s *Store) Latest(ctx context.Context, name string) (secrets.Value, string, error) {
	const op = "secrets: read"
	versions, err := s.versions(ctx, op, name)
	if err != nil {
		return secrets.Value{}, "", err
	}
	if len(versions) == 0 {
		return secrets.Value{}, "", fault.New(fault.NotFound, op, "there is no secret %q", name)
	}
	last := versions[len(versions)-1]
	return secrets.NewValue(string(last.Text)), strconv.FormatInt(last.Number, 10), nil
}

// Version implements secrets.Store. It reads the file each time.
func (s *Store) Version(ctx context.Context, name, version string) (secrets.Value, error) {
	const op = "secrets: read version"
	versions, err := s.versions(ctx, op, name)
	if err != nil {
		return secrets.Value{}, err
	}
	for _, v := range versions {
		if strconv.FormatInt(v.Number, 10) == version {
			return secrets.NewValue(string(v.Text)), nil
		}
	}
	return secrets.Value{}, fault.New(fault.NotFound, op, "there is no version %q of secret %q", version, name)
}

// versions are the versions of a secret that are not destroyed, oldest first.
func (s *Store) versions(ctx context.Context, op, name string) ([]version, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read(op)
	return c.Versions[name], err
}

// DestroyBefore implements secrets.Store.
func (s *Store) DestroyBefore(ctx context.Context, name, keep string) error {
	const op = "secrets: destroy versions"
	return s.change(ctx, op, func(c *content) error {
		for i, v := range c.Versions[name] {
			if strconv.FormatInt(v.Number, 10) == keep {
				c.Versions[name] = c.Versions[name][i:]
				return nil
			}
		}
		return fault.New(fault.NotFound, op, "there is no version %q of secret %q", keep, name)
	})
}

// Delete implements secrets.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.change(ctx, "secrets: delete", func(c *content) error {
		delete(c.Versions, name)
		return nil
	})
}

// change stores what edit makes of the content.
func (s *Store) change(ctx context.Context, op string, edit func(*content) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read(op)
	if err != nil {
		return err
	}
	if err := edit(&c); err != nil {
		return err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return fault.New(fault.Internal, op, "the secrets cannot be stored as JSON") // the cause could quote one
	}
	// #nosec G407 -- the AEAD makes a random nonce itself (cipher.NewGCMWithRandomNonce), and takes none
	return s.replace(op, secretsName, s.aead.Seal([]byte(header), nil, plain, []byte(header)))
}

// read decrypts the file; no file is empty content.
func (s *Store) read(op string) (content, error) {
	c := content{Versions: map[string][]version{}}
	sealed, err := os.ReadFile(s.path(secretsName))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, s.unavailable(op, err)
	}
	body, ok := bytes.CutPrefix(sealed, []byte(header))
	if !ok {
		return c, s.changed(op)
	}
	plain, err := s.aead.Open(nil, nil, body, []byte(header))
	if err != nil {
		return c, s.changed(op)
	}
	if err := json.Unmarshal(plain, &c); err != nil || c.Versions == nil {
		return c, s.changed(op) // the cause could quote a secret
	}
	return c, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.folder, name) }

func (s *Store) changed(op string) error {
	return fault.New(fault.Unready, op,
		"%s was damaged, changed by something else, or made with another key than %s; restore both from one backup, or remove both and authorize anew",
		s.path(secretsName), keyName)
}

func (s *Store) unavailable(op string, err error) error {
	return &fault.Error{Kind: fault.Unavailable, Op: op, Err: err,
		Detail: "cannot use the data folder; see that it exists, that its disk is not full, and that this program may write it"}
}
