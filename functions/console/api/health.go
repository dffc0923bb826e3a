package api

import (
	"context"
	"net/http"
	"time"

	"example.com/autoprovision/shared/health"
)

// Health is how every source of changes does.
type Health struct {
	Now   time.Time   `json:"now" doc:"By which the times here are kept"`
	Push  PushHealth  `json:"push"`
	Audit AuditHealth `json:"audit"`
	Sweep SweepHealth `json:"sweep"`
	Work  *WorkHealth `json:"work" doc:"Null when the queue cannot tell"`
}

// PushHealth is the directory's push channels.
type PushHealth struct {
	State     string     `json:"state" enum:"alive,silent,down,off" doc:"silent when nothing has come through the newest channel, not even its first message; down when a channel is missing; off while autoprovisioning is, and where the directory cannot reach us"`
	LastAt    *time.Time `json:"lastAt" doc:"When a notification last came"`
	Channels  int        `json:"channels" doc:"Open channels"`
	ExpiresAt *time.Time `json:"expiresAt" doc:"When the first of them ends, in real time; they are renewed before"`
}

// AuditHealth is the audit log.
type AuditHealth struct {
	State   string     `json:"state" enum:"alive,silent" doc:"silent when nothing has come for a week"`
	LastAt  *time.Time `json:"lastAt" doc:"When a message last came"`
	Unknown int        `json:"unknown" doc:"Events so far whose name has no meaning here"`
}

// SweepHealth is the full comparison.
type SweepHealth struct {
	State  string     `json:"state" enum:"alive,silent,down,off" doc:"silent when none was done for two intervals and an hour, down without authorization"`
	LastAt *time.Time `json:"lastAt" doc:"When the last one that was done began"`
}

// WorkHealth is what waits.
type WorkHealth struct {
	_           struct{}   `nullable:"true"`
	Of          string     `json:"of" enum:"tasks,lateDeadlines" doc:"What is counted: all tasks or, where the queue does not tell, suspends and hard deletes that are late and that nothing keeps back"`
	Waiting     int        `json:"waiting" doc:"Tasks that are not done, deadlines to come among them; of late deadlines 500 at most"`
	OldestDueAt *time.Time `json:"oldestDueAt" doc:"Since when the oldest is due; null when none is"`
}

func (a *api) registerHealth() {
	get := a.operation(http.MethodGet, a.app("/health"), "health", tagApp, "Is every source of changes alive?", "How each source does")
	handle(a, get, func(ctx context.Context, _ *struct{}) (*answer[Health], error) {
		r, err := a.service.Health.Report(ctx)
		if err != nil {
			return nil, err
		}
		return &answer[Health]{viewHealth(r)}, nil
	})
}

func viewHealth(r health.Report) Health {
	h := Health{
		Now:   r.Now.UTC(),
		Push:  PushHealth{State: string(r.Push.State), LastAt: when(r.Push.LastAt), Channels: r.Push.Channels, ExpiresAt: when(r.Push.ExpiresAt)},
		Audit: AuditHealth{State: string(r.Audit.State), LastAt: when(r.Audit.LastAt), Unknown: r.Audit.Unknown},
		Sweep: SweepHealth{State: string(r.Sweep.State), LastAt: when(r.Sweep.LastAt)},
	}
	if r.Work.Known {
		h.Work = &WorkHealth{Of: "tasks", Waiting: r.Work.Waiting, OldestDueAt: when(r.Work.OldestDueAt)}
		if r.Work.Deadlines {
			h.Work.Of = "lateDeadlines"
		}
	}
	return h
}
