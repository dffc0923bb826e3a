package health

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/state"
)

// State is how a source does.
type State string

// The states.
const (
	// Alive: nothing speaks against it.
	Alive State = "alive"
	// Silent: nothing has come for long, or ever; it may not be set up.
	Silent State = "silent"
	// Down: it should work and does not.
	Down State = "down"
	// Off: it is not meant to work now.
	Off State = "off"
)

// Report is how every source does. Times are business time where nothing else
// is said, and zero for never.
type Report struct {
	Now time.Time
	// OnSince is when autoprovisioning was last turned on; zero while it is off.
	OnSince time.Time
	Push    Push
	Audit   Audit
	Sweep   Sweep
	Work    Work
}

// Push is the directory's push channels.
type Push struct {
	State State
	// LastAt is when a notification last came.
	LastAt time.Time
	// Channels in use, and when the first of them ends, in real time.
	Channels  int
	ExpiresAt time.Time
}

// Audit is the audit log.
type Audit struct {
	State  State
	LastAt time.Time
	// Unknown counts the events of a name that nobody has given a meaning.
	Unknown int
}

// Sweep is the full comparison.
type Sweep struct {
	State State
	// LastAt is when the last sweep that ended as done began.
	LastAt time.Time
}

// Work is what waits.
type Work struct {
	// Known is false when nothing can tell.
	Known bool
	// Deadlines is true when late deadlines are counted, and not tasks.
	Deadlines bool
	Waiting   int
	// OldestDueAt is since when the oldest of them is due; zero when none is.
	OldestDueAt time.Time
}

// Report reads how every source does.
func (h *Health) Report(ctx context.Context) (Report, error) {
	c, err := h.Store.Configuration(ctx)
	if err != nil {
		return Report{}, err
	}
	s, err := h.Store.Sources(ctx)
	if err != nil {
		return Report{}, err
	}
	h.mu.Lock()
	merge(&s, h.heard)
	h.mu.Unlock()
	r := Report{
		Now:   h.Business(),
		Push:  Push{State: Off, LastAt: s.PushAt},
		Audit: Audit{State: Silent, LastAt: s.AuditAt, Unknown: s.Unknown},
		Sweep: Sweep{State: Off, LastAt: c.SweptAt},
	}
	open, err := h.channels(ctx, &r.Push)
	if err != nil {
		return r, err
	}
	if c.On {
		r.OnSince = c.TurnedOnAt
	}
	if c.On && h.Pushed {
		r.Push.State = h.pushState(open, s.PushHeardAt)
	}
	if !s.AuditAt.IsZero() && r.Now.Sub(s.AuditAt) < AuditSilent {
		r.Audit.State = Alive
	}
	silent := r.Now.Add(-2*h.SweepEvery - sweepTime)
	switch {
	case !c.On:
	case !c.Runs():
		r.Sweep.State = Down
	case c.SweptAt.Before(silent) && c.TurnedOnAt.Before(silent): // the first since a turn-on takes its time
		r.Sweep.State = Silent
	default:
		r.Sweep.State = Alive
	}
	return r, h.work(ctx, &r)
}

// pushState is how push does with these channels open.
func (h *Health) pushState(open []state.PushChannel, heardAt time.Time) State {
	has := func(event string) bool {
		return slices.ContainsFunc(open, func(ch state.PushChannel) bool { return ch.Event == event || ch.Event == "" })
	}
	if slices.ContainsFunc(directory.UserEvents(), func(event string) bool { return !has(event) }) {
		return Down // some changes are told by nobody
	}
	newest := slices.MaxFunc(open, func(a, b state.PushChannel) int { return a.OpenedAt.Compare(b.OpenedAt) }).OpenedAt
	// What was heard may not be stored when something was a little before.
	if heardAt.Before(newest.Add(-saveEvery)) && h.Real().Sub(newest) > pushSilent {
		return Silent
	}
	return Alive
}

// channels are those that are open, by the directory's own word, and counted.
func (h *Health) channels(ctx context.Context, p *Push) (open []state.PushChannel, err error) {
	list, err := h.Store.Channels(ctx)
	if err != nil {
		return nil, err
	}
	now := h.Real()
	for _, ch := range list {
		if !ch.RetiredAt.IsZero() || ch.ResourceID == "" || !ch.Expiration.IsZero() && !now.Before(ch.Expiration) {
			continue
		}
		p.Channels++
		open = append(open, ch)
		if !ch.Expiration.IsZero() && (p.ExpiresAt.IsZero() || ch.Expiration.Before(p.ExpiresAt)) {
			p.ExpiresAt = ch.Expiration
		}
	}
	return open, nil
}

func (h *Health) work(ctx context.Context, r *Report) error {
	if h.Backlog == nil {
		return nil
	}
	waiting, due, err := h.Backlog(ctx)
	if err != nil {
		return err
	}
	r.Work = Work{Known: true, Deadlines: h.Deadlines, Waiting: waiting}
	if !due.IsZero() && !due.After(r.Now) {
		r.Work.OldestDueAt = due
	}
	return nil
}

// Write writes the report to the log, as a warning when a source is down: one
// line, from which most alerts are counted (infra/docs/logs.md).
func (h *Health) Write(ctx context.Context) error {
	r, err := h.Report(ctx)
	if err != nil {
		return err
	}
	c, err := h.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	held, err := h.Store.Held(ctx)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if r.Push.State == Down || r.Push.State == Silent || r.Sweep.State == Down {
		level = slog.LevelWarn
	}
	h.Log.Log(ctx, level, "sources", "push", r.Push.State, "lastPush", r.Push.LastAt, "channels", r.Push.Channels, "channelsExpire", r.Push.ExpiresAt,
		"audit", r.Audit.State, "lastAudit", r.Audit.LastAt, "unknownAudit", r.Audit.Unknown,
		"sweep", r.Sweep.State, "lastSweep", r.Sweep.LastAt, "waiting", r.Work.Waiting, "oldestDue", r.Work.OldestDueAt,
		"pushAgoSeconds", seconds(r.Push.LastAt, r.Now), "auditAgoSeconds", seconds(r.Audit.LastAt, r.Now),
		"sweepAgoSeconds", seconds(r.Sweep.LastAt, r.Now), "channelsLeftSeconds", seconds(h.Real(), r.Push.ExpiresAt),
		"overdueSeconds", r.overdue(), "held", held.People, "on", c.On, "authorization", string(c.Authorization.State))
	return nil
}

// seconds are those between two times; -1 where one of them is none.
func seconds(from, to time.Time) int {
	if from.IsZero() || to.IsZero() {
		return -1
	}
	return int(max(to.Sub(from), 0).Seconds())
}

// overdue is for how many seconds the oldest work has been due; 0 when none is, -1 when the queue cannot tell.
func (r Report) overdue() int {
	switch {
	case !r.Work.Known:
		return -1
	case r.Work.OldestDueAt.IsZero():
		return 0
	}
	return int(r.Now.Sub(r.Work.OldestDueAt).Seconds())
}
