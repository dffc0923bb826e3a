package playground

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/shared/provision"
)

// sentence says what an event did and why; the name of who it was about comes before it.
func sentence(app string, e provision.Event) string {
	text := deedOf(e)
	if condition := pages.Condition(app, e.Cause.Condition); condition != "" {
		text += ", because " + condition
	} else if e.Cause.Text != "" {
		text += ": " + pages.Cause(app, e.Cause.Text)
	}
	if e.Error != "" {
		text += ": " + e.Error
	}
	return strings.TrimSuffix(text, ".") + "."
}

// deedOf is an event as a clause.
func deedOf(e provision.Event) string {
	done := e.Outcome == provision.OutcomeDone
	if e.Name == provision.EventNotice && e.Cause.Condition != "" {
		return "has a notice: " + e.Cause.Text
	}
	for _, c := range []struct{ name, done, failed string }{
		{provision.EventCreate, "got an account", "could not be given an account"},
		{provision.EventUpdate, "has their account updated", "could not have their account updated"},
		{provision.EventSuspend, "has their account suspended", "could not have their account suspended"},
		{provision.EventUnsuspend, "has their account back", "could not have their account back"},
		{provision.EventHardDelete, "has their account hard deleted", "could not have their account hard deleted"},
		{provision.EventConfiguration, "The configuration changed", "The configuration did not change"},
	} {
		if c.name == e.Name && done {
			return c.done
		} else if c.name == e.Name {
			return c.failed
		}
	}
	return e.Name
}

// explain is an error in words; the directory's own become what a person would say.
func explain(app string, err error) string {
	refusal, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return pages.Explain(app, err)
	}
	switch {
	case refusal.Code == http.StatusConflict:
		return "somebody has this address already."
	case refusal.Code == http.StatusNotFound && refusal.Message == "Domain not found.":
		return "the address is in no domain of the company."
	}
	return "the directory says: " + refusal.Message
}
