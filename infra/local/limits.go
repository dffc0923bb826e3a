package main

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// limits are what one request may take of the server, in real time.
type limits struct {
	// header and body bound how long a sender takes for each, whole the request
	// with its answer, and idle how long a connection waits for the next one.
	header, body, whole, idle time.Duration
	// headerBytes bounds the header of a request; bodies are bounded by what reads them.
	headerBytes int
	// requests is how many are worked on at a time.
	requests int
}

// serverLimits leave room for the queue's 84 deliveries at a time, which take
// up to ten minutes each, and for the longest page.
func serverLimits() limits {
	return limits{header: 10 * time.Second, body: 30 * time.Second, whole: 15 * time.Minute, idle: 2 * time.Minute, headerBytes: 32 << 10, requests: 256}
}

// newServer serves a handler within limits.
func newServer(h http.Handler, l limits) *http.Server {
	return &http.Server{
		Handler: atMost(l.requests, timed(l.body, h)), ReadHeaderTimeout: l.header, WriteTimeout: l.whole, IdleTimeout: l.idle, MaxHeaderBytes: l.headerBytes,
	}
}

// atMost answers 503 to what comes while n requests are worked on.
func atMost(n int, h http.Handler) http.Handler {
	slots := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests at a time: try again in a second", http.StatusServiceUnavailable)
		}
	})
}

// timed bounds how long a body may take to arrive, and no more than that:
// http.Server's ReadTimeout would go on counting after it, and end the request
// of a handler that works for longer.
func timed(limit time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			deadline := http.NewResponseController(w)
			if err := deadline.SetReadDeadline(time.Now().Add(limit)); err != nil {
				http.Error(w, "the request cannot be bounded in time", http.StatusInternalServerError)
				return
			}
			r.Body = &arriving{ReadCloser: r.Body, whole: func() error { return deadline.SetReadDeadline(time.Time{}) }}
		}
		h.ServeHTTP(w, r)
	})
}

// arriving is a body that says when it is there as a whole.
type arriving struct {
	io.ReadCloser
	whole func() error
}

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		if failed := a.whole(); failed != nil {
			return n, failed
		}
	}
	return n, err
}
