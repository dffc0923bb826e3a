package provision

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ConditionName names a reason to take access away (R3, R6).
type ConditionName string

// The conditions. ConditionArchived counts only when an administrator chose it (R6).
const (
	ConditionAppOff    ConditionName = "appOff"
	ConditionSuspended ConditionName = "suspended"
	ConditionDeleted   ConditionName = "deleted"
	ConditionArchived  ConditionName = "archived"
)

// Condition is a reason to take access away that holds for a user.
type Condition struct {
	Name  ConditionName `json:"name"`
	Since time.Time     `json:"since"`
	// Floor is the earliest time at which this condition may order a hard
	// delete, set when an edit of the configuration began it (R9); zero for none.
	Floor time.Time `json:"floor,omitzero"`
}

// OperationKind names one call on the app.
type OperationKind string

// The operations.
const (
	Create     OperationKind = "create"
	Update     OperationKind = "update"
	Suspend    OperationKind = "suspend"
	Unsuspend  OperationKind = "unsuspend"
	HardDelete OperationKind = "hardDelete"
)

// Removes reports whether the operation takes access away.
func (k OperationKind) Removes() bool { return k == Suspend || k == HardDelete }

// Words is the operation as a sentence needs it.
func (k OperationKind) Words() string {
	if k == HardDelete {
		return "hard delete"
	}
	return string(k)
}

// Cause says why an operation is done or due.
type Cause struct {
	// Condition that ordered it; empty for create, update and unsuspend.
	Condition ConditionName `json:"condition,omitempty"`
	// Since is the condition's.
	Since time.Time `json:"since,omitzero"`
	// Deadline at which it was due; zero when it was not a matter of time.
	Deadline time.Time `json:"deadline,omitzero"`
	// Text is the cause in a word or a short sentence, such as "adopted" or "renamed".
	Text string `json:"text,omitempty"`
}

// Pending is an operation that is due at a time.
type Pending struct {
	Operation OperationKind `json:"operation"`
	At        time.Time     `json:"at"`
	Cause     Cause         `json:"cause"`
}

// AccountState is what stands for the user in the app, as we last left or saw it.
type AccountState string

// The account states.
const (
	AccountNone      AccountState = "none"
	AccountActive    AccountState = "active"
	AccountSuspended AccountState = "suspended"
)

// Link is our record of the account that stands for a user.
type Link struct {
	// ID is the app's id of the account; it stays after the account is gone.
	ID    string       `json:"id,omitempty"`
	State AccountState `json:"state"`
	// App is the base URL of the app that the account is in; a link to another app is void (R10).
	App string `json:"app,omitempty"`
	// Adopted is true when the account existed before we managed it.
	Adopted bool `json:"adopted,omitempty"`
	// LinkedAt is when we created or adopted the account.
	LinkedAt time.Time `json:"linkedAt,omitzero"`
	// ActiveSince is when the account last became active.
	ActiveSince time.Time `json:"activeSince,omitzero"`
	// SuspendedAt is when the account was last suspended, by us or seen so.
	SuspendedAt time.Time `json:"suspendedAt,omitzero"`
	// RemovedAt is when the account was hard deleted, or found gone.
	RemovedAt time.Time `json:"removedAt,omitzero"`
	// Applied is what we last wrote.
	Applied Attributes `json:"applied,omitempty"`
	// Form is the app's own form of what we last wrote, with ExternalID (R17).
	Form Attributes `json:"form,omitempty"`
}

// Name is what the app was last told that the person is called; empty when it
// was told neither a first nor a last name.
func (l Link) Name() string {
	given, _ := l.Applied["name.givenName"].(string)
	family, _ := l.Applied["name.familyName"].(string)
	return strings.TrimSpace(given + " " + family)
}

// Exists reports whether an account stands for the user in the app.
func (l Link) Exists() bool { return l.State == AccountActive || l.State == AccountSuspended }

// ManagedAt reports whether the account existed, linked, at time t, as far as
// the last changes tell. It is the base of the guard on hard deletes (R12).
func (l Link) ManagedAt(t time.Time) bool {
	if l.LinkedAt.IsZero() || l.LinkedAt.After(t) {
		return false
	}
	return l.Exists() || l.RemovedAt.After(t)
}

// ActiveAt reports whether the account was active at time t, as far as the
// last changes tell; where they do not, it says no, which makes the guard on
// suspends stricter (R12).
func (l Link) ActiveAt(t time.Time) bool {
	if !l.ManagedAt(t) {
		return false
	}
	switch {
	case l.State == AccountActive:
		return !l.ActiveSince.After(t)
	case l.SuspendedAt.After(t):
		return true
	default:
		return l.State == AccountNone && l.SuspendedAt.Before(l.ActiveSince)
	}
}

// RetryReason says why an operation waits.
type RetryReason string

