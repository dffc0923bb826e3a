package pages

import (
	"fmt"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// The situations that a person, their account and the app can be in.
const (
	isOn           = "on"
	isOff          = "off"
	isUnauthorized = "unauthorized"
	isHeld         = "held"
	isDismissed    = "dismissed"
	isProtected    = "protected"
	isArchived     = "archived" // since the condition began
	isRefused      = "refused"
	isConflict     = "conflict"
	isFailed       = "failed"
	isUnmapped     = "mapping error"
	isFailing      = "the app fails"
)

var situations = []string{isOn, isOff, isUnauthorized, isHeld, isDismissed, isProtected, isArchived, isRefused, isConflict, isFailed, isUnmapped, isFailing}

// The verdicts of R1.
const (
	in         = "in"
	out        = "out"
	notKnown   = "unknown"
	offReason  = "the app is off for their org unit, because /Sales is set to off"
	offSaid    = "Comeet is off for their org unit, because /Sales is set to off"
	gapReason  = "their domain is not in the list of your organization's domains"
	mappingGap = "title: the expression gives no value for this person"
)

// spot is one cell of the table: lifecycle, account, scope and situation.
type spot struct {
	lifecycle provision.Lifecycle
	account   provision.AccountState
	scope     string
	situation string
}

func (k spot) String() string {
	return fmt.Sprintf("%s/%s/%s/%s", k.lifecycle, k.account, k.scope, k.situation)
}

// spots is the whole table.
func spots() []spot {
	var all []spot
	for _, l := range []provision.Lifecycle{provision.Active, provision.Suspended, provision.Archived, provision.Deleted, provision.Unknown} {
		for _, a := range []provision.AccountState{provision.AccountNone, provision.AccountActive, provision.AccountSuspended} {
			for _, s := range []string{in, out, notKnown} {
				for _, situation := range situations {
					all = append(all, spot{l, a, s, situation})
				}
			}
		}
	}
	return all
}

var (
	sentencesNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	// The condition begins two days ago.
	sentencesSince = sentencesNow.AddDate(0, 0, -2)
)

// scene is what a cell is made of, and what a look now sees and decides in it.
type scene struct {
	c    provision.Configuration
	look decide.Look
	rec  provision.Record
	d    decide.Decision
}

// act plays a cell, through the decisions that lead to it.
func (k spot) act() scene {
	frames := provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "21d"}
	switch k.situation {
	case isHeld, isDismissed, isRefused, isConflict, isFailed, isFailing: // come to what is due
		frames = provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "21d"}
		if k.account == provision.AccountSuspended {
			frames = provision.TimeFrames{DeleteAfter: "1d"}
		}
	}
	s := scene{
		c: provision.Configuration{On: true, TurnedOnAt: sentencesNow.AddDate(0, -1, 0), SweptAt: sentencesNow.Add(-time.Hour), PlannedAt: sentencesNow.Add(-time.Hour),
			Authorization: provision.Authorization{State: provision.AuthorizationOK}, Scope: &provision.Scope{}, Guard: provision.DefaultGuard,
			Policies: []provision.PolicyEdit{{Policy: provision.Deprovisioning{AppOff: frames, Suspended: frames, Deleted: frames}, SavedAt: sentencesNow.AddDate(0, -1, 0)}}},
		look: decide.Look{User: provision.User{ID: "1", Email: "maya@example.com", Lifecycle: k.lifecycle}},
		rec: provision.Record{UserID: "1", Email: "maya@example.com", Lifecycle: provision.Active, InScope: true, LookedAt: sentencesSince.Add(-time.Hour),
			Account: provision.Link{State: provision.AccountNone}},
	}
	if k.account != provision.AccountNone {
		applied := provision.Attributes{"userName": "maya@example.com"}
		s.rec.Account = provision.Link{ID: "a", State: provision.AccountActive, LinkedAt: sentencesNow.AddDate(0, -1, 0), ActiveSince: sentencesNow.AddDate(0, -1, 0), Applied: applied, Form: applied}
	}
	s.look.Scope = scope.Verdict{Known: true, In: true}
	switch k.scope {
	case out:
		s.look.Scope = scope.Verdict{Known: true, Reasons: []string{offReason}}
	case notKnown:
		s.look.Scope = scope.Verdict{Reasons: []string{gapReason}}
	}
	if k.lifecycle == provision.Active && k.scope == in {
		s.look.Desired = provision.Attributes{"userName": "maya@example.com"}
	}
	if k.situation == isArchived { // somebody who was suspended, with the account as it is
		before := s.look
		before.User.Lifecycle, before.Desired = provision.Suspended, nil
		s.rec = decide.Decide(s.c, before, s.rec, sentencesSince).Record
		s.look.User.Lifecycle, s.look.Desired = provision.Archived, nil
	} else {
		s.rec = decide.Decide(s.c, s.look, s.rec, sentencesSince).Record
	}
	if k.account == provision.AccountSuspended {
		s.rec.Account.State, s.rec.Account.SuspendedAt = provision.AccountSuspended, sentencesSince.Add(time.Hour)
	}
	s.meet(k.situation)
	s.d = decide.Decide(s.c, s.look, s.rec, sentencesNow)
	return s
}

// meet brings the situation about.
func (s *scene) meet(situation string) {
	op := decide.Decide(s.c, s.look, s.rec, sentencesNow).Operation
	switch situation {
	case isOff:
		s.c.On = false
	case isUnauthorized:
		s.c.Authorization.State = provision.NeedsReauthorizing
	case isProtected:
		s.c.Protected = []provision.Protected{{UserID: "1"}}
	case isFailing:
		s.c.FailingSince = sentencesNow.Add(-30 * time.Minute)
	case isUnmapped:
		if s.look.Desired != nil {
			s.look.Desired, s.look.MappingError = nil, mappingGap
		}
	}
	if op == nil {
		return
	}
	switch situation {
	case isHeld:
		if op.Kind.Removes() || op.Kind == provision.Create {
			s.rec.Hold = &provision.Hold{Operation: op.Kind, Condition: op.Cause.Condition, Since: op.Cause.Since, HeldAt: sentencesNow.Add(-time.Minute)}
		}
	case isDismissed:
		if op.Kind.Removes() || op.Kind == provision.Create {
			s.rec.Verdicts = []provision.Verdict{{Operation: op.Kind, Condition: op.Cause.Condition, Since: op.Cause.Since, At: sentencesNow.Add(-time.Minute)}}
		}
	case isRefused:
		s.rec = decide.FailedTry(s.rec, *op, provision.RetryRefused, "it has open roles", "", sentencesNow.Add(-time.Minute))
	case isConflict:
		s.rec = decide.FailedTry(s.rec, *op, provision.RetryConflict, "another account has the name", "b", sentencesNow.Add(-time.Minute))
	case isFailed:
		s.rec = decide.FailedTry(s.rec, *op, provision.RetryFailed, "the app answered 400", "", sentencesNow.Add(-time.Minute))
	}
}

// says are the sentences of the person's page, as one text each.
func (s scene) says() (why, end string) {
	said := standing{"Comeet", admin.Explain(s.c, s.look, s.d, sentencesNow), s.c, sentencesNow}
	return said.why(), said.until()
}

// coming is the first operation that is decided if nothing changes but the
// time, and when; no kind for none.
func (s scene) coming() (provision.OperationKind, time.Time) {
	for at := sentencesNow; !at.IsZero(); {
		d := decide.Decide(s.c, s.look, s.rec, at)
		if d.Operation != nil && d.Operation.Impossible == "" {
			return d.Operation.Kind, at
		}
		at = d.WakeAt
	}
	return "", time.Time{}
}
