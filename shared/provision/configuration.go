package provision

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delay is the time frame of one action: "within24h", "1d" to "365d", or empty for never.
type Delay string

// Delays that are not a number of days.
const (
	Never     Delay = ""
	Within24h Delay = "within24h"
)

// Duration is how long after a condition began the action is due; "within 24
// hours" is due at once (R4). ok is false for never and for a Delay that is not valid.
func (d Delay) Duration() (_ time.Duration, ok bool) {
	if d == Within24h {
		return 0, true
	}
	days, found := strings.CutSuffix(string(d), "d")
	n, err := strconv.Atoi(days)
	if !found || err != nil || n < 1 || n > 365 || strconv.Itoa(n) != days {
		return 0, false
	}
	return time.Duration(n) * 24 * time.Hour, true
}

// Valid reports whether d is never, within24h, or 1d to 365d.
func (d Delay) Valid() bool {
	_, ok := d.Duration()
	return ok || d == Never
}

// Words is a time frame as a sentence needs it.
func (d Delay) Words() string {
	switch d {
	case Never:
		return "never"
	case Within24h:
		return "within 24 hours"
	case "1d":
		return "after 1 day"
	}
	return "after " + strings.TrimSuffix(string(d), "d") + " days"
}

// Shorter reports whether d comes before the other; never comes last.
func (d Delay) Shorter(other Delay) bool {
	mine, ok := d.Duration()
	theirs, comes := other.Duration()
	return ok && (!comes || mine < theirs)
}

// TimeFrames is one row of the deprovisioning policy.
type TimeFrames struct {
	SuspendAfter Delay `json:"suspendAfter,omitempty"`
	DeleteAfter  Delay `json:"deleteAfter,omitempty"`
}

// After is the time frame of a suspend or a hard delete.
func (f TimeFrames) After(kind OperationKind) Delay {
	if kind == HardDelete {
		return f.DeleteAfter
	}
	return f.SuspendAfter
}

// Deprovisioning is the whole policy: time frames for each condition. Archived
// is nil while an administrator has not chosen it as a condition (R6).
type Deprovisioning struct {
	AppOff    TimeFrames  `json:"appOff"`
	Suspended TimeFrames  `json:"suspended"`
	Deleted   TimeFrames  `json:"deleted"`
	Archived  *TimeFrames `json:"archived,omitempty"`
}

// For returns the time frames of a condition; empty ones for archived while it is not chosen.
func (d Deprovisioning) For(name ConditionName) TimeFrames {
	switch name {
	case ConditionAppOff:
		return d.AppOff
	case ConditionSuspended:
		return d.Suspended
	case ConditionDeleted:
		return d.Deleted
	case ConditionArchived:
		if d.Archived != nil {
			return *d.Archived
		}
	}
	return TimeFrames{}
}

// PolicyEdit is a policy with the time from which it holds.
type PolicyEdit struct {
	Policy  Deprovisioning `json:"policy"`
	SavedAt time.Time      `json:"savedAt"`
	// Revision is the edit's.
	Revision int64 `json:"revision,omitempty"`
}

// MappedAttribute says where one app attribute comes from: Directory or Expression, never both.
type MappedAttribute struct {
	App        string `json:"app"`
	Directory  string `json:"directory,omitempty"`
	Expression string `json:"expression,omitempty"`
}

// OrgUnitState is an org unit with an explicit on or off.
type OrgUnitState struct {
	// ID is the directory's, which survives renames and moves; Path is what it was when last resolved.
	ID   string `json:"id"`
	Path string `json:"path"`
	On   bool   `json:"on"`
}

// GroupRef is a group by its immutable id; Email is what it was when last resolved.
type GroupRef struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// Scope says who should have an account (R1).
type Scope struct {
	OrgUnits     []OrgUnitState `json:"orgUnits"`
	AccessGroups []GroupRef     `json:"accessGroups"`
	Groups       []GroupRef     `json:"groups"`
	// Domains are the further, or the only, domains allowed; see R1.
	Domains []string `json:"domains"`
	// PrimaryDomain and CustomerID are those of the directory when the scope was
	// saved; a change of either is a fault of configuration (R13).
	PrimaryDomain string `json:"primaryDomain"`
	CustomerID    string `json:"customerId,omitempty"`
}

// Protected is a person or an account that is never suspended or hard deleted (R18).
type Protected struct {
	Email string `json:"email"`
	// UserID is empty when the address was found only in the app, AccountID when only in the directory.
	UserID    string `json:"userId,omitempty"`
	AccountID string `json:"accountId,omitempty"`
}

// Guard is the limit on removals (R12). The zero value is not usable; see DefaultGuard.
type Guard struct {
	MaxShare float64 `json:"maxShare"`
	MinUsers int     `json:"minUsers"`
}

// DefaultGuard holds removals of more than 10 % and more than 5 people.
var DefaultGuard = Guard{MaxShare: 0.1, MinUsers: 5}

// Allows reports whether n removals among base accounts stay within the limit.
func (g Guard) Allows(n, base int) bool {
	return n <= g.MinUsers || float64(n) <= g.MaxShare*float64(base)
}

