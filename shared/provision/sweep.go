package provision

import "time"

// SweepState is how far a sweep is.
type SweepState string

// The sweep states.
const (
	SweepQueued  SweepState = "queued"
	SweepRunning SweepState = "running"
	SweepDone    SweepState = "done"
	SweepFailed  SweepState = "failed"
)

// Sweep is one full comparison of the directory with the accounts.
type Sweep struct {
	ID    string     `json:"id"`
	State SweepState `json:"state"`
	// Cause is what asked for it: schedule, turnOn, edit, button, reauthorize or directory.
	Cause string `json:"cause"`
	// QueuedAt, StartedAt and FinishedAt are business time.
	QueuedAt   time.Time `json:"queuedAt"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// ProgressAt is the real time at which it last got further; ten minutes without fail it.
	ProgressAt time.Time `json:"progressAt,omitzero"`
	// Listed users so far; ToLook is how many looks it asked for, Looked how many of them have ended.
	Listed int `json:"listed"`
	ToLook int `json:"toLook"`
	Looked int `json:"looked"`
	// PageToken is the token of the next page of the directory's listing.
	PageToken string `json:"pageToken,omitempty"`
	// Foreign says why the directory may be another customer's than the scope's
	// (R13); empty while it is not.
	Foreign string `json:"foreign,omitempty"`
	// Stage is list, rest, plan or act: listing, looking for what the listing did
	// not show, waiting for the looks that plan, waiting for the removals.
	Stage string `json:"stage,omitempty"`
	// Turn counts the deliveries of its task: the last one works on it, and others stop.
	Turn int64 `json:"turn,omitempty"`
	// Revision is that of the configuration when it began: a later edit owes another sweep.
	Revision int64 `json:"revision"`
	// Reason says why it failed, in words.
	Reason string `json:"reason,omitempty"`
}

// Sweeps are the sweep that runs or ran last, and the one asked for during it, if any.
type Sweeps struct {
	// Version is the state's own, for compare-and-set; 0 when nothing is stored.
	Version int64  `json:"-"`
	Current *Sweep `json:"current,omitempty"`
	Queued  *Sweep `json:"queued,omitempty"`
}

// Orphan is an account in the app that we neither created nor adopted and that no person in scope stands behind (R17).
type Orphan struct {
	AccountID  string `json:"accountId"`
	UserName   string `json:"userName,omitempty"`
	ExternalID string `json:"externalId,omitempty"`
	Active     bool   `json:"active"`
	Why        string `json:"why"`
}
