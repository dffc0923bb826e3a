// Package state owns the ports to what the system remembers: the record of
// each user, the admin log, the configuration, sweeps, previews and the
// sources of hints.
//
// It promises that a change that a method calls atomic is stored whole or not
// at all, durably before the method returns, and that nothing is overwritten
// that the caller has not read (compare-and-set on a version). It never holds
// a token (R15) and never decides.
//
// Every method returns fault.Conflict when a version is not the stored one,
// and fault.Unavailable when the store cannot be reached; a fault.Unavailable
// from a write may have been stored all the same.
package state

import (
	"context"
	"time"

	"example.com/autoprovision/shared/provision"
)

// Change is what one look at one user commits, atomically.
type Change struct {
	// Record replaces the stored one, whose version must still be Record.Version
	// (0: none is stored).
	Record provision.Record
	// Events are added; one whose id is stored already is left as it is, so
	// that a commit that is repeated after a crash logs nothing twice.
	Events []provision.Event
	// EndedLook is the set in which this look was owed, which has ended; empty for none.
	EndedLook string
}

// Records is the records of users, by directory id.
type Records interface {
	// Record reads one; a zero record with the id and version 0 when there is none.
	Record(ctx context.Context, userID string) (provision.Record, error)
	// RecordsByID reads those that exist among ids, at most 500.
	RecordsByID(ctx context.Context, ids []string) (map[string]provision.Record, error)
	// RecordsByAccount reads those whose account id (not those with account state none)
	// is among ids, at most 500, keyed by account id.
	RecordsByAccount(ctx context.Context, accountIDs []string) (map[string]provision.Record, error)
	// RecordsByEmail reads those whose last known address equals email without regard to case.
	RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error)
	// Commit stores one change and returns the record's new version.
	Commit(ctx context.Context, change Change) (version int64, err error)
	// Select reads one page of the selected records; next is empty on the last.
	Select(ctx context.Context, s Selection) (page []provision.Record, next string, err error)
	// Held sums up the records with a Hold, at the state of this moment.
	Held(ctx context.Context) (Held, error)
	// Count counts records, at the state of this moment: a record whose commit
	// returned before is counted.
	Count(ctx context.Context, c Count) (int, error)
}

// SelectionKind names which records are wanted, and in which order.
type SelectionKind string

// The selections.
const (
	// SelectAll is every record, by user id.
	SelectAll SelectionKind = "all"
	// SelectByAddress is every record, by last known address without regard to case and then user id.
	SelectByAddress SelectionKind = "byAddress"
	// SelectLinked is records with an account that exists, by user id.
	SelectLinked SelectionKind = "linked"
	// SelectPending is records with a Next, by its time and then user id; Before, if set, bounds the time (inclusive).
	SelectPending SelectionKind = "pending"
	// SelectHeld is records with a Hold, by user id.
	SelectHeld SelectionKind = "held"
	// SelectAttention is records with Attention, by user id.
	SelectAttention SelectionKind = "attention"
	// SelectRetry is records whose RetryAt is set and, if Before is set, not after it, by that time and then user id.
	SelectRetry SelectionKind = "retry"
	// SelectGone is records whose GoneAt is set, by user id.
	SelectGone SelectionKind = "gone"
	// SelectIntent is records with an Intent, by user id.
	SelectIntent SelectionKind = "intent"
)

// Selection asks for one page of records.
type Selection struct {
	Kind   SelectionKind
	Before time.Time
	// Limit is the page's size, 1 to 500.
	Limit int
	// Token is the last page's next; empty for the first.
	Token string
}

// Held sums up the records with a Hold.
type Held struct {
	People int
	// Marks is the sum of their provision.Record.HoldMark.
	Marks int64
	// Since is the earliest of their Hold.HeldAt; zero when there is none.
	Since time.Time
}

// CountKind names what is counted.
type CountKind string

// The counts.
const (
	// CountRemovals is, by Operation, records whose SuspendDoneAt or DeleteDoneAt is
	// after Time, and records whose CountSuspendAt or CountDeleteAt is set and not
	// after Until; both at one moment, so that nobody who goes from the second to the
	// first meanwhile is missed or counted twice.
	CountRemovals CountKind = "removals"
	// CountActiveAt is records whose Link.ActiveAt(Time).
	CountActiveAt CountKind = "activeAt"
	// CountManagedAt is records whose Link.ManagedAt(Time).
	CountManagedAt CountKind = "managedAt"
	// CountGone is records whose GoneAt is after Time and not after Until.
	CountGone CountKind = "gone"
	// CountOpenIntents is records with an Intent of an earlier Revision under a lease that ends after Time (real time).
	CountOpenIntents CountKind = "openIntents"
)

// Count asks for a number of records.
type Count struct {
	Kind      CountKind
	Operation provision.OperationKind
	Time      time.Time
	Until     time.Time
	Revision  int64
}

// EventFilter selects events; zero fields select all.
type EventFilter struct {
	UserID  string
	Name    string
	Outcome provision.Outcome
	// From is inclusive, To exclusive.
	From, To time.Time
	// Limit is the page's size, 1 to 500; Token the last page's next.
	Limit int
	Token string
}

