package pages

import (
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// standing is what the sentences about a person are made of.
type standing struct {
	app    string
	person admin.Person
	c      provision.Configuration
	now    time.Time
}

// why says why somebody has or lacks an account.
func (s standing) why() string {
	switch s.person.Account.State {
	case provision.AccountActive:
		return s.whyActive()
	case provision.AccountSuspended:
		return s.whySuspended()
	}
	return s.whyNone()
}

func (s standing) whyActive() string {
	still := "They still have an active account in " + s.app
	switch {
	case s.undecided() != "":
		return "They have an active account in " + s.app + ". " + s.undecided()
	case s.frozen():
		return still + ". " + nothingForArchived
	case len(s.person.Record.Conditions) > 0:
		return still + ", although " + s.conditions() + "."
	}
	return fmt.Sprintf("They have an active account in %s, because %s is turned on for them and they are in the provisioning scope.", s.app, s.app)
}

func (s standing) whySuspended() string {
	is := "Their account in " + s.app + " is suspended (deactivated)"
	switch {
	case s.undecided() != "":
		return is + ". " + s.undecided()
	case s.frozen():
		return is + ". " + nothingForArchived
	case len(s.person.Record.Conditions) > 0:
		return is + ", because " + s.conditions() + "."
	}
	return is + ". They are in scope."
}

func (s standing) whyNone() string {
	none := "They have no account in " + s.app
	switch {
	case s.undecided() != "":
		return none + ". " + s.undecided()
	case s.person.InScope:
		return none + " yet. They are in scope."
	}
	return none + ", because " + withApp(s.app, strings.Join(s.person.Reasons, "; ")) + "."
}

const nothingForArchived = "They are archived in Google Workspace. Archived people's accounts are neither created, changed nor removed."

// undecided says why the directory decides nothing about them (R13); empty when it does.
func (s standing) undecided() string {
	switch {
	case s.person.Directory == provision.Unknown:
		return "Google does not say whether they are deleted, so nothing is decided."
	case s.person.Directory != provision.Active || s.person.Scope.Known || len(s.person.Record.Conditions) > 0:
		return ""
	case s.c.Scope == nil:
		return "No provisioning scope is set yet, so nothing is decided."
	}
	return "It is not known now whether they are in scope, so nothing is decided: " + s.reasons() + "."
}

func (s standing) reasons() string { return withApp(s.app, strings.Join(s.person.Scope.Reasons, "; ")) }

// frozen is true while nothing is done to archived people (R6).
func (s standing) frozen() bool {
	policy, _ := s.c.Policy()
	return s.person.Directory == provision.Archived && policy.Archived == nil
}

func (s standing) conditions() string {
	var all []string
	for _, c := range s.person.Record.Conditions {
		all = append(all, conditionOf(s.app, c.Name, s.person.Record.Reasons))
	}
	return strings.Join(all, ", and ")
}

// until says what comes next, and when.
func (s standing) until() string {
	conditions := len(s.person.Record.Conditions) > 0
	switch {
	case s.person.Directory == provision.Unknown && s.person.Next != nil:
		return "What was due waits until Google says whether they are deleted."
	case s.person.Directory == provision.Unknown:
		return ""
	case s.frozen() && len(s.person.Deadlines) > 0:
		return "What falls due meanwhile is due 24 hours after they are unarchived."
	case s.frozen():
		return ""
	case s.person.InScope && s.person.Account.State != provision.AccountActive:
		return s.access()
	case !s.person.Account.Exists(), s.undecided() != "":
		return ""
	case !s.c.Ready():
		return "Autoprovisioning is not set up, so nothing is done to the account."
	case conditions && s.protected():
		return "They are protected, so the account is never suspended or hard deleted."
	case !s.c.On && conditions:
		return "Nothing is done to the account while autoprovisioning is off. Once it is turned on, the time frames count from then."
	case !s.c.On:
		return "Nothing is done to the account while autoprovisioning is off."
	case s.person.Next != nil:
		return s.removal() + s.waits()
	case conditions:
		return s.nothingMore()
	case !s.authorized():
		return "Nothing is done to the account until " + s.app + " is reauthorized, because the access token is refused."
	}
	return "No end date: the account stays as long as they are in scope."
}

func (s standing) authorized() bool {
	return s.c.Authorization.State == provision.AuthorizationOK
}

func (s standing) protected() bool {
	return s.c.Protects(s.person.ID, s.person.Account.ID)
}

// nothingMore says why no removal comes, although conditions hold.
func (s standing) nothingMore() string {
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
		for _, c := range s.person.Record.Conditions {
			if v, ok := dismissal(s.person.Record, kind, c); ok {
				return fmt.Sprintf("An administrator dismissed the %s on %s, so the account stays as it is until there is a new reason, or autoprovisioning is turned off and on again.",
					strings.ToLower(operationLabel(kind).Text), momentAt(v.At, s.now).Text())
			}
		}
	}
	if s.person.Directory == provision.Archived {
		return "Nothing more is due while they are archived: the time frames for archived people say “never”."
	}
	return "Nothing more is due: the time frames say “never” for what would come next."
}

