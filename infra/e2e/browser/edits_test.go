package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestEdits changes each section: nothing happens before its preview is saved.
func TestEdits(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	p.suspended("tomas.novak@example.com")

	b.Visit(p.URL + "/settings/attributes")
	b.Click(".more summary")
	b.Choose("#source4", "expression")
	b.Fill("#expression4", "user.orgUnitPath == '/Finance' ? user.organizations[5].title : user.name.fullName")
	b.Press("Show the result", "Of 37 people in scope, 34 get all their attributes and 3 do not.")
	b.Shows("fatima.zahra@example.com")
	b.Inspect("trial")
	b.Choose("#source4", "")
	b.Choose("#source5", "organizations.0.title")
	b.Press("Preview the edit", "This is what your edit of the attributes would do")
	b.Shows("Their attributes differ from what was last applied")
	b.Inspect("preview-attributes")
	b.Press("Save", "Saved.")
	b.Shows("Job title")

	b.Visit(p.URL + "/settings/who")
	b.Choose(unit("/Finance"), "off")
	b.Becomes("the count to follow", "document.querySelector('.sticky strong')?.innerText === '34'")
	b.Press("Preview the edit", "This is what your edit of the provisioning scope would do")
	b.Shows("fatima.zahra@example.com")
	b.Shows("Out of scope")
	b.Inspect("preview-who")
	b.Press("Back to the form", "Who gets an account")
	b.Holds(unit("/Finance"), "off")
	b.Press("Preview the edit", "fatima.zahra@example.com")
	b.Press("Save, and confirm 6 suspends and hard deletes", "Saved.")
	b.Shows("/Finance")

	b.Visit(p.URL + "/settings/time-frames")
	b.Choose("#suspended-s", "21d")
	b.Choose("#suspended-d", "")
	b.Press("Preview the edit", "This is what your edit of the deprovisioning time frames would do")
	b.Shows("tomas.novak@example.com")
	b.Shows("before this edit")
	b.Press("1 Deadlines that move", "come at another time with your edit than before")
	b.Shows("tomas.novak@example.com")
	b.Inspect("preview-time-frames")
	b.Press("Save", "Saved.")
	b.Shows("Suspend: after 21 days; hard delete: never")

	b.Visit(p.URL + "/settings/time-frames")
	b.Choose("#suspended-s", "")
	b.Press("Preview the edit", "No longer due")
	b.Shows("This is due as things are set now, and would not be with your edit.")
	b.Inspect("preview-freed")

	b.Visit(p.URL + "/settings/safety")
	b.Fill("#protected", "dana.ben-david@example.com")
	b.Fill("#share", "20")
	b.Press("Preview the edit", "This is what your edit of the protected people and the limit on suspends and hard deletes would do")
	b.Inspect("preview-safety")
	b.Press("Save", "Saved.")
	b.Shows("dana.ben-david@example.com")

	b.Visit(p.URL + "/settings/connection")
	b.Fill("#concurrency", "2")
	b.Press("Save", "Saved.")
	b.Press("Connection", "Connection to Comeet")
	b.Holds("#concurrency", "2")
	b.Press("Check what Comeet supports", "What the check found")
	b.Inspect("checked-connection")
}

