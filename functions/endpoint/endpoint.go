// Package endpoint owns the HTTP faces of the functions that machines call:
// the directory's pushes, the audit log's messages, the queue's tasks, the
// scheduler's sweeps and renewals.
//
// It promises that a body is bounded, that what comes from a queue carries the
// queue's credentials, and that the answer tells the sender exactly whether to
// send again: one table says which error is which status. It decides nothing.
package endpoint

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/push"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/spent"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/sweep"
)

// maxBody bounds what is read of a request: a Cloud Tasks task has at most 1 MiB
// (cloud.google.com/tasks/docs/quotas), and a push far less.
const maxBody = 1 << 20

// Caller verifies who sends a request; it returns fault.Unauthorized for anybody else.
type Caller func(r *http.Request) error

// Store is what the endpoints themselves write.
type Store interface {
	Append(ctx context.Context, events ...provision.Event) error
	EndLook(ctx context.Context, sweepID, userID string) error
	Configuration(ctx context.Context) (provision.Configuration, error)
}

// Endpoints answers requests.
type Endpoints struct {
	Reconciler *reconcile.Reconciler
	Sweeper    *sweep.Sweeper
	Push       *push.Channels
	Audit      *audit.Reader
	Health     *health.Health
	Store      Store
	Now        func() time.Time
	NewID      func() string
	Log        *slog.Logger
	// Queue verifies the queue's and the scheduler's requests.
	Queue Caller
	// Publisher verifies who sends audit messages.
	Publisher Caller

	failed failures
}

var _ Store = state.Store(nil)

// Reconcile looks at one user.
func (e *Endpoints) Reconcile(w http.ResponseWriter, r *http.Request) {
	var req reconcile.Request
	if !e.task(w, r, &req) {
		return
	}
	if req.UserID == "" {
		e.Log.ErrorContext(r.Context(), "task without a user dropped", "path", r.URL.Path)
		e.answer(w, r, nil) // sent again it would say the same
		return
	}
	if tries(r) > 0 {
		req.Covered = time.Time{} // the try before may have ended halfway
	}
	ctx, watched := spent.Watch(r.Context())
	watched.Add(spent.Queue, e.queued(r))
	res, err := e.Reconciler.Look(ctx, req)
	if err == nil {
		attrs := []any{"user", req.UserID, "sweep", req.SweepID, "done", res.Done, "waiting", res.Waiting}
		e.Log.DebugContext(ctx, "look", append(attrs, spent.Attrs(ctx)...)...)
	} else if own(r, err) && e.failed.count(r) {
		err = e.giveUp(r.Context(), req, err)
	}
	if err == nil {
		e.failed.forget(r)
	}
	e.answer(w, r, err)
}

// queued is how long a task has waited since it was due.
func (e *Endpoints) queued(r *http.Request) time.Duration {
	due, err := strconv.ParseFloat(r.Header.Get("X-Cloudtasks-Tasketa"), 64)
	if err != nil {
		return 0
	}
	return e.Now().Sub(time.UnixMicro(int64(due * 1e6)))
}

func (e *Endpoints) giveUp(ctx context.Context, req reconcile.Request, cause error) error {
	e.Log.ErrorContext(ctx, "look given up until the next sweep", "user", req.UserID, "error", cause.Error())
	event := provision.Event{ID: e.NewID(), Time: e.Now(), Name: provision.EventNotice, UserID: req.UserID, Outcome: provision.OutcomeFailed,
		Cause: provision.Cause{Text: "the check was tried too often"}, Error: cause.Error()}
	if err := e.Store.Append(ctx, event); err != nil {
		return err
	}
	if req.SweepID == "" {
		return nil
	}
	return e.Store.EndLook(ctx, req.Looks(), req.UserID)
}

// Sweep works on a sweep or a preview, or asks for a sweep when the body names neither.
func (e *Endpoints) Sweep(w http.ResponseWriter, r *http.Request) {
	var task sweep.Task
	if !e.task(w, r, &task) {
		return
	}
	var err error
	switch {
	case task.SweepID != "":
		err = e.Sweeper.Run(r.Context(), task.SweepID)
	case task.PreviewID != "":
		err = e.Sweeper.Preview(r.Context(), task.PreviewID)
	default:
		err = e.requested(r.Context(), cmp.Or(task.Cause, "schedule"))
	}
	e.answer(w, r, err)
}

func (e *Endpoints) requested(ctx context.Context, cause string) error {
	c, err := e.Store.Configuration(ctx)
	if err != nil || !c.Runs() {
		return err
	}
	_, err = e.Sweeper.Request(ctx, cause)
	return err
}

// task verifies the sender and reads the body; false when it has answered already.
func (e *Endpoints) task(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := e.Queue(r); err != nil {
		e.answer(w, r, err)
		return false
	}
	body, err := message(w, r)
	if fault.Is(err, fault.Unavailable) {
		e.answer(w, r, err)
		return false
	}
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		e.Log.ErrorContext(r.Context(), "task with a senseless body dropped", "path", r.URL.Path, "error", err.Error())
		w.WriteHeader(http.StatusNoContent) // sent again it would say the same
		return false
	}
	return true
}

func tries(r *http.Request) int {
	n, _ := strconv.Atoi(r.Header.Get("X-Cloudtasks-Taskretrycount"))
	return n
}

// answer tells the sender whether to send again. This is the one table of
// errors to statuses for machines. After a 503 Cloud Tasks slows its whole queue
// down, everybody's tasks (google.cloud.tasks.v2.HttpRequest); after others it
// sends again only what failed. The directory sends again after a 503, not a 409.
func (e *Endpoints) answer(w http.ResponseWriter, r *http.Request, err error) {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := http.StatusInternalServerError
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		status = http.StatusUnauthorized
	case fault.Unready, fault.Incomplete, fault.Conflict: // this one alone, such as a user whom another worker acts on
		status = http.StatusConflict
	case fault.Unavailable, fault.Throttled:
		status = http.StatusServiceUnavailable
	}
	if errors.Is(err, context.Canceled) {
		status = http.StatusServiceUnavailable
	}
	if after := fault.RetryAfter(err); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	level := slog.LevelWarn
	switch {
	case status == http.StatusInternalServerError:
		level = slog.LevelError
	case errors.Is(err, reconcile.ErrPaused), fault.Is(err, fault.Unready):
		level = slog.LevelDebug
	}
	e.Log.Log(r.Context(), level, "request not done", "path", r.URL.Path, "status", status, "kind", fault.KindOf(err).String(), "error", err.Error())
	http.Error(w, http.StatusText(status), status)
}
