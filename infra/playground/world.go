package playground

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// setUp sets what is not set yet, the usual way, and turns on: what an
// administrator does in the wizard, in one press.
func (g *playground) setUp(w http.ResponseWriter, r *http.Request) error {
	return g.said(w, r, "Autoprovisioning is set up and on: everybody in scope gets an account now.", g.turnOn(r.Context()))
}

func (g *playground) turnOn(ctx context.Context) error {
	c, err := g.Service.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if c.Authorization.State != provision.AuthorizationOK {
		if err := g.Service.Authorize(ctx, secrets.NewValue(g.Comeet.Token())); err != nil {
			return err
		}
	}
	var missing admin.Proposal
	if c.Scope == nil {
		missing.Scope = &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}}
	}
	if len(c.Policies) == 0 {
		missing.Deprovisioning = &provision.Deprovisioning{
			AppOff:    provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "21d"},
			Suspended: provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "7d"},
			Deleted:   provision.TimeFrames{SuspendAfter: provision.Within24h, DeleteAfter: "1d"},
		}
	}
	if missing.Scope != nil || missing.Deprovisioning != nil {
		if err := g.Service.Put(ctx, missing, ""); err != nil {
			return err
		}
	}
	return g.Service.TurnOn(ctx, "")
}

// renewToken makes the app take another token, and authorizes with it.
func (g *playground) renewToken(w http.ResponseWriter, r *http.Request) error {
	token := "comeet-" + rand.Text()
	err := g.Comeet.SetToken(token)
	if err == nil {
		g.Comeet.SetFaults(simcomeet.Faults{})
		err = g.Service.Authorize(r.Context(), secrets.NewValue(token))
	}
	return g.said(w, r, g.Service.Profile.Name+" has a new token, and autoprovisioning has it too: what waited goes on.", err)
}

// move is a step of the clock.
type move struct {
	Hours int
	Label string
}

func moves() []move {
	return []move{{1, "1 hour"}, {24, "1 day"}, {7 * 24, "7 days"}, {21 * 24, "21 days"}}
}

func (g *playground) moveClock(w http.ResponseWriter, r *http.Request) error {
	hours, err := strconv.Atoi(field(r, "hours"))
	all := moves()
	i := slices.IndexFunc(all, func(m move) bool { return m.Hours == hours })
	if err != nil || i < 0 {
		return g.said(w, r, "", fault.New(fault.Invalid, "", "choose one of the steps on the page."))
	}
	if err := g.Advance(time.Duration(hours) * time.Hour); err != nil {
		return g.said(w, r, "", err)
	}
	st, err := g.Service.Status(r.Context())
	return g.said(w, r, "It is "+all[i].Label+" later. "+whatFellDue(st.Status, g.Service.Profile.Name, g.Comeet.Faults()), err)
}

// whatFellDue says what becomes of it.
func whatFellDue(status, app string, faults simcomeet.Faults) string {
	switch {
	case status == admin.StatusOff || status == admin.StatusNotConfigured:
		return "Nothing is done, because autoprovisioning is not on."
	case status == admin.StatusNeedsReauthorization || faults.RefuseToken:
		return "What fell due waits, because " + app + " refuses the token."
	case faults.FailNext > 0:
		return "What fell due waits, because " + app + " fails."
	case status == admin.StatusHeld:
		return "What fell due is starting now, except for what is held for you."
	}
	return "What fell due is starting now."
}

// manner is how the simulated app treats its callers.
type manner struct {
	Name, Label string
	// Says what it means, in a sentence.
	Says   string
	Here   bool
	faults simcomeet.Faults
}

// manners marks the one that the faults amount to; none, for faults set from elsewhere.
func manners(now simcomeet.Faults) []manner {
	return []manner{
		{Name: "works", Label: "Works", Says: "It does what it is asked.",
			Here: !now.RefuseToken && now.FailNext == 0 && now.RequestsPerSecond == 0},
		{Name: "throttles", Label: "Throttles", Says: "It takes a call every two seconds, and answers 429 to the others.",
			Here: now.RequestsPerSecond > 0, faults: simcomeet.Faults{RequestsPerSecond: 0.5, RetryAfter: "2"}},
		{Name: "fails", Label: "Fails", Says: "It answers 503 to every call.",
			Here: now.FailNext > 0, faults: simcomeet.Faults{FailNext: 1 << 30, FailStatus: http.StatusServiceUnavailable}},
		{Name: "refuses", Label: "Refuses the token", Says: "It answers 401 to every call, as when its administrator changed a password.",
			Here: now.RefuseToken, faults: simcomeet.Faults{RefuseToken: true}},
	}
}

// spoil makes the app behave in another manner.
func (g *playground) spoil(w http.ResponseWriter, r *http.Request) error {
	all := manners(simcomeet.Faults{})
	i := slices.IndexFunc(all, func(m manner) bool { return m.Name == field(r, "manner") })
	if i < 0 {
		return g.said(w, r, "", fault.New(fault.Invalid, "", "choose one of the manners on the page."))
	}
	g.Comeet.SetFaults(all[i].faults)
	return g.said(w, r, "The simulated app: "+all[i].Label+". "+all[i].Says, nil)
}
