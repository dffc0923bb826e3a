package browser

import (
	"fmt"
	"slices"
	"testing"
)

// settled is a program that is on, with a browser that is signed in.
func settled(t *testing.T, frames object) (*program, *tab) {
	t.Helper()
	p, b := start(t), browse(t)
	p.configured(frames)
	p.on()
	b.visit(p.open)
	return p, b
}

// TestEdits changes each section: nothing happens before its preview is saved.
func TestEdits(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	p.suspended("tomas.novak@example.com")

	b.visit(p.url + "/settings/attributes")
	b.click(".more summary")
	b.choose("#source5", "organizations.0.title")
	b.press("Preview the edit", "This is what your edit of the attributes would do")
	b.shows("Their attributes differ from what was last applied")
	b.inspect("preview-attributes")
	b.press("Save", "Saved.")
	b.shows("Job title")

	b.visit(p.url + "/settings/who")
	b.choose(unit("/Finance"), "off")
	b.becomes("the count to follow", "document.querySelector('.sticky strong')?.innerText === '34'")
	b.press("Preview the edit", "This is what your edit of the provisioning scope would do")
	b.shows("fatima.zahra@example.com")
	b.shows("Out of scope")
	b.inspect("preview-who")
	b.press("Back to the form", "Who gets an account")
	b.holds(unit("/Finance"), "off")
	b.press("Preview the edit", "fatima.zahra@example.com")
	b.press("Save", "Saved.")
	b.shows("/Finance")

	b.visit(p.url + "/settings/time-frames")
	b.choose("#suspended-s", "21d")
	b.choose("#suspended-d", "")
	b.press("Preview the edit", "This is what your edit of the deprovisioning time frames would do")
	b.shows("tomas.novak@example.com")
	b.shows("without the edit")
	b.inspect("preview-time-frames")
	b.press("Save", "Saved.")
	b.shows("Suspend: after 21 days; hard delete: never")

	b.visit(p.url + "/settings/time-frames")
	b.choose("#suspended-s", "")
	b.press("Preview the edit", "No longer due")
	b.shows("This is due as things are set now, and would not be with your edit.")
	b.inspect("preview-freed")

	b.visit(p.url + "/settings/safety")
	b.fill("#protected", "dana.ben-david@example.com")
	b.fill("#share", "20")
	b.press("Preview the edit", "This is what your edit of the protected people and the limit on removals would do")
	b.inspect("preview-safety")
	b.press("Save", "Saved.")
	b.shows("dana.ben-david@example.com")

	b.visit(p.url + "/settings/connection")
	b.fill("#concurrency", "2")
	b.press("Save", "Saved.")
	b.press("Connection", "Connection to Comeet")
	b.holds("#concurrency", "2")
	b.press("Check what Comeet supports", "What the check found")
	b.inspect("checked-connection")
}

// TestRefusedEdits sends what cannot be to every field of the settings.
func TestRefusedEdits(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	for _, c := range []struct{ page, field, entered, button, text string }{
		{"token", "#accessToken", "a-wrong-token", "Re-authorize", "The app refuses this token"},
		{"safety", "#protected", "nobody@example.com", "Preview the edit", "Neither the directory nor the app has anybody"},
		{"safety", "#share", "many", "Preview the edit", "Write a number of percent"},
		{"safety", "#share", "200", "Preview the edit", "The share is a number"},
		{"safety", "#min", "some", "Preview the edit", "Write a whole number of people"},
		{"safety", "#min", "-1", "Preview the edit", "cannot be negative"},
		{"connection", "#pageSize", "0", "Save", "Must be 1 to 1000"},
		{"connection", "#requestsPerSecond", "fast", "Save", "Write a number"},
		{"connection", "#concurrency", "none", "Save", "Write a whole number"},
	} {
		b.visit(p.url + "/settings/" + c.page)
		b.fill(c.field, c.entered)
		b.press(c.button, c.text)
		b.refusedAt(c.field, c.text)
		if c.page != "token" {
			b.holds(c.field, c.entered)
		}
		b.inspect("refused-" + c.page + "-" + c.field[1:])
	}
	for _, c := range []struct{ field, query, text string }{{"user", "user=nobody@example.com", "obody has this address"}, {"from", "from=yesterday", "Write a day"}, {"to", "from=2026-01-01&to=2020-01-01", "The last day is before the first"}} {
		b.visit(p.url + "/log?" + c.query)
		b.refusedAt("#"+c.field, c.text)
	}
	b.inspect("refused-log")
}

