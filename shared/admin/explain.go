package admin

import (
	"cmp"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// Person is everything that explains why somebody has, or lacks, an account.
type Person struct {
	ID, Email string
	// Name is what they are called; empty when nobody said.
	Name      string
	Directory provision.Lifecycle
	InScope   bool
	// Reasons says why they get no account: what the directory says of them, and why they are out of scope.
	Reasons []string
	// Scope is the verdict of R1 alone; in lists it is not known.
	Scope scope.Verdict
	// Record is what we know of them, as the look leaves it.
	Record provision.Record
	// Deadlines are of each condition that holds.
	Deadlines []decide.Deadline
	Account   provision.Link
	// Doing is what a look now would do; nil for nothing, and in lists.
	Doing *decide.Operation
	// Next is the coming suspend or hard delete; nil for none. HeldBy says in a
	// word what keeps it: guard, off, reauthorization, sweep, app, failed, refused or conflict.
	Next   *provision.Pending
	HeldBy string
	// Then is the hard delete that follows a coming suspend; nil for none.
	Then   *provision.Pending
	Events []provision.Event
	// Desired are the attributes as the directory has them now, through the
	// mapping, whether or not they would be written; MappingError says why those
	// of somebody in scope cannot be.
	Desired      provision.Attributes
	MappingError string
}

// Explain is what one look at somebody, and the decision on it, say of them.
func Explain(c provision.Configuration, l decide.Look, d decide.Decision, now time.Time) Person {
	p := personOf(c, d.Record, now)
	p.Directory, p.Scope, p.Doing, p.Desired, p.MappingError = l.User.Lifecycle, l.Scope, d.Operation, l.Desired, l.MappingError
	p.Name = cmp.Or(directory.NameOf(l.User), p.Name)
	p.scoped(l.Scope.Known, l.Scope.In, l.Scope.Reasons)
	return p
}

// scoped says whether they should have an account now, and if not, why: their
// place in the scope, and before it what the directory says of them.
func (p *Person) scoped(known, in bool, reasons []string) {
	p.InScope, p.Reasons = known && in, reasons
	switch p.Directory {
	case provision.Suspended:
		p.InScope, p.Reasons = false, []string{"they are suspended in Google Workspace"}
		if known {
			p.Reasons = append(p.Reasons, reasons...)
		}
	case provision.Archived:
		p.InScope, p.Reasons = false, []string{"they are archived in Google Workspace"}
	case provision.Deleted:
		p.InScope, p.Reasons = false, []string{"they are deleted in Google Workspace"}
	case provision.Unknown:
		p.InScope, p.Reasons = false, []string{"the directory does not say whether they are deleted: nothing is decided"}
	}
}

// personOf is what a record says.
func personOf(c provision.Configuration, rec provision.Record, now time.Time) Person {
	p := Person{ID: rec.UserID, Email: rec.Email, Name: rec.Account.Name(), Record: rec, Deadlines: decide.Deadlines(c, rec), Account: rec.Account,
		Next: rec.Next, HeldBy: heldBy(c, rec, now)}
	if p.Next != nil && p.Next.Operation == provision.Suspend {
		_, p.Then = decide.Coming(c, rec, now)
	}
	return p
}

// heldBy says in a word what keeps the next removal.
func heldBy(c provision.Configuration, rec provision.Record, now time.Time) string {
	switch {
	case rec.Next == nil:
		return ""
	case !c.On:
		return "off"
	case c.Authorization.State != provision.AuthorizationOK:
		return "reauthorization"
	case rec.Hold != nil && rec.Hold.Keeps(rec.Next.Operation):
		return "guard"
	}
	if retry, ok := rec.Retry(rec.Next.Operation); ok {
		return string(retry.Reason)
	}
	if c.PlannedAt.Before(c.TurnedOnAt) && !rec.Next.At.After(now) {
		return "sweep"
	}
	if c.Failing() && !rec.Next.At.After(now) {
		return "app"
	}
	return ""
}
