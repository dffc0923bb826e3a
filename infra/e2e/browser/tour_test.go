package browser_test

import (
	"strings"
	"testing"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

// TestTourBefore looks at every page before autoprovisioning is on.
func TestTourBefore(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	b.Visit(p.URL + "/")
	b.Inspect("sign-in")
	b.Visit(p.Open)
	b.Inspect("home-new")
	for _, page := range []string{"people", "coming-up", "orphans", "log", "settings", "attention", "held"} {
		b.Visit(p.URL + "/" + page)
		b.Inspect(page + "-new")
	}
	b.Visit(p.URL + "/setup")
	b.Inspect("setup-start")
	b.Visit(p.URL + "/setup/token")
	b.Inspect("setup-token")
	b.Visit(p.URL + "/setup/attributes")
	b.Inspect("setup-attributes")
	b.Visit(p.URL + "/setup/who")
	b.Inspect("setup-who")
	b.Visit(p.URL + "/setup/time-frames")
	b.Inspect("setup-time-frames")

	p.account(object{"userName": "maya.cohen@example.com", "active": true}) // is adopted
	p.configured(weekThenDelete())
	b.Visit(p.URL + "/setup/review")
	b.Inspect("setup-review-none")
	b.Press("Make the preview", "lena.fischer@example.com")
	b.Inspect("setup-review")
	b.Press("1 Adopt", "they are linked and brought up to date, not doubled")
	b.Shows("maya.cohen@example.com")
	b.Inspect("setup-review-adopt")
	b.Visit(p.URL + "/turn-on")
	b.Inspect("turn-on")
	b.Visit(p.URL + "/")
	b.Inspect("home-off")
}

// TestTourAfter looks at every page when it is on, with people who are about to go.
func TestTourAfter(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	p.account(object{"userName": "old.intern@example.com", "displayName": "Old Intern", "active": true})
	p.SetUp(program.Everybody(), weekThenDelete())
	b.Visit(p.Open)
	p.suspended("tomas.novak@example.com", "omar.haddad@example.com")
	for _, page := range []string{"", "people", "people?q=a", "people/tomas.novak@example.com", "people/maya.cohen@example.com", "people/ruth.abrams@example.com", "coming-up", "orphans", "log", "log/failures",
		"settings", "settings/token", "settings/attributes", "settings/who", "settings/time-frames", "settings/safety", "settings/connection", "settings/file", "settings/delete", "turn-off", "attention", "held", "nothing-here"} {
		b.Visit(p.URL + "/" + page)
		b.Inspect("on-" + named(page))
	}
}

// named is a page's path as the name of a file.
func named(path string) string {
	if path == "" {
		return "home"
	}
	return strings.NewReplacer("/", "-", "?", "-", "=", "-", "@", "-").Replace(path)
}
