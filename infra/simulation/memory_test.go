package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/statetest"
)

// memory is the state port in memory: state.Store without faults.
type memory struct {
	mu       sync.Mutex
	records  map[string]provision.Record
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
	return m.by(ctx, ids, func(r provision.Record) (string, bool) { return r.UserID, true })
}

func (m *memory) RecordsByAccount(ctx context.Context, ids []string) (map[string]provision.Record, error) {
	return m.by(ctx, ids, func(r provision.Record) (string, bool) { return r.Account.ID, r.Account.Exists() })
}

func (m *memory) by(ctx context.Context, keys []string, key func(provision.Record) (string, bool)) (map[string]provision.Record, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	if len(keys) > 500 {
		return nil, fault.New(fault.Invalid, "state: read records", "more than 500 ids")
	}
	found := map[string]provision.Record{}
	for _, r := range m.sorted() {
		if k, ok := key(r); ok && slices.Contains(keys, k) {
			if _, have := found[k]; !have {
				found[k] = clone(r)
			}
		}
	}
	return found, nil
}

func (m *memory) sorted() []provision.Record {
	list := make([]provision.Record, 0, len(m.records))
	for _, id := range slices.Sorted(maps.Keys(m.records)) {
		list = append(list, m.records[id])
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
	r = stored(r)
	r.Version = version
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
			m.events = append(m.events, stored(e))
		}
	}
	return nil
}

// row is one row of a list with what it sorts by.
type row[T any] struct {
	key string
	v   T
}

// page cuts one page out of a list that is sorted by key.
func page[T any](list string, rows []row[T], token string, limit int) ([]T, string, error) {
	after, ours := strings.CutPrefix(token, list+"|")
	known := slices.ContainsFunc(rows, func(r row[T]) bool { return r.key == after })
	if limit < 1 || limit > 500 || token != "" && !(ours && known) {
		return nil, "", fault.New(fault.Invalid, "state: page", "the limit or the page token is none of this list")
	}
	var out []T
	last := ""
	for _, r := range rows {
		if token != "" && r.key <= after {
			continue
		}
		if len(out) == limit {
			return out, list + "|" + last, nil
		}
		out, last = append(out, r.v), r.key
	}
	return out, "", nil
}

func timeKey(t time.Time, rest string) string {
	return fmt.Sprintf("%020d|%s", uint64(t.UnixNano())+1<<63, rest)
}

func (m *memory) Select(ctx context.Context, s state.Selection) ([]provision.Record, string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, "", err
	}
	var rows []row[provision.Record]
	for _, r := range m.sorted() {
		key, at := r.UserID, time.Time{}
		switch s.Kind {
		case state.SelectAll:
		case state.SelectLinked:
			if !r.Account.Exists() {
				continue
			}
		case state.SelectHeld:
			if r.Hold == nil {
				continue
			}
		case state.SelectAttention:
			if len(r.Attention) == 0 {
				continue
			}
		case state.SelectGone:
			if r.GoneAt.IsZero() {
				continue
			}
		case state.SelectIntent:
			if r.Intent == nil {
				continue
			}
		case state.SelectPending:
			if r.Next == nil {
				continue
			}
			at = r.Next.At
		case state.SelectRetry:
			if at = r.RetryAt(); at.IsZero() {
				continue
			}
		default:
			return nil, "", fault.New(fault.Invalid, "state: select", "there is no selection %q", s.Kind)
		}
		if s.Kind == state.SelectPending || s.Kind == state.SelectRetry {
			if !s.Before.IsZero() && at.After(s.Before) {
				continue
			}
			key = timeKey(at, r.UserID)
		}
		rows = append(rows, row[provision.Record]{key, r})
	}
	slices.SortFunc(rows, func(a, b row[provision.Record]) int { return strings.Compare(a.key, b.key) })
	list, next, err := page(string(s.Kind), rows, s.Token, s.Limit)
	for i := range list {
		list[i] = clone(list[i])
	}
	return list, next, err
}

func (m *memory) Count(ctx context.Context, c state.Count) (int, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range m.records {
		yes, err := counts(r, c)
		if err != nil {
			return 0, err
		}
		if yes {
			n++
		}
	}
	return n, nil
}