// Connection is how to talk to the app: what is not public about it is a setting.
type Connection struct {
	BaseURL string `json:"baseUrl"`
	// UpdateMethod is auto, patch or put.
	UpdateMethod string `json:"updateMethod"`
	// PatchStyle is path (one operation per attribute path) or value (one without a path).
	PatchStyle string `json:"patchStyle"`
	MediaType  string `json:"mediaType"`
	PageSize   int    `json:"pageSize"`
	// RequestsPerSecond is the app's rate limit; 0 means unlimited.
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	// Concurrency is the number of calls at a time.
	Concurrency int  `json:"concurrency"`
	HardDelete  bool `json:"hardDelete"`
}

// AuthorizationState says whether the app accepts our token.
type AuthorizationState string

// The authorization states.
const (
	AuthorizationNone  AuthorizationState = "none"
	AuthorizationOK    AuthorizationState = "ok"
	NeedsReauthorizing AuthorizationState = "needsReauthorization"
)

// Authorization is what is known of the token; the token itself is in the secret store only (R15).
type Authorization struct {
	State      AuthorizationState `json:"state"`
	VerifiedAt time.Time          `json:"verifiedAt,omitzero"`
	// SecretVersion is the version of the stored token, so that an answer to an older one marks nothing (R11).
	SecretVersion string `json:"secretVersion,omitempty"`
	// LostAt is when the app last refused the token; zero while it does not.
	LostAt time.Time `json:"lostAt,omitzero"`
}

// Revisions tell which edit each section was last changed by.
type Revisions struct {
	Connection     int64 `json:"connection"`
	Mapping        int64 `json:"mapping"`
	Scope          int64 `json:"scope"`
	Deprovisioning int64 `json:"deprovisioning"`
	Protected      int64 `json:"protected"`
}

// Configuration is all that an administrator has set for the app, and whether it runs.
type Configuration struct {
	// Version is the state's own, for compare-and-set; 0 when nothing is stored.
	Version int64 `json:"-"`
	// Revision counts edits, turn-ons and turn-offs.
	Revision  int64     `json:"revision"`
	Revisions Revisions `json:"revisions"`
	On        bool      `json:"on"`
	// TurnedOnAt is the last turn-on: no condition counts from before it (R8).
	TurnedOnAt    time.Time         `json:"turnedOnAt,omitzero"`
	Authorization Authorization     `json:"authorization"`
	Connection    Connection        `json:"connection"`
	Mapping       []MappedAttribute `json:"mapping"`
	Scope         *Scope            `json:"scope,omitempty"`
	// ScopeSavedAt is when the scope was last edited (R9).
	ScopeSavedAt time.Time `json:"scopeSavedAt,omitzero"`
	// Policies are the deprovisioning policies, newest last: the present one,
	// and those that it replaced less than 24 hours before the last save (R9).
	// Empty while none is set.
	Policies  []PolicyEdit `json:"policies,omitempty"`
	Protected []Protected  `json:"protected,omitempty"`
	// Unprotected are the times at which protection ended, by directory id (R18).
	Unprotected map[string]time.Time `json:"unprotected,omitempty"`
	Guard       Guard                `json:"guard"`
	// SweptAt is when the last sweep that ended as done began to list, and Planned when the last one
	// that knew all its removals began; no removal runs after a turn-on before that (R8, R12).
	SweptAt   time.Time `json:"sweptAt,omitzero"`
	PlannedAt time.Time `json:"plannedAt,omitzero"`
	// FailingSince is since when the app as a whole gives no usable answer, as far as the
	// operations told (R2); zero once one succeeded.
	FailingSince time.Time `json:"failingSince,omitzero"`
	// Stripping is true from a deletion of the configuration, or a move to another app,
	// until no record holds anything of what was before (R10).
	Stripping bool `json:"stripping,omitempty"`
	// Faults are faults of configuration that the last look found, for attention (R13).
	Faults []Attention `json:"faults,omitempty"`
}

// Policy is the present deprovisioning policy; ok is false while none is set.
func (c Configuration) Policy() (_ Deprovisioning, ok bool) {
	if len(c.Policies) == 0 {
		return Deprovisioning{}, false
	}
	return c.Policies[len(c.Policies)-1].Policy, true
}

// Ready reports whether everything that turning on needs is there.
func (c Configuration) Ready() bool {
	return c.Authorization.State != AuthorizationNone && c.Authorization.State != "" && c.Scope != nil && len(c.Policies) > 0
}

// Runs reports whether operations may run: on, and authorized.
func (c Configuration) Runs() bool {
	return c.On && c.Ready() && c.Authorization.State == AuthorizationOK
}

// Failing reports whether the app gave no usable answer to the last operations (R2).
// A sweep that began since, and was done, has had all its answers.
func (c Configuration) Failing() bool {
	return c.Runs() && c.FailingSince.After(c.SweptAt) && c.FailingSince.After(c.TurnedOnAt)
}

// Protects reports whether the user, or the account that stands for them, is protected (R18).
func (c Configuration) Protects(userID, accountID string) bool {
	return slices.ContainsFunc(c.Protected, func(p Protected) bool {
		return userID != "" && p.UserID == userID || accountID != "" && p.AccountID == accountID
	})
}

// Clone is a deep copy.
func (c Configuration) Clone() Configuration {
	data, err := json.Marshal(c)
	if err != nil {
		panic("provision: configuration does not marshal: " + err.Error())
	}
	var out Configuration
	if err := json.Unmarshal(data, &out); err != nil {
		panic("provision: configuration does not unmarshal: " + err.Error())
	}
	out.Version = c.Version
	return out
}
