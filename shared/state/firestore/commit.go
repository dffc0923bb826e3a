package firestore

//lint:file-ignore SA1019 WriteBatch is deprecated for Transaction, which would add a request to begin it and a lock to every commit and,
// with preconditions on each write, promise nothing more: a commit of several writes is atomic either way (google.firestore.v1.Firestore.Commit).

import (
	"context"
	"time"

	cloud "cloud.google.com/go/firestore"
	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// batch is writes that are stored whole or not at all.
type batch = cloud.WriteBatch

// attempts is how often a commit is sent that others' writes got in the way of.
// Each of them ended well for somebody, so a few are enough.
const attempts = 8

// maxWrites is how many documents one commit removes.
const maxWrites = 500

func pauses() gax.Backoff {
	return gax.Backoff{Initial: 10 * time.Millisecond, Max: time.Second, Multiplier: 2}
}

// fields are a document's; nil is for one that is absent.
type fields map[string]any

// present are the fields that are not absent.
func (f fields) present() map[string]any {
	data := make(map[string]any, len(f))
	for name, value := range f {
		if value != nil {
			data[name] = value
		}
	}
	return data
}

// updates are all fields, the absent ones removed.
func (f fields) updates() []cloud.Update {
	list := make([]cloud.Update, 0, len(f))
	for name, value := range f {
		if value == nil {
			value = cloud.Delete
		}
		list = append(list, cloud.Update{Path: name, Value: value})
	}
	return list
}

// replacement is a document to be replaced if its version is still the one that was read.
type replacement struct {
	ref *cloud.DocumentRef
	// version is 0 when there must be none.
	version int64
	fields  fields
}

func (r replacement) add(b *batch) {
	if r.version == 0 {
		b.Create(r.ref, r.fields.present())
		return
	}
	b.Update(r.ref, r.fields.updates(), cloud.LastUpdateTime(time.UnixMicro(r.version)))
}

// stale reports whether the stored document is not the one that was read.
func (r replacement) stale(found *cloud.DocumentSnapshot) bool {
	if r.version == 0 {
		return found.Exists()
	}
	return !found.Exists() || version(found.UpdateTime) != r.version
}

// replace commits a replacement with events and whatever also adds, and returns
// the new version. Events that are stored already are left out.
//
// Each write of a document carries a mark of its own, for two reasons: a write
// that changes nothing would keep the document's update time, which is the
// version; and the client repeats a commit that got no answer, which then fails
// because the first one was stored, and is told from another's by the mark.
func (s *Store) replace(ctx context.Context, op string, r replacement, events []provision.Event, also func(*batch)) (int64, error) {
	entries, err := s.entries(op, events)
	if err != nil {
		return 0, err
	}
	mark := uuid.NewString()
	r.fields[fieldWrite] = mark
	pause := pauses()
	for range attempts {
		b := s.client.Batch()
		r.add(b)
		for _, e := range entries {
			b.Create(e.ref, e.data)
		}
		if also != nil {
			also(b)
		}
		results, err := b.Commit(ctx)
		if err == nil {
			return version(results[0].UpdateTime), nil
		}
		if !contended(err) {
			return 0, wrap(op, err)
		}
		failed := err
		refs := []*cloud.DocumentRef{r.ref}
		for _, e := range entries {
			refs = append(refs, e.ref)
		}
		found, err := s.client.GetAll(ctx, refs)
		if err != nil {
			return 0, wrap(op, err)
		}
		switch stored := found[0]; {
		case stored.Exists() && stored.Data()[fieldWrite] == mark:
			return version(stored.UpdateTime), nil
		case r.stale(stored):
			return 0, fault.New(fault.Conflict, op, "it has changed since it was read")
		case status.Code(failed) == codes.InvalidArgument:
			return 0, wrap(op, failed)
		}
		entries = missing(entries, found[1:])
		if err := gax.Sleep(ctx, pause.Pause()); err != nil {
			return 0, wrap(op, err)
		}
	}
	return 0, busy(op)
}

// missing are the entries that were not found.
func missing(entries []entry, found []*cloud.DocumentSnapshot) []entry {
	var left []entry
	for i, snap := range found {
		if !snap.Exists() {
			left = append(left, entries[i])
		}
	}
	return left
}

// contended reports whether a commit may have failed for what others had stored
// or were storing. A version that is to come is an invalid argument.
func contended(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.AlreadyExists, codes.FailedPrecondition, codes.NotFound, codes.Aborted:
		return true
	}
	return false
}

func busy(op string) error {
	return fault.New(fault.Unavailable, op, "others keep writing the same documents; try again")
}

// write commits writes that may be repeated, such as a set and a delete.
func (s *Store) write(ctx context.Context, op string, fill func(*batch)) error {
	pause := pauses()
	for range attempts {
		b := s.client.Batch()
		fill(b)
		_, err := b.Commit(ctx)
		if status.Code(err) != codes.Aborted {
			return err // for the caller to wrap, who knows what it may mean
		}
		if err := gax.Sleep(ctx, pause.Pause()); err != nil {
			return err
		}
	}
	return busy(op)
}

// remove deletes all that a query selects, some at a time.
func (s *Store) remove(ctx context.Context, op string, q cloud.Query) error {
	for {
		found, err := q.Select().Limit(maxWrites).Documents(ctx).GetAll()
		if err != nil {
			return wrap(op, err)
		}
		if len(found) == 0 {
			return nil
		}
		err = s.write(ctx, op, func(b *batch) {
			for _, snap := range found {
				b.Delete(snap.Ref)
			}
		})
		if err != nil {
			return wrap(op, err)
		}
	}
}