const (
	// RetryFailed waits by the schedule of R2.
	RetryFailed RetryReason = "failed"
	// RetryRefused was refused by the app's rules, and waits a day (R19).
	RetryRefused RetryReason = "refused"
	// RetryConflict waits like RetryFailed, and is looked at again when either side changes.
	RetryConflict RetryReason = "conflict"
	// RetryUnread waits like RetryFailed for the account to be read again, whose update it may need.
	RetryUnread RetryReason = "unread"
)

// Retry is an operation that went wrong and waits for its next try.
type Retry struct {
	Operation OperationKind `json:"operation"`
	Reason    RetryReason   `json:"reason"`
	// Tries made so far, at least 1.
	Tries int `json:"tries"`
	// Since is when it first went wrong, At the earliest time of the next try.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Fingerprint is of everything the try depended on; a different one brings the next try forward (R2).
	Fingerprint string `json:"fingerprint"`
	// Error says what went wrong, in words fit for an administrator.
	Error string `json:"error"`
	// AccountID is the other account of a conflict.
	AccountID string `json:"accountId,omitempty"`
}

// Hold keeps an operation from running until an administrator decides (R12, R17).
type Hold struct {
	Operation OperationKind `json:"operation"`
	Condition ConditionName `json:"condition,omitempty"`
	Since     time.Time     `json:"since,omitzero"`
	// HeldAt is when it was held.
	HeldAt time.Time `json:"heldAt"`
}

// Keeps reports whether the hold keeps back an operation: while one is held,
// another of its kind would do the same, and a held suspend keeps back every
// hard delete too.
func (h Hold) Keeps(kind OperationKind) bool {
	return h.Operation == kind || h.Operation == Suspend && kind == HardDelete
}

// markBits is how much of a hash a mark is: the marks of half a million records
// add up to less than an int64 holds.
const markBits = 44

// HoldMark is a number that stands for who is held for what. The sum of the
// marks of all records, with their number, changes with the held list's content
// but for one case in 2^44. It is 0 without a hold.
func (r Record) HoldMark() int64 {
	if r.Hold == nil {
		return 0
	}
	h := r.Hold
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", r.UserID, h.Operation, h.Condition, h.Since.UnixNano()))
	return int64(binary.BigEndian.Uint64(sum[:]) >> (64 - markBits))
}

// Verdict is what an administrator decided about one operation for one person and cause (R12).
type Verdict struct {
	Operation OperationKind `json:"operation"`
	Condition ConditionName `json:"condition,omitempty"`
	Since     time.Time     `json:"since,omitzero"`
	// Release is true for confirmed, false for dismissed.
	Release bool `json:"release"`
	// At is when it was given. A verdict from a confirmed preview has no Since
	// until its condition begins, which must be within a day.
	At time.Time `json:"at"`
}

// Intent is an operation that was about to be sent, committed before it was.
type Intent struct {
	// ID becomes the id of the operation's event.
	ID        string        `json:"id"`
	Operation OperationKind `json:"operation"`
	Cause     Cause         `json:"cause"`
	StartedAt time.Time     `json:"startedAt"`
	// Revision is of the configuration that it was decided under.
	Revision int64 `json:"revision"`
	// Attributes are those of a create or an update.
	Attributes Attributes `json:"attributes,omitempty"`
	// AccountID is the account to be changed; for a create, the one to be adopted, if any.
	AccountID string `json:"accountId,omitempty"`
	// Released is true when an administrator confirmed it, so that it does not count in the guard (R12).
	Released bool `json:"released,omitempty"`
	// Fingerprint is of everything that the operation depended on (R2).
	Fingerprint string `json:"fingerprint,omitempty"`
	// Doubt says in words why it cannot be found out whether the app has done it;
	// empty while that has not been tried in vain. It keeps no other operation
	// back: the next one takes the intent's place.
	Doubt string `json:"doubt,omitempty"`
}

// Lease is a worker's exclusive right to act on one user.
type Lease struct {
	Owner string `json:"owner"`
	// Until is in real time.
	Until time.Time `json:"until"`
}

