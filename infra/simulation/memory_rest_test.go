package simulation

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

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
	m.config = cloneConfiguration(c)
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

func (m *memory) AddPage(ctx context.Context, set string, page int, rows, looks []string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return err
	}
	if m.pages[set] == nil {
		m.pages[set], m.looks[set] = map[int][]string{}, map[string]bool{}
	}
	if _, known := m.pages[set][page]; known {
		return nil
	}
	m.pages[set][page] = slices.Clone(rows)
	for _, id := range looks {
		m.looks[set][id] = true
	}
	return nil
}

func (m *memory) Rows(ctx context.Context, set string) ([]string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, n := range slices.Sorted(maps.Keys(m.pages[set])) {
		all = append(all, m.pages[set][n]...)
	}
	return all, nil
}

func (m *memory) EndLook(ctx context.Context, set, userID string) error {
	unlock, err := m.open(ctx)
	defer unlock()
	if err == nil {
		delete(m.looks[set], userID)
	}
	return err
}

func (m *memory) LooksLeft(ctx context.Context, set string) (int, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return 0, err
	}
	return len(m.looks[set]), nil
}

func (m *memory) Looks(ctx context.Context, set string) ([]string, error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.looks[set])), nil
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

func (m *memory) DropSets(ctx context.Context, keep string) error {
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
