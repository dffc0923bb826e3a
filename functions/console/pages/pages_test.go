package pages_test

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/simcomeet"
)

// everyPage are the pages that need nothing to be read.
func everyPage() []string {
	return []string{"/", "/settings", "/settings/token",
		"/settings/attributes", "/settings/who", "/settings/time-frames", "/settings/safety", "/settings/connection", "/settings/file", "/settings/delete",
		"/people", "/coming-up", "/orphans", "/log", "/log/failures", "/attention", "/held", "/turn-off"}
}

// everyStep are the pages of the set-up, until it is on.
func everyStep() []string {
	return []string{"/setup/start", "/setup/token", "/setup/attributes", "/setup/who", "/setup/time-frames", "/setup/review"}
}

func TestNothingIsAnsweredWithoutSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range slices.Concat(everyPage(), everyStep(), []string{"/log.csv", "/orphans.csv", "/people/1", "/previews/1", "/nothing"}) {
		if page := w.get(http.StatusUnauthorized, path); !strings.Contains(page, "Sign-in token") {
			t.Errorf("%s does not ask for sign-in", path)
		}
	}
	for _, path := range []string{"/turn-on", "/turn-off", "/settings/delete", "/settings/token", "/held", "/sweep-now"} {
		w.body(w.send("POST", path, url.Values{"accessToken": {"x"}}), http.StatusUnauthorized, path)
	}
	w.refuse(http.StatusUnauthorized, "/sign-in", url.Values{"token": {"wrong"}}, "not the sign-in token")
	if w.cookies["autoprovision-session"] != "" {
		t.Error("a wrong token gave a session")
	}
	w.cookies["autoprovision-session"] = "zzzzzz.forged.AAAA"
	w.get(http.StatusUnauthorized, "/")
}

func TestSignInByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res := w.send("GET", "/?token="+adminToken, nil)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" {
		t.Fatalf("%d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("the cookie is %v", c)
	}
	w.get(http.StatusOK, "/")
	w.post("/sign-out", nil, "/sign-in")
	w.get(http.StatusUnauthorized, "/")
}

func TestEveryPage(t *testing.T) {
	t.Parallel()
	step := configured(t)
	for _, path := range everyStep() {
		step.whole(path)
	}
	w := on(t)
	for _, path := range everyPage() {
		w.whole(path)
	}
	if page := w.get(http.StatusNotFound, "/people/unknown@example.com"); !strings.Contains(page, ">Nobody has this address now, and no deleted person had it last.<") {
		t.Error("a problem is no whole sentence")
	}
	if page := w.get(http.StatusOK, "/people?q=unknown@example.com"); !strings.Contains(page, "Nobody has a name or an address like this") {
		t.Error("a search for a whole address does not say that nobody has it")
	}
	if to := w.send("GET", "/people?q=maya.cohen@example.com", nil).Header.Get("Location"); !strings.HasPrefix(to, "/people/1") {
		t.Errorf("a search for a whole address leads to %q", to)
	}
	if sheet := w.get(http.StatusOK, "/static/style.css"); len(sheet) > 25_000 {
		t.Errorf("the style sheet has %d bytes", len(sheet))
	}
	w.get(http.StatusNotFound, "/static/")
}

// whole expects a page that keeps to all rules for pages.
func (w *world) whole(path string) {
	w.t.Helper()
	res := w.send("GET", path, nil)
	page := w.body(res, http.StatusOK, path)
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		w.t.Errorf("%s: policy %q", path, csp)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		w.t.Errorf("%s lacks a header: %v", path, res.Header)
	}
	if len(page) > 100_000 {
		w.t.Errorf("%s has %d bytes", path, len(page))
	}
	for _, inline := range []string{" style=", " onclick=", "<style", "javascript:"} {
		if strings.Contains(page, inline) {
			w.t.Errorf("%s holds %q, which the policy forbids", path, inline)
		}
	}
	if !strings.Contains(page, "<h1") || !strings.Contains(page, `<html lang="en">`) || strings.Contains(page, "ZgotmplZ") {
		w.t.Errorf("%s is not a whole page:\n%s", path, page)
	}
}

func TestAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := on(t)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequest("POST", "/turn-off", nil)
		r.Header.Set(name, value)
		r.AddCookie(&http.Cookie{Name: "autoprovision-session", Value: w.cookies["autoprovision-session"]})
		rec := httptest.NewRecorder()
		w.pages.ServeHTTP(rec, r)
		if rec.Code != http.StatusForbidden {
			t.Errorf("%s: %s: status %d", name, value, rec.Code)
		}
	}
	if !strings.Contains(w.get(http.StatusOK, "/"), "Autoprovisioning is on") {
		t.Error("another site turned it off")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := configured(t)
	base := w.system.Admin.Connection.BaseURL
	w.refuse(422, "/setup/start", url.Values{"sso": {"on"}}, "See to this first")
	w.refuse(422, "/settings/token", url.Values{"accessToken": {"wrong-token"}, "baseUrl": {base}}, "Comeet refuses this token")
	w.refuse(422, "/settings/token", url.Values{"accessToken": {""}, "baseUrl": {base}}, "Paste the access token")
	w.refuse(422, "/settings/token", url.Values{"accessToken": {"x"}, "baseUrl": {"http://elsewhere.example"}}, "Must begin with https")
	form := defaultMapping()
	form.Set("source0", "")
	w.refuse(422, "/settings/attributes", form, "This attribute is required")
	form = defaultMapping()
	form.Set("source1", "expression")
	form.Set("expression1", "user.name +")
	w.refuse(422, "/settings/attributes", form, `id="error1"`)
	form = defaultMapping()
	form["app"][4] = "nickName"
	w.refuse(422, "/settings/attributes", form, "Choose where nickName comes from, or clear its path")
	form.Set("source4", "primaryEmail")
	form["app"][4] = "nickNames"
	if page := w.refuse(422, "/settings/attributes", form, "There is no attribute nickNames"); strings.Contains(page, "scim:") {
		t.Error("the name of a package is shown")
	}
	w.refuse(422, "/settings/who", url.Values{"do": {"save"}, "groups": {"none@example.com"}}, "The directory has no group")
	w.refuse(422, "/settings/time-frames", frames("deleted", "7d", "1d"), `id="error-deleted-deleteAfter"`)
	w.refuse(422, "/settings/time-frames", frames("appOff", "yesterday", ""), "a number of days from 1d to 365d")
	w.refuse(422, "/settings/safety", url.Values{"protected": {"nobody@example.com"}, "share": {"10"}, "min": {"5"}}, "Neither the directory nor Comeet")
	w.refuse(422, "/settings/safety", url.Values{"share": {"many"}, "min": {"5"}}, "Write a number of percent")
	for _, share := range []string{"101", "-1", "NaN", "Inf"} {
		if page := w.refuse(422, "/settings/safety", url.Values{"share": {share}, "min": {"5"}}, "Write a number of percent from 0 to 100, such as 10"); strings.Contains(page, "0.1") {
			t.Errorf("a field in percent is refused %s as a share", share)
		}
	}
	w.refuse(422, "/settings/connection", url.Values{"pageSize": {"0"}, "requestsPerSecond": {"0"}, "concurrency": {"4"}}, "Must be 1 to 1000")
	if page := w.get(422, "/log?from=yesterday"); !strings.Contains(page, "year-month-day") {
		t.Error("a wrong day is not refused at its field")
	}
	if page := w.get(422, "/log?user=Maya"); !strings.Contains(page, ">Write the whole address, or find the person under People<") {
		t.Errorf("who writes a name in the log is not told where to look: %s", page)
	}
	if page := w.get(422, "/log?user=nobody@example.com"); !strings.Contains(page, "obody has this address now, and no deleted person had it last: write the whole address, or find the person under People<") {
		t.Error("an unknown person is not refused at its field")
	}
}

func TestConflictNamesBoth(t *testing.T) {
	t.Parallel()
	w := configured(t)
	dana, ok := w.directory.UserID("dana.ben-david@example.com")
	if !ok {
		t.Fatal("no such person")
	}
	for _, name := range []string{"dana", "noa.levi@example.com"} { // two are Dana's, and one of them is named as Noa's would be
		_, err := w.comeet.Add(map[string]any{"userName": name, "externalId": dana})
		check(t, err)
	}
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	to := w.post("/people/noa.levi@example.com/look", nil, "/people/")
	if page := w.get(http.StatusOK, to); !strings.Contains(page, "Checked. The account") || strings.Contains(page, "nothing had to be done") {
		t.Error("looking again says that nothing had to be done, with a conflict in the way")
	}
	for _, path := range []string{"/attention", "/log?outcome=failed", "/people/noa.levi@example.com"} {
		page := w.get(http.StatusOK, path)
		if !strings.Contains(page, "another person, dana.ben-david@example.com") || strings.Contains(page, "id "+dana) || strings.Contains(page, "id: "+dana) {
			t.Errorf("%s does not name the other person", path)
		}
	}
}

