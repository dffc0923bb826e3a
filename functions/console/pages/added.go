package pages

import (
	"time"

	"example.com/autoprovision/shared/provision"
)

// What pages added from outside say in the console's own words (see Add). A
// value of type any is for the shared part of the templates that is named.

// Moment is for the part "time": a time and how far it is from now.
func Moment(at, now time.Time) any { return momentAt(at, now) }

// OperationLabel is for the part "label".
func OperationLabel(k provision.OperationKind) any { return operationLabel(k) }

// Condition says in a clause what holds; empty for none.
func Condition(name provision.ConditionName) string { return condition(name) }

// Waits says what keeps a removal that admin.Person.HeldBy names; empty for nothing.
func Waits(by string) string { return heldWords(by) }

// Explain is what an error says to an administrator.
func Explain(err error) string {
	_, text := explained(err)
	return text
}
