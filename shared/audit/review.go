package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/autoprovision/shared/provision"
)

const (
	// serviceReview is how long a switch in the Admin console is shown, unless
	// the scope is saved before.
	serviceReview = 30 * 24 * time.Hour
	// googleReview is how long after its last event Google's own
	// autoprovisioning is taken to be on.
	googleReview = 7 * 24 * time.Hour
)

// reviewService shows that the app was switched in the Admin console. No
// configuration follows it: a bare name does not identify an org unit, and the
// value for "inherit" is not known.
func (r reading) reviewService(ctx context.Context, e Event) error {
	if !r.ours(e.Service) {
		return nil
	}
	what := map[string]string{"true": "turned on", "false": "turned off"}[strings.ToLower(e.Value)]
	where := "the org unit " + clip(e.OrgUnit)
	switch {
	case e.Group != "":
		where = "the group " + clip(e.Group)
	case e.OrgUnit == "":
		where = "your whole organization"
	}
	why := fmt.Sprintf("In Google's Admin console %s was %s for %s.", r.AppName, cmp.Or(what, "switched"), where)
	now := r.Business()
	return r.review(ctx, provision.Review{
		Key: "service " + where, EventID: "audit-" + r.key, Why: why,
		Todo:  "Check whether the provisioning scope should change too, then save it, changed or not. Saving removes this entry.",
		Since: now, SeenAt: now, Until: now.Add(serviceReview), EndsWithScope: true,
	})
}

// off are the values that may say that something was turned off: which of them
// Google writes is not documented.
var off = []string{"off", "false", "disabled", "deactivated", "inactive"}

// ours reports whether a name in the Admin console is of the app: an
// administrator may have added to it.
func (r reading) ours(name string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(r.AppName))
}

// reviewGoogle warns that Google's own autoprovisioning of the app is on: two
// provisioners undo each other's work. An event that names another app is of no
// account, and so is one that it was turned off; one that names none may be about
// this one. One event a day is logged.
func (r reading) reviewGoogle(ctx context.Context, e Event) error {
	turnedOff := e.Name == "updateautoprovstatus" && slices.Contains(off, Name(e.Value))
	if turnedOff || len(e.Apps) > 0 && !slices.ContainsFunc(e.Apps, r.ours) {
		return nil
	}
	which := "of " + r.AppName
	if len(e.Apps) == 0 {
		which = "of an app, perhaps " + r.AppName + ","
	}
	now := r.Business()
	return r.review(ctx, provision.Review{
		Key: "autoprovisioning", EventID: "autoprovisioning-" + now.Format(time.DateOnly),
		Why:   fmt.Sprintf("Google's own autoprovisioning %s is at work, and the two will undo each other's work.", which),
		Todo:  fmt.Sprintf("Turn autoprovisioning of %s off in Google's Admin console; this entry disappears one week after Google's autoprovisioning last changed something.", r.AppName),
		Since: now, SeenAt: now, Until: now.Add(googleReview),
	})
}

func (r reading) review(ctx context.Context, review provision.Review) error {
	return r.Health.Review(ctx, review, provision.Event{
		ID: review.EventID, Time: review.SeenAt, Name: provision.EventNotice,
		Outcome: provision.OutcomeDone, Cause: provision.Cause{Text: review.Why},
	})
}

// clip makes a stranger's text fit to be shown.
func clip(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, s)
	const most = 100
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
