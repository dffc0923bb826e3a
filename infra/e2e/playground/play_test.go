package playground

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

// The demo: set up, hire, suspend, move the clock by a week, and the account is
// gone, each in one press.
func TestAWeekInAMinute(t *testing.T) {
	t.Parallel()
	v := visit(t)
	if _, page := v.get("/playground"); !strings.Contains(page, "Autoprovisioning is not set up") || !strings.Contains(page, "Maya Cohen") {
		t.Errorf("before anything is set: %s", page)
	}
	if _, page := v.get("/setup/token"); !strings.Contains(page, "Comeet is simulated here: the program printed its access token at its start.") {
		t.Error("the set-up does not say where the simulated app's token is")
	}
	v.setUp()
	v.send("/people", "Ada Berg is hired, as ada.berg@example.com", "givenName", "Ada", "familyName", "Berg", "title", "Recruiter", "orgUnit", "/HR")
	v.account("ada.berg@example.com", "active")
	v.send("/people", "Ada Berg is hired, as ada.berg2@example.com", "givenName", "Ada", "familyName", "Berg", "orgUnit", "/")
	v.account("ada.berg2@example.com", "active")

	const who = "yuki.tanaka@example.com"
	v.do("suspend", who, "Yuki Tanaka is suspended in Google Workspace")
	v.account(who, "suspended")
	_, page := v.get("/playground")
	for _, says := range []string{"has their account suspended, because they are suspended in Google Workspace", "in 7 days"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	before := now(v)
	v.send("/clock", "It is 1 day later", "hours", "24")
	if v.AccountState(who) != "suspended" {
		t.Error("deleted six days early")
	}
	v.send("/clock", "It is 7 days later", "hours", "168")
	v.account(who, "none")
	if moved := now(v).Sub(before); moved < 8*24*time.Hour || moved > 8*24*time.Hour+time.Hour {
		t.Errorf("the clock moved by %v", moved)
	}
	if _, page = v.get("/playground"); !strings.Contains(page, "has their account hard deleted") {
		t.Errorf("the page does not say what happened: %s", page)
	}
}

// now is business time.
func now(v *visitor) time.Time {
	v.t.Helper()
	at, err := time.Parse(time.RFC3339, v.API("GET", "", nil, 200)["now"].(string))
	if err != nil {
		v.t.Fatal(err)
	}
	return at
}

// Everything that can be done to somebody reaches their account.
func TestDeeds(t *testing.T) {
	t.Parallel()
	v := visit(t)
	v.setUp()
	const who, moved = "omar.haddad@example.com", "omar.h@example.com"
	v.do("suspend", who, "is suspended")
	v.account(who, "suspended")
	v.do("unsuspend", who, "is active again")
	v.account(who, "active")
	v.do("archive", who, "is archived")
	program.Until(t, 10*time.Second, "archived", func() bool { return v.User(who)["directory"] == "archived" })
	v.do("unarchive", who, "is not archived any more")
	program.Until(t, 10*time.Second, "active", func() bool { return v.User(who)["directory"] == "active" })

	v.send("/people/"+v.id(who), "Omar Said is changed", "givenName", "Omar", "familyName", "Said", "email", moved, "title", "Staff Engineer",
		"orgUnit", "/Sales", "group", "recruiting@example.com", "group", "engineering@example.com")
	program.Until(t, 10*time.Second, "the account is renamed", func() bool {
		resource := account(v, moved)
		return resource != nil && resource["name"].(object)["familyName"] == "Said"
	})
	u := v.Dir("GET", "/users/"+moved, nil)
	if u["orgUnitPath"] != "/Sales" || !strings.Contains(fmt.Sprint(u["organizations"]), "department:Engineering") ||
		!strings.Contains(fmt.Sprint(u["organizations"]), "title:Staff Engineer") {
		t.Errorf("in the directory: %v", u)
	}
	for group, in := range map[string]bool{"recruiting": true, "engineering": true, "interviewers": false} {
		members := fmt.Sprint(v.Dir("GET", "/groups/"+group+"@example.com/members", nil)["members"])
		if strings.Contains(members, moved) != in {
			t.Errorf("member of %s: %v", group, !in)
		}
	}
	id := v.id(moved)
	v.send("/people/"+id, "Omar Said is changed", "givenName", "Omar", "familyName", "Said", "email", moved, "title", "Staff Engineer", "orgUnit", "/Sales")
	if members := fmt.Sprint(v.Dir("GET", "/groups/engineering@example.com/members", nil)["members"]); strings.Contains(members, moved) {
		t.Error("is still a member of what was unticked")
	}

	v.do("delete", moved, "Omar Said is deleted")
	v.account(id, "suspended")
	v.send("/people/"+id+"/restore", "Omar Said is restored")
	v.account(id, "active")
}

// account is the app's account of a user name; nil for none.
func account(v *visitor, userName string) object {
	v.t.Helper()
	_, out, err := program.Call(v.t.Context(), "GET", strings.TrimSuffix(v.App, "/scim/v2")+"/sim/accounts", "", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, item := range out["items"].([]any) {
		if a := item.(object); a["userName"] == userName {
			return a["resource"].(object)
		}
	}
	return nil
}

// What the directory refuses is said, and nothing is changed.
func TestRefused(t *testing.T) {
	t.Parallel()
	v := visit(t)
	const who = "omar.haddad@example.com"
	path := "/people/" + v.id(who)
	for _, test := range []struct{ email, family, says string }{
		{"maya.cohen@example.com", "Haddad", "somebody has this address already"},
		{"omar@elsewhere.example", "Haddad", "the address is in no domain of the company"},
		{"omar.haddad@example.com", "", "a last name"},
	} {
		page := v.send(path, test.says, "givenName", "Omar", "familyName", test.family, "email", test.email, "orgUnit", "/Sales")
		if !strings.Contains(page, `value="`+test.email+`"`) {
			t.Errorf("%s: what was entered is gone", test.says)
		}
	}
	if u := v.Dir("GET", "/users/"+who, nil); u["orgUnitPath"] != "/Engineering/Platform" {
		t.Errorf("moved all the same: %v", u)
	}
	v.send("/people", "write a first name", "givenName", " ", "familyName", "Berg")
	v.send("/clock", "choose one of the steps", "hours", "-24")
	v.send("/app", "choose one of the manners", "manner", "explodes")
}

// An app that throttles, fails or refuses the token delays, and loses nothing.
func TestManners(t *testing.T) {
	t.Parallel()
	v := visit(t)
	v.setUp()
	const who = "yuki.tanaka@example.com"
	for _, name := range []string{"throttles", "fails"} {
		v.send("/app", "The simulated app", "manner", name)
		v.do("suspend", who, "is suspended")
		v.send("/app", "It does what it is asked", "manner", "works")
		v.do("unsuspend", who, "is active again")
		v.account(who, "active")
	}
	v.send("/app", "Refuses the token", "manner", "refuses")
	v.do("suspend", who, "is suspended")
	program.Until(t, 10*time.Second, "the app needs reauthorization", func() bool { return v.API("GET", "", nil, 200)["status"] == "needsReauthorization" })
	if _, page := v.get("/playground"); !strings.Contains(page, "Make a new token and reauthorize") {
		t.Errorf("the page offers no way on: %s", page)
	}
	v.send("/token", "Comeet has a new token")
	v.account(who, "suspended")
}

// Too many removals at once wait for a person, and the page says so.
func TestHeldIsShown(t *testing.T) {
	t.Parallel()
	v := visit(t)
	v.setUp()
	for _, name := range []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin", "hannah.schmidt"} {
		v.do("suspend", name+"@example.com", "is suspended")
	}
	program.Until(t, 10*time.Second, "some are held", func() bool { return v.API("GET", "", nil, 200)["status"] == "held" })
	_, page := v.get("/playground")
	for _, says := range []string{"Held for you", "held until an administrator confirms"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

// A clock that was moved stays where it was, through kill -9, and what fell due
// is not done again.
func TestMovedClockSurvives(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	v := visit(t, "-data", folder)
	v.setUp()
	const who = "yuki.tanaka@example.com"
	v.do("suspend", who, "is suspended")
	v.account(who, "suspended")
	v.send("/clock", "It is 7 days later", "hours", "168")
	v.account(who, "none")
	before, events := now(v), len(v.Events(""))
	v.Kill()
	v = visit(t, "-data", folder)
	if after := now(v); after.Before(before.Add(-time.Minute)) {
		t.Errorf("it was %v, and is %v after the restart", before, after)
	}
	if state := v.AccountState(who); state != "none" || len(v.Events("")) != events {
		t.Errorf("the account is %s, and there are %d events, had %d", state, len(v.Events("")), events)
	}
}

// Only who is signed in can play, only from this site, only by POST; and no
// page of it holds a token.
func TestPlayIsGuarded(t *testing.T) {
	t.Parallel()
	v := visit(t)
	v.setUp()
	id := v.id("yuki.tanaka@example.com")
	deed := "/playground/people/" + id + "/suspend"
	req, err := http.NewRequestWithContext(t.Context(), "POST", v.URL+deed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || !strings.Contains(resp.Request.URL.Path+second(v.read(resp)), "token") {
		t.Errorf("without a session: %v %v", resp, err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	u, err := url.Parse(v.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range v.client.Jar.Cookies(u) {
		req.AddCookie(cookie)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %v %v", resp, err)
	}
	if status, _ := v.get(deed); status < 400 {
		t.Errorf("by GET: %d", status)
	}
	if u := v.Dir("GET", "/users/"+id, nil); u["suspended"] != false {
		t.Error("suspended all the same")
	}
	for _, path := range []string{"/playground", "/playground/people/" + id} {
		status, page := v.get(path)
		if status != http.StatusOK || strings.Contains(page, v.AppToken) || strings.Contains(page, program.AdminToken) {
			t.Errorf("%s: %d, or it holds a token", path, status)
		}
		if len(page) > 100_000 {
			t.Errorf("%s has %d bytes", path, len(page))
		}
	}
}

func second(_ int, text string) string { return text }

// While nothing changes there is nothing to send.
func TestNothingNew(t *testing.T) {
	t.Parallel()
	v := visit(t)
	_, page := v.get("/playground")
	seen := regexp.MustCompile(`/playground\?seen=[0-9a-f]+`).FindString(page)
	// The minute may change once between the two.
	program.Until(t, 5*time.Second, "nothing new", func() bool {
		status, page := v.get(seen)
		if found := regexp.MustCompile(`/playground\?seen=[0-9a-f]+`).FindString(page); found != "" {
			seen = found
		}
		return status == http.StatusNoContent
	})
	v.do("suspend", "yuki.tanaka@example.com", "is suspended")
	if status, page := v.get(seen); status != http.StatusOK || !strings.Contains(page, "Unsuspend") {
		t.Errorf("after a change: %d", status)
	}
}

// There is no playground where one of the services is not simulated.
func TestNoPlaygroundOutside(t *testing.T) {
	t.Parallel()
	v := visit(t, "-scim-url", "http://127.0.0.1:9/scim/v2")
	if status, _ := v.get("/playground"); status != http.StatusNotFound {
		t.Errorf("the playground answers %d", status)
	}
	if _, page := v.get("/"); strings.Contains(page, "layground") {
		t.Error("the navigation leads to a playground")
	}
	if _, page := v.get("/setup/token"); strings.Contains(page, "simulated") {
		t.Error("the token of an app that is not simulated is said to be printed")
	}
}
