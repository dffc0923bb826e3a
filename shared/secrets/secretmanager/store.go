// Package secretmanager owns the adapter of the secrets port for Google Secret
// Manager.
//
// It promises what the port promises. A secret that was read is kept in memory
// for a minute, one that was stored too, so that a process sees what it stored
// at once, although Secret Manager's own word for the newest version lags. That
// there is none is kept for some seconds: strangers may have it asked for. It
// never makes or removes a secret, only versions of those that the deployment
// made: a secret made anew would count its versions from 1 again, and an
// account that may make secrets may do more than this program needs.
package secretmanager

import (
	"context"
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"

	cloud "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/fault/rpcfault"
	"example.com/autoprovision/shared/secrets"
)

const (
	// cacheAge is how long a secret is kept in memory, in real time, and noneAge
	// how long it is that there is none.
	cacheAge = time.Minute
	noneAge  = 10 * time.Second
	// maxBytes is the most bytes of a secret (cloud.google.com/secret-manager/quotas).
	maxBytes = 64 << 10
	// latest is Secret Manager's word for the newest version.
	latest = "latest"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Store implements secrets.Store.
type Store struct {
	client *cloud.Client
	// prefix is projects/P/secrets/ and what the names of our secrets begin with.
	prefix string
	real   clock.Real

	mu    sync.Mutex
	cache map[string]secret
	// changes counts what was stored and deleted here, so that an answer from
	// before a change is not kept after it.
	changes int
}

// secret is a version of a secret, empty when there was none, and when it was asked for.
type secret struct {
	value   secrets.Value
	version string
	at      time.Time
}

var _ secrets.Store = (*Store)(nil)

// New returns the store of the secrets of a project whose names begin with prefix.
func New(client *cloud.Client, project, prefix string, real clock.Real) *Store {
	return &Store{client: client, prefix: "projects/" + project + "/secrets/" + prefix, real: real, cache: map[string]secret{}}
}

// path is the full name of a secret's version.
func (s *Store) path(name, version string) string { return s.prefix + name + "/versions/" + version }

// last is the last part of a full name.
func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// Put implements secrets.Store.
func (s *Store) Put(ctx context.Context, name string, v secrets.Value) (string, error) {
	const op = "secrets: put"
	data := []byte(v.Reveal())
	if name == "" || len(data) == 0 || len(data) > maxBytes {
		return "", fault.New(fault.Invalid, op, "a secret has a name, is not empty and has at most %d bytes", maxBytes)
	}
	at, sum := s.real(), int64(crc32.Checksum(data, castagnoli))
	made, err := s.client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  s.prefix + name,
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum},
	})
	if status.Code(err) == codes.NotFound {
		return "", fault.New(fault.Unready, op, "Secret Manager has no secret for the %s; deploy it", name)
	}
	if err != nil {
		return "", wrap(op, err)
	}
	stored := secret{v, last(made.GetName()), at}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	if known, ok := s.cache[name]; !ok || number(known.version) < number(stored.version) {
		s.cache[name] = stored
	}
	return stored.version, nil
}

// Latest implements secrets.Store: the newest version that is enabled.
func (s *Store) Latest(ctx context.Context, name string) (secrets.Value, string, error) {
	const op = "secrets: read"
	s.mu.Lock()
	known, ok := s.cache[name]
	changes := s.changes
	s.mu.Unlock()
	at := s.real()
	if ok && known.version != "" && at.Sub(known.at) < cacheAge {
		return known.value, known.version, nil
	}
	none := fault.New(fault.NotFound, op, "there is no secret %q", name)
	if ok && known.version == "" && at.Sub(known.at) < noneAge {
		return secrets.Value{}, "", none
	}
	found, err := s.access(ctx, op, name, latest)
	if gone(err) { // or disabled by hand, or destroyed: then an older one may be enabled
		found, err = s.accessEnabled(ctx, op, name)
	}
	if err != nil && !gone(err) {
		return secrets.Value{}, "", wrap(op, err)
	}
	found.at = at
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes {
		s.cache[name] = found
	}
	if err != nil {
		return secrets.Value{}, "", none
	}
	return found.value, found.version, nil
}

