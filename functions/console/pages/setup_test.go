package pages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/autoprovision/shared/admin"
)

func TestSetUpToOn(t *testing.T) {
	t.Parallel()
	w := configured(t)
	if page := w.get(http.StatusOK, "/setup/review"); !strings.Contains(page, "Make the preview") {
		t.Error("reading the review makes a preview")
	}
	review := w.send("POST", "/setup/review", nil).Header.Get("Location")
	page := w.until(review, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	for _, want := range []string{"<strong>38</strong>", "maya.cohen@example.com", "At once"} {
		if !strings.Contains(page, want) {
			t.Errorf("the review does not show %q", want)
		}
	}
	if n := len(w.comeet.Accounts()); n != 0 {
		t.Fatalf("%d accounts before turning on", n)
	}
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	if n := len(w.comeet.Accounts()); n != 38 {
		t.Errorf("%d accounts, want 38", n)
	}
	w.post("/turn-off", nil, "/")
	if !strings.Contains(w.get(http.StatusOK, "/"), "Autoprovisioning is off") {
		t.Error("it is not off")
	}
	w.post("/settings/delete", nil, "/")
	if !strings.Contains(w.get(http.StatusOK, "/"), "/setup") || len(w.comeet.Accounts()) != 38 {
		t.Error("deleting the configuration did not lead back to the set-up with the accounts as they were")
	}
}

// TestSteps: each step that was passed is marked, also those that store nothing;
// once it is on, the set-up leads to the settings, where edits are previewed.
func TestSteps(t *testing.T) {
	t.Parallel()
	w := signedIn(t)
	base := w.system.Admin.Connection.BaseURL
	done := func(path string, want ...string) {
		t.Helper()
		page := w.get(http.StatusOK, path)
		steps := between(t, page, `aria-label="Steps of the set-up">`, "</ol>")
		var got []string
		for _, item := range strings.Split(steps, `<li class="done">`)[1:] {
			got = append(got, between(t, item, `">`, "<"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: done are %q, want %q", path, got, want)
		}
		if !strings.Contains(page, `<a href="/setup" aria-current="page">Set up</a>`) {
			t.Errorf("%s is not marked in the navigation", path)
		}
	}
	done("/setup/start")
	w.refuse(422, "/setup/start", url.Values{"sso": {"on"}}, "Tick all three first")
	w.post("/setup/start", url.Values{"sso": {"on"}, "invite": {"on"}, "google": {"on"}}, "/setup/token")
	done("/setup/token", "Before you begin")
	w.post("/setup/token", url.Values{"accessToken": {appToken}, "baseUrl": {base}}, "/setup/attributes")
	if page := w.get(http.StatusOK, "/setup/start"); strings.Count(page, " checked") != 3 {
		t.Error("going back, the check-list is not ticked any more")
	}
	w.post("/setup/attributes", defaultMapping(), "/setup/who")
	done("/setup/who", "Before you begin", "Access token", "Attributes")
	w.post("/setup/who", url.Values{"do": {"save"}, "unit": {"/"}, "state": {"on"}}, "/setup/time-frames")
	w.post("/setup/time-frames", frames("suspended", "within24h", "7d"), "/setup/review")
	done("/setup/review", "Before you begin", "Access token", "Attributes", "Provisioning scope", "Deprovisioning time frames")
	w.post("/turn-on", nil, "/")
	for path, to := range map[string]string{"/setup": "/settings", "/setup/start": "/settings", "/setup/review": "/settings", "/setup/who": "/settings/who", "/setup/token": "/settings/token", "/turn-on": "/"} {
		if got := w.send("GET", path, nil).Header.Get("Location"); got != to {
			t.Errorf("%s leads to %q, want %q", path, got, to)
		}
	}
	w.post("/setup/who", url.Values{"do": {"save"}, "unit": {"/"}, "state": {"off"}}, "/settings/who")
	if c, _ := w.system.Store.Configuration(t.Context()); !c.Scope.OrgUnits[0].On {
		t.Error("while it is on, the set-up saves without a preview")
	}
}

// TestProtectionIsLostAndOfferedAgain: whoever deletes the configuration reads
// whose protection goes with it, and the next set-up offers to protect people.
func TestProtectionIsLostAndOfferedAgain(t *testing.T) {
	t.Parallel()
	w := configured(t)
	protects := func() string {
		c, err := w.system.Store.Configuration(t.Context())
		check(t, err)
		return strings.Join(admin.ProtectedOf(c), " ")
	}
	page := w.refuse(422, "/setup/review", url.Values{"protected": {"maya.cohen@example.com\nnobody@example.com"}}, "nobody@example.com")
	if !strings.Contains(page, `<textarea id="protected"`) || !strings.Contains(page, "maya.cohen@example.com\nnobody@example.com</textarea>") || protects() != "" {
		t.Errorf("what was refused is not shown as it was entered: %s", page)
	}
	review := w.post("/setup/review", url.Values{"protected": {"maya.cohen@example.com, tomas.novak@example.com"}}, "/setup/review?preview=")
	if page := w.get(http.StatusOK, review); !strings.Contains(page, "maya.cohen@example.com\ntomas.novak@example.com</textarea>") || protects() != "maya.cohen@example.com tomas.novak@example.com" {
		t.Errorf("the review does not show who is protected: %s", page)
	}
	page = w.get(http.StatusOK, "/settings/delete")
	for _, want := range []string{"maya.cohen@example.com, tomas.novak@example.com", "the limit on suspends and hard deletes", "protected no longer"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say that %q goes too: %s", want, page)
		}
	}
	w.post("/settings/delete", nil, "/")
	if page := w.get(http.StatusOK, "/settings/delete"); strings.Contains(page, "protected no longer") {
		t.Error("nobody is protected, and somebody is said to lose it")
	}
}

// TestTurningOnKeepsWhoIsToBeProtected: people who were written down and not
// saved are saved by the buttons beside, and the preview is made with them.
func TestTurningOnKeepsWhoIsToBeProtected(t *testing.T) {
	t.Parallel()
	w := configured(t)
	protects := func() string {
		c, err := w.system.Store.Configuration(t.Context())
		check(t, err)
		return strings.Join(admin.ProtectedOf(c), " ")
	}
	if page := w.get(http.StatusOK, "/setup/review"); !strings.Contains(page, `<button class="primary" form="protect" name="then" value="preview">Make the preview`) {
		t.Errorf("making the preview does not send who is to be protected: %s", page)
	}
	review := w.post("/setup/review", url.Values{"protected": {"maya.cohen@example.com"}, "then": {"preview"}}, "/setup/review?preview=")
	if page := w.made(review); protects() != "maya.cohen@example.com" || !strings.Contains(page, `<button class="primary" form="protect" name="then" value="turn-on">Turn on`) {
		t.Errorf("protected are %q, or turning on does not send who is to be: %s", protects(), page)
	}
	again := w.post(review, url.Values{"protected": {"maya.cohen@example.com tomas.novak@example.com"}, "then": {"turn-on"}}, "/setup/review?preview=")
	if page := w.made(again); again == review || protects() != "maya.cohen@example.com tomas.novak@example.com" || !strings.Contains(page, "Saved who is protected. This is the new preview") {
		t.Errorf("protected are %q: %s", protects(), page)
	}
	w.refuse(http.StatusUnprocessableEntity, again, url.Values{"protected": {"nobody@example.com"}, "then": {"turn-on"}}, "Neither the directory nor Comeet")
	w.post(again, url.Values{"protected": {"Maya.Cohen@example.com, tomas.novak@example.com"}, "then": {"turn-on"}}, "/turn-on?preview="+strings.TrimPrefix(again, "/setup/review?preview="))
}

// TestNothingToTurnOff: turning off is offered only of what is on.
func TestNothingToTurnOff(t *testing.T) {
	t.Parallel()
	for says, w := range map[string]*world{"Autoprovisioning is not set up yet, so there is nothing to turn off.": signedIn(t), "Autoprovisioning is off already.": configured(t)} {
		w.body(w.send("GET", "/turn-off", nil), http.StatusSeeOther, "/turn-off")
		if page := w.get(http.StatusOK, "/"); !strings.Contains(page, says) {
			t.Errorf("it is not said that %q: %s", says, page)
		}
	}
}

// TestScopeOfNobody passes, with a warning where it is chosen and before it is turned on.
func TestScopeOfNobody(t *testing.T) {
	t.Parallel()
	w := configured(t)
	const nobody = "Nobody is in the provisioning scope"
	if strings.Contains(w.get(http.StatusOK, "/setup/who"), nobody) || strings.Contains(w.get(http.StatusOK, "/setup/review"), nobody) {
		t.Error("it is warned of a scope with people in it")
	}
	w.post("/setup/who", url.Values{"do": {"save"}, "unit": {"/"}, "state": {"off"}}, "/setup/time-frames")
	for _, path := range []string{"/setup/who", "/setup/review", w.post("/setup/review", nil, "/setup/review?preview=")} {
		if page := w.get(http.StatusOK, path); !strings.Contains(page, `<p class="warning">`+nobody) {
			t.Errorf("%s does not warn of a scope of nobody: %s", path, page)
		}
	}
}

// TestBeforeAnythingIsKnown: a page with nothing on it says why, and what comes next.
func TestBeforeAnythingIsKnown(t *testing.T) {
	t.Parallel()
	w := configured(t)
	for path, want := range map[string]string{
		"/setup/review": "Next is a preview of what turning on would do in Comeet, person by person. Making it changes nothing.",
		"/orphans":      "Not known yet: the preview before turning on lists them, and then every sweep does.",
		"/":             "Off, as autoprovisioning is: it is listened to when it is turned on.",
	} {
		if page := w.get(http.StatusOK, path); !strings.Contains(page, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	if page := w.get(http.StatusOK, "/orphans"); !strings.Contains(page, "No orphans were found by the last sweep.") {
		t.Error("after a sweep the orphans are still not known")
	}
}
