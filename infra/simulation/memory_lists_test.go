package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

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
	for _, id := range m.ids {
		r := m.records[id]
		key, at := r.UserID, time.Time{}
		switch s.Kind {
		case state.SelectAll:
		case state.SelectByAddress:
			key = strings.ToLower(r.Email) + "\x00" + r.UserID
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
		some, err := counts(r, c)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

func (m *memory) Held(ctx context.Context) (h state.Held, err error) {
	unlock, err := m.open(ctx)
	defer unlock()
	if err != nil {
		return h, err
	}
	for _, r := range m.records {
		if r.Hold == nil {
			continue
		}
		h.People++
		h.Marks += r.HoldMark()
		if h.Since.IsZero() || r.Hold.HeldAt.Before(h.Since) {
			h.Since = r.Hold.HeldAt
		}
	}
	return h, nil
}

func counts(r provision.Record, c state.Count) (int, error) {
	switch c.Kind {
	case state.CountRemovals:
		pending, done := r.CountSuspendAt, r.SuspendDoneAt
		if c.Operation == provision.HardDelete {
			pending, done = r.CountDeleteAt, r.DeleteDoneAt
		} else if c.Operation != provision.Suspend {
			return 0, fault.New(fault.Invalid, "state: count", "only suspends and hard deletes are counted")
		}
		return one(done.After(c.Time) && !done.IsZero()) + one(!pending.IsZero() && !pending.After(c.Until)), nil
	case state.CountActiveAt:
		return one(r.Account.ActiveAt(c.Time)), nil
	case state.CountManagedAt:
		return one(r.Account.ManagedAt(c.Time)), nil
	case state.CountGone:
		return one(r.GoneAt.After(c.Time) && !r.GoneAt.After(c.Until)), nil
	case state.CountOpenIntents:
		return one(r.Intent != nil && r.Intent.Revision < c.Revision && r.Lease != nil && r.Lease.Until.After(c.Time)), nil
	}
	return 0, fault.New(fault.Invalid, "state: count", "there is no count %q", c.Kind)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
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