// Version implements secrets.Store. Secret Manager answers for a number at once
// with what was stored under it, unlike for the newest
// (cloud.google.com/secret-manager/docs/reference/consistency).
func (s *Store) Version(ctx context.Context, name, version string) (secrets.Value, error) {
	const op = "secrets: read version"
	if number(version) == 0 {
		return secrets.Value{}, missing(op, name, version)
	}
	found, err := s.access(ctx, op, name, version)
	if gone(err) {
		return secrets.Value{}, missing(op, name, version)
	}
	return found.value, wrap(op, err)
}

// access reads one version.
func (s *Store) access(ctx context.Context, op, name, version string) (secret, error) {
	answer, err := s.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: s.path(name, version)})
	if err != nil {
		return secret{}, err
	}
	payload := answer.GetPayload()
	if sum := int64(crc32.Checksum(payload.GetData(), castagnoli)); payload.DataCrc32C == nil || payload.GetDataCrc32C() != sum {
		return secret{}, fault.New(fault.Unavailable, op, "the secret %q arrived damaged", name)
	}
	return secret{value: secrets.NewValue(string(payload.GetData())), version: last(answer.GetName())}, nil
}

// accessEnabled reads the newest version that is enabled.
func (s *Store) accessEnabled(ctx context.Context, op, name string) (secret, error) {
	newest := int64(0)
	err := s.each(ctx, name, func(v *secretmanagerpb.SecretVersion) error {
		if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
			newest = max(newest, number(last(v.GetName())))
		}
		return nil
	})
	if err != nil {
		return secret{}, err
	}
	if newest == 0 {
		return secret{}, status.Error(codes.NotFound, "no version is enabled")
	}
	return s.access(ctx, op, name, strconv.FormatInt(newest, 10))
}

// DestroyBefore implements secrets.Store.
func (s *Store) DestroyBefore(ctx context.Context, name, keep string) error {
	const op = "secrets: destroy versions"
	if number(keep) == 0 {
		return missing(op, name, keep)
	}
	// The version that is kept is asked for by its number, since a list may lag behind it.
	kept, err := s.client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: s.path(name, keep)})
	if gone(err) || err == nil && kept.GetState() == secretmanagerpb.SecretVersion_DESTROYED {
		return missing(op, name, keep)
	}
	if err != nil {
		return wrap(op, err)
	}
	return s.destroy(ctx, op, name, func(version string) bool { return number(version) < number(keep) })
}

// Delete implements secrets.Store. The secret itself stays, without versions.
func (s *Store) Delete(ctx context.Context, name string) error {
	err := s.destroy(ctx, "secrets: delete", name, func(string) bool { return true })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.cache, name)
	return err
}

// destroy destroys the versions that are doomed.
func (s *Store) destroy(ctx context.Context, op, name string, doomed func(version string) bool) error {
	err := s.each(ctx, name, func(v *secretmanagerpb.SecretVersion) error {
		if v.GetState() == secretmanagerpb.SecretVersion_DESTROYED || !doomed(last(v.GetName())) {
			return nil
		}
		_, err := s.client.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: s.path(name, last(v.GetName()))})
		if gone(err) {
			return nil // somebody else has destroyed it
		}
		return err
	})
	if gone(err) {
		return nil
	}
	return wrap(op, err)
}

// each goes through all versions of a secret, the destroyed ones too.
func (s *Store) each(ctx context.Context, name string, visit func(*secretmanagerpb.SecretVersion) error) error {
	versions := s.client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: s.prefix + name})
	for {
		v, err := versions.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err == nil {
			err = visit(v)
		}
		if err != nil {
			return err
		}
	}
}

func missing(op, name, version string) error {
	return fault.New(fault.NotFound, op, "there is no version %q of secret %q", version, name)
}

// number is the number of a version; 0 for what is none.
func number(version string) int64 {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// gone reports whether an error says that a secret or version is not there, or
// not any more: one that is destroyed or disabled fails a precondition.
func gone(err error) bool {
	code := status.Code(err)
	return code == codes.NotFound || code == codes.FailedPrecondition
}

var details = map[codes.Code]string{codes.PermissionDenied: mayNot, codes.Unauthenticated: mayNot}

const mayNot = "this program's service account may not use the secret; give it roles/secretmanager.secretAccessor, " +
	"and where tokens are stored roles/secretmanager.secretVersionManager, on this secret"

func wrap(op string, err error) error { return rpcfault.Wrap(op, err, details) }
