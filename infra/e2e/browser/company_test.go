package browser_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

var binary program.Binary

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

type object = program.Object

// company is a local program with what its tests do to the simulated services.
type company struct {
	*program.Program
	t *testing.T
	// sim is where the simulated app is told how to behave.
	sim string
}

func start(t *testing.T) *company {
	t.Helper()
	p := binary.Start(t)
	return &company{Program: p, t: t, sim: strings.TrimSuffix(p.App, "/scim/v2") + "/sim"}
}

// settled is a program that is on, with a browser that is signed in.
func settled(t *testing.T, frames object) (*company, *browser.Tab) {
	t.Helper()
	p, b := start(t), browser.Open(t)
	p.SetUp(program.Everybody(), frames)
	b.Visit(p.Open)
	return p, b
}

// configured sets the program up through its API, as a test does that is about something else.
func (p *company) configured(frames object) {
	p.t.Helper()
	p.API("PUT", "/authorization", object{"accessToken": p.AppToken}, 200)
	p.API("PUT", "/scope", program.Everybody(), 200)
	p.API("PUT", "/deprovisioning", frames, 200)
}

// swept waits until the last sweep has ended well.
func (p *company) swept() { p.SweepDone(30 * time.Second) }

// until polls until a condition holds.
func (p *company) until(what string, holds func() bool) {
	p.t.Helper()
	program.Until(p.t, 30*time.Second, what, holds)
}

// send sends JSON to a simulated service, and expects success.
func (p *company) send(method, url string, body any) object {
	p.t.Helper()
	status, out, err := program.Call(p.t.Context(), method, url, "", body)
	if err != nil || status >= 300 {
		p.t.Fatalf("%s %s: %d %v %v", method, url, status, out, err)
	}
	return out
}

// patch changes somebody in the directory.
func (p *company) patch(email string, change object) {
	p.t.Helper()
	p.Dir("PATCH", "/users/"+email, change)
}

// suspended suspends people in the directory, and waits until that is seen.
func (p *company) suspended(emails ...string) {
	p.t.Helper()
	for _, email := range emails {
		p.patch(email, object{"suspended": true})
	}
	for _, email := range emails {
		p.until(email+" is seen to be suspended", func() bool {
			pending := p.API("GET", "/pending?pageSize=200", nil, 200)["items"].([]any)
			return slices.ContainsFunc(pending, func(item any) bool { return item.(object)["email"] == email })
		})
	}
}

// faults makes the app misbehave; an empty object ends that.
func (p *company) faults(f object) {
	p.t.Helper()
	p.send("PUT", p.sim+"/faults", f)
}

// account adds an account to the app by hand.
func (p *company) account(resource object) {
	p.t.Helper()
	p.send("POST", p.sim+"/accounts", resource)
}

// accounts are the user names of the active accounts in the app, in order.
func (p *company) accounts() (active []string) {
	p.t.Helper()
	for _, item := range p.send("GET", p.sim+"/accounts", nil)["items"].([]any) {
		resource := item.(object)["resource"].(object)
		if resource["active"] != false {
			active = append(active, resource["userName"].(string))
		}
	}
	slices.Sort(active)
	return active
}

// weekThenDelete suspends after a week and deletes after three, whatever the condition.
func weekThenDelete() object {
	row := object{"suspendAfter": "7d", "deleteAfter": "21d"}
	return object{"appOff": row, "suspended": row, "deleted": row}
}

// atOnce suspends within 24 hours, and deletes after a week.
func atOnce() object {
	row := object{"suspendAfter": "within24h", "deleteAfter": "7d"}
	return object{"appOff": row, "suspended": row, "deleted": row}
}
