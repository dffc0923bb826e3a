package simulation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// store is the state as one instance reaches it: now and then a call fails,
// and a write that fails may have been stored all the same.
type store struct{ *instance }

var _ state.Store = store{}

var errState = fault.New(fault.Unavailable, "state: call", "the state cannot be reached")

func read[T any](ctx context.Context, s store, key string, get func(context.Context) (T, error)) (T, error) {
	return answer(ctx, &s.world.scheduler, "state: "+key, func(*worker) (out T, err error) {
		if s.world.chance(s.world.faults.state / 4) {
			return out, errState
		}
		return get(context.Background())
	})
}

func write[T any](ctx context.Context, s store, key string, put func(context.Context, *worker) (T, error)) (T, error) {
	return answer(ctx, &s.world.scheduler, "state: "+key, func(w *worker) (out T, err error) {
		return fated(s.world.fate(w, "state: "+key, s.world.faults.state), errState, func() (T, error) { return put(context.Background(), w) })
	})
}

// fated makes a write as its fate wants.
func fated[T any](f fate, failure error, make func() (T, error)) (out T, err error) {
	if f == refused {
		return out, failure
	}
	if out, err = make(); f == unheard && err == nil {
		var none T
		return none, failure
	}
	return out, err
}

type none = struct{}

func effect(ctx context.Context, s store, key string, put func(context.Context, *worker) error) error {
	_, err := write(ctx, s, key, func(ctx context.Context, w *worker) (none, error) { return none{}, put(ctx, w) })
	return err
}

type paged[T any] struct {
	list []T
	next string
}

func (s store) Record(ctx context.Context, id string) (provision.Record, error) {
	return read(ctx, s, "record "+id, func(ctx context.Context) (provision.Record, error) { return s.world.memory.Record(ctx, id) })
}

func (s store) RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return read(ctx, s, "records by id "+strings.Join(ids, ","), func(ctx context.Context) (map[string]provision.Record, error) {
		return s.world.memory.RecordsByID(ctx, ids)
	})
}

func (s store) RecordsByAccount(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return read(ctx, s, "records by account "+strings.Join(ids, ","), func(ctx context.Context) (map[string]provision.Record, error) {
		return s.world.memory.RecordsByAccount(ctx, ids)
	})
}

func (s store) RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error) {
	return read(ctx, s, "records by address "+email, func(ctx context.Context) ([]provision.Record, error) {
		return s.world.memory.RecordsByEmail(ctx, email)
	})
}

func (s store) Commit(ctx context.Context, change state.Change) (int64, error) {
	return write(ctx, s, "commit "+change.Record.UserID, func(ctx context.Context, w *worker) (int64, error) {
		s.world.looking(w, "the record of "+change.Record.UserID)
		before := s.world.memory.records[change.Record.UserID]
		version, err := s.world.memory.Commit(ctx, change)
		if err == nil {
			after := s.world.memory.records[change.Record.UserID]
			s.world.committed(change.Events, after)
			s.world.verdicts(change.Events, before, after)
			s.world.confirmed(w, before, after)
		}
		return version, err
	})
}

func (s store) Select(ctx context.Context, sel state.Selection) ([]provision.Record, string, error) {
	p, err := read(ctx, s, "select "+string(sel.Kind), func(ctx context.Context) (p paged[provision.Record], err error) {
		p.list, p.next, err = s.world.memory.Select(ctx, sel)
		return p, err
	})
	return p.list, p.next, err
}

func (s store) Held(ctx context.Context) (state.Held, error) {
	return read(ctx, s, "held", s.world.memory.Held)
}

func (s store) Count(ctx context.Context, c state.Count) (int, error) {
	return read(ctx, s, "count "+string(c.Kind), func(ctx context.Context) (int, error) { return s.world.memory.Count(ctx, c) })
}

func (s store) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	p, err := read(ctx, s, "events", func(ctx context.Context) (p paged[provision.Event], err error) {
		p.list, p.next, err = s.world.memory.Events(ctx, f)
		return p, err
	})
	return p.list, p.next, err
}

func (s store) Append(ctx context.Context, events ...provision.Event) error {
	return effect(ctx, s, "append", func(ctx context.Context, _ *worker) error {
		err := s.world.memory.Append(ctx, events...)
		if err == nil {
			s.world.logged(events)
		}
		return err
	})
}

func (s store) Usage(ctx context.Context, since time.Time) ([]state.DayCount, error) {
	return read(ctx, s, "usage", func(ctx context.Context) ([]state.DayCount, error) { return s.world.memory.Usage(ctx, since) })
}

func (s store) Expire(ctx context.Context, before time.Time) error {
	return effect(ctx, s, "expire", func(ctx context.Context, _ *worker) error { return s.world.memory.Expire(ctx, before) })
}

func (s store) Configuration(ctx context.Context) (provision.Configuration, error) {
	return answer(ctx, &s.world.scheduler, "state: configuration", func(w *worker) (provision.Configuration, error) {
		if s.world.chance(s.world.faults.state / 4) {
			return provision.Configuration{}, errState
		}
		c, err := s.world.memory.Configuration(context.Background())
		w.revision, w.runs = c.Revision, c.Runs()
		return c, err
	})
}

