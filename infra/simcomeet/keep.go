package simcomeet

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// keptState is everything that outlives the process: all but the faults, the
// counts and the violations, which end with it.
type keptState struct {
	Token    string        `json:"token"`
	Former   []string      `json:"former"`
	LastSeq  int           `json:"lastSeq"`
	Accounts []keptAccount `json:"accounts"`
}

type keptAccount struct {
	Seq      int             `json:"seq"`
	Version  int             `json:"version"`
	Created  time.Time       `json:"created"`
	Managed  bool            `json:"managed"`
	Document json.RawMessage `json:"document"`
}

// State is everything that Restore takes, the token included.
func (s *Server) State() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state()
}

func (s *Server) state() []byte {
	k := keptState{Token: s.token, Former: slices.Sorted(maps.Keys(s.former)), LastSeq: s.accounts.lastSeq}
	for _, acc := range s.accounts.ordered {
		k.Accounts = append(k.Accounts, keptAccount{acc.seq, acc.version, acc.created, acc.managed, acc.document})
	}
	return encode(k)
}

// Restore makes a new Server what State was taken of. After an error the
// Server is not to be used.
func (s *Server) Restore(state []byte) error {
	var k keptState
	if err := json.Unmarshal(state, &k); err != nil {
		return err
	}
	if k.Token == "" {
		return fmt.Errorf("there is no token in it")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = k.Token
	for _, token := range k.Former {
		s.former[token] = true
	}
	for _, a := range k.Accounts {
		if err := s.accounts.restore(a); err != nil {
			return err
		}
	}
	s.accounts.lastSeq = max(s.accounts.lastSeq, k.LastSeq)
	return nil
}

// restore adds an account as it was.
func (a *accounts) restore(k keptAccount) error {
	resource, err := decode(k.Document)
	if err != nil {
		return err
	}
	id, _ := resource["id"].(string)
	if id == "" || a.byID[id] != nil || k.Seq <= a.lastSeq {
		return fmt.Errorf("an account has no id, or one that another has")
	}
	a.lastSeq = k.Seq
	acc := &account{seq: k.Seq, id: id, version: k.Version, created: k.Created, managed: k.Managed, document: k.Document}
	a.ordered = append(a.ordered, acc)
	a.byID[id] = acc
	a.file(acc, resource)
	return nil
}

// keep keeps the state if anybody wants it. The lock is held, so that nobody
// sees a change that is not kept.
func (s *Server) keep() error {
	if s.keeper == nil {
		return nil
	}
	return s.keeper(s.state())
}

// kept is an answer to what changed something: no success if it cannot be kept.
func (s *Server) kept(a answer) answer {
	if s.keep() != nil {
		return refusal(http.StatusInternalServerError, "", "the change could not be stored")
	}
	return a
}
