package browser

import (
	"slices"
	"testing"
)

// atOnce suspends within 24 hours, and deletes after a week.
func atOnce() object {
	row := object{"suspendAfter": "within24h", "deleteAfter": "7d"}
	return object{"appOff": row, "suspended": row, "deleted": row}
}

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
	p.send("POST", p.directory+"/sim/faults", object{"dropPushes": 100, "dropAudits": 100}, nil)
	for _, email := range leavers() {
		p.patch(email, object{"suspended": true})
	}
	b.press("Sweep now", "A sweep has begun")
	p.until("they are held", func() bool {
		var status struct{ Held *struct{ People int } }
		p.send("GET", p.url+api, nil, &status)
		return status.Held != nil && status.Held.People == len(leavers())
	})
	p.swept()
	b.visit(p.url + "/")
	b.shows("Held for you: 7 people")
	b.inspect("home-held")
	b.press("Show all 7", "people wait for your word")
	b.press("Confirm: do it", "Tick at least one person")
	b.inspect("refused-held")
	for _, email := range leavers()[:2] {
		b.click("[aria-label=" + quote("Choose "+email) + "]")
	}
	b.press("Confirm: do it", "Confirmed: what was held for them is done now.")
	p.until("two are suspended", func() bool { return len(p.accounts()) == before-2 })
	b.visit(p.url + "/held")
	b.shows("5 people wait")
	b.click("[name=for][value=all]")
	b.press("Dismiss: leave them as they are", "Dismissed: they keep what they have")
	b.visit(p.url + "/held")
	b.shows("Nothing is held.")
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
	p.until("the token is refused", func() bool {
		var status struct{ Status string }
		p.send("GET", p.url+api, nil, &status)
		return status.Status == "needsReauthorization"
	})
	b.visit(p.url + "/")
	b.shows("Comeet refuses the access token")
	b.shows("account inactivity, or because the admin password for Comeet has changed")
	b.inspect("home-reauthorize")
	b.press("Reauthorize", "Get access token for app")
	b.inspect("reauthorize")
	p.faults(object{})
	b.fill("#accessToken", p.appToken)
	b.press("Re-authorize", "Reauthorized: the app accepts the token.")
	b.hides(p.appToken, adminToken)
	p.until("what waited is done", func() bool { return !slices.Contains(p.accounts(), "maya.cohen@example.com") })
}

// TestProgress watches a first sweep without touching the page.
func TestProgress(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	p.configured(atOnce())
	p.faults(object{"latencyMs": 1000})
	b.visit(p.open)
	b.visit(p.url + "/turn-on")
	b.press("Turn on", "A sweep is under way")
	b.becomes("the bar to move", "document.querySelector('progress')?.max > 1 && document.querySelector('progress').value > 0")
	b.inspect("home-sweep")
	p.faults(object{})
	b.shows("Last sweep: 41 people compared")
	if eval[bool](b, "!!document.querySelector('progress')") {
		t.Error("the bar stays after the sweep")
	}
}

// TestTroubles looks at what needs a person, and finds in two clicks why
// somebody has access, and until when.
func TestTroubles(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	p.account(object{"userName": "old.intern@example.com", "active": true})
	var dana struct{ ID string }
	p.send("GET", p.directory+"/admin/directory/v1/users/dana.ben-david@example.com", nil, &dana)
	p.account(object{"userName": "dana", "externalId": dana.ID, "active": true}) // two of hers
	p.account(object{"userName": "noa.levi@example.com", "externalId": dana.ID, "active": true})
	p.configured(atOnce())
	p.on()
	p.faults(object{"refuseSuspend": []string{"*"}})
	p.suspended("tomas.novak@example.com", "omar.haddad@example.com")
	b.visit(p.open)
	b.shows("Refused by the app")
	b.shows("another person, dana.ben-david@example.com")
	b.inspect("home-troubles")
	for _, page := range []string{"attention", "log/failures", "log?outcome=refused", "orphans", "coming-up", "people/noa.levi@example.com", "people/tomas.novak@example.com"} {
		b.visit(p.url + "/" + page)
		b.inspect("troubles-" + named(page))
	}

	b.visit(p.url + "/")
	b.fill("#q", "ruth.abrams@example.com")
	b.press("Find", "They have no account in Comeet, because they are archived")
	b.visit(p.url + "/")
	b.fill("#q", "kwame")
	b.press("Find", "kwame.mensah@example.com")
	b.press("kwame.mensah@example.com", "They have an active account in Comeet, because Comeet is turned on for them")
	b.shows("No end is set")
	b.press("Look again now", "Looked again: nothing had to be done.")
	b.visit(p.url + "/people")
	b.fill("#q", "omar")
	b.becomes("the list to follow what is typed", "document.querySelectorAll('#people tbody tr').length === 1")
	b.press("omar.haddad@example.com", "although they are suspended from Google")
	b.shows("the app refused it; tried again daily")
}
