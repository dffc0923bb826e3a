// Package simcomeet is a simulated Comeet: a SCIM 2.0 service of users below
// /scim/v2, as an http.Handler, for the demo, development, tests and benchmarks.
//
// It owns its accounts in memory, which outlive the process with Options.Keep,
// and shares no code with the client that it is there to test. It promises to
// be strict where a real service may be strict, to misbehave only as told
// (Faults), and to accuse: what no correct client does is kept as a Violation.
// What only a test may do, and what it may see, is on the Server's methods and
// below /sim/, which needs no token.
// It is never part of the product.
package simcomeet

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/clock"
)

// Options are the settings of a Server; nil and zero values mean the defaults.
type Options struct {
	// Token is the access token; by default "comeet-token".
	Token string
	// Now is the time of the accounts' metadata; by default the machine's.
	Now clock.Business
	// MaxPage is the largest page; by default 200.
	MaxPage int
	// Keep is given the whole state after each change, before anybody sees the
	// change; its error makes the call fail. By default nothing is kept.
	Keep func(state []byte) error
}

// Server is the simulated Comeet. It is safe for concurrent use.
type Server struct {
	now     clock.Business
	maxPage int
	keeper  func(state []byte) error // nil while nothing is kept
	mux     *http.ServeMux

	mu         sync.Mutex
	accounts   accounts
	token      string
	former     map[string]bool
	faults     Faults
	limit      *rate.Limiter
	calls      map[string]int
	effects    map[string]int
	writing    map[string]int
	violations []Violation
}

// New makes a Server without accounts.
func New(options *Options) *Server {
	if options == nil {
		options = &Options{}
	}
	s := &Server{
		now: options.Now, maxPage: options.MaxPage, token: options.Token, keeper: options.Keep,
		accounts: newAccounts(),
		former:   map[string]bool{}, calls: map[string]int{}, effects: map[string]int{}, writing: map[string]int{},
		limit: rate.NewLimiter(rate.Inf, 0),
	}
	if s.token == "" {
		s.token = "comeet-token"
	}
	if s.now == nil {
		s.now = clock.System
	}
	if s.maxPage == 0 {
		s.maxPage = 200
	}
	s.mux = s.routes()
	return s
}

// Handler serves SCIM below /scim/v2 and the control API below /sim/.
func (s *Server) Handler() http.Handler { return s.mux }

// SetToken makes another token the valid one. Using a former one is refused, but is no violation.
func (s *Server) SetToken(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.former[s.token] = true
	s.token = token
	return s.keep()
}

// Token is the valid token.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// The kinds of call that are counted, and that Faults.Only may name.
const (
	CallDiscovery = "discovery"
	CallList      = "list"
	CallFind      = "find"
	CallGet       = "get"
	CallCreate    = "create"
	CallPatch     = "patch"
	CallPut       = "put"
	CallDelete    = "delete"
)

// Calls counts the calls received by kind, refused ones included.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Effects counts what was done: created, updated, suspended, unsuspended, deleted.
func (s *Server) Effects() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.effects)
}

// ResetCalls sets the counts of calls and effects to zero.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	clear(s.effects)
}

// Violation is something that no correct client does.
type Violation struct {
	// Rule is doubleCreate, doubleExternalId, takenOver, orphanRemoved, overlap or unknownToken.
	Rule string `json:"rule"`
	// AccountID is the account it happened to; empty for unknownToken.
	AccountID string    `json:"accountId,omitempty"`
	Text      string    `json:"text"`
	Time      time.Time `json:"time"`
}

// Violations are all so far, oldest first. A test asserts that there are none.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Server) accuse(rule, accountID, text string) {
	s.violations = append(s.violations, Violation{Rule: rule, AccountID: accountID, Text: text, Time: s.now()})
}
