package api

import (
	"strconv"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Status is how things stand.
type Status struct {
	Status        string        `json:"status" enum:"notConfigured,off,needsReauthorization,held,on" doc:"The first that fits"`
	Now           time.Time     `json:"now" doc:"By which deadlines are kept; the local program can run it faster"`
	Revision      int64         `json:"revision" doc:"Counts edits, turn-ons and turn-offs"`
	Authorization Authorization `json:"authorization"`
	Configuration Configuration `json:"configuration"`
	Held          *Held         `json:"held"`
	Sweep         *Sweep        `json:"sweep"`
}

// Authorization is what is known of the app's token.
type Authorization struct {
	State      string     `json:"state" enum:"none,ok,needsReauthorization"`
	VerifiedAt *time.Time `json:"verifiedAt"`
}

// Held is the open list of held operations.
type Held struct {
	_      struct{}   `nullable:"true"`
	List   string     `json:"list" doc:"Changes with the list's content"`
	People int        `json:"people"`
	Since  *time.Time `json:"since"`
}

// Sweep is the sweep that runs or ran last.
type Sweep struct {
	_          struct{}   `nullable:"true"`
	ID         string     `json:"id"`
	State      string     `json:"state" enum:"queued,running,done,failed"`
	Cause      string     `json:"cause" doc:"schedule, turnOn, edit, button, reauthorize or directory"`
	StartedAt  *time.Time `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
	Listed     int        `json:"listed" doc:"Users listed so far"`
	Looked     int        `json:"looked" doc:"Looks that have ended"`
	ToLook     int        `json:"toLook" doc:"Looks asked for"`
	Reason     *string    `json:"reason" doc:"Why it failed"`
}

func viewStatus(s admin.Status) Status {
	c := s.Configuration
	state := c.Authorization.State
	if state == "" {
		state = provision.AuthorizationNone
	}
	return Status{
		Status: s.Status, Now: s.Now.UTC(), Revision: c.Revision,
		Authorization: Authorization{State: string(state), VerifiedAt: when(c.Authorization.VerifiedAt)},
		Configuration: viewConfiguration(c),
		Held:          viewHeld(s.Held),
		Sweep:         viewSweep(s.Sweep),
	}
}

func viewHeld(h *admin.HeldList) *Held {
	if h == nil {
		return nil
	}
	return &Held{List: h.ID, People: h.People, Since: when(h.Since)}
}

func viewSweep(s *provision.Sweep) *Sweep {
	if s == nil {
		return nil
	}
	return &Sweep{ID: s.ID, State: string(s.State), Cause: s.Cause, StartedAt: when(s.StartedAt), FinishedAt: when(s.FinishedAt),
		Listed: s.Listed, Looked: s.Looked, ToLook: s.ToLook, Reason: text(s.Reason)}
}

// Page is one page of a list.
type Page[T any] struct {
	Items         []T     `json:"items" nullable:"false"`
	NextPageToken *string `json:"nextPageToken" doc:"Of the next page; null on the last"`
}

// Paging is what every list takes.
type Paging struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"500" default:"100"`
	PageToken string `query:"pageToken" doc:"The last page's nextPageToken; leave out for the first page"`
}

// newPage makes a page's view, row by row.
func newPage[R, T any](rows []R, next string, view func(R) T) *answer[Page[T]] {
	return &answer[Page[T]]{Page[T]{Items: list(rows, view), NextPageToken: text(next)}}
}

// cut is one page of a list that is at hand as a whole.
func cut[T any](all []T, p Paging) (rows []T, next string, err error) {
	start := 0
	if p.PageToken != "" {
		if start, err = strconv.Atoi(p.PageToken); err != nil || start < 0 {
			return nil, "", fault.Field("pageToken", "the page token is not one of this list; begin with the first page")
		}
	}
	start = min(start, len(all))
	end := min(start+p.PageSize, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}

// list is never nil, so that it is never null.
func list[R, T any](rows []R, view func(R) T) []T {
	views := make([]T, len(rows))
	for i, row := range rows {
		views[i] = view(row)
	}
	return views
}

// orEmpty is never nil, so that it is never null.
func orEmpty[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}

// when is nil, and so null, for no time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// text is nil, and so null, for no text.
func text[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	plain := string(s)
	return &plain
}
