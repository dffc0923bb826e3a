package simworkspace

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Transport serves requests from memory, without a socket, so that a test can
// run them within testing/synctest.
func (w *Workspace) Transport() http.RoundTripper { return transport{w.handler} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	inner := req.Clone(req.Context())
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	defer inner.Body.Close()
	out := &recorder{header: http.Header{}, code: http.StatusOK}
	t.handler.ServeHTTP(out, inner)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		Status:     strconv.Itoa(out.code) + " " + http.StatusText(out.code),
		StatusCode: out.code,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        out.header,
		Body:          io.NopCloser(&out.body),
		ContentLength: int64(out.body.Len()),
		Request:       req,
	}, nil
}

// recorder is an http.ResponseWriter; net/http/httptest's would add a flag to the program.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header                { return r.header }
func (r *recorder) WriteHeader(code int)               { r.code = code }
func (r *recorder) Write(data []byte) (n int, _ error) { return r.body.Write(data) }
