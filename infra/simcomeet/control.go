package simcomeet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Account is an account as it is, seen from inside.
type Account struct {
	ID         string `json:"id"`
	UserName   string `json:"userName"`
	ExternalID string `json:"externalId,omitempty"`
	Active     bool   `json:"active"`
	// Managed is false for an account made by hand that no client has given an externalId.
	Managed bool `json:"managed"`
	// Resource is the SCIM resource.
	Resource json.RawMessage `json:"resource"`
}

var errNoAccount = errors.New("simcomeet: no such account")

func (acc *account) view() Account {
	return Account{acc.id, acc.userName, acc.externalID, acc.active, acc.managed, acc.document}
}

// Accounts are all, in the order in which they were made.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Account, len(s.accounts.ordered))
	for i, acc := range s.accounts.ordered {
		list[i] = acc.view()
	}
	return list
}

// Account is the account with an id; ok is false when there is none.
func (s *Server) Account(id string) (_ Account, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts.byID[id]
	if acc == nil {
		return Account{}, false
	}
	return acc.view(), true
}

// Add makes an account by hand: any resource with a userName, also one whose name is taken.
func (s *Server) Add(resource map[string]any) (Account, error) {
	resource, err := byHand(resource)
	if err != nil {
		return Account{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, linked := resource["externalId"]
	return s.accounts.add(resource, s.now(), linked).view(), s.keep()
}

// Edit changes attributes of an account by hand; null removes one.
func (s *Server) Edit(id string, changes map[string]any) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts.byID[id]
	if acc == nil {
		return Account{}, errNoAccount
	}
	resource := acc.resource()
	for name, value := range changes {
		resource[spelled(name)] = value
	}
	resource, err := byHand(resource)
	if err != nil {
		return Account{}, err
	}
	s.accounts.change(acc, resource, s.now())
	return acc.view(), s.keep()
}

// Remove deletes an account by hand.
func (s *Server) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts.byID[id]
	if acc == nil {
		return errNoAccount
	}
	s.accounts.remove(acc)
	return s.keep()
}

func byHand(resource map[string]any) (map[string]any, error) {
	// Through JSON, so that a caller's own types become those of a document, and nothing is shared.
	copied, err := decode(encode(resource))
	if err != nil {
		return nil, err
	}
	resource = normalise(copied)
	if resource == nil {
		resource = map[string]any{}
	}
	if _, ok := resource["active"]; !ok {
		resource["active"] = true
	}
	if _, ok := resource["schemas"]; !ok {
		resource["schemas"] = []any{userSchema}
	}
	if text := invalid(resource, false); text != "" {
		return nil, fmt.Errorf("simcomeet: %s", text)
	}
	return resource, nil
}

// control is the control API, the Server's methods over HTTP:
//
//	GET, POST /sim/accounts               the accounts; one more by hand
//	GET, PATCH, DELETE /sim/accounts/{id} one account; edit and remove by hand
//	GET, PUT /sim/faults                  Faults
//	GET, DELETE /sim/calls                counts of calls and effects; to zero
//	GET /sim/violations                   what the client did wrong
//	PUT /sim/token {"token":"…"}          another valid token
func (s *Server) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/accounts", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"items": s.Accounts()})
	})
	mux.HandleFunc("GET /sim/accounts/{id}", func(w http.ResponseWriter, r *http.Request) {
		acc, ok := s.Account(r.PathValue("id"))
		if !ok {
			writeError(w, errNoAccount)
			return
		}
		writeJSON(w, http.StatusOK, acc)
	})
	mux.HandleFunc("POST /sim/accounts", func(w http.ResponseWriter, r *http.Request) {
		var resource map[string]any
		if !readJSON(w, r, &resource) {
			return
		}
		acc, err := s.Add(resource)
		writeResult(w, http.StatusCreated, acc, err)
	})
	mux.HandleFunc("PATCH /sim/accounts/{id}", func(w http.ResponseWriter, r *http.Request) {
		var changes map[string]any
		if !readJSON(w, r, &changes) {
			return
		}
		acc, err := s.Edit(r.PathValue("id"), changes)
		writeResult(w, http.StatusOK, acc, err)
	})
	mux.HandleFunc("DELETE /sim/accounts/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeResult(w, http.StatusOK, struct{}{}, s.Remove(r.PathValue("id")))
	})
	s.controlBehaviour(mux)
}

func (s *Server) controlBehaviour(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/faults", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, http.StatusOK, s.Faults()) })
	mux.HandleFunc("PUT /sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Faults
		if readJSON(w, r, &f) {
			s.SetFaults(f)
			writeJSON(w, http.StatusOK, f)
		}
	})
	mux.HandleFunc("GET /sim/calls", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"calls": s.Calls(), "effects": s.Effects()})
	})
	mux.HandleFunc("DELETE /sim/calls", func(w http.ResponseWriter, r *http.Request) {
		s.ResetCalls()
		writeJSON(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("GET /sim/violations", func(w http.ResponseWriter, r *http.Request) {
		list := s.Violations()
		if list == nil {
			list = []Violation{}
		}
		writeJSON(w, http.StatusOK, map[string]any{"items": list})
	})
	mux.HandleFunc("PUT /sim/token", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Token string `json:"token"`
		}
		if !readJSON(w, r, &body) {
			return
		}
		if strings.TrimSpace(body.Token) == "" {
			writeError(w, errors.New("simcomeet: token is missing"))
			return
		}
		writeResult(w, http.StatusOK, struct{}{}, s.SetToken(body.Token))
	})
}

// readJSON refuses unknown fields, so that a misspelt fault is not a silent no-op.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		writeError(w, err)
		return false
	}
	return true
}

func writeResult(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, status, v)
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, errNoAccount) {
		status = http.StatusNotFound
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(v)) // an error means that the caller has gone
}
