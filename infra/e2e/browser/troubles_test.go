package browser_test

import (
	"slices"
	"testing"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

// leavers are more people than the guard lets go at once.
func leavers() []string {
	return []string{"helen.brooks@example.com", "ahmed.mansour@example.com", "chloe.martin@example.com", "liam.obrien@example.com",
		"isabela.santos@example.com", "anton.petrov@example.com", "carlos.ortega@example.com"}
}

// TestHeld confirms for some by name, and dismisses for the others.
func TestHeld(t *testing.T) {
	t.Parallel()
	p, b := settled(t, atOnce())
	before := len(p.accounts())
	p.send("POST", p.Directory+"/sim/faults", object{"dropPushes": 100, "dropAudits": 100})
	for _, email := range leavers() {
		p.patch(email, object{"suspended": true})
	}
	b.Press("Sweep now", "A sweep has begun")
	p.until("they are held", func() bool {
		held, _ := p.API("GET", "", nil, 200)["held"].(object)
		return held["people"] == float64(len(leavers()))
	})
	p.swept()
	b.Visit(p.URL + "/")
	b.Shows("Held for you: 7 people")
	b.Inspect("home-held")
	b.Press("Show all 7", "operations have been waiting for your decision")
	b.Press("Confirm and run these operations", "Tick at least one person")
	b.Becomes("what is wrong to have the focus", "document.activeElement?.id === 'held-error'")
	b.Inspect("refused-held")
	for _, email := range leavers()[:2] {
		b.Click("[aria-label=" + browser.Quote("Choose "+email) + "]")
	}
	b.Enter("Press Confirm or Dismiss; nothing was decided.")
	b.Press("Confirm and run these operations", "Confirmed. The operations are starting now; follow them in the Log.")
	p.until("two are suspended", func() bool { return len(p.accounts()) == before-2 })
	b.Visit(p.URL + "/held")
	b.Shows("5 operations have been waiting for your decision")
	b.Click("[name=for][value=all]")
	b.Press("Dismiss: do not run them", "Dismissed: nothing is done for them until there is a new reason, or autoprovisioning is turned off and on again.")
	b.Visit(p.URL + "/held")
	b.Shows("Nothing is held.")
	active := p.accounts()
	for i, email := range leavers() {
		if slices.Contains(active, email) != (i >= 2) {
			t.Errorf("%s: active is %v", email, i < 2)
		}
	}
}

// TestReauthorize loses the authorization, and gets it back from the banner.
func TestReauthorize(t *testing.T) {
	t.Parallel()
	p, b := settled(t, atOnce())
	p.faults(object{"refuseToken": true})
	p.patch("maya.cohen@example.com", object{"suspended": true})
	p.until("the token is refused", func() bool { return p.API("GET", "", nil, 200)["status"] == "needsReauthorization" })
	b.Visit(p.URL + "/")
	b.Shows("Comeet refuses the access token")
	b.Shows("account inactivity, or because the admin password for Comeet has changed")
	b.Inspect("home-reauthorize")
	b.Press("Reauthorize", "Get access token for app")
	b.Inspect("reauthorize")
	p.faults(object{})
	b.Fill("#accessToken", p.AppToken)
	b.Press("Reauthorize", "Reauthorized: Comeet accepts the token.")
	b.Hides(p.AppToken, program.AdminToken)
	p.until("what waited is done", func() bool { return !slices.Contains(p.accounts(), "maya.cohen@example.com") })
}

// TestProgress watches a first sweep without touching the page.
func TestProgress(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	p.configured(atOnce())
	p.faults(object{"latencyMs": 1000})
	b.Visit(p.Open)
	b.Visit(p.URL + "/turn-on")
	b.Press("Turn on", "A sweep is under way")
	b.Becomes("the bar to move", "document.querySelector('progress')?.max > 1 && document.querySelector('progress').value > 0")
	b.Inspect("home-sweep")
	browser.Eval[bool](b, "window.stayed = true")
	b.Fill("#q", "maya")
	p.faults(object{})
	b.Shows("Last sweep: 41 people compared")
	b.Becomes("the end to be announced", "document.querySelector('#sweep-status').innerText === 'The sweep has ended.'")
	b.Becomes("what else there is to follow", "document.querySelector('#usage').innerText.includes('Create User By Auto Provisioning: 38')")
	if b.Holds("#q", "maya"); !browser.Eval[bool](b, "window.stayed === true") {
		t.Error("the page was loaded as a whole, whatever was entered on it")
	}
	if browser.Eval[bool](b, "!!document.querySelector('progress')") {
		t.Error("the bar stays after the sweep")
	}
}

// TestTroubles looks at what needs a person, and finds in two clicks why
// somebody has access, and until when.
func TestTroubles(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	p.account(object{"userName": "old.intern@example.com", "active": true})
	dana := p.Dir("GET", "/users/dana.ben-david@example.com", nil)["id"]
	p.account(object{"userName": "dana", "externalId": dana, "active": true}) // two of hers
	p.account(object{"userName": "noa.levi@example.com", "externalId": dana, "active": true})
	p.SetUp(program.Everybody(), atOnce())
	p.faults(object{"refuseSuspend": []string{"*"}})
	p.suspended("tomas.novak@example.com", "omar.haddad@example.com")
	b.Visit(p.Open)
	b.Shows("Refused by Comeet")
	b.Shows("another person, dana.ben-david@example.com")
	b.Inspect("home-troubles")
	for _, page := range []string{"attention", "log/failures", "log?outcome=refused", "orphans", "coming-up", "people/noa.levi@example.com", "people/tomas.novak@example.com"} {
		b.Visit(p.URL + "/" + page)
		b.Inspect("troubles-" + named(page))
	}

	b.Visit(p.URL + "/")
	b.Fill("#q", "ruth.abrams@example.com")
	b.Press("Find", "They have no account in Comeet, because they are archived")
	b.Visit(p.URL + "/")
	b.Fill("#q", "kwame")
	b.Press("Find", "kwame.mensah@example.com")
	b.Press("kwame.mensah@example.com", "They have an active account in Comeet, because Comeet is turned on for them")
	b.Shows("No end date")
	b.Press("Check this person now", "Checked: nothing had to be done.")
	b.Visit(p.URL + "/people")
	b.Fill("#q", "omar")
	b.Becomes("the list to follow what is typed", "document.querySelectorAll('#people tbody tr').length === 1")
	b.Becomes("that to be announced", "document.querySelector('#found[role=status]').innerText === '1 shown'")
	b.Press("omar.haddad@example.com", "although they are suspended in Google Workspace")
	b.Shows("The account is due to be suspended now. Comeet refused this, and it is tried again on ")
}
