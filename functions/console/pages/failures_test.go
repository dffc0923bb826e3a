package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/autoprovision/infra/simcomeet"
)

// failuresOf is the card of a cause that holds a text.
func failuresOf(t *testing.T, page, text string) string {
	t.Helper()
	for _, card := range strings.Split(page, `<li class="card">`)[1:] {
		if card, _, _ = strings.Cut(card, "</li>"); strings.Contains(card, text) {
			return card
		}
	}
	t.Fatalf("no cause %q in:\n%s", text, page)
	return ""
}

// TestFailuresByCause: each cause says what to do about it now.
func TestFailuresByCause(t *testing.T) {
	t.Parallel()
	w := configured(t)
	dana, _ := w.directory.UserID("dana.ben-david@example.com")
	for _, name := range []string{"dana", "noa.levi@example.com"} {
		_, err := w.comeet.Add(map[string]any{"userName": name, "externalId": dana})
		check(t, err)
	}
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	conflict := failuresOf(t, w.get(http.StatusOK, "/log/failures"), "noa.levi@example.com")
	if !strings.Contains(conflict, "rename or remove the account that is in the way") || !strings.Contains(conflict, "another person, dana.ben-david@example.com") || strings.Contains(conflict, dana) {
		t.Errorf("of the conflict it says: %s", conflict)
	}

	people := []string{"maya.cohen@example.com", "tomas.novak@example.com"}
	w.comeet.SetFaults(simcomeet.Faults{RefuseSuspend: []string{"*"}})
	for _, email := range people {
		w.patch(email, `{"suspended":true}`)
		w.send("POST", "/people/"+email+"/look", nil)
	}
	page := w.until("/log/failures", func(page string) bool { return strings.Contains(page, "2 times") })
	refused := failuresOf(t, page, "2 times")
	for _, want := range append(people, "Refused", "What to do:", "people with open roles or tasks") {
		if !strings.Contains(refused, want) {
			t.Errorf("of the refusal it does not say %q: %s", want, refused)
		}
	}
	if page := w.get(http.StatusOK, "/attention"); !strings.Contains(page, "Refused by Comeet") || !strings.Contains(page, "open positions") || strings.Contains(page, "status 4") {
		t.Error("the refusal needs a person, but is not listed in the app's own sentence alone")
	}
	if page := w.get(http.StatusOK, "/log?outcome=refused"); !strings.Contains(page, "tatus 4") { // a cell begins with it
		t.Error("the log leaves out what the app's makers would ask for")
	}
	w.comeet.SetFaults(simcomeet.Faults{})
	for _, email := range people {
		w.send("POST", "/people/"+email+"/look", nil)
	}
	if refused = failuresOf(t, w.get(http.StatusOK, "/log/failures"), "2 times"); !strings.Contains(refused, "Nothing any more") {
		t.Errorf("of a refusal that is over it says: %s", refused)
	}

	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	w.patch(people[0], `{"suspended":false}`)
	w.send("POST", "/people/"+people[0]+"/look", nil)
	token := failuresOf(t, w.get(http.StatusOK, "/log/failures"), "refuses the access token")
	if !strings.Contains(token, "and reauthorize") || !strings.Contains(token, `href="/settings/token"`) {
		t.Errorf("of the token it says: %s", token)
	}
	w.comeet.SetFaults(simcomeet.Faults{})
	w.post("/settings/token", url.Values{"accessToken": {appToken}, "baseUrl": {w.system.Admin.Connection.BaseURL}}, "/")
	if token = failuresOf(t, w.get(http.StatusOK, "/log/failures"), "refuses the access token"); !strings.Contains(token, "Nothing any more") {
		t.Errorf("of a token that was replaced it says: %s", token)
	}
}
