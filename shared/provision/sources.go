package provision

import (
	"slices"
	"strings"
	"time"
)

// Sources is what is known of where hints come from: when each was last heard,
// what they gave an administrator to review, and which groups they may be about.
// Times are business time.
type Sources struct {
	// Version is the state's own, for compare-and-set; 0 when nothing is stored.
	Version int64 `json:"-"`
	// PushAt and AuditAt are when a message last came, to the minute; zero for never.
	PushAt  time.Time `json:"pushAt,omitzero"`
	AuditAt time.Time `json:"auditAt,omitzero"`
	// PushHeardAt is PushAt in real time, by which channels are opened.
	PushHeardAt time.Time `json:"pushHeardAt,omitzero"`
	// Unknown counts audit events of a name that nobody has given a meaning.
	Unknown int `json:"unknown,omitempty"`
	// Reviews are what is to be reviewed, the one seen longest ago first.
	Reviews []Review `json:"reviews,omitempty"`
	// ChannelToken is the version of the secret that push channels carry; empty before the first.
	ChannelToken string `json:"channelToken,omitempty"`
	// Groups are those that bear on the scope; nil while they are not known.
	Groups *ScopeGroups `json:"groups,omitempty"`
	// NewGroups counts how often a group seemed to be new among them: what was
	// read before the last time may lack it.
	NewGroups int `json:"newGroups,omitempty"`
}

// ScopeGroups are the groups that bear on the scope, the configured ones and
// all within them, as a sweep read them.
type ScopeGroups struct {
	// ScopeSavedAt is of the scope that they were read for.
	ScopeSavedAt time.Time  `json:"scopeSavedAt,omitzero"`
	Groups       []GroupRef `json:"groups"`
}

// Holds reports whether a group is among them, by its id or its address.
func (g ScopeGroups) Holds(key string) bool {
	return slices.ContainsFunc(g.Groups, func(known GroupRef) bool { return known.ID == key || strings.EqualFold(known.Email, key) })
}

// Review is something in the directory's own administration that an
// administrator should look at. Nothing was changed because of it.
type Review struct {
	// Key is what makes it one: seen again, it stays one. EventID is of the last
	// event that was logged for it.
	Key     string `json:"key"`
	EventID string `json:"eventId"`
	Why     string `json:"why"`
	Todo    string `json:"todo"`
	// Since is when it was first seen, SeenAt when last, Until when it is shown no more.
	Since  time.Time `json:"since"`
	SeenAt time.Time `json:"seenAt"`
	Until  time.Time `json:"until"`
	// EndsWithScope is true when saving the scope shows that it was reviewed.
	EndsWithScope bool `json:"endsWithScope,omitempty"`
}

// Open reports whether it is still to be reviewed.
func (r Review) Open(now, scopeSavedAt time.Time) bool {
	return now.Before(r.Until) && !(r.EndsWithScope && !scopeSavedAt.Before(r.SeenAt))
}

// Attention is the review as one of the things that need a person.
func (r Review) Attention() Attention {
	a := Attention{Kind: AttentionConfiguration, UserIDs: []string{}, Why: r.Why, Todo: r.Todo, Since: r.Since}
	if r.EndsWithScope {
		a.About = AboutScope
	}
	return a
}