// DayCount is how many events of one name and outcome one UTC day saw.
type DayCount struct {
	// Day is YYYY-MM-DD in UTC.
	Day     string
	Name    string
	Outcome provision.Outcome
	Count   int
}

// Log is the admin log (R14).
type Log interface {
	// Events reads one page, newest first.
	Events(ctx context.Context, f EventFilter) (page []provision.Event, next string, err error)
	// Append adds events that belong to no commit of a record; known ids are left as they are.
	Append(ctx context.Context, events ...provision.Event) error
	// Usage counts events since a time, by day, name and outcome, in that order.
	Usage(ctx context.Context, since time.Time) ([]DayCount, error)
	// Expire removes events from before a time.
	Expire(ctx context.Context, before time.Time) error
}

// Configurations is the configuration of the app.
type Configurations interface {
	// Configuration reads it, never from a cache; a zero one with version 0 when nothing is stored.
	Configuration(ctx context.Context) (provision.Configuration, error)
	// PutConfiguration stores c, whose version must still be the stored one, and adds events, atomically.
	PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (version int64, err error)
}

// Sweeps is the progress of sweeps.
type Sweeps interface {
	// Sweeps reads it; a zero value with version 0 when there was none.
	Sweeps(ctx context.Context) (provision.Sweeps, error)
	// PutSweeps stores s, whose version must still be the stored one.
	PutSweeps(ctx context.Context, s provision.Sweeps) (version int64, err error)
	// AddPage stores, atomically and once for each page number, that a set holds
	// these rows and that a look at each of looks is owed. A set is what a sweep
	// keeps under a name, its own id or one that begins with it: pages of ids or
	// of whatever else must outlive a crash, and looks.
	AddPage(ctx context.Context, set string, page int, rows, looks []string) error
	// Rows reads the rows of the pages so far.
	Rows(ctx context.Context, set string) ([]string, error)
	// EndLook says that a look that committed nothing has ended; one that was not owed is no error.
	EndLook(ctx context.Context, set, userID string) error
	// Looks reads the users at whom a look is still owed, in no order.
	Looks(ctx context.Context, set string) ([]string, error)
	// LooksLeft counts the looks that are still owed.
	LooksLeft(ctx context.Context, set string) (int, error)
	// PutOrphans replaces the list of orphans.
	PutOrphans(ctx context.Context, orphans []provision.Orphan) error
	// Orphans reads one page of them, by account id.
	Orphans(ctx context.Context, token string, limit int) (page []provision.Orphan, next string, err error)
	// DropSets removes every set but the given one.
	DropSets(ctx context.Context, keep string) error
}

// Previews is previews and their rows.
type Previews interface {
	// Preview reads one; fault.NotFound when there is none.
	Preview(ctx context.Context, id string) (provision.Preview, error)
	// PutPreview stores p, whose version must still be the stored one, and adds rows, atomically.
	PutPreview(ctx context.Context, p provision.Preview, rows []provision.PreviewRow) (version int64, err error)
	// PreviewRows reads one page of one list, in the order in which they were added.
	PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) (page []provision.PreviewRow, next string, err error)
	// ExpirePreviews removes those that expired before a time.
	ExpirePreviews(ctx context.Context, before time.Time) error
}

// PushChannel is a push channel that we opened or are about to open.
type PushChannel struct {
	ID string `json:"id"`
	// Event is what it is narrowed to; empty for every kind of change.
	Event string `json:"event,omitempty"`
	// Address is where it delivers to.
	Address string `json:"address"`
	// TokenVersion is the version of the secret that it carries.
	TokenVersion string `json:"tokenVersion,omitempty"`
	// ResourceID is the directory's; empty until it has answered.
	ResourceID string `json:"resourceId,omitempty"`
	// OpenedAt, Expiration, which is zero when the directory gave none, and
	// RetiredAt, which is zero while it is in use, are real time.
	OpenedAt   time.Time `json:"openedAt"`
	Expiration time.Time `json:"expiration,omitzero"`
	RetiredAt  time.Time `json:"retiredAt,omitzero"`
	// Gap is true while a sweep is owed for the time before it was open, when nothing told of changes.
	Gap bool `json:"gap,omitempty"`
	// Stopped is true when the directory was told so.
	Stopped bool `json:"stopped,omitempty"`
}

// Channels is the push channels.
type Channels interface {
	// Channels reads all.
	Channels(ctx context.Context) ([]PushChannel, error)
	// PutChannel stores one.
	PutChannel(ctx context.Context, c PushChannel) error
	// DeleteChannel removes one; none is no error.
	DeleteChannel(ctx context.Context, id string) error
}

// Sources is what is known of where hints come from.
type Sources interface {
	// Sources reads it; a zero value with version 0 when nothing is stored.
	Sources(ctx context.Context) (provision.Sources, error)
	// PutSources stores s, whose version must still be the stored one, and adds events, atomically.
	PutSources(ctx context.Context, s provision.Sources, events ...provision.Event) (version int64, err error)
}

// Store is all of it, for those who build the system; others take what they need.
type Store interface {
	Records
	Log
	Configurations
	Sweeps
	Previews
	Channels
	Sources
}