// Record is all that we know of one user. Its key is the directory id.
type Record struct {
	UserID string `json:"userId"`
	// Version is the state's own, for compare-and-set; 0 for a record that is not stored yet.
	Version int64 `json:"-"`
	// Email is the last known primary address.
	Email string `json:"email"`
	// Lifecycle is what the directory said at the last committed look.
	Lifecycle Lifecycle `json:"lifecycle"`
	// InScope and Reasons are the verdict of R1 at the last committed look.
	InScope bool     `json:"inScope"`
	Reasons []string `json:"reasons,omitempty"`
	// LookedAt is when the last committed look read the directory, SettledAt when
	// the last did of which nothing was left to do.
	LookedAt  time.Time `json:"lookedAt"`
	SettledAt time.Time `json:"settledAt,omitzero"`
	// LookedUnder is the revision of the configuration under which the last
	// committed look was made, which may not have been in force any more (R9).
	LookedUnder int64 `json:"lookedUnder,omitempty"`
	// Account is the link to the app.
	Account Link `json:"account"`
	// Conditions that hold, in the order of their names.
	Conditions []Condition `json:"conditions,omitempty"`
	// UnarchivedAt is when archiving last ended (R6); zero when it never did.
	UnarchivedAt time.Time `json:"unarchivedAt,omitzero"`
	// ArchivedAt is when archiving was first seen; zero while not archived.
	ArchivedAt time.Time `json:"archivedAt,omitzero"`
	// MissingSweep and MissingAt remember the first complete sweep after which
	// a 404 was read for a user whom no deleted listing holds (R13).
	MissingSweep string    `json:"missingSweep,omitempty"`
	MissingAt    time.Time `json:"missingAt,omitzero"`
	// Next is the coming suspend or hard delete; nil when none is.
	Next *Pending `json:"next,omitempty"`
	// CountSuspendAt and CountDeleteAt are the times at which a pending suspend
	// and a pending hard delete are due, as far as the guard counts them: not
	// released, not dismissed, not waiting for a retry (R12). Zero for none.
	CountSuspendAt time.Time `json:"countSuspendAt,omitzero"`
	CountDeleteAt  time.Time `json:"countDeleteAt,omitzero"`
	// Retries are the operations that went wrong and wait, at most one of each kind.
	Retries  []Retry   `json:"retries,omitempty"`
	Hold     *Hold     `json:"hold,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Intent   *Intent   `json:"intent,omitempty"`
	Lease    *Lease    `json:"lease,omitempty"`
	// SuspendDoneAt and DeleteDoneAt are the last such operations done without
	// a confirmation, which the guard counts (R12).
	SuspendDoneAt time.Time `json:"suspendDoneAt,omitzero"`
	DeleteDoneAt  time.Time `json:"deleteDoneAt,omitzero"`
	// GoneAt is when the account was found gone although we had not deleted it,
	// until a new one is made; many at once are held (R17).
	GoneAt time.Time `json:"goneAt,omitzero"`
	// Repairs are the times at which each attribute was put right (R17), oldest first, of the last seven days.
	Repairs map[string][]time.Time `json:"repairs,omitempty"`
	// Left are the attributes that are put right no more (R17).
	Left []string `json:"left,omitempty"`
	// Attention is what needs a person.
	Attention []Attention `json:"attention,omitempty"`
}

// Condition returns the named condition; ok is false when it does not hold.
func (r Record) Condition(name ConditionName) (Condition, bool) {
	for _, c := range r.Conditions {
		if c.Name == name {
			return c, true
		}
	}
	return Condition{}, false
}

// In returns the record as it counts for an app: a link to another app is
// void, and with it all that hung on it (R10).
func (r Record) In(appURL string) Record {
	if r.Account.App == appURL || r.Account.ID == "" {
		return r
	}
	return Record{UserID: r.UserID, Version: r.Version, Email: r.Email, Lifecycle: r.Lifecycle,
		Account: Link{State: AccountNone}, Lease: r.Lease}
}

// Dismissed reports whether an administrator dismissed an operation of a kind (R12, R17).
func (r Record) Dismissed(kind OperationKind) bool {
	return slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return v.Operation == kind && !v.Release })
}

// Retry returns the waiting operation of a kind; ok is false when none waits.
func (r Record) Retry(kind OperationKind) (Retry, bool) {
	for _, retry := range r.Retries {
		if retry.Operation == kind {
			return retry, true
		}
	}
	return Retry{}, false
}

// RetryAt is the earliest time at which a waiting operation is tried again; zero when none waits.
func (r Record) RetryAt() time.Time {
	var at time.Time
	for _, retry := range r.Retries {
		if at.IsZero() || retry.At.Before(at) {
			at = retry.At
		}
	}
	return at
}

// AttentionKind groups what needs a person.
type AttentionKind string

// The kinds of attention, as the API names them.
const (
	AttentionConflict      AttentionKind = "conflict"
	AttentionRefused       AttentionKind = "refused"
	AttentionFailed        AttentionKind = "failed"
	AttentionProtected     AttentionKind = "protected"
	AttentionArchived      AttentionKind = "archived"
	AttentionDrift         AttentionKind = "drift"
	AttentionConfiguration AttentionKind = "configuration"
	AttentionHeld          AttentionKind = "held"
)

// Attention is one thing that needs a person, with what to do.
type Attention struct {
	Kind      AttentionKind `json:"kind"`
	UserIDs   []string      `json:"userIds"`
	AccountID string        `json:"accountId,omitempty"`
	Why       string        `json:"why"`
	Todo      string        `json:"todo"`
	Since     time.Time     `json:"since"`
	// About is where it is settled; empty where no page does. It is set whenever
	// things are listed, and not kept.
	About AttentionAbout `json:"-"`
}

// AttentionAbout is what an entry about the whole is about.
type AttentionAbout string

// What entries of AttentionConfiguration are about.
const (
	AboutScope         AttentionAbout = "scope"
	AboutAuthorization AttentionAbout = "authorization"
	AboutSweep         AttentionAbout = "sweep"
)
