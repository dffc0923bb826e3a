package simcomeet

import (
	"crypto/subtle"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	base = "/scim/v2"

	mediaSCIM        = "application/scim+json"
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listSchema       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorSchema      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// answer is what a call is answered with.
type answer struct {
	status int
	body   []byte
	etag   string
}

// incoming is a call that has been read and let in.
type incoming struct {
	*http.Request
	body     []byte
	noEffect bool
}

// action answers a call.
type action func(incoming) answer

// refusal is an answer in the form of RFC 7644 section 3.12.
func refusal(status int, scimType, detail string) answer {
	body := map[string]any{"schemas": []string{errorSchema}, "status": strconv.Itoa(status), "detail": detail}
	if scimType != "" {
		body["scimType"] = scimType
	}
	return answer{status: status, body: encode(body)}
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern, kind string, act action) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+base+path, s.call(kind, act))
	}
	handle("GET /ServiceProviderConfig", CallDiscovery, s.discovery(serviceProviderConfig))
	handle("GET /ResourceTypes", CallDiscovery, s.discovery(func(*Server) any { return resourceTypes() }))
	handle("GET /Schemas", CallDiscovery, s.discovery(func(*Server) any { return schemaList() }))
	handle("GET /Schemas/{id}", CallDiscovery, s.schema)
	mux.HandleFunc("GET "+base+"/Users", func(w http.ResponseWriter, r *http.Request) {
		kind := CallList
		if r.URL.Query().Has("filter") {
			kind = CallFind
		}
		s.call(kind, s.list)(w, r)
	})
	handle("POST /Users", CallCreate, s.create)
	handle("GET /Users/{id}", CallGet, s.get)
	handle("PATCH /Users/{id}", CallPatch, s.write(s.patched))
	handle("PUT /Users/{id}", CallPut, s.write(s.replaced))
	handle("DELETE /Users/{id}", CallDelete, s.delete)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { writePage(w) })
	s.control(mux)
	return mux
}

// call wraps an action with the faults, the token check and the answer.
func (s *Server) call(kind string, act action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := s.plan(kind, r.PathValue("id"))
		leave := s.enter(r)
		defer leave()
		pause(r.Context(), p.latency)
		if r.Context().Err() != nil {
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		if p.html404 {
			writePage(w)
			return
		}
		if refused, ok := s.admit(r, kind, p); !ok {
			if p.retryAfter != "" && refused.status == p.status {
				w.Header().Set("Retry-After", p.retryAfter)
			}
			writeAnswer(w, refused, p.notFoundForm)
			return
		}
		if p.lose && !p.loseActs {
			panic(http.ErrAbortHandler)
		}
		a := act(incoming{Request: r, body: body, noEffect: p.noEffect})
		leave()
		if p.lose {
			panic(http.ErrAbortHandler)
		}
		pause(r.Context(), p.slow)
		writeAnswer(w, a, p.notFoundForm)
	}
}

// enter notes that an account is being written until leave is called, and
// accuses a second write at the same time: two workers never act on one person.
func (s *Server) enter(r *http.Request) (leave func()) {
	id := r.PathValue("id")
	if id == "" || r.Method == http.MethodGet {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing[id]++; s.writing[id] > 1 {
		s.accuse("overlap", id, "two writes to one account at the same time")
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.writing[id]--; s.writing[id] == 0 {
			delete(s.writing, id)
		}
	})
}

// admit checks the token, then what the faults refuse.
func (s *Server) admit(r *http.Request, kind string, p plan) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if s.faults.RefuseToken || subtle.ConstantTimeCompare([]byte(sent), []byte(s.token)) != 1 {
		if sent != s.token && !s.former[sent] {
			s.accuse("unknownToken", "", "a "+kind+" call carried a token that was never valid")
		}
		return refusal(http.StatusUnauthorized, "", "the access token is not valid"), false
	}
	switch {
	case s.faults.Forbid:
		return refusal(http.StatusForbidden, "", "not permitted"), false
	case p.status != 0:
		return refusal(p.status, "", "simulated"), false
	case kind == CallPatch && s.faults.NoPatch:
		return refusal(http.StatusNotImplemented, "", "PATCH is not supported"), false
	case kind == CallDiscovery && s.faults.NoDiscovery:
		return refusal(http.StatusNotFound, "", "no such endpoint"), false
	}
	return answer{}, true
}

// writeAnswer sends an answer, a 404 in the given form.
func writeAnswer(w http.ResponseWriter, a answer, notFoundForm string) {
	media := mediaSCIM + "; charset=utf-8"
	if a.status == http.StatusNotFound {
		switch notFoundForm {
		case FormEmpty:
			a.body = nil
		case FormJSON:
			media, a.body = "application/json; charset=utf-8", []byte(`{"message":"no Route matched with those values"}`)
		case FormPage:
			writePage(w)
			return
		}
	}
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	if a.body != nil {
		w.Header().Set("Content-Type", media)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // an error means that the caller has gone
}

// writePage is what a web server answers at an address that leads nowhere.
func writePage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "<!doctype html><title>Page not found</title><h1>404</h1>")
}