func counts(r provision.Record, c state.Count) (bool, error) {
	pending, done := r.CountSuspendAt, r.SuspendDoneAt
	if c.Operation == provision.HardDelete {
		pending, done = r.CountDeleteAt, r.DeleteDoneAt
	}
	switch c.Kind {
	case state.CountPending, state.CountDone:
		if !c.Operation.Removes() {
			return false, fault.New(fault.Invalid, "state: count", "only suspends and hard deletes are counted")
		}
		if c.Kind == state.CountDone {
			return done.After(c.Time) && !done.IsZero(), nil
		}
		return !pending.IsZero() && !pending.After(c.Time), nil
	case state.CountActiveAt:
		return r.Account.ActiveAt(c.Time), nil
	case state.CountManagedAt:
		return r.Account.ManagedAt(c.Time), nil
	case state.CountGone:
		return !r.GoneAt.IsZero() && r.GoneAt.After(c.Time), nil
	case state.CountHeld:
		return r.Hold != nil, nil
	case state.CountOpenIntents:
		return r.Intent != nil && r.Intent.Revision < c.Revision && r.Lease != nil && r.Lease.Until.After(c.Time), nil
	}
	return false, fault.New(fault.Invalid, "state: count", "there is no count %q", c.Kind)
}

func (m *memory) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, "", err
	}
	var rows []row[provision.Event]
	for i, e := range m.events {
		if (f.UserID == "" || e.UserID == f.UserID) && (f.Name == "" || e.Name == f.Name) && (f.Outcome == "" || e.Outcome == f.Outcome) &&
			(f.From.IsZero() || !e.Time.Before(f.From)) && (f.To.IsZero() || e.Time.Before(f.To)) {
			// Newest first: the key falls as the time rises.
			rows = append(rows, row[provision.Event]{fmt.Sprintf("%020d|%010d", 1<<63-uint64(e.Time.UnixNano()), 1<<30-i), e})
		}
	}
	slices.SortFunc(rows, func(a, b row[provision.Event]) int { return strings.Compare(a.key, b.key) })
	return page("events", rows, f.Token, f.Limit)
}

func (m *memory) Append(ctx context.Context, events ...provision.Event) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	return m.add(events)
}

func (m *memory) Usage(ctx context.Context, since time.Time) ([]state.DayCount, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	n := map[state.DayCount]int{}
	for _, e := range m.events {
		if !e.Time.Before(since) {
			n[state.DayCount{Day: e.Time.UTC().Format(time.DateOnly), Name: e.Name, Outcome: e.Outcome}]++
		}
	}
	var list []state.DayCount
	for c, count := range n {
		c.Count = count
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b state.DayCount) int {
		return strings.Compare(a.Day+"|"+a.Name+"|"+string(a.Outcome), b.Day+"|"+b.Name+"|"+string(b.Outcome))
	})
	return list, nil
}

func (m *memory) Expire(ctx context.Context, before time.Time) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		m.events = slices.DeleteFunc(m.events, func(e provision.Event) bool { return e.Time.Before(before) })
	}
	return err
}

func (m *memory) Configuration(ctx context.Context) (provision.Configuration, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil || m.config.Version == 0 {
		return provision.Configuration{}, err
	}
	return cloneConfiguration(m.config), nil
}

// cloneConfiguration copies what was stored, many times faster than Clone does.
func cloneConfiguration(c provision.Configuration) provision.Configuration {
	if c.Scope = pointed(c.Scope); c.Scope != nil {
		c.Scope.OrgUnits, c.Scope.Domains = slices.Clone(c.Scope.OrgUnits), slices.Clone(c.Scope.Domains)
		c.Scope.Groups, c.Scope.AccessGroups = slices.Clone(c.Scope.Groups), slices.Clone(c.Scope.AccessGroups)
	}
	c.Mapping, c.Policies, c.Protected = slices.Clone(c.Mapping), slices.Clone(c.Policies), slices.Clone(c.Protected)
	c.Unprotected, c.Faults = maps.Clone(c.Unprotected), slices.Clone(c.Faults)
	return c
}

func (m *memory) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	if c.Version != m.config.Version {
		return 0, conflict("put configuration")
	}
	if err := m.add(events); err != nil {
		return 0, err
	}
	m.config = c.Clone()
	m.config.Version++
	return m.config.Version, nil
}

func (m *memory) Sweeps(ctx context.Context) (provision.Sweeps, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return provision.Sweeps{}, err
	}
	v := m.sweeps
	v.Current, v.Queued = pointed(v.Current), pointed(v.Queued)
	return v, nil
}

func (m *memory) PutSweeps(ctx context.Context, v provision.Sweeps) (int64, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	if v.Version != m.sweeps.Version {
		return 0, conflict("put sweeps")
	}
	v.Version++
	v.Current, v.Queued = pointed(v.Current), pointed(v.Queued)
	m.sweeps = v
	return v.Version, nil
}

