package pages

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// label is a word with the class that colours it.
type label struct{ Text, Class string }

func statusLabel(status string) label {
	switch status {
	case admin.StatusOn:
		return label{"On", "good"}
	case admin.StatusOff:
		return label{"Off", "quiet"}
	case admin.StatusHeld:
		return label{"On, waiting for you", "warn"}
	case admin.StatusNeedsReauthorization:
		return label{"Needs reauthorization", "bad"}
	case admin.StatusNotConfigured:
		return label{"Not set up", "quiet"}
	}
	return label{"Unknown", "quiet"}
}

func operationLabel(k provision.OperationKind) label {
	switch k {
	case provision.Create:
		return label{"Create", "create"}
	case provision.Update:
		return label{"Update", "update"}
	case provision.Suspend:
		return label{"Suspend", "suspend"}
	case provision.Unsuspend:
		return label{"Unsuspend", "unsuspend"}
	case provision.HardDelete:
		return label{"Hard delete", "delete"}
	}
	return label{string(k), "quiet"}
}

func accountLabel(l provision.Link) label {
	switch l.State {
	case provision.AccountActive:
		return label{"Active", "good"}
	case provision.AccountSuspended:
		return label{"Suspended", "warn"}
	}
	return label{"No account", "quiet"}
}

func lifecycleLabel(l provision.Lifecycle) label {
	switch l {
	case provision.Active:
		return label{"Active", "good"}
	case provision.Suspended:
		return label{"Suspended", "warn"}
	case provision.Archived:
		return label{"Archived", "quiet"}
	case provision.Deleted:
		return label{"Deleted", "bad"}
	}
	return label{"Not known", "quiet"}
}

func outcomeLabel(o provision.Outcome) label {
	switch o {
	case provision.OutcomeDone:
		return label{"Done", "good"}
	case provision.OutcomeRefused:
		return label{"Refused", "warn"}
	}
	return label{"Failed", "bad"}
}

// theApp is how texts call the app that are written where its name is not known.
var theApp = regexp.MustCompile(`\b[Tt]he app\b`)

// withApp calls the app by its name in a text.
func withApp(app, text string) string { return theApp.ReplaceAllLiteralString(text, app) }

// condition says in words what holds; it completes "because …".
func condition(app string, name provision.ConditionName) string {
	switch name {
	case provision.ConditionAppOff:
		return app + " is turned off for them"
	case provision.ConditionSuspended:
		return "they are suspended in Google Workspace"
	case provision.ConditionDeleted:
		return "they are deleted in Google Workspace"
	case provision.ConditionArchived:
		return "they are archived in Google Workspace"
	}
	return ""
}

// conditionOf is condition with the reasons of who is out of scope.
func conditionOf(app string, name provision.ConditionName, reasons []string) string {
	if name == provision.ConditionAppOff && len(reasons) > 0 {
		return withApp(app, strings.Join(reasons, "; "))
	}
	return condition(app, name)
}

// causeWords says for a person what a cause says in a word.
func causeWords(app, cause string) string {
	switch cause {
	case "in scope":
		return "they are in the provisioning scope"
	case "changed in the directory":
		return "their attributes differ from what was last applied"
	case "adopted":
		return "their account existed already, and was linked to them"
	}
	for _, l := range []provision.Lifecycle{provision.Suspended, provision.Deleted, provision.Archived} {
		if rest, ok := strings.CutPrefix(cause, "the directory says: "+string(l)); ok {
			return condition(app, provision.ConditionName(l)) + rest // each has its condition's name
		}
	}
	return cause
}

// eventLabel is how an event ended; of a notice nothing ended well or badly.
func eventLabel(e provision.Event) label {
	if e.Name == provision.EventNotice && e.Outcome == provision.OutcomeDone {
		return label{"Notice", "quiet"}
	}
	return outcomeLabel(e.Outcome)
}

// sentence begins with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s) // the app's own messages may begin with any letter
	if first == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// whole is a sentence with its capital and full stop.
func whole(s string) string {
	if s == "" || strings.ContainsRune(".!?)", rune(s[len(s)-1])) {
		return sentence(s)
	}
	return sentence(s) + "."
}

// heldWords says what keeps a removal, as admin.Person.HeldBy names it.
func heldWords(app, by string) string {
	switch by {
	case "guard":
		return "held until an administrator confirms or dismisses it"
	case "off":
		return "does not come then: autoprovisioning is off, and time frames count anew once it is on"
	case "reauthorization":
		return "waits for reauthorization"
	case "suspend":
		return "after the suspend"
	case "sweep":
		return "waits for the first sweep to count everybody who is due"
	case "app":
		return app + " does not answer properly; tried again automatically"
	case "refused":
		return app + " refused it; tried again daily"
	case "failed":
		return "it failed; tried again later"
	case "conflict":
		return "waits until a conflict is settled"
	}
	return ""
}

// delayWords is a time frame as the help page words it.
func delayWords(d provision.Delay) string {
	return sentence(d.Words())
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
