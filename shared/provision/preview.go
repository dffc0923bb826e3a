package provision

import "time"

// PreviewState is how far a preview is.
type PreviewState string

// The preview states.
const (
	PreviewRunning PreviewState = "running"
	PreviewDone    PreviewState = "done"
	PreviewFailed  PreviewState = "failed"
)

// PreviewLifetime is how long a preview can be confirmed (R12), in real time:
// it is for a person to read.
const PreviewLifetime = time.Hour

// Preview is what a configuration, present or proposed, would do, person by person.
type Preview struct {
	ID      string       `json:"id"`
	Version int64        `json:"-"`
	State   PreviewState `json:"state"`
	// Revision is that of the configuration it was made from.
	Revision  int64     `json:"revision"`
	CreatedAt time.Time `json:"createdAt"`
	// ExpiresAt is in real time.
	ExpiresAt time.Time `json:"expiresAt"`
	// Proposal is a fingerprint of each section of the body that asked for it, by the section's name.
	Proposal map[string]string `json:"proposal,omitempty"`
	// Proposed is the configuration that it is about, Present the one that an
	// edit would replace; nil for a preview of no edit.
	Proposed Configuration  `json:"proposed"`
	Present  *Configuration `json:"present,omitempty"`
	// Storing is true once rows are stored; a run that starts over then would store them twice.
	Storing bool `json:"storing,omitempty"`
	// Listed users so far.
	Listed int                   `json:"listed"`
	Counts map[OperationKind]int `json:"counts"`
	// Lists is how many rows each list has. Adopted is how many of the updates
	// are the first of an account that exists already; Conflicts is for how many
	// people none is made, since more than one account matches them or one that
	// is another's; Moved is how many of the removals
	// come at another time with the edit than without it.
	Lists     map[PreviewKind]int `json:"lists,omitempty"`
	Adopted   int                 `json:"adopted,omitempty"`
	Conflicts int                 `json:"conflicts,omitempty"`
	Moved     int                 `json:"moved,omitempty"`
	// Confirms is how many removals confirming releases. Held is how many wait
	// for an administrator, with or without the edit; Counts leaves them out.
	Confirms int `json:"confirms,omitempty"`
	Held     int `json:"held,omitempty"`
	// Impossible is how many creates and updates fail before they are tried,
	// since the mapping does; Counts leaves these out too.
	Impossible int    `json:"impossible,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// PreviewKind tells the lists of a preview apart.
type PreviewKind string

// The lists of a preview.
const (
	PreviewOperations PreviewKind = "operations"
	PreviewAdopt      PreviewKind = "adopt"
	PreviewOrphans    PreviewKind = "orphans"
	// PreviewFreed is the removals that come without the edit, and not with it.
	PreviewFreed PreviewKind = "freed"
)

// PreviewRow is one line of one of a preview's lists.
type PreviewRow struct {
	Kind      PreviewKind   `json:"kind"`
	UserID    string        `json:"userId,omitempty"`
	Email     string        `json:"email,omitempty"`
	AccountID string        `json:"accountId,omitempty"`
	UserName  string        `json:"userName,omitempty"`
	Operation OperationKind `json:"operation,omitempty"`
	DueAt     time.Time     `json:"dueAt,omitzero"`
	Condition ConditionName `json:"condition,omitempty"`
	Why       string        `json:"why,omitempty"`
	// Was is when a removal of this kind comes without the edit or turn-on; zero for never.
	Was time.Time `json:"was,omitzero"`
	// Held is true for a removal that is held for an administrator already.
	Held bool `json:"held,omitempty"`
	// Confirms is true for a removal that the edit or turn-on brings about or
	// moves sooner, which is what confirming releases (R12).
	Confirms bool `json:"confirms,omitempty"`
	// Impossible is true for what fails before it is tried; Why says why.
	Impossible bool `json:"impossible,omitempty"`
	// Adopts is true for an update that links an account that exists already,
	// Conflict for one that is not done, since several accounts match or another's does.
	Adopts   bool `json:"adopts,omitempty"`
	Conflict bool `json:"conflict,omitempty"`
	// Since is the condition's, where that has begun and stays as it is.
	Since time.Time `json:"since,omitzero"`
}

// Moves reports whether a removal comes at another time with the edit than without it.
func (r PreviewRow) Moves() bool {
	return r.Operation.Removes() && !r.Was.IsZero() && !r.Was.Equal(r.DueAt)
}
