// Package health owns the answer to "is every source alive?": when each source
// of hints was last heard, what work waits, and what the sources gave an
// administrator to review.
//
// It promises that hearing a message costs at most one write a minute and never
// fails, and that a review is stored once its event is. It decides nothing, and
// nothing depends on it.
package health

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

const (
	// saveEvery is how often what was heard is stored, in real time.
	saveEvery = time.Minute
	// maxReviews bounds what is kept for review; the oldest go first.
	maxReviews = 50
	// AuditSilent is for how long an audit log in use may say nothing: a small
	// company can go a week without a change.
	AuditSilent = 7 * 24 * time.Hour
	// sweepTime is how long a sweep may take: no sweep for two intervals and that long
	// is silence, since the time of a sweep is that of its beginning.
	sweepTime = time.Hour
	// pushSilent is for how long a new push channel may say nothing, in real time:
	// the directory sends a first message through each that opens.
	pushSilent = 10 * time.Minute
)

// Store is what health reads and writes.
type Store interface {
	state.Sources
	state.Channels
	Configuration(ctx context.Context) (provision.Configuration, error)
	Held(ctx context.Context) (state.Held, error)
}

// Ports are what health needs; all but Backlog and Deadlines are required.
type Ports struct {
	Store    Store
	Business clock.Business
	Real     clock.Real
	Log      *slog.Logger
	// Pushed is true when the directory can reach us.
	Pushed bool
	// SweepEvery is the time between two sweeps of the schedule, in business time.
	SweepEvery time.Duration
	// Backlog counts what is not done, and says when the oldest of it was due, in
	// business time; nil when nothing can tell. It counts tasks or, where Deadlines,
	// what Overdue does.
	Backlog   func(ctx context.Context) (waiting int, oldestDue time.Time, err error)
	Deadlines bool
}

// Health is the answer. It is safe for concurrent use.
type Health struct {
	Ports

	mu      sync.Mutex
	heard   provision.Sources // what this process heard; Unknown is what is not stored yet
	savedAt time.Time
}

// New returns it.
func New(p Ports) *Health { return &Health{Ports: p} }

// Push hears that a push came.
func (h *Health) Push(ctx context.Context) {
	h.note(ctx, func(s *provision.Sources, now, real time.Time) { s.PushAt, s.PushHeardAt = now, real })
}

// Audit hears that an audit message came, and how many of its events nobody has given a meaning.
func (h *Health) Audit(ctx context.Context, unknown int) {
	h.note(ctx, func(s *provision.Sources, now, _ time.Time) {
		s.AuditAt = now
		s.Unknown += unknown
	})
}

func (h *Health) note(ctx context.Context, change func(s *provision.Sources, now, real time.Time)) {
	real := h.Real()
	h.mu.Lock()
	change(&h.heard, h.Business(), real)
	due := real.Sub(h.savedAt) >= saveEvery
	var heard provision.Sources
	if due {
		heard, h.savedAt, h.heard.Unknown = h.heard, real, 0
	}
	h.mu.Unlock()
	if !due {
		return
	}
	_, err := state.EditSources(ctx, h.Store, func(s *provision.Sources) ([]provision.Event, error) { merge(s, heard); return nil, nil })
	if err != nil {
		h.mu.Lock()
		h.heard.Unknown += heard.Unknown
		h.mu.Unlock()
		h.Log.WarnContext(ctx, "what the sources said last is not stored", "error", err.Error())
	}
}

// merge adds what one process heard.
func merge(s *provision.Sources, heard provision.Sources) {
	if heard.PushAt.After(s.PushAt) {
		s.PushAt = heard.PushAt
	}
	if heard.PushHeardAt.After(s.PushHeardAt) {
		s.PushHeardAt = heard.PushHeardAt
	}
	if heard.AuditAt.After(s.AuditAt) {
		s.AuditAt = heard.AuditAt
	}
	s.Unknown += heard.Unknown
}

// Review keeps r for an administrator, with the event whose id it names. Said
// again with the same event id, it changes nothing.
func (h *Health) Review(ctx context.Context, r provision.Review, event provision.Event) error {
	_, err := state.EditSources(ctx, h.Store, func(s *provision.Sources) ([]provision.Event, error) {
		at := slices.IndexFunc(s.Reviews, func(known provision.Review) bool { return known.Key == r.Key })
		if at >= 0 {
			known := s.Reviews[at]
			if known.EventID == r.EventID {
				return nil, state.ErrUnchanged
			}
			if known.Until.After(r.SeenAt) {
				r.Since = known.Since
			}
			s.Reviews = slices.Delete(s.Reviews, at, at+1)
		}
		s.Reviews = append(s.Reviews, r)
		s.Reviews = s.Reviews[max(0, len(s.Reviews)-maxReviews):]
		return []provision.Event{event}, nil
	})
	return err
}