func TestHeldPeople(t *testing.T) {
	t.Parallel()
	w := on(t)
	people := []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin", "hannah.schmidt"}
	for _, name := range people {
		w.patch(name+"@example.com", `{"suspended":true}`)
	}
	w.post("/sweep-now", nil, "/")
	page := w.until("/", func(page string) bool { return strings.Contains(page, "Held for you: 7") })
	if !strings.Contains(page, ": counted with the others within 24 hours, they exceeded the limit (now: more than 10\u00a0% of the accounts and more than 5 people).") {
		t.Errorf("it is not said why they are held: %s", page)
	}
	list := between(t, page, `name="list" value="`, `"`)
	user := between(t, page, `name="user" value="`, `"`)
	w.refuse(422, "/held", url.Values{"list": {list}, "for": {"chosen"}, "verdict": {"confirm"}}, `id="held-error" tabindex="-1" autofocus>Tick at least one person`)
	for _, verdict := range [][]string{nil, {""}, {"release"}} {
		page := w.refuse(422, "/held", url.Values{"list": {list}, "for": {"all"}, "user": {user}, "verdict": verdict}, "Press Confirm or Dismiss; nothing was decided.")
		if !strings.Contains(page, `value="`+user+`" checked`) || !strings.Contains(page, `value="all" checked`) || !strings.Contains(page, "7 operations have been waiting") {
			t.Errorf("verdict %q: what was chosen is not kept, or something was decided", verdict)
		}
	}
	if first := between(t, page, `<form method="post" action="/held">`, "</button>"); !strings.Contains(first, `name="verdict" value="" tabindex="-1"`) {
		t.Errorf("what Enter presses decides something: %s", first)
	}
	w.refuse(409, "/held", url.Values{"list": {"held-old"}, "for": {"all"}, "verdict": {"confirm"}}, "nothing was decided")
	w.post("/held", url.Values{"list": {list}, "for": {"chosen"}, "user": {user}, "verdict": {"dismiss"}}, "/")
	page = w.until("/held", func(page string) bool {
		return strings.Contains(page, "6 operations have been waiting for your decision since ")
	})
	if strings.Contains(page, `value="`+user+`"`) {
		t.Error("the dismissed person is still held")
	}
	if page := w.get(http.StatusOK, "/people/"+user); !strings.Contains(page, "Held suspend dismissed; they are suspended in Google Workspace") {
		t.Errorf("the person's events do not say that it was dismissed: %s", page)
	}
	for _, path := range []string{"/attention", "/people/" + user} {
		w.until(path, func(page string) bool {
			return strings.Contains(page, "Dismissed, still has access</span>") && strings.Contains(page, "An administrator dismissed the suspend on ")
		})
	}
	w.post("/held", url.Values{"list": {between(t, page, `name="list" value="`, `"`)}, "for": {"all"}, "verdict": {"confirm"}}, "/")
	w.until("/log?name=Suspend+Auto+Provisioned+User", func(page string) bool { return strings.Count(page, "Done</span>") == 6 })
}

// TestTurningOffEndsDismissals: so it is, and so the pages say.
func TestTurningOffEndsDismissals(t *testing.T) {
	t.Parallel()
	w := on(t)
	people := []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin"}
	for _, name := range people {
		w.patch(name+"@example.com", `{"suspended":true}`)
	}
	w.post("/sweep-now", nil, "/")
	page := w.until("/", func(page string) bool { return strings.Contains(page, "Held for you: 6") })
	w.post("/held", url.Values{"list": {between(t, page, `name="list" value="`, `"`)}, "for": {"all"}, "verdict": {"dismiss"}}, "/")
	if page := w.get(http.StatusOK, "/"); !strings.Contains(page, "until there is a new reason, or autoprovisioning is turned off and on again.") {
		t.Errorf("dismissing does not say how long that holds: %s", page)
	}
	w.until("/people/maya.cohen@example.com", func(page string) bool {
		return strings.Contains(page, "so the account stays as it is until there is a new reason, or autoprovisioning is turned off and on again.")
	})
	if page := w.get(http.StatusOK, "/turn-off"); !strings.Contains(page, "Dismissals end too: once it is on again, those people are due again.") {
		t.Errorf("turning off does not say that dismissals end: %s", page)
	}
	w.post("/turn-off", nil, "/")
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Held for you: 6") })
}

