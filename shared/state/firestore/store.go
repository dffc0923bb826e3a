// Package firestore owns the cloud adapter of the state port: documents below
// apps/{app} of one Firestore database in native mode.
//
// It promises what the port promises, with each change in one commit under a
// precondition: no lock is held between a read and a write, no document is
// written by everybody, and a commit whose answer was lost is recognised. The
// JSON document in the field doc is the truth; the fields beside it are derived
// from it in the same write, for queries alone, and absent where they say
// nothing, so that no index holds them. It never keeps anything in memory
// between calls, and asks for no composite index but those of
// infra/gcp/firestore.indexes.json.
package firestore

import (
	"context"
	"net/url"
	"strings"
	"time"

	cloud "cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/fault/rpcfault"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// parallel is how many requests one call makes at a time where it needs many.
const parallel = 16

// The fields that documents of every kind have.
const (
	// fieldDoc is the value as JSON.
	fieldDoc = "doc"
	// fieldWrite differs in each write, see replace.
	fieldWrite = "write"
)

// Store implements state.Store.
type Store struct {
	client   *cloud.Client
	root     *cloud.DocumentRef
	business clock.Business
}

var _ state.Store = (*Store)(nil)

// New returns the store of one app in a database. business is the time by which
// events grow old; the database removes them by real time, so it must not run faster.
func New(client *cloud.Client, app string, business clock.Business) *Store {
	return &Store{client: client, root: client.Collection("apps").Doc(key(app)), business: business}
}

// The collections below the app's document.
func (s *Store) records() *cloud.CollectionRef   { return s.root.Collection("records") }
func (s *Store) events() *cloud.CollectionRef    { return s.root.Collection("events") }
func (s *Store) documents() *cloud.CollectionRef { return s.root.Collection("documents") }
func (s *Store) sweeps() *cloud.CollectionRef    { return s.root.Collection("sweeps") }
func (s *Store) orphans() *cloud.CollectionRef   { return s.root.Collection("orphans") }
func (s *Store) previews() *cloud.CollectionRef  { return s.root.Collection("previews") }
func (s *Store) channels() *cloud.CollectionRef  { return s.root.Collection("channels") }

// key is an id as the id of a document, which may hold no slash, be no dots and
// not begin with two underscores (firebase.google.com/docs/firestore/quotas).
// Ids of letters, digits and dashes stay as they are, and so does their order.
// url.PathUnescape undoes it.
func key(id string) string {
	k := url.PathEscape(id)
	switch {
	case k == "." || k == "..":
		k = strings.ReplaceAll(k, ".", "%2E")
	case strings.HasPrefix(k, "__"):
		k = "%5F%5F" + k[2:]
	}
	return k
}

// version is the update time of a document, in microseconds since 1970, which
// is as fine as Firestore keeps it, and grows with every write of the document.
func version(updated time.Time) int64 { return updated.UnixMicro() }

// decode reads a document's value.
func decode(op string, snap *cloud.DocumentSnapshot, v any) error {
	data, err := snap.DataAt(fieldDoc)
	doc, ok := data.(string)
	if err != nil || !ok {
		return fault.New(fault.Internal, op, "the stored document %q holds no value; restore the state from a backup", snap.Ref.ID)
	}
	return stored.Decode(op, []byte(doc), v, snap.Ref.ID)
}

// query reads what a query selects, one document after the other.
func query(ctx context.Context, op string, q cloud.Query, visit func(*cloud.DocumentSnapshot) error) error {
	found, err := q.Documents(ctx).GetAll()
	if err != nil {
		return wrap(op, err)
	}
	for _, snap := range found {
		if err := visit(snap); err != nil {
			return err
		}
	}
	return nil
}

// count counts what a query selects, in the database.
func count(ctx context.Context, op string, q cloud.Query) (int, error) {
	return countIn(ctx, op, nil, q)
}

// countIn counts in a transaction, if there is one.
func countIn(ctx context.Context, op string, tx *cloud.Transaction, q cloud.Query) (int, error) {
	const alias = "n"
	result, err := q.NewAggregationQuery().Transaction(tx).WithCount(alias).Get(ctx)
	if err != nil {
		return 0, wrap(op, err)
	}
	value, ok := result[alias].(*firestorepb.Value)
	if !ok {
		return 0, fault.New(fault.Incomplete, op, "the count is missing from the answer")
	}
	return int(value.GetIntegerValue()), nil
}

// A failed precondition does not come here but from a query without an index:
// those of writes are resolved.
var details = map[codes.Code]string{
	codes.NotFound:           "there is no such Firestore database; deploy it",
	codes.FailedPrecondition: "the Firestore database lacks an index of infra/gcp/firestore.indexes.json, or is no longer in native mode",
	codes.PermissionDenied:   mayNot,
	codes.Unauthenticated:    mayNot,
}

const mayNot = "this program's service account may not use the Firestore database; give it roles/datastore.user"

func wrap(op string, err error) error { return rpcfault.Wrap(op, err, details) }
