package endpoint

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/push"
)

// DirectoryPush hears the directory's notifications. 204 when the look is
// enqueued, or nothing is to be done; 503 when it could not be and must be sent
// again; the directory sends nothing again that is answered otherwise
// (developers.google.com/workspace/admin/directory/v1/guides/push).
func (e *Endpoints) DirectoryPush(w http.ResponseWriter, r *http.Request) {
	body, err := message(w, r)
	if err != nil {
		e.answer(w, r, e.senseless(r.Context(), "push", err))
		return
	}
	err = e.Push.Receive(r.Context(), push.Message{
		ChannelID: r.Header.Get("X-Goog-Channel-Id"), Token: r.Header.Get("X-Goog-Channel-Token"),
		State: r.Header.Get("X-Goog-Resource-State"), Body: body,
	})
	e.answer(w, r, e.senseless(r.Context(), "push", err))
}

// AuditEvent hears the audit log: a CloudEvent, or what Pub/Sub pushes. 204
// when all that follows is enqueued, or nothing makes sense of it; anything else
// and Pub/Sub sends it again, with back-off, beside the others
// (cloud.google.com/pubsub/docs/handling-failures).
func (e *Endpoints) AuditEvent(w http.ResponseWriter, r *http.Request) {
	if err := e.Publisher(r); err != nil {
		e.answer(w, r, err)
		return
	}
	body, err := message(w, r)
	if err != nil {
		e.answer(w, r, e.senseless(r.Context(), "audit", err))
		return
	}
	e.answer(w, r, e.senseless(r.Context(), "audit", e.Audit.Receive(r.Context(), body)))
}

// message reads a message: fault.Invalid for one that is too large, as it would
// be again, and fault.Unavailable for one that was cut off.
func message(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, fault.Wrap(fault.Invalid, "endpoint: read message", err)
	}
	return body, fault.Wrap(fault.Unavailable, "endpoint: read message", err)
}

// senseless logs why a message makes no sense, and is then done with it: sent
// again it would say the same.
func (e *Endpoints) senseless(ctx context.Context, source string, err error) error {
	if !fault.Is(err, fault.Invalid) {
		return err
	}
	e.Log.WarnContext(ctx, "message without sense dropped", "source", source, "reason", err.Error())
	return nil
}

// sweepAfter is how old a sweep may be before one is asked for here: the
// schedule's four hours, and time for its own.
const sweepAfter = 4*time.Hour + 20*time.Minute

// RenewChannels renews the push channels, asks for the sweep that failed or was
// lost, and writes to the log how every source does. The scheduler calls it
// every few minutes.
func (e *Endpoints) RenewChannels(w http.ResponseWriter, r *http.Request) {
	if err := e.Queue(r); err != nil {
		e.answer(w, r, err)
		return
	}
	ctx, cancel := mostOf(r.Context())
	defer cancel()
	// Each for itself: the alerts are made of the report, which is needed most
	// when no channel can be opened, and then sweeps are too.
	err := e.Push.Renew(ctx)
	err = errors.Join(err, e.Sweeper.Schedule(r.Context(), sweepAfter))
	e.answer(w, r, errors.Join(err, e.Health.Write(r.Context())))
}

// mostOf leaves a quarter of the time that a request has for what comes after.
func mostOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*3/4)
}