// TestVanished edits a scope that names what the directory has no more.
func TestVanished(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	units := p.directory + "/admin/directory/v1/customer/my_customer/orgunits"
	groups := p.directory + "/admin/directory/v1/groups"
	p.send("POST", units, object{"name": "Lab", "parentOrgUnitPath": "/"}, nil)
	p.send("POST", groups, object{"email": "lab@example.com", "name": "Lab"}, nil)
	p.send("PUT", p.url+api+"/scope", object{"orgUnits": []object{{"path": "/", "on": true}, {"path": "/Lab", "on": false}},
		"accessGroups": []string{"lab@example.com"}, "groups": []string{}, "domains": []string{}}, nil)
	p.send("DELETE", units+"/Lab", nil, nil)
	p.send("DELETE", groups+"/lab@example.com", nil, nil)
	b.visit(p.url + "/settings/who")
	b.shows("The directory has no org unit")
	b.shows("The directory has no group")
	b.inspect("vanished")
	b.press("Preview the edit", "Nothing was saved")
	b.refusedAt(unit("/Lab"), "The directory has no org unit")
	b.press("Remove lab@example.com", "Access groups")
	b.choose(unit("/Lab"), "")
	b.becomes("the org unit to go", "!document.querySelector('input[value=\"/Lab\"]')")
	b.press("Preview the edit", "This is what your edit of the provisioning scope would do")
	b.press("Save", "Saved.")
}

// TestOffAndGone turns off and deletes, each after it was confirmed.
func TestOffAndGone(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	before := p.accounts()
	b.press("Turn off", "Click Turn off to confirm")
	b.shows("Existing users stay as they are and can still use the app")
	b.press("Cancel", "Autoprovisioning is on")
	b.press("Turn off", "Click Turn off to confirm")
	b.press("Turn off", "Autoprovisioning is off")
	b.press("Review and turn on", "This is what turning on would do")
	b.shows("Nothing would be done to anybody")
	b.press("Turn on", "Click Turn on to confirm")
	b.press("Turn on", "Autoprovisioning is on")
	b.visit(p.url + "/settings")
	b.press("Delete configuration", "Click Delete to confirm")
	b.shows("Existing users will not be removed from Comeet and can still use the app.")
	b.press("Delete", "Set up automated user provisioning")
	if after := p.accounts(); !slices.Equal(before, after) {
		t.Errorf("the accounts were %q and are %q", before, after)
	}
	b.visit(p.url + "/setup/review")
	b.shows("Before you begin")
}

// unit is the choice for an org unit.
func unit(path string) string { return fmt.Sprintf("li:has(input[value=%q]) select", path) }

// suspended suspends somebody in the directory, and waits until that is seen.
func (p *program) suspended(emails ...string) {
	p.t.Helper()
	for _, email := range emails {
		p.patch(email, object{"suspended": true})
	}
	for _, email := range emails {
		p.until(email+" is seen to be suspended", func() bool {
			var user struct{ Directory string }
			p.send("GET", p.url+api+"/users/"+email, nil, &user)
			var list struct{ Items []struct{ Email string } }
			p.send("GET", p.url+api+"/pending?pageSize=200", nil, &list)
			return user.Directory == "suspended" && slices.ContainsFunc(list.Items, func(item struct{ Email string }) bool { return item.Email == email })
		})
	}
}