// TestEndOfASweepKeepsWhatWasTicked: the list of what is held is put in anew
// only if it is another than the one on the page.
func TestEndOfASweepKeepsWhatWasTicked(t *testing.T) {
	t.Parallel()
	w := on(t)
	for _, name := range []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin"} {
		w.patch(name+"@example.com", `{"suspended":true}`)
	}
	w.post("/sweep-now", nil, "/")
	w.until("/", func(page string) bool {
		return strings.Contains(page, "Held for you: 6") && strings.Contains(page, "Last sweep")
	})
	page := w.get(http.StatusOK, "/")
	list := between(t, page, `name="list" value="`, `"`)
	for query, swapped := range map[string]bool{"": true, "?list=held-old": true, "?list=" + url.QueryEscape(list): false} {
		page := w.body(w.poll("/"+query), http.StatusOK, "/")
		if strings.Contains(page, `<div id="held" hx-swap-oob="true">`) != swapped {
			t.Errorf("%q: put in anew is %v", query, !swapped)
		}
	}
}

func TestReauthorize(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	w.patch("maya.cohen@example.com", `{"suspended":true}`)
	w.send("POST", "/people/maya.cohen@example.com/look", nil)
	page := w.until("/", func(page string) bool { return strings.Contains(page, "refuses the access token") })
	for _, want := range []string{"account inactivity", "admin password", "/settings/token"} {
		if !strings.Contains(page, want) {
			t.Errorf("the banner does not say %q", want)
		}
	}
	w.post("/turn-off", nil, "/")
	if page := w.get(http.StatusOK, "/"); !strings.Contains(page, "refuses the access token") || strings.Contains(page, "Review and turn on") {
		t.Error("turned off, the first page offers to turn on what the app refuses")
	}
	w.comeet.SetFaults(simcomeet.Faults{})
	w.post("/settings/token", url.Values{"accessToken": {appToken}, "baseUrl": {w.system.Admin.Connection.BaseURL}}, "/")
	w.post("/turn-on", nil, "/")
	w.until("/", func(page string) bool {
		return strings.Contains(page, "Autoprovisioning is on") && !strings.Contains(page, "refuses")
	})
}

// TestFailedSweepIsSaidOnce: Home says it where the sweep is shown, and no page
// tells somebody to press what is not there while the token is refused.
func TestFailedSweepIsSaidOnce(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	w.post("/sweep-now", nil, "/")
	refused := w.until("/", func(page string) bool {
		return strings.Contains(page, "The last sweep failed") && strings.Contains(page, "refuses the access token")
	})
	for path, page := range map[string]string{"/": refused, "/attention": w.get(http.StatusOK, "/attention")} {
		if strings.Count(page, "The last sweep failed") != 1 || strings.Contains(page, "Press Sweep now to try") {
			t.Errorf("%s, while the token is refused: %s", path, page)
		}
	}
	if strings.Contains(refused, "Go to Home") {
		t.Error("Home leads to Home")
	}
	if page := w.get(http.StatusOK, "/attention"); !strings.Contains(page, "Reauthorize first: a sweep follows by itself.") {
		t.Errorf("it is not said what to do: %s", page)
	}
}

// TestLogOfOne by an address and by an id, and of nobody by a part of a name.
func TestLogOfOne(t *testing.T) {
	t.Parallel()
	w := on(t)
	id, _ := w.directory.UserID("maya.cohen@example.com")
	for _, user := range []string{id, "maya.cohen@example.com"} {
		if page := w.get(http.StatusOK, "/log?user="+user); len(cells(page)) != 2 {
			t.Errorf("the log of %s: %q", user, cells(page))
		}
	}
	w.get(http.StatusUnprocessableEntity, "/log?user=maya")
}

func TestOrphansAndTables(t *testing.T) {
	t.Parallel()
	w := configured(t)
	_, err := w.comeet.Add(map[string]any{"userName": "=formula@example.com"})
	check(t, err)
	w.post("/turn-on", nil, "/")
	w.until("/orphans", func(page string) bool { return strings.Contains(page, "=formula@example.com") })
	rows := table(t, w.get(http.StatusOK, "/orphans.csv"))
	if len(rows) != 2 || rows[1][1] != "'=formula@example.com" {
		t.Errorf("the table of orphans is %q", rows)
	}
	w.until("/", func(page string) bool { return strings.Contains(page, "Last sweep") })
	rows = table(t, w.get(http.StatusOK, "/log.csv?name=Create+User+By+Auto+Provisioning"))
	if len(rows) != 39 {
		t.Errorf("the table of creates has %d rows, want 39", len(rows))
	}
}

