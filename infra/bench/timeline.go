package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// change is a new family name on its way from the simulated directory to the
// simulated app, which one process serves, so that one clock dates it.
type change struct {
	User   string `json:"user"`
	Family string `json:"family"`
	// At is when the directory had it, Applied when the app had it; zero while it has not.
	At      time.Time `json:"at"`
	Applied time.Time `json:"applied,omitzero"`
}

// timeline watches the requests to both services for changes.
type timeline struct {
	mu     sync.Mutex
	byUser map[string]*change
}

func newTimeline() *timeline { return &timeline{byUser: map[string]*change{}} }

// control serves what was seen: GET reads it, DELETE forgets it.
func (l *timeline) control(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Method == http.MethodDelete {
		clear(l.byUser)
	}
	list := make([]change, 0, len(l.byUser))
	for _, c := range l.byUser {
		list = append(list, *c)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(list) //nolint:errcheck // the caller has gone
}

// named is what a user's and an account's answers have in common.
type named struct {
	ID         string `json:"id"`
	ExternalID string `json:"externalId"`
	Name       struct {
		FamilyName string `json:"familyName"`
	} `json:"name"`
}

// changed notes the directory's answer to an edit of a user.
func (l *timeline) changed(n named) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byUser[n.ID]; c == nil || c.Family != n.Name.FamilyName {
		l.byUser[n.ID] = &change{User: n.ID, Family: n.Name.FamilyName, At: time.Now()}
	}
}

// applied notes the app's answer to an edit of an account.
func (l *timeline) applied(n named) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byUser[n.ExternalID]; c != nil && c.Applied.IsZero() && c.Family == n.Name.FamilyName {
		c.Applied = time.Now()
	}
}

// watch hands the answers to edits below a path to note.
func watch(next http.Handler, below string, note func(named)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch && r.Method != http.MethodPut || !strings.HasPrefix(r.URL.Path, below) {
			next.ServeHTTP(w, r)
			return
		}
		copied := &copier{ResponseWriter: w}
		next.ServeHTTP(copied, r)
		var n named
		if json.Unmarshal(copied.body.Bytes(), &n) == nil {
			note(n)
		}
	})
}

// copier keeps a copy of an answer.
type copier struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copier) Write(data []byte) (int, error) {
	c.body.Write(data)
	return c.ResponseWriter.Write(data)
}
