package provision

import "time"

// The names of events, as Google's admin log has them
// (support.google.com/a/answer/9338846), and ours for what it has no name for.
const (
	EventCreate     = "Create User By Auto Provisioning"
	EventUpdate     = "Update Auto Provisioned User"
	EventSuspend    = "Suspend Auto Provisioned User"
	EventUnsuspend  = "Unsuspend Auto Provisioned User"
	EventHardDelete = "Hard Delete Auto Provisioned User"
	// EventConfiguration is any change of the configuration, with what changed in its cause.
	EventConfiguration = "Change Auto Provisioning Configuration"
	// EventNotice is something an administrator may want to know that is neither an operation nor an edit.
	EventNotice = "Auto Provisioning Notice"
)

// EventNames are all of them.
func EventNames() []string {
	return []string{EventCreate, EventUpdate, EventSuspend, EventUnsuspend, EventHardDelete, EventConfiguration, EventNotice}
}

// EventName is the name of the event that an operation makes.
func EventName(k OperationKind) string {
	switch k {
	case Create:
		return EventCreate
	case Update:
		return EventUpdate
	case Suspend:
		return EventSuspend
	case Unsuspend:
		return EventUnsuspend
	case HardDelete:
		return EventHardDelete
	}
	return EventNotice
}

// Outcome is how an operation ended.
type Outcome string

// The outcomes.
const (
	OutcomeDone    Outcome = "done"
	OutcomeFailed  Outcome = "failed"
	OutcomeRefused Outcome = "refused"
)

// Event is one entry of the admin log (R14). It never holds a token (R15).
type Event struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	Name      string    `json:"name"`
	UserID    string    `json:"userId,omitempty"`
	Email     string    `json:"email,omitempty"`
	AccountID string    `json:"accountId,omitempty"`
	Outcome   Outcome   `json:"outcome"`
	Cause     Cause     `json:"cause"`
	// Error says what went wrong, in words fit for an administrator; empty when done.
	Error string `json:"error,omitempty"`
}

// EventRetention is how long events are kept (R14).
const EventRetention = 30 * 24 * time.Hour
