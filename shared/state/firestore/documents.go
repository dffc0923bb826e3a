package firestore

import (
	"context"

	cloud "cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// The names of the documents that there is one of.
const (
	configuration = "configuration"
	progress      = "sweeps"
	sources       = "sources"
)

// Configuration implements state.Configurations.
func (s *Store) Configuration(ctx context.Context) (c provision.Configuration, err error) {
	c.Version, err = s.document(ctx, "state: read configuration", configuration, &c)
	return c, err
}

// PutConfiguration implements state.Configurations.
func (s *Store) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	return s.putDocument(ctx, "state: put configuration", configuration, c.Version, c, events)
}

// Sweeps implements state.Sweeps.
func (s *Store) Sweeps(ctx context.Context) (v provision.Sweeps, err error) {
	v.Version, err = s.document(ctx, "state: read sweeps", progress, &v)
	return v, err
}

// PutSweeps implements state.Sweeps.
func (s *Store) PutSweeps(ctx context.Context, v provision.Sweeps) (int64, error) {
	return s.putDocument(ctx, "state: put sweeps", progress, v.Version, v, nil)
}

// Sources implements state.Sources.
func (s *Store) Sources(ctx context.Context) (v provision.Sources, err error) {
	v.Version, err = s.document(ctx, "state: read sources", sources, &v)
	return v, err
}

// PutSources implements state.Sources.
func (s *Store) PutSources(ctx context.Context, v provision.Sources, events ...provision.Event) (int64, error) {
	return s.putDocument(ctx, "state: put sources", sources, v.Version, v, events)
}

// document reads a document into v and returns its version; 0, and v as it was, when there is none.
func (s *Store) document(ctx context.Context, op, name string, v any) (int64, error) {
	snap, err := s.documents().Doc(name).Get(ctx)
	switch {
	case status.Code(err) == codes.NotFound:
		return 0, nil
	case err != nil:
		return 0, wrap(op, err)
	}
	return version(snap.UpdateTime), decode(op, snap, v)
}

// putDocument replaces the document that has the given version, 0 for none, and returns the new one.
func (s *Store) putDocument(ctx context.Context, op, name string, version int64, v any, events []provision.Event) (int64, error) {
	doc, err := stored.Encode(op, v)
	if err != nil {
		return 0, err
	}
	return s.replace(ctx, op, replacement{ref: s.documents().Doc(name), version: version, fields: fields{fieldDoc: doc}}, events, nil)
}

// Channels implements state.Channels.
func (s *Store) Channels(ctx context.Context) ([]state.PushChannel, error) {
	const op = "state: read channels"
	var channels []state.PushChannel
	err := query(ctx, op, s.channels().Query, func(snap *cloud.DocumentSnapshot) error {
		var c state.PushChannel
		err := decode(op, snap, &c)
		channels = append(channels, c)
		return err
	})
	return channels, err
}

// PutChannel implements state.Channels.
func (s *Store) PutChannel(ctx context.Context, c state.PushChannel) error {
	const op = "state: put channel"
	doc, err := stored.Encode(op, c)
	if err != nil {
		return err
	}
	_, err = s.channels().Doc(key(c.ID)).Set(ctx, map[string]any{fieldDoc: doc})
	return wrap(op, err)
}

// DeleteChannel implements state.Channels.
func (s *Store) DeleteChannel(ctx context.Context, id string) error {
	_, err := s.channels().Doc(key(id)).Delete(ctx)
	return wrap("state: delete channel", err)
}
