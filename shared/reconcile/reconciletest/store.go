package reconciletest

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// store is the state of one process: whatever it does not count, it embeds.
type store struct {
	state.Store
	p *Process
}

func (s *store) Record(ctx context.Context, id string) (provision.Record, error) {
	return call(s.p, "state record", func() (provision.Record, error) { return s.Store.Record(ctx, id) })
}

func (s *store) RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return call(s.p, "state records by id", func() (map[string]provision.Record, error) { return s.Store.RecordsByID(ctx, ids) })
}

func (s *store) RecordsByAccount(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return call(s.p, "state records by account", func() (map[string]provision.Record, error) { return s.Store.RecordsByAccount(ctx, ids) })
}

func (s *store) RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error) {
	return call(s.p, "state records by email", func() ([]provision.Record, error) { return s.Store.RecordsByEmail(ctx, email) })
}

func (s *store) Commit(ctx context.Context, change state.Change) (int64, error) {
	return call(s.p, "state commit", func() (int64, error) { return s.Store.Commit(ctx, change) })
}

func (s *store) Select(ctx context.Context, sel state.Selection) (page []provision.Record, next string, err error) {
	page, err = call(s.p, "state select", func() (page []provision.Record, err error) {
		page, next, err = s.Store.Select(ctx, sel)
		return page, err
	})
	return page, next, err
}

func (s *store) Count(ctx context.Context, c state.Count) (int, error) {
	return call(s.p, "state count", func() (int, error) { return s.Store.Count(ctx, c) })
}

func (s *store) Configuration(ctx context.Context) (provision.Configuration, error) {
	return call(s.p, "state configuration", func() (provision.Configuration, error) { return s.Store.Configuration(ctx) })
}

func (s *store) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	return call(s.p, "state put configuration", func() (int64, error) { return s.Store.PutConfiguration(ctx, c, events...) })
}

func (s *store) EndLook(ctx context.Context, set, userID string) error {
	return run(s.p, "state end look", func() error { return s.Store.EndLook(ctx, set, userID) })
}

func (s *store) Sweeps(ctx context.Context) (provision.Sweeps, error) {
	return call(s.p, "state sweeps", func() (provision.Sweeps, error) { return s.Store.Sweeps(ctx) })
}

func (s *store) PutSweeps(ctx context.Context, v provision.Sweeps) (int64, error) {
	return call(s.p, "state put sweeps", func() (int64, error) { return s.Store.PutSweeps(ctx, v) })
}

func (s *store) AddPage(ctx context.Context, set string, page int, rows, looks []string) error {
	return run(s.p, "state add page", func() error { return s.Store.AddPage(ctx, set, page, rows, looks) })
}

func (s *store) Rows(ctx context.Context, set string) ([]string, error) {
	return call(s.p, "state rows", func() ([]string, error) { return s.Store.Rows(ctx, set) })
}

func (s *store) Looks(ctx context.Context, set string) ([]string, error) {
	return call(s.p, "state looks", func() ([]string, error) { return s.Store.Looks(ctx, set) })
}

func (s *store) LooksLeft(ctx context.Context, set string) (int, error) {
	return call(s.p, "state looks left", func() (int, error) { return s.Store.LooksLeft(ctx, set) })
}

func (s *store) PutOrphans(ctx context.Context, orphans []provision.Orphan) error {
	return run(s.p, "state put orphans", func() error { return s.Store.PutOrphans(ctx, orphans) })
}

func (s *store) DropSets(ctx context.Context, keep string) error {
	return run(s.p, "state drop sets", func() error { return s.Store.DropSets(ctx, keep) })
}

func (s *store) Expire(ctx context.Context, before time.Time) error {
	return run(s.p, "state expire", func() error { return s.Store.Expire(ctx, before) })
}
