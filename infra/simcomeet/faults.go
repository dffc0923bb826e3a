package simcomeet

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// Faults is how the Server misbehaves; the zero value is not at all. Counters
// named Next go down with each call that they spoil.
type Faults struct {
	// Only names the kinds of call that are affected by latency, throttling,
	// failing, losing, slowing and NoEffect; empty for all.
	Only []string `json:"only,omitempty"`

	// LatencyMS is how many milliseconds each call takes before it acts.
	LatencyMS int `json:"latencyMs,omitempty"`
	// ThrottleNext calls are answered 429 with RetryAfter as the header, none if that is empty.
	ThrottleNext int    `json:"throttleNext,omitempty"`
	RetryAfter   string `json:"retryAfter,omitempty"`
	// RequestsPerSecond is a rate limit in real time, answered like ThrottleNext; 0 for none.
	RequestsPerSecond float64 `json:"requestsPerSecond,omitempty"`
	// FailNext calls are answered with FailStatus (500 if not set) and do nothing.
	FailNext   int `json:"failNext,omitempty"`
	FailStatus int `json:"failStatus,omitempty"`
	// LoseNext calls get no answer: the connection is dropped, after acting if LoseActs.
	LoseNext int  `json:"loseNext,omitempty"`
	LoseActs bool `json:"loseActs,omitempty"`
	// SlowNext calls act at once, and answer after SlowMS milliseconds.
	SlowNext int `json:"slowNext,omitempty"`
	SlowMS   int `json:"slowMs,omitempty"`
	// NoEffect answers writes with success and changes nothing.
	NoEffect bool `json:"noEffect,omitempty"`
	// FailReads and FailWrites hold ids or userNames of accounts of which each
	// reading by id, and each change, is answered with FailStatus (500 if not set).
	FailReads  []string `json:"failReads,omitempty"`
	FailWrites []string `json:"failWrites,omitempty"`

	// RefuseToken answers 401 to every token, Forbid 403 to every call.
	RefuseToken bool `json:"refuseToken,omitempty"`
	Forbid      bool `json:"forbid,omitempty"`
	// HTML404 answers every call with a web page, as from a wrong base URL.
	HTML404 bool `json:"html404,omitempty"`
	// NotFoundForm is the form of every other 404, one of FailStatus included:
	// FormEmpty, FormJSON as a gateway's, or FormPage; SCIM's if not set.
	NotFoundForm string `json:"notFoundForm,omitempty"`
	// NoPatch answers PATCH with 501, NoDiscovery the discovery pages with 404.
	NoPatch     bool `json:"noPatch,omitempty"`
	NoDiscovery bool `json:"noDiscovery,omitempty"`
	// NoPathFilters answers a PATCH of a list's entry, as in emails[type eq "work"], with 400 invalidPath.
	NoPathFilters bool `json:"noPathFilters,omitempty"`
	// NoContent answers PATCH with 204, and POST with 201 and no body.
	NoContent bool `json:"noContent,omitempty"`

	// RefuseSuspend holds ids or userNames of people with open roles, whose
	// suspension is refused with 400; "*" is everybody.
	RefuseSuspend []string `json:"refuseSuspend,omitempty"`
	// RefuseAttributes are attributes that make a write fail with 400.
	RefuseAttributes []string `json:"refuseAttributes,omitempty"`

	// IgnoreFilters answers a filter with everybody, RefuseFilters with 400.
	IgnoreFilters bool `json:"ignoreFilters,omitempty"`
	RefuseFilters bool `json:"refuseFilters,omitempty"`
	// ExactFilters compares userNames in filters with their case, ExactNames
	// those that must be unique.
	ExactFilters bool `json:"exactFilters,omitempty"`
	ExactNames   bool `json:"exactNames,omitempty"`
	// IgnoreStartIndex repeats the first page for ever.
	IgnoreStartIndex bool `json:"ignoreStartIndex,omitempty"`
	// WrongTotal is added to each totalResults.
	WrongTotal int `json:"wrongTotal,omitempty"`
	// Duplicates begins each page but the first with the row before it, as when pages shift.
	Duplicates bool `json:"duplicates,omitempty"`
	// LeaveOut holds ids that no listing shows and no total counts, though they can be read.
	LeaveOut []string `json:"leaveOut,omitempty"`
}

// The values of Faults.NotFoundForm.
const (
	FormEmpty = "empty"
	FormJSON  = "json"
	FormPage  = "page"
)

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	s.limit = rate.NewLimiter(rate.Inf, 0)
	if f.RequestsPerSecond > 0 {
		s.limit = rate.NewLimiter(rate.Limit(f.RequestsPerSecond), max(1, int(f.RequestsPerSecond)))
	}
}

// Faults are the present ones, with what is left of the counters.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// plan is what the faults do to one call.
type plan struct {
	latency, slow     time.Duration
	status            int
	retryAfter        string
	lose, loseActs    bool
	noEffect, html404 bool
	notFoundForm      string
}

// plan decides about a call, about the account with an id if it is about one, and counts it.
func (s *Server) plan(kind, id string) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[kind]++
	f := &s.faults
	p := plan{html404: f.HTML404, notFoundForm: f.NotFoundForm}
	if len(f.Only) > 0 && !slices.Contains(f.Only, kind) {
		return p
	}
	p.latency = time.Duration(f.LatencyMS) * time.Millisecond
	p.noEffect = f.NoEffect
	switch {
	case take(&f.ThrottleNext), !s.limit.Allow():
		p.status, p.retryAfter = http.StatusTooManyRequests, f.RetryAfter
	case s.broken(kind, id), take(&f.FailNext):
		p.status, p.retryAfter = f.FailStatus, f.RetryAfter
		if p.status == 0 {
			p.status = http.StatusInternalServerError
		}
	case take(&f.LoseNext):
		p.lose, p.loseActs = true, f.LoseActs
	case take(&f.SlowNext):
		p.slow = time.Duration(f.SlowMS) * time.Millisecond
	}
	return p
}

// broken reports whether a call is about an account of which such calls fail.
func (s *Server) broken(kind, id string) bool {
	acc := s.accounts.byID[id]
	if acc == nil {
		return false
	}
	list := s.faults.FailWrites
	if kind == CallGet {
		list = s.faults.FailReads
	}
	return acc.among(list)
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

// pause waits, but not for a caller who has gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