func (s store) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	return write(ctx, s, "put configuration", func(ctx context.Context, w *worker) (int64, error) {
		s.world.looking(w, "the configuration")
		before := s.world.memory.config
		version, err := s.world.memory.PutConfiguration(ctx, c, events...)
		if err == nil {
			w.wrote = c.Revision
			s.world.edited(before, s.world.memory.config, events)
			s.world.configured(s.world.memory.config)
			s.world.logged(events)
		}
		return version, err
	})
}

func (s store) Sweeps(ctx context.Context) (provision.Sweeps, error) {
	return read(ctx, s, "sweeps", s.world.memory.Sweeps)
}

func (s store) PutSweeps(ctx context.Context, v provision.Sweeps) (int64, error) {
	return write(ctx, s, "put sweeps", func(ctx context.Context, _ *worker) (int64, error) { return s.world.memory.PutSweeps(ctx, v) })
}

func (s store) Sources(ctx context.Context) (provision.Sources, error) {
	return read(ctx, s, "sources", s.world.memory.Sources)
}

func (s store) PutSources(ctx context.Context, v provision.Sources, events ...provision.Event) (int64, error) {
	return write(ctx, s, "put sources", func(ctx context.Context, _ *worker) (int64, error) {
		version, err := s.world.memory.PutSources(ctx, v, events...)
		if err == nil {
			s.world.logged(events)
		}
		return version, err
	})
}

func (s store) AddPage(ctx context.Context, set string, page int, rows, looks []string) error {
	return effect(ctx, s, fmt.Sprint("add page ", set, page), func(ctx context.Context, _ *worker) error {
		return s.world.memory.AddPage(ctx, set, page, rows, looks)
	})
}

func (s store) Rows(ctx context.Context, set string) ([]string, error) {
	return read(ctx, s, "rows", func(ctx context.Context) ([]string, error) { return s.world.memory.Rows(ctx, set) })
}

func (s store) EndLook(ctx context.Context, set, userID string) error {
	return effect(ctx, s, "end look "+userID, func(ctx context.Context, _ *worker) error { return s.world.memory.EndLook(ctx, set, userID) })
}

func (s store) LooksLeft(ctx context.Context, set string) (int, error) {
	return read(ctx, s, "looks left "+set, func(ctx context.Context) (int, error) { return s.world.memory.LooksLeft(ctx, set) })
}

func (s store) Looks(ctx context.Context, set string) ([]string, error) {
	return read(ctx, s, "looks "+set, func(ctx context.Context) ([]string, error) { return s.world.memory.Looks(ctx, set) })
}

func (s store) PutOrphans(ctx context.Context, orphans []provision.Orphan) error {
	return effect(ctx, s, "put orphans", func(ctx context.Context, _ *worker) error { return s.world.memory.PutOrphans(ctx, orphans) })
}

func (s store) Orphans(ctx context.Context, token string, limit int) ([]provision.Orphan, string, error) {
	p, err := read(ctx, s, "orphans", func(ctx context.Context) (p paged[provision.Orphan], err error) {
		p.list, p.next, err = s.world.memory.Orphans(ctx, token, limit)
		return p, err
	})
	return p.list, p.next, err
}

func (s store) DropSets(ctx context.Context, keep string) error {
	return effect(ctx, s, "drop sets", func(ctx context.Context, _ *worker) error { return s.world.memory.DropSets(ctx, keep) })
}

func (s store) Preview(ctx context.Context, id string) (provision.Preview, error) {
	return read(ctx, s, "preview "+id, func(ctx context.Context) (provision.Preview, error) { return s.world.memory.Preview(ctx, id) })
}

func (s store) PutPreview(ctx context.Context, p provision.Preview, rows []provision.PreviewRow) (int64, error) {
	return write(ctx, s, "put preview", func(ctx context.Context, _ *worker) (int64, error) { return s.world.memory.PutPreview(ctx, p, rows) })
}

func (s store) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) ([]provision.PreviewRow, string, error) {
	p, err := read(ctx, s, "preview rows", func(ctx context.Context) (p paged[provision.PreviewRow], err error) {
		p.list, p.next, err = s.world.memory.PreviewRows(ctx, id, kind, token, limit)
		return p, err
	})
	return p.list, p.next, err
}

func (s store) ExpirePreviews(ctx context.Context, before time.Time) error {
	return effect(ctx, s, "expire previews", func(ctx context.Context, _ *worker) error { return s.world.memory.ExpirePreviews(ctx, before) })
}

func (s store) Channels(ctx context.Context) ([]state.PushChannel, error) {
	return read(ctx, s, "channels", s.world.memory.Channels)
}

func (s store) PutChannel(ctx context.Context, c state.PushChannel) error {
	return effect(ctx, s, "put channel", func(ctx context.Context, _ *worker) error { return s.world.memory.PutChannel(ctx, c) })
}

func (s store) DeleteChannel(ctx context.Context, id string) error {
	return effect(ctx, s, "delete channel", func(ctx context.Context, _ *worker) error { return s.world.memory.DeleteChannel(ctx, id) })
}
