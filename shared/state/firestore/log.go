package firestore

import (
	"context"
	"math"
	"slices"
	"time"

	cloud "cloud.google.com/go/firestore"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// The fields of an event that queries use. The time is in nanoseconds since 1970.
const (
	fieldTime    = "time"
	fieldName    = "name"
	fieldOutcome = "outcome"
	fieldUser    = "user"
	// fieldExpireAt is the timestamp that Firestore's own expiry goes by, which
	// typically lags by a day (firebase.google.com/docs/firestore/ttl).
	fieldExpireAt = "expireAt"
)

// entry is an event as a document.
type entry struct {
	ref  *cloud.DocumentRef
	data map[string]any
}

// entries are events as documents, each id once: the first.
func (s *Store) entries(op string, events []provision.Event) ([]entry, error) {
	entries := make([]entry, 0, len(events))
	known := map[string]bool{}
	for _, e := range events {
		if e.ID == "" {
			return nil, stored.Invalid(op, "id", "an event needs an id")
		}
		if known[e.ID] {
			continue
		}
		known[e.ID] = true
		doc, err := stored.Encode(op, e)
		if err != nil {
			return nil, err
		}
		f := fields{fieldDoc: doc, fieldTime: stored.Nanos(e.Time), fieldName: e.Name, fieldOutcome: string(e.Outcome), fieldUser: nil,
			fieldExpireAt: e.Time.Add(provision.EventRetention)}
		if e.UserID != "" {
			f[fieldUser] = e.UserID
		}
		entries = append(entries, entry{s.events().Doc(key(e.ID)), f.present()})
	}
	return entries, nil
}

// since is a beginning that leaves out the events that have expired, whether
// or not they have been removed.
func (s *Store) since(from time.Time) int64 {
	return max(stored.Nanos(from), stored.Nanos(s.business().Add(-provision.EventRetention)))
}

// Events implements state.Log. Events of the same time are ordered by their ids.
func (s *Store) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	const op, name = "state: read events", "events"
	from, err := stored.Page(op, name, f.Limit, f.Token, stored.Token{})
	if err != nil {
		return nil, "", err
	}
	q := s.events().Where(fieldTime, ">=", s.since(f.From))
	if !f.To.IsZero() {
		q = q.Where(fieldTime, "<", stored.Nanos(f.To))
	}
	// Any of these together is answered by merging the index of each.
	if f.UserID != "" {
		q = q.Where(fieldUser, "==", f.UserID)
	}
	if f.Name != "" {
		q = q.Where(fieldName, "==", f.Name)
	}
	if f.Outcome != "" {
		q = q.Where(fieldOutcome, "==", string(f.Outcome))
	}
	q = q.OrderBy(fieldTime, cloud.Desc).OrderBy(cloud.DocumentID, cloud.Desc)
	if f.Token != "" {
		q = q.StartAfter(from.At, key(from.ID))
	}
	var events []provision.Event
	err = query(ctx, op, q.Select(fieldDoc).Limit(f.Limit+1), func(snap *cloud.DocumentSnapshot) error {
		var e provision.Event
		err := decode(op, snap, &e)
		events = append(events, e)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	events, next := stored.Cut(events, f.Limit, func(e provision.Event) stored.Token {
		return stored.Token{List: name, At: stored.Nanos(e.Time), ID: e.ID}
	})
	return events, next, nil
}

// Append implements state.Log.
func (s *Store) Append(ctx context.Context, events ...provision.Event) error {
	const op = "state: append events"
	entries, err := s.entries(op, events)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, e := range entries {
		group.Go(func() error {
			_, err := e.ref.Create(ctx, e.data)
			if status.Code(err) == codes.AlreadyExists {
				return nil
			}
			return wrap(op, err)
		})
	}
	return group.Wait()
}

// stretch is a count of events in a stretch of time, until exclusive.
type stretch struct {
	state.DayCount
	from, until int64
}

// Usage implements state.Log. It asks for a count of each day, name and outcome
// that has any, at most a few hundred and one read each, where reading the
// events would cost a read for each: a first sync logs one for everybody.
func (s *Store) Usage(ctx context.Context, from time.Time) ([]state.DayCount, error) {
	since := s.since(from)
	names, err := s.eventNames(ctx)
	if err != nil {
		return nil, err
	}
	days, err := s.eventDays(ctx, since)
	if err != nil {
		return nil, err
	}
	var kinds []stretch
	for _, name := range names {
		for _, outcome := range []provision.Outcome{provision.OutcomeDone, provision.OutcomeFailed, provision.OutcomeRefused} {
			kinds = append(kinds, stretch{state.DayCount{Name: name, Outcome: outcome}, since, math.MaxInt64})
		}
	}
	if kinds, err = s.countEvents(ctx, kinds); err != nil {
		return nil, err
	}
	var cells []stretch
	for _, day := range days {
		for _, k := range kinds {
			k.Day, k.from, k.until = day.Format(time.DateOnly), max(since, stored.Nanos(day)), stored.Nanos(day.AddDate(0, 0, 1))
			cells = append(cells, k)
		}
	}
	if cells, err = s.countEvents(ctx, cells); err != nil {
		return nil, err
	}
	counts := make([]state.DayCount, len(cells))
	for i, c := range cells {
		counts[i] = c.DayCount
	}
	return counts, nil
}

// countEvents counts the events of each stretch's name and outcome, and returns
// the stretches that have any. The order of the queries is that of the indexes
// that Events needs, so that they need no other.
func (s *Store) countEvents(ctx context.Context, stretches []stretch) ([]stretch, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range stretches {
		c := &stretches[i]
		group.Go(func() (err error) {
			c.Count, err = count(ctx, "state: count events", s.events().
				Where(fieldName, "==", c.Name).Where(fieldOutcome, "==", string(c.Outcome)).
				Where(fieldTime, ">=", c.from).Where(fieldTime, "<", c.until).OrderBy(fieldTime, cloud.Desc))
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(stretches, func(c stretch) bool { return c.Count == 0 }), err
}

// eventNames are the names that events have, each for one read.
func (s *Store) eventNames(ctx context.Context) ([]string, error) {
	const op = "state: read event names"
	q := s.events().OrderBy(fieldName, cloud.Asc).Select(fieldName).Limit(1)
	var names []string
	for {
		before := len(names)
		next := q
		if before > 0 {
			next = q.StartAfter(names[before-1])
		}
		if err := query(ctx, op, next, func(snap *cloud.DocumentSnapshot) error {
			name, _ := snap.Data()[fieldName].(string)
			names = append(names, name)
			return nil
		}); err != nil {
			return nil, err
		}
		if len(names) == before {
			return names, nil
		}
	}
}

// eventDays are the days, in UTC, from that of the first event since a time to
// that of the last; none when there is no event.
func (s *Store) eventDays(ctx context.Context, since int64) ([]time.Time, error) {
	const op = "state: read event days"
	var ends []time.Time
	for _, direction := range []cloud.Direction{cloud.Asc, cloud.Desc} {
		q := s.events().Where(fieldTime, ">=", since).OrderBy(fieldTime, direction).Select(fieldTime).Limit(1)
		if err := query(ctx, op, q, func(snap *cloud.DocumentSnapshot) error {
			at, _ := snap.Data()[fieldTime].(int64)
			ends = append(ends, time.Unix(0, at).UTC().Truncate(24*time.Hour))
			return nil
		}); err != nil {
			return nil, err
		}
	}
	var days []time.Time
	if len(ends) == 2 {
		for day := ends[0]; !day.After(ends[1]); day = day.AddDate(0, 0, 1) {
			days = append(days, day)
		}
	}
	return days, nil
}

// Expire implements state.Log. Firestore removes events by itself too, but
// later than this, which a sweep calls.
func (s *Store) Expire(ctx context.Context, before time.Time) error {
	return s.remove(ctx, "state: expire events", s.events().Where(fieldTime, "<", stored.Nanos(before)))
}
