package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
	"example.com/autoprovision/shared/tasks"
)

// Request asks for a look at one user.
type Request struct {
	UserID string `json:"userId"`
	// Covered is the business time by which whatever asked for this look had
	// happened: once a look that read the directory after it has ended, this one
	// is not needed any more. Zero for a look that is needed anyway.
	Covered time.Time `json:"covered,omitzero"`
	// Forced brings retries forward: an administrator pressed "look now" (R2).
	Forced bool `json:"forced,omitempty"`
	// WakeAt is the time, in business time, for which a wake-up was ordered; zero for any other look.
	WakeAt time.Time `json:"wakeAt,omitzero"`
	// SweepID is the sweep that asked; empty for none. Listing is what its listing said.
	SweepID string   `json:"sweepId,omitempty"`
	Listing *Listing `json:"listing,omitempty"`
	// Matches are the ids of the accounts that the app's listing showed as this
	// user's, linked to nobody: no filter of the app's need show them again (R2).
	Matches []string `json:"matches,omitempty"`
	// Configuration is the version of the configuration that the sweep asked
	// under; one that was read before that will not do.
	Configuration int64 `json:"configuration,omitempty"`
	// Absent means that the complete listing of the sweep did not show the user (R13).
	Absent bool `json:"absent,omitempty"`
	// CheckAccount asks for a reading of the linked account in the app: the
	// sweep's listing did not show it, or not as we left it (R17).
	CheckAccount bool `json:"checkAccount,omitempty"`
	// Plan means that the sweep still plans: removals, and new accounts for
	// those found gone, are recorded and not run (R12, R17).
	Plan bool `json:"plan,omitempty"`

	began time.Time // in business time
	// early is true when the sweep asked while it still listed. A look soon gives
	// its Listing up, and with it this trace of the request.
	early bool
}

// othersTime is how long somebody whose account a sweep's look found gone waits
// for what the sweep's other looks find: only then is it known how many are
// missing at once (R17).
const othersTime = 5 * time.Minute

// foundGone reports whether this look, which a sweep asked for, has found the
// account gone: this delivery of it, or an earlier one that came to no end.
func (q Request) foundGone(rec provision.Record) bool {
	since := q.began
	if q.early {
		since = since.Add(-othersTime)
	}
	return q.SweepID != "" && !rec.GoneAt.IsZero() && !rec.GoneAt.Before(since)
}

// Looks names the set of looks that a sweep waits for and this one belongs to;
// empty when no sweep asked.
func (q Request) Looks() string {
	if q.SweepID != "" && q.Plan {
		return q.SweepID + "/plan"
	}
	return q.SweepID
}

// Listing is what a sweep's listing said of a user. Only a create or an update
// may act on it, only for five minutes, and only while nothing newer has been
// committed.
type Listing struct {
	User  provision.User `json:"user"`
	Scope scope.Verdict  `json:"scope"`
	// At is when the listing was read in business time, ReadAt in real time.
	At     time.Time `json:"at"`
	ReadAt time.Time `json:"readAt"`
	// AppReadAt is the real time before the app was listed; zero when it was not.
	// Accounts are those that match the user by external id or user name and are
	// linked to nobody.
	AppReadAt time.Time           `json:"appReadAt,omitzero"`
	Accounts  []provision.Account `json:"accounts,omitempty"`
}

const listingAge = 5 * time.Minute

// clocksDiffer is by how much the clocks of two processes may differ. Whoever
// is wrong by more is put right by the second look that follows each hint.
const clocksDiffer = time.Second

// needless reports whether what asked for a look is in the record already: push
// and audit log tell of one change at different moments, and a burst of
// changes would cost the directory's quota twice.
func (q Request) needless(rec provision.Record) bool {
	return !q.Covered.IsZero() && !rec.SettledAt.Before(q.Covered.Add(clocksDiffer))
}

// LookTask is the task that asks for a look. The name is a hash of the user,
// as Cloud Tasks advises for even spreading, and what makes this task one of
// its kind: cause must differ where a second task for the same user is wanted.
// A listing that no task can carry is left out: the look then reads by id.
func LookTask(req Request, cause string, at time.Time) tasks.Task {
	body, err := json.Marshal(req)
	if len(body) > tasks.MaxBody {
		req.Listing = nil
		body, err = json.Marshal(req)
	}
	if err != nil {
		panic("reconcile: request does not marshal: " + err.Error())
	}
	sum := sha256.Sum256([]byte(req.UserID + "\n" + cause))
	queue := tasks.Reconcile
	if req.SweepID != "" {
		queue = tasks.Bulk
	}
	return tasks.Task{Queue: queue, Name: "look-" + hex.EncodeToString(sum[:16]), Body: body, At: at}
}
