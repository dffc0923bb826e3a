// Package edge owns what stands between the Internet and a deployed function:
// its settings, its door, its log and the limits of one request.
//
// It promises that a caller is verified before anything else is done, by a
// token that it checks itself, so that a request refused at the door touches no
// cloud service; that what a function needs behind the door is made by the first
// request let in, and once; that a body and the time of a request are bounded;
// that a panic ends one request and not the process; and that no token, address
// of a person or value of a panic is logged. It knows no rule of provisioning.
package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	// The program that Google's buildpack writes around a function imports this; it
	// is here so that go.mod pins its modules too.
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/google/uuid"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// maxBody bounds a request's body, in bytes: a task has at most 1 MiB
// (cloud.google.com/tasks/docs/quotas), an entry of the audit log 256 KiB
// (cloud.google.com/logging/quotas), and the console takes no files.
const maxBody = 1 << 20

// bodyTime is how long a body may take to arrive.
const bodyTime = 20 * time.Second

// Builder makes a function of its settings, which it reads through getenv, and of
// the world around it. Its error names every setting that is wrong or missing.
type Builder func(getenv func(string) string, o googlecloud.Outside) (http.Handler, error)

// Register builds the function named target and registers it, if this process
// was started as that one. Wrong settings end the process, so that such a
// deployment never takes a request.
func Register(target string, build Builder) {
	if os.Getenv("FUNCTION_TARGET") != target {
		return // linked into some other program
	}
	handler, err := build(os.Getenv, googlecloud.Outside{})
	if err != nil {
		NewLog(os.Stderr, os.Getenv("AUTOPROVISION_PROJECT"), slog.LevelInfo).Error("function cannot start", "function", target, "error", err.Error())
		os.Exit(1)
	}
	functions.HTTP(target, handler.ServeHTTP)
}

// Function is one function behind its door.
type Function struct {
	Log *slog.Logger
	// Time bounds one request.
	Time time.Duration
	// Door verifies who sends a request; fault.Unauthorized for anybody else.
	Door endpoint.Caller
	// Open makes what answers the requests that were let in.
	Open func(ctx context.Context) (http.Handler, error)

	mu     sync.Mutex
	behind http.Handler
}

// ServeHTTP answers one request.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(withRequest(r), f.Time)
	defer cancel()
	r = r.WithContext(ctx)
	defer f.guard(w, r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := f.Door(r); err != nil {
		f.Log.WarnContext(ctx, "caller refused", "path", r.URL.Path, "error", err.Error())
		w.Header().Set("WWW-Authenticate", "Bearer")
		fail(w, http.StatusUnauthorized)
		return
	}
	if status := readBody(w, r); status != http.StatusOK {
		fail(w, status)
		return
	}
	handler, err := f.open(ctx)
	if err != nil {
		f.Log.ErrorContext(ctx, "function cannot reach its services", "error", err.Error())
		fail(w, http.StatusServiceUnavailable) // the sender tries again
		return
	}
	handler.ServeHTTP(w, r.WithContext(context.WithValue(ctx, admitted{}, true)))
}

// open makes what is behind the door, unless an earlier request has. What
// failed is tried again by the next request: an instance lives for hours.
func (f *Function) open(ctx context.Context) (http.Handler, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind != nil {
		return f.behind, nil
	}
	handler, err := f.Open(ctx)
	if err == nil {
		f.behind = handler
	}
	return handler, err
}

// admitted marks the context of a request that a door has let in.
type admitted struct{}

// Admitted is the caller of endpoints that stand behind a door; it refuses a
// request that came another way.
func Admitted(r *http.Request) error {
	if r.Context().Value(admitted{}) == nil {
		return fault.New(fault.Unauthorized, "edge: caller", "the request did not come through the door")
	}
	return nil
}

// Machine is a function that a machine calls: one of the endpoints of the
// system in Google Cloud, behind a door.
func Machine(c googlecloud.Config, o googlecloud.Outside, log *slog.Logger, limit time.Duration, door endpoint.Caller,
	serve func(*endpoint.Endpoints, http.ResponseWriter, *http.Request)) http.Handler {
	return &Function{Log: log, Time: limit, Door: door, Open: func(ctx context.Context) (http.Handler, error) {
		s, err := googlecloud.Open(ctx, c, o, log)
		if err != nil {
			return nil, err
		}
		e := &endpoint.Endpoints{
			Reconciler: s.Reconciler, Sweeper: s.Sweeper, Push: s.Push, Audit: s.Audit, Health: s.Health, Store: s.Store,
			Now: s.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Log: log, Queue: Admitted, Publisher: Admitted,
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(e, w, r) }), nil
	}}
}

// readBody reads the body whole, so that a slow sender holds nothing behind the
// door. The deadline for it is taken off the connection again: left on, it would
// end the request of a handler that works for longer.
func readBody(w http.ResponseWriter, r *http.Request) (status int) {
	control := http.NewResponseController(w)
	deadline := control.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if deadline == nil {
		_ = control.SetReadDeadline(time.Time{}) // it was set, so it can be
	}
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusServiceUnavailable // cut off: whoever sends it tries again
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return http.StatusOK
}

// guard answers a panic. Its value is not logged, since it may hold anything.
func (f *Function) guard(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	f.Log.ErrorContext(r.Context(), "request panicked", "path", r.URL.Path, "kind", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
	fail(w, http.StatusInternalServerError)
}

func fail(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }
