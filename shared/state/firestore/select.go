package firestore

import (
	"context"
	"math"
	"time"

	cloud "cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/stored"
)

// byUser is the mark of a selection in the order of user ids; empty for all.
func byUser(kind state.SelectionKind) (mark string, ok bool) {
	switch kind {
	case state.SelectAll:
		return "", true
	case state.SelectLinked:
		return markLinked, true
	case state.SelectHeld:
		return markHeld, true
	case state.SelectAttention:
		return markNeedsAttention, true
	case state.SelectGone:
		return markGone, true
	case state.SelectIntent:
		return markIntent, true
	}
	return "", false
}

// byTime is the field of a selection in the order of a time, and what that
// field holds for a record with it.
func byTime(kind state.SelectionKind) (field string, at func(provision.Record) time.Time, ok bool) {
	switch kind {
	case state.SelectPending:
		return fieldNext, func(r provision.Record) time.Time { return r.Next.At }, true
	case state.SelectRetry:
		return fieldRetry, provision.Record.RetryAt, true
	}
	return "", nil, false
}

// Select implements state.Records.
func (s *Store) Select(ctx context.Context, sel state.Selection) ([]provision.Record, string, error) {
	const op = "state: select records"
	from, err := stored.Page(op, string(sel.Kind), sel.Limit, sel.Token, stored.Token{})
	if err != nil {
		return nil, "", err
	}
	q := s.records().Query
	last := func(r provision.Record) stored.Token { return stored.Token{List: string(sel.Kind), ID: r.UserID} }
	if mark, ok := byUser(sel.Kind); ok {
		if mark != "" {
			q = q.Where(fieldMarks, "array-contains", mark)
		}
		q = q.OrderBy(cloud.DocumentID, cloud.Asc)
		if sel.Token != "" {
			q = q.StartAfter(key(from.ID))
		}
	} else if sel.Kind == state.SelectByAddress {
		q = q.OrderBy(fieldEmail, cloud.Asc).OrderBy(cloud.DocumentID, cloud.Asc)
		if sel.Token != "" {
			q = q.StartAfter(from.Key, key(from.ID))
		}
		last = func(r provision.Record) stored.Token {
			return stored.Token{List: string(sel.Kind), Key: stored.FoldEmail(r.Email), ID: r.UserID}
		}
	} else if field, at, ok := byTime(sel.Kind); ok {
		if !sel.Before.IsZero() {
			q = q.Where(field, "<=", stored.Nanos(sel.Before))
		}
		q = q.OrderBy(field, cloud.Asc).OrderBy(cloud.DocumentID, cloud.Asc)
		if sel.Token != "" {
			q = q.StartAfter(from.At, key(from.ID))
		}
		last = func(r provision.Record) stored.Token {
			return stored.Token{List: string(sel.Kind), At: stored.Nanos(at(r)), ID: r.UserID}
		}
	} else {
		return nil, "", stored.Invalid(op, "kind", "there is no selection %q", sel.Kind)
	}
	// One record more than the page holds says whether there is a next one.
	records, err := s.find(ctx, op, q.Limit(sel.Limit+1))
	if err != nil {
		return nil, "", err
	}
	records, next := stored.Cut(records, sel.Limit, last)
	return records, next, nil
}

// Held implements state.Records. It is one aggregation, and a query for the
// oldest when there is any.
func (s *Store) Held(ctx context.Context) (h state.Held, err error) {
	const op = "state: sum up what is held"
	const people, marks = "people", "marks"
	q := s.records().Where(fieldHoldMark, ">=", 0)
	result, err := q.NewAggregationQuery().WithCount(people).WithSum(fieldHoldMark, marks).Get(ctx)
	if err != nil {
		return h, wrap(op, err)
	}
	n, counted := result[people].(*firestorepb.Value)
	sum, summed := result[marks].(*firestorepb.Value)
	if !counted || !summed {
		return h, fault.New(fault.Incomplete, op, "the sum is missing from the answer")
	}
	h.People, h.Marks = int(n.GetIntegerValue()), sum.GetIntegerValue()
	if h.People == 0 {
		return h, nil
	}
	oldest, err := s.find(ctx, op, s.records().Where(fieldHeldAt, ">=", math.MinInt64).OrderBy(fieldHeldAt, cloud.Asc).Limit(1))
	if err != nil || len(oldest) == 0 { // none any more
		return state.Held{}, err
	}
	h.Since = oldest[0].Hold.HeldAt
	return h, nil
}

// Count implements state.Records. It is one aggregation, of removals two, each
// billed as one read for each thousand index entries, and sees every commit that
// has returned.
func (s *Store) Count(ctx context.Context, c state.Count) (int, error) {
	const op = "state: count records"
	at, q := stored.Nanos(c.Time), s.records().Query
	switch c.Kind {
	case state.CountRemovals:
		return s.countRemovals(ctx, op, c)
	case state.CountManagedAt:
		q = q.Where(fieldManagedFrom, "<=", at).Where(fieldManagedUntil, ">", at)
	case state.CountActiveAt:
		q = q.Where(fieldActiveFrom, "<=", at).Where(fieldActiveUntil, ">", at)
	case state.CountGone:
		q = q.Where(fieldGone, ">", at).Where(fieldGone, "<=", stored.Nanos(c.Until))
	case state.CountOpenIntents:
		q = q.Where(fieldOpenRevision, "<", c.Revision).Where(fieldOpenUntil, ">", at)
	default:
		return 0, stored.Invalid(op, "kind", "there is no count %q", c.Kind)
	}
	return count(ctx, op, q)
}

// countRemovals counts in a transaction that only reads, and so at one moment and without locks
// (firebase.google.com/docs/firestore/manage-data/transactions).
func (s *Store) countRemovals(ctx context.Context, op string, c state.Count) (n int, err error) {
	var pending, done string
	switch c.Operation {
	case provision.Suspend:
		pending, done = fieldCountSuspend, fieldSuspendDone
	case provision.HardDelete:
		pending, done = fieldCountDelete, fieldDeleteDone
	default:
		return 0, stored.Invalid(op, "operation", "only suspends and hard deletes are counted, not %q", c.Operation)
	}
	read := func(ctx context.Context, tx *cloud.Transaction) error {
		n = 0
		for _, q := range []cloud.Query{
			s.records().Where(done, ">", stored.Nanos(c.Time)),
			s.records().Where(pending, "<=", stored.Nanos(c.Until)),
		} {
			some, err := countIn(ctx, op, tx, q)
			if err != nil {
				return err
			}
			n += some
		}
		return nil
	}
	err = s.client.RunTransaction(ctx, read, cloud.ReadOnly)
	return n, wrap(op, err)
}
