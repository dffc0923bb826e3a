package edge

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// NewLog writes lines that Cloud Logging understands
// (cloud.google.com/logging/docs/structured-logging): severity and message
// under its names, the trace that the line belongs to, and on errors what Error
// Reporting groups them by (cloud.google.com/error-reporting/docs/formatting-error-messages).
func NewLog(w io.Writer, project string, level slog.Level) *slog.Logger {
	inner := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: rename})
	return slog.New(&logHandler{inner, project})
}

// rename gives Cloud Logging's names to what it knows.
func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String("severity", severity(level))
	case "stack":
		// Error Reporting reads a Go stack as the runtime prints it.
		return slog.String("stack_trace", "panic: \n\n"+a.Value.String())
	}
	return a
}

func severity(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// logHandler adds to each line where it comes from.
type logHandler struct {
	inner   slog.Handler
	project string
}

// reported is the type of a line that Error Reporting takes without a stack.
const reported = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.inner.Enabled(ctx, l) }

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if q, ok := ctx.Value(requestKey{}).(request); ok {
		r.AddAttrs(slog.String("request", q.id))
		if q.trace != "" {
			r.AddAttrs(slog.String("logging.googleapis.com/trace", "projects/"+h.project+"/traces/"+q.trace),
				slog.String("logging.googleapis.com/spanId", q.span), slog.Bool("logging.googleapis.com/trace_sampled", q.sampled))
		}
	}
	if source := r.Source(); r.Level >= slog.LevelError && source != nil {
		// The service's and the revision's names are Cloud Run's own (cloud.google.com/run/docs/container-contract).
		r.AddAttrs(slog.String("@type", reported),
			slog.Group("serviceContext", "service", os.Getenv("K_SERVICE"), "version", os.Getenv("K_REVISION")),
			slog.Group("context", slog.Group("reportLocation", "filePath", source.File, "lineNumber", source.Line, "functionName", source.Function)))
	}
	return h.inner.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.inner.WithAttrs(attrs), h.project}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.inner.WithGroup(name), h.project}
}

// request is what lines are told apart by.
type request struct {
	id, trace, span string
	sampled         bool
}

type requestKey struct{}

// withRequest is the request's context with what its lines carry.
func withRequest(r *http.Request) context.Context {
	q := parseTrace(r.Header)
	q.id = uuid.NewString()
	return context.WithValue(r.Context(), requestKey{}, q)
}

// parseTrace reads the trace of a request: W3C's traceparent,
// 00-TRACE-SPAN-FLAGS in hexadecimal, else Google's X-Cloud-Trace-Context,
// TRACE/SPAN;o=FLAG with the span in decimal, which a log line has in
// hexadecimal (cloud.google.com/trace/docs/trace-context).
func parseTrace(h http.Header) request {
	if parts := strings.Split(h.Get("Traceparent"), "-"); len(parts) >= 4 && isHex(parts[1], 16) && isHex(parts[2], 8) && isHex(parts[3], 1) {
		flags, _ := strconv.ParseUint(parts[3], 16, 8)
		return request{trace: parts[1], span: parts[2], sampled: flags&1 == 1}
	}
	trace, rest, _ := strings.Cut(h.Get("X-Cloud-Trace-Context"), "/")
	decimal, option, _ := strings.Cut(rest, ";")
	if span, err := strconv.ParseUint(decimal, 10, 64); err == nil && isHex(trace, 16) {
		return request{trace: trace, span: hexSpan(span), sampled: option == "o=1"}
	}
	return request{}
}

func hexSpan(n uint64) string {
	s := strconv.FormatUint(n, 16)
	return strings.Repeat("0", 16-len(s)) + s
}

// isHex reports whether text is that many bytes in lower-case hexadecimal.
func isHex(text string, size int) bool {
	data, err := hex.DecodeString(text)
	return err == nil && len(data) == size && strings.ToLower(text) == text
}
