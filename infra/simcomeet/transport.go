package simcomeet

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport carries requests to the Server without a network, for clients in
// the same process. A dropped connection is an error, and time passes as in a
// testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

func (t transport) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = fmt.Errorf("simcomeet: connection dropped: %w", io.ErrUnexpectedEOF)
		default:
			panic(p)
		}
	}()
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := httptest.NewRecorder()
	t.server.mux.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}
