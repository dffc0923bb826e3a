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

// Condition says in a clause what holds, for the app of this name; empty for none.
func Condition(app string, name provision.ConditionName) string { return condition(app, name) }

// Cause says in a clause what the log says of a cause in a word.
func Cause(app, text string) string { return causeWords(app, text) }

// Waits says what keeps a removal that admin.Person.HeldBy names; empty for nothing.
func Waits(app, by string) string { return heldWords(app, by) }

// Readable makes a text that was written for machines too readable for a person:
// of the directory ids in it those that have a name, its times, and the app by its name.
func Readable(app, text string, now time.Time, names map[string]string) string {
	return reader{app: app, now: now, names: names}.plain(text)
}

// Explain is what an error of something done says to an administrator of the app of this name.
func Explain(app string, err error) string {
	_, text := explained(app, true, err)
	return text
}
