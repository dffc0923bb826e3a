package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// function is one that lets everybody in, and what it logs.
func function(behind http.HandlerFunc) (*Function, *bytes.Buffer) {
	var log bytes.Buffer
	return &Function{Log: NewLog(&log, "p", slog.LevelDebug), Time: time.Minute, Door: func(*http.Request) error { return nil },
		Open: func(context.Context) (http.Handler, error) { return behind, nil }}, &log
}

func answer(f http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestPanic(t *testing.T) {
	t.Parallel()
	f, log := function(func(http.ResponseWriter, *http.Request) { panic("the token is abc") })
	if w := answer(f, httptest.NewRequest("POST", "/", nil)); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "abc") {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
	line := decode(t, log)
	stack, _ := line["stack_trace"].(string)
	if line["severity"] != "ERROR" || line["message"] != "request panicked" || line["kind"] != "string" || !strings.HasPrefix(stack, "panic: \n\ngoroutine ") {
		t.Errorf("logged %v", line)
	}
	if strings.Contains(log.String(), "abc") {
		t.Errorf("the panic's value is logged: %s", log)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	var got int
	f, _ := function(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = len(data)
	})
	for size, want := range map[int]int{0: 200, maxBody: 200, maxBody + 1: 413} {
		got = -1
		w := answer(f, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", size))))
		if read := got >= 0; w.Code != want || read != (want == 200) || read && got != size {
			t.Errorf("%d bytes: answered %d, %d read", size, w.Code, got)
		}
	}
	if w := answer(f, httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("x"), broken{}))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("cut off: answered %d", w.Code)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestReadDeadline: a body that does not come ends its request, and the deadline
// for it does not end a handler that works for longer.
func TestReadDeadline(t *testing.T) {
	t.Parallel()
	f, _ := function(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok || r.Context().Err() != nil {
			t.Errorf("the context is %v", r.Context())
		}
	})
	deadlines := &controlled{ResponseRecorder: httptest.NewRecorder()}
	f.ServeHTTP(deadlines, httptest.NewRequest("POST", "/", strings.NewReader("x")))
	if len(deadlines.set) != 2 || deadlines.set[0].IsZero() || !deadlines.set[1].IsZero() {
		t.Errorf("the deadlines of the connection were %v, want one and then none", deadlines.set)
	}
}

type controlled struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (c *controlled) SetReadDeadline(t time.Time) error {
	c.set = append(c.set, t)
	return nil
}

// TestOpen: what is behind the door is made once, by the first request that is
// let in and for which it can be made.
func TestOpen(t *testing.T) {
	t.Parallel()
	f, log := function(nil)
	opened, door := 0, errors.New("no")
	f.Door = func(*http.Request) error { return door }
	f.Open = func(context.Context) (http.Handler, error) {
		if opened++; opened == 1 {
			return nil, errors.New("no credentials yet")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := Admitted(r); err != nil {
				t.Error(err)
			}
		}), nil
	}
	for i, want := range []struct{ status, opened int }{{401, 0}, {503, 1}, {200, 2}, {200, 2}} {
		if w := answer(f, httptest.NewRequest("POST", "/", nil)); w.Code != want.status || opened != want.opened {
			t.Errorf("request %d: answered %d, opened %d times", i, w.Code, opened)
		}
		door = nil
	}
	if Admitted(httptest.NewRequest("POST", "/", nil)) == nil {
		t.Error("a request that passed no door counts as admitted")
	}
	if !strings.Contains(log.String(), `"severity":"WARNING","message":"caller refused"`) {
		t.Errorf("logged %s", log)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		header, value, trace, span string
		sampled                    any
	}{
		{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "projects/p/traces/0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", true},
		{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "projects/p/traces/0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", false},
		{"X-Cloud-Trace-Context", "0af7651916cd43dd8448eb211c80319c/255;o=1", "projects/p/traces/0af7651916cd43dd8448eb211c80319c", "00000000000000ff", true},
		{"X-Cloud-Trace-Context", "0af7651916cd43dd8448eb211c80319c/18446744073709551615", "projects/p/traces/0af7651916cd43dd8448eb211c80319c", "ffffffffffffffff", false},
		{"X-Cloud-Trace-Context", "nonsense", "", "", nil},
		{"traceparent", "00-zz-b7ad6b7169203331-01", "", "", nil},
	} {
		f, log := function(nil)
		f.Open = func(context.Context) (http.Handler, error) {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				f.Log.InfoContext(r.Context(), "operation", "user", "1")
			}), nil
		}
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set(test.header, test.value)
		answer(f, r)
		line := decode(t, log)
		if id, _ := line["request"].(string); id == "" {
			t.Errorf("%s: no id of the request", test.value)
		}
		delete(line, "request")
		delete(line, "time")
		want := map[string]any{"severity": "INFO", "message": "operation", "user": "1"}
		if test.trace != "" {
			want["logging.googleapis.com/trace"], want["logging.googleapis.com/spanId"] = test.trace, test.span
			want["logging.googleapis.com/trace_sampled"] = test.sampled
		}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Errorf("%s: %s", test.value, diff)
		}
	}
}

// TestErrorReporting: what Error Reporting groups an error by is where it was logged.
func TestErrorReporting(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := NewLog(&log, "p", slog.LevelInfo).With("user", "1")
	l.Debug("not shown")
	l.Error("it failed", "error", "no answer")
	line := decode(t, &log)
	place, _ := line["context"].(map[string]any)["reportLocation"].(map[string]any)
	if file, _ := place["filePath"].(string); !strings.HasSuffix(file, "edge_test.go") || place["functionName"] == "" || place["lineNumber"] == 0.0 {
		t.Errorf("the place is %v", place)
	}
	if line["@type"] != reported || line["user"] != "1" || line["error"] != "no answer" || line["serviceContext"] == nil {
		t.Errorf("logged %v", line)
	}
}

// decode reads the one line that was logged.
func decode(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	return line
}