func (m *memory) Sources(ctx context.Context) (provision.Sources, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil || m.sources.Version == 0 {
		return provision.Sources{}, err
	}
	v := stored(m.sources)
	v.Version = m.sources.Version
	return v, nil
}

func (m *memory) PutSources(ctx context.Context, v provision.Sources, events ...provision.Event) (int64, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	if v.Version != m.sources.Version {
		return 0, conflict("put sources")
	}
	if err := m.add(events); err != nil {
		return 0, err
	}
	version := v.Version + 1
	m.sources = stored(v)
	m.sources.Version = version
	return version, nil
}

func (m *memory) AddListed(ctx context.Context, sweepID string, page int, listed, looks []string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	if m.pages[sweepID] == nil {
		m.pages[sweepID], m.looks[sweepID] = map[int][]string{}, map[string]bool{}
	}
	if _, known := m.pages[sweepID][page]; known {
		return nil
	}
	m.pages[sweepID][page] = slices.Clone(listed)
	for _, id := range looks {
		m.looks[sweepID][id] = true
	}
	return nil
}

func (m *memory) Listed(ctx context.Context, sweepID string) ([]string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, n := range slices.Sorted(maps.Keys(m.pages[sweepID])) {
		all = append(all, m.pages[sweepID][n]...)
	}
	return all, nil
}

func (m *memory) EndLook(ctx context.Context, sweepID, userID string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		delete(m.looks[sweepID], userID)
	}
	return err
}

func (m *memory) LooksLeft(ctx context.Context, sweepID string) (int, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	return len(m.looks[sweepID]), nil
}

func (m *memory) Looks(ctx context.Context, sweepID string) ([]string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.looks[sweepID])), nil
}

func (m *memory) PutOrphans(ctx context.Context, orphans []provision.Orphan) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		m.orphans = slices.Clone(orphans)
		slices.SortFunc(m.orphans, func(a, b provision.Orphan) int { return strings.Compare(a.AccountID, b.AccountID) })
	}
	return err
}

func (m *memory) Orphans(ctx context.Context, token string, limit int) ([]provision.Orphan, string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, "", err
	}
	rows := make([]row[provision.Orphan], len(m.orphans))
	for i, o := range m.orphans {
		rows[i] = row[provision.Orphan]{o.AccountID, o}
	}
	return page("orphans", rows, token, limit)
}

func (m *memory) DropSweep(ctx context.Context, keep string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		maps.DeleteFunc(m.pages, func(id string, _ map[int][]string) bool { return id != keep })
		maps.DeleteFunc(m.looks, func(id string, _ map[string]bool) bool { return id != keep })
	}
	return err
}

func (m *memory) Preview(ctx context.Context, id string) (provision.Preview, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return provision.Preview{}, err
	}
	p, ok := m.previews[id]
	if !ok {
		return provision.Preview{}, fault.New(fault.NotFound, "state: read preview", "there is no such preview")
	}
	version := p.Version
	p = stored(p)
	p.Version = version
	return p, nil
}

func (m *memory) PutPreview(ctx context.Context, p provision.Preview, rows []provision.PreviewRow) (int64, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	if p.Version != m.previews[p.ID].Version {
		return 0, conflict("put preview")
	}
	version := p.Version + 1
	p = stored(p)
	p.Version = version
	m.previews[p.ID] = p
	m.rows[p.ID] = append(m.rows[p.ID], rows...)
	return version, nil
}

func (m *memory) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) ([]provision.PreviewRow, string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, "", err
	}
	var rows []row[provision.PreviewRow]
	for i, r := range m.rows[id] {
		if r.Kind == kind {
			rows = append(rows, row[provision.PreviewRow]{strconv.Itoa(1<<30 + i), r})
		}
	}
	return page(string(kind)+" of "+id, rows, token, limit)
}

func (m *memory) ExpirePreviews(ctx context.Context, before time.Time) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	for id, p := range m.previews {
		if p.ExpiresAt.Before(before) {
			delete(m.previews, id)
			delete(m.rows, id)
		}
	}
	return nil
}

func (m *memory) Channels(ctx context.Context) ([]state.PushChannel, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var list []state.PushChannel
	for _, id := range slices.Sorted(maps.Keys(m.channels)) {
		list = append(list, m.channels[id])
	}
	return list, nil
}

func (m *memory) PutChannel(ctx context.Context, c state.PushChannel) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		m.channels[c.ID] = c
	}
	return err
}

func (m *memory) DeleteChannel(ctx context.Context, id string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		delete(m.channels, id)
	}
	return err
}