// dismissal is an administrator's word that an operation is not done for this cause; ok is false without one.
func dismissal(rec provision.Record, kind provision.OperationKind, c provision.Condition) (_ provision.Verdict, ok bool) {
	for _, v := range rec.Verdicts {
		if !v.Release && v.Operation == kind && v.Condition == c.Name && v.Since.Equal(c.Since) {
			return v, true
		}
	}
	return provision.Verdict{}, false
}

// removal says what is taken away next, and when.
func (s standing) removal() string {
	next := s.person.Next
	what := "suspended"
	if next.Operation == provision.HardDelete {
		what = "hard deleted (removed from " + s.app + ")"
	}
	at := momentAt(next.At, s.now)
	switch {
	case !next.At.After(s.now):
		return "The account is due to be " + what + " now."
	case s.person.HeldBy != "":
		return fmt.Sprintf("The account is due to be %s on %s (%s).", what, at.Text(), at.Far())
	case s.person.Then != nil:
		return fmt.Sprintf("The account will be %s on %s (%s), and hard deleted on %s.", what, at.Text(), at.Far(), momentAt(s.person.Then.At, s.now).Text())
	}
	return fmt.Sprintf("The account will be %s on %s (%s).", what, at.Text(), at.Far())
}

// waits says what keeps the next removal, as a further sentence; empty for nothing but time.
func (s standing) waits() string {
	switch next := s.person.Next; s.person.HeldBy {
	case "reauthorization":
		return " Nothing is done until " + s.app + " is reauthorized, because the access token is refused."
	case "guard":
		return " The operation is held until an administrator confirms or dismisses it."
	case "app":
		return " " + s.noAnswer() + " The operation is tried again automatically."
	case "sweep":
		return " The operation waits for the first sweep to count everybody who is due."
	case "":
		if !next.At.After(s.now) && s.person.Doing == nil && next.Cause.Condition == provision.ConditionAppOff && !s.person.Scope.Known {
			return " The operation waits, because it is not known now whether they are in scope: " + s.reasons() + "."
		}
		return ""
	}
	retry, _ := s.person.Record.Retry(s.person.Next.Operation)
	return " " + s.again(retry, "The operation", s.app+" refused this, and it")
}

// access says when somebody in scope gets an active account.
func (s standing) access() string {
	kind, one, making, refused := provision.Create, "An account is created", "Creating an account", s.app+" refused to create an account, and this"
	if s.person.Account.Exists() {
		kind, one, making, refused = provision.Unsuspend, "The account is unsuspended", "Unsuspending the account", s.app+" refused to unsuspend the account, and this"
	}
	rec := s.person.Record
	retry, waits := rec.Retry(kind)
	dismissed, isDismissed := dismissal(rec, kind, provision.Condition{})
	switch {
	case !s.c.Ready():
		return one + " once autoprovisioning is set up and turned on."
	case !s.c.On:
		return one + " when autoprovisioning is turned on."
	case !s.authorized():
		return one + " once " + s.app + " is reauthorized: the access token is refused."
	case kind == provision.Create && rec.Hold != nil && rec.Hold.Operation == kind:
		return "Creating an account is held until an administrator confirms or dismisses it, because more accounts were gone from " + s.app + " at once than your limit allows."
	case isDismissed:
		return "No account is created: an administrator dismissed that on " + momentAt(dismissed.At, s.now).Text() + "."
	case kind == provision.Create && s.person.MappingError != "":
		return "No account can be created, because their attributes cannot be computed."
	case waits && (s.person.Doing == nil || s.person.Doing.Kind != kind):
		return s.again(retry, making, refused)
	case s.c.Failing():
		return one + " once " + s.app + " answers. " + s.noAnswer()
	}
	return one + " at the next check."
}

// noAnswer says that the app fails.
func (s standing) noAnswer() string {
	at := momentAt(s.c.FailingSince, s.now)
	return fmt.Sprintf("%s has not answered properly since %s (%s).", s.app, at.Text(), at.Far())
}

// again says of an operation that went wrong what it waits for. making and
// refused begin the sentence.
func (s standing) again(retry provision.Retry, making, refused string) string {
	at := momentAt(retry.At, s.now)
	again := fmt.Sprintf("is tried again on %s (%s).", at.Text(), at.Far())
	if !retry.At.After(s.now) {
		again = "is tried again now."
	}
	switch retry.Reason {
	case provision.RetryRefused:
		return refused + " " + again
	case provision.RetryConflict:
		return making + " waits for you to settle a conflict, and " + again
	}
	return making + " failed, and " + again
}

// further says what else an administrator should know of this person.
func (s standing) further() []string {
	var more []string
	account := s.person.Account
	if s.person.MappingError != "" {
		more = append(more, "Their attributes cannot be computed, so none are written: "+s.person.MappingError)
	}
	if s.protected() && len(s.person.Record.Conditions) == 0 {
		more = append(more, "They are protected: their account is never suspended or hard deleted.")
	}
	if account.Exists() && account.Adopted {
		more = append(more, "The account existed before and was adopted.")
	}
	if !account.Exists() && !account.RemovedAt.IsZero() {
		more = append(more, "The account that they had before has been gone since "+momentAt(account.RemovedAt, s.now).Text()+".")
	}
	if s.person.InScope {
		more = append(more, "Creating an account does not send an invitation. Someone must invite the person in "+s.app+".")
	}
	return more
}