// TestOutage: an app that gives no usable answer is said to, wherever somebody waits for it.
func TestOutage(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.comeet.SetFaults(simcomeet.Faults{FailNext: 1 << 30, FailStatus: http.StatusServiceUnavailable})
	const email = "maya.cohen@example.com"
	w.patch(email, `{"suspended":true}`)
	w.send("POST", "/people/"+email+"/look", nil)
	w.until("/", func(page string) bool {
		return strings.Contains(page, "Comeet does not answer properly, so what is due waits.")
	})
	for path, want := range map[string]string{"/": "Comeet does not answer properly; tried again automatically", "/coming-up": "Comeet does not answer properly; tried again automatically",
		"/people/" + email: "Comeet has not answered properly since"} {
		if page := w.get(http.StatusOK, path); !strings.Contains(page, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	w.comeet.SetFaults(simcomeet.Faults{})
	w.until("/people/"+email, func(page string) bool { return strings.Contains(page, "is suspended (deactivated)") })
	if page := w.get(http.StatusOK, "/"); strings.Contains(page, "answer properly") {
		t.Error("the outage is over, and still said")
	}
}

// TestNothingIsOfferedThatCanOnlyFail: what is held cannot be settled while the
// token is refused, or while it is off.
func TestNothingIsOfferedThatCanOnlyFail(t *testing.T) {
	t.Parallel()
	w := on(t)
	for _, name := range []string{"maya.cohen", "tomas.novak", "aisha.rahman", "sofia.rossi", "jonas.weber", "mei.lin", "hannah.schmidt"} {
		w.patch(name+"@example.com", `{"suspended":true}`)
	}
	w.post("/sweep-now", nil, "/")
	w.until("/", func(page string) bool { return strings.Contains(page, "Held for you: 7") })
	blocked := func(says string) {
		t.Helper()
		for _, path := range []string{"/", "/held"} {
			page := w.get(http.StatusOK, path)
			if !strings.Contains(page, says) || !strings.Contains(page, "maya.cohen@example.com") {
				t.Errorf("%s does not show the list, and %q", path, says)
			}
			for _, offer := range []string{`name="verdict"`, "Sweep now</button>", "Everything else goes on"} {
				if strings.Contains(page, offer) {
					t.Errorf("%s, %s: it offers %s", path, says, offer)
				}
			}
		}
	}
	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	w.patch("noa.levi@example.com", `{"name":{"givenName":"Noah"}}`)
	w.send("POST", "/people/noa.levi@example.com/look", nil)
	blocked("Reauthorize first")
	w.post("/turn-off", nil, "/")
	blocked("nothing to decide while autoprovisioning is off")
	if page := w.get(http.StatusOK, "/coming-up"); !strings.Contains(page, "does not come then: autoprovisioning is off, and time frames count anew once it is on") {
		t.Errorf("the dates that are shown while it is off are not taken back: %s", page)
	}
}

// TestNoScriptOfOthers holds the one script to the version that is named beside it.
func TestNoScriptOfOthers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("static/htmx.min.js")
	check(t, err)
	if !strings.Contains(string(data), `version:"2.0.11"`) {
		t.Error("the script is not the version that static/README.md names")
	}
}

func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		t.Fatalf("no %q in:\n%s", before, text)
	}
	found, _, _ := strings.Cut(rest, after)
	return found
}

func table(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	check(t, err)
	return rows
}

// TestPageThatTakesTooLong is answered: only who has left needs no answer.
func TestPageThatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := on(t)
	answer := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, "GET", "/people", nil)
		r.AddCookie(&http.Cookie{Name: "autoprovision-session", Value: w.cookies["autoprovision-session"]})
		rec := httptest.NewRecorder()
		w.pages.ServeHTTP(rec, r)
		return rec
	}
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	if rec := answer(late); rec.Code < http.StatusInternalServerError || !strings.Contains(rec.Body.String(), "<h1>This could not be done</h1>") {
		t.Errorf("answered %d: %s", rec.Code, rec.Body)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if rec := answer(gone); rec.Body.Len() != 0 {
		t.Errorf("who has left is answered: %s", rec.Body)
	}
}
