package simulation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/statetest"
)

// memory is the state port in memory: state.Store without faults.
type memory struct {
	mu       sync.Mutex
	records  map[string]provision.Record
	ids      []string // of the records, sorted
	events   []provision.Event
	eventIDs map[string]bool
	config   provision.Configuration
	sweeps   provision.Sweeps
	sources  provision.Sources
	pages    map[string]map[int][]string
	looks    map[string]map[string]bool
	orphans  []provision.Orphan
	previews map[string]provision.Preview
	rows     map[string][]provision.PreviewRow
	channels map[string]state.PushChannel
}

var _ state.Store = (*memory)(nil)

func newMemory() *memory {
	return &memory{records: map[string]provision.Record{}, eventIDs: map[string]bool{}, pages: map[string]map[int][]string{},
		looks: map[string]map[string]bool{}, previews: map[string]provision.Preview{}, rows: map[string][]provision.PreviewRow{},
		channels: map[string]state.PushChannel{}}
}

func TestMemoryConformance(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) statetest.Harness { return statetest.Harness{Store: newMemory()} })
}

// stored is a value as a store gives it back: copied, with times in UTC.
func stored[T any](v T) T {
	data, err := json.Marshal(v)
	if err != nil {
		panic("simulation: does not marshal: " + err.Error())
	}
	var out T
	if err := json.Unmarshal(data, &out); err != nil {
		panic("simulation: does not unmarshal: " + err.Error())
	}
	return out
}

// clone copies a record that was stored, so that no reader can change it.
func clone(r provision.Record) provision.Record {
	r.Reasons, r.Conditions, r.Verdicts = slices.Clone(r.Reasons), slices.Clone(r.Conditions), slices.Clone(r.Verdicts)
	r.Retries, r.Left = slices.Clone(r.Retries), slices.Clone(r.Left)
	r.Account.Applied, r.Account.Form = maps.Clone(r.Account.Applied), maps.Clone(r.Account.Form)
	r.Attention = slices.Clone(r.Attention)
	for i := range r.Attention {
		r.Attention[i].UserIDs = slices.Clone(r.Attention[i].UserIDs)
	}
	r.Repairs = maps.Clone(r.Repairs)
	for path, times := range r.Repairs {
		r.Repairs[path] = slices.Clone(times)
	}
	r.Next, r.Hold, r.Lease, r.Intent = pointed(r.Next), pointed(r.Hold), pointed(r.Lease), pointed(r.Intent)
	if r.Intent != nil {
		r.Intent.Attributes = maps.Clone(r.Intent.Attributes)
	}
	return r
}

func pointed[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// open takes the lock unless the caller's context has ended.
func (m *memory) open(ctx context.Context) (unlock func(), err error) {
	if ctx.Err() != nil {
		return func() {}, fault.Wrap(fault.Unavailable, "state: call", ctx.Err())
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func conflict(what string) error {
	return fault.New(fault.Conflict, "state: "+what, "it has changed since it was read")
}

func (m *memory) Record(ctx context.Context, id string) (provision.Record, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if r, ok := m.records[id]; ok && err == nil {
		return clone(r), nil
	}
	return provision.Record{UserID: id}, err
}

func (m *memory) RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	if err := atMost500(ids); err != nil {
		return nil, err
	}
	found := map[string]provision.Record{}
	for _, id := range ids {
		if r, ok := m.records[id]; ok {
			found[id] = clone(r)
		}
	}
	return found, nil
}

func atMost500(keys []string) error {
	if len(keys) > 500 {
		return fault.New(fault.Invalid, "state: read records", "more than 500 ids")
	}
	return nil
}

func (m *memory) RecordsByAccount(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	if err := atMost500(ids); err != nil {
		return nil, err
	}
	found := map[string]provision.Record{}
	for _, userID := range m.ids {
		r := m.records[userID]
		if _, have := found[r.Account.ID]; !have && r.Account.Exists() && slices.Contains(ids, r.Account.ID) {
			found[r.Account.ID] = clone(r)
		}
	}
	return found, nil
}

func (m *memory) sorted() []provision.Record {
	list := make([]provision.Record, len(m.ids))
	for i, id := range m.ids {
		list[i] = m.records[id]
	}
	return list
}

func (m *memory) RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var found []provision.Record
	for _, r := range m.sorted() {
		if strings.EqualFold(r.Email, email) {
			found = append(found, clone(r))
		}
	}
	return found, nil
}

func (m *memory) Commit(ctx context.Context, change state.Change) (int64, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	r := change.Record
	switch {
	case err != nil:
		return 0, err
	case r.UserID == "":
		return 0, fault.New(fault.Invalid, "state: commit", "a record needs a user id")
	case m.records[r.UserID].Version != r.Version:
		return 0, conflict("commit record")
	}
	if err := m.add(change.Events); err != nil {
		return 0, err
	}
	version := r.Version + 1
	r = clone(r)
	r.Version = version
	if _, known := m.records[r.UserID]; !known {
		at, _ := slices.BinarySearch(m.ids, r.UserID)
		m.ids = slices.Insert(m.ids, at, r.UserID)
	}
	m.records[r.UserID] = r
	if change.EndedLook != "" {
		delete(m.looks[change.EndedLook], r.UserID)
	}
	return version, nil
}

func (m *memory) add(events []provision.Event) error {
	for _, e := range events {
		if e.ID == "" {
			return fault.New(fault.Invalid, "state: append", "an event needs an id")
		}
	}
	for _, e := range events {
		if !m.eventIDs[e.ID] {
			m.eventIDs[e.ID] = true
			m.events = append(m.events, e)
		}
	}
	return nil
}
