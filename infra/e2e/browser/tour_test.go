package browser

import "testing"

// TestTour looks at every page in the states that an administrator meets.
func TestTour(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	b.visit(p.url + "/")
	b.inspect("sign-in")
	b.visit(p.open)
	b.inspect("home-new")
	for _, page := range []string{"people", "coming-up", "orphans", "log", "settings", "attention", "held"} {
		b.visit(p.url + "/" + page)
		b.inspect(page + "-new")
	}
	b.visit(p.url + "/setup")
	b.inspect("setup-start")
	b.visit(p.url + "/setup/token")
	b.inspect("setup-token")
	b.visit(p.url + "/setup/attributes")
	b.inspect("setup-attributes")
	b.visit(p.url + "/setup/who")
	b.inspect("setup-who")
	b.visit(p.url + "/setup/time-frames")
	b.inspect("setup-time-frames")

	p.account(object{"userName": "old.intern@example.com", "displayName": "Old Intern", "active": true})
	p.account(object{"userName": "maya.cohen@example.com", "active": true})
	p.configured(weekThenDelete())
	b.visit(p.url + "/setup/review")
	b.shows("Create")
	b.inspect("setup-review")
	b.visit(p.url + "/turn-on")
	b.inspect("turn-on")
	b.visit(p.url + "/")
	b.inspect("home-off")

	p.on()
	p.patch("tomas.novak@example.com", object{"suspended": true})
	p.patch("omar.haddad@example.com", object{"suspended": true})
	p.until("two are due", func() bool {
		var pending struct{ Items []any }
		p.send("GET", p.url+api+"/pending", nil, &pending)
		return len(pending.Items) == 2
	})
	for _, page := range []string{"", "people", "people?q=a", "people/tomas.novak@example.com", "people/maya.cohen@example.com", "people/ruth.abrams@example.com", "coming-up", "orphans", "log", "log/failures",
		"settings", "settings/token", "settings/attributes", "settings/who", "settings/time-frames", "settings/safety", "settings/connection", "settings/delete", "turn-off", "attention", "held"} {
		b.visit(p.url + "/" + page)
		b.inspect("on-" + named(page))
	}
}