// TestRefusedEdits sends what cannot be to every field of the settings.
func TestRefusedEdits(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	for _, c := range []struct{ page, field, entered, button, text string }{
		{"token", "#accessToken", "a-wrong-token", "Reauthorize", "Comeet refuses this token"},
		{"safety", "#protected", "nobody@example.com", "Preview the edit", "Neither the directory nor Comeet has anybody"},
		{"safety", "#share", "many", "Preview the edit", "Write a number of percent"},
		{"safety", "#share", "200", "Preview the edit", "Write a number of percent"},
		{"safety", "#min", "some", "Preview the edit", "Write a whole number of people"},
		{"safety", "#min", "-1", "Preview the edit", "cannot be negative"},
		{"connection", "#pageSize", "0", "Save", "Must be 1 to 1000"},
		{"connection", "#requestsPerSecond", "fast", "Save", "Write a number"},
		{"connection", "#concurrency", "none", "Save", "Write a whole number"},
		{"file", "#document", "{}", "Preview the edit", "is missing"},
	} {
		b.Visit(p.URL + "/settings/" + c.page)
		b.Fill(c.field, c.entered)
		b.Press(c.button, c.text)
		b.RefusedAt(c.field, c.text)
		if c.page != "token" {
			b.Holds(c.field, c.entered)
		}
		b.Inspect("refused-" + c.page + "-" + c.field[1:])
	}
	for _, row := range []string{"appOff", "suspended", "deleted", "archived"} {
		b.Visit(p.URL + "/settings/time-frames")
		if row == "archived" {
			b.Click("[name=archived]")
		}
		b.Choose("#"+row+"-s", "7d")
		b.Choose("#"+row+"-d", "1d")
		b.Press("Preview the edit", "must come later")
		b.RefusedAt("#"+row+"-d", "The hard delete must come later than the suspend beside it")
	}
	b.Inspect("refused-archived")
	const days = "from=2026-01-01&to=2020-01-01"
	for _, c := range []struct{ page, query, field, text string }{
		{"log", "user=nobody@example.com", "user", "obody has this address"}, {"log", "from=yesterday", "from", "Write a day"}, {"log", days, "to", "The last day is before the first"},
		{"coming-up", "from=tomorrow", "from", "Write a day"}, {"coming-up", days, "to", "The last day is before the first"},
	} {
		b.Visit(p.URL + "/" + c.page + "?" + c.query)
		b.RefusedAt("#"+c.field, c.text)
		b.Inspect("refused-" + c.page + "-" + c.field)
	}
	upload := filepath.Join(t.TempDir(), "configuration.json")
	if err := os.WriteFile(upload, []byte(`{"scope":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Visit(p.URL + "/settings/file")
	b.Do("choosing a file", chromedp.SetUploadFiles("#file", []string{upload}))
	b.Press("Preview the edit", "Nothing was saved")
	b.RefusedAt("#document", "is missing")
	b.Holds("#document", `{"scope":{}}`)
	b.Inspect("refused-upload")
}

// TestVanished edits a scope that names what the directory has no more.
func TestVanished(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	const units, groups = "/customer/my_customer/orgunits", "/groups"
	p.Dir("POST", units, object{"name": "Lab", "parentOrgUnitPath": "/"})
	p.Dir("POST", groups, object{"email": "lab@example.com", "name": "Lab"})
	p.API("PUT", "/scope", object{"orgUnits": []object{{"path": "/", "on": true}, {"path": "/Lab", "on": false}},
		"accessGroups": []string{"lab@example.com"}, "groups": []string{}, "domains": []string{}}, 200)
	p.Dir("DELETE", units+"/Lab", nil)
	p.Dir("DELETE", groups+"/lab@example.com", nil)
	b.Visit(p.URL + "/settings/who")
	b.Shows("Something in the scope is not in the directory any more")
	b.Shows("The directory has no such org unit any more: take it out of the scope")
	b.Shows(`The directory has no group "lab@example.com": remove it`)
	b.Inspect("vanished")
	b.Press("Preview the edit", "Nothing was saved")
	b.RefusedAt(unit("/Lab"), "The directory has no such org unit any more")
	b.Press("Remove lab@example.com", "Turn Comeet on for groups")
	b.Choose(unit("/Lab"), "")
	b.Becomes("the org unit to go", "!document.querySelector('input[value=\"/Lab\"]')")
	b.Press("Preview the edit", "This is what your edit of the provisioning scope would do")
	b.Press("Save", "Saved.")
}

// TestOffAndGone turns off and deletes, each after it was confirmed.
func TestOffAndGone(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	before := p.accounts()
	b.Press("Turn off", "Click Turn off to confirm")
	b.Shows("Existing users stay as they are and can still use the app")
	b.Press("Cancel", "Autoprovisioning is on")
	b.Press("Turn off", "Click Turn off to confirm")
	b.Press("Turn off", "Autoprovisioning is off")
	b.Press("Review and turn on", "This is what turning on would do")
	b.Shows("Nothing would be done to anybody")
	b.Press("Turn on", "Click Turn on to confirm")
	b.Press("Turn on", "Autoprovisioning is on")
	b.Visit(p.URL + "/settings")
	b.Press("Delete configuration", "Click Delete to confirm")
	b.Shows("Existing users will not be removed from Comeet and can still use the app.")
	b.Press("Delete", "Set up automated user provisioning")
	if after := p.accounts(); !slices.Equal(before, after) {
		t.Errorf("the accounts were %q and are %q", before, after)
	}
	b.Visit(p.URL + "/setup/review")
	b.Shows("Before you begin")
}

// unit is the choice for an org unit.
func unit(path string) string { return fmt.Sprintf("li:has(input[value=%q]) select", path) }
