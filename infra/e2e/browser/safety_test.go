package browser_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

var href = regexp.MustCompile(`href="(/[^"]*)"`)

// TestEveryLink follows every link of the console, and of what it leads to:
// none breaks, changes anything, or shows a token.
func TestEveryLink(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.SetUp(program.Everybody(), weekThenDelete())
	p.suspended("tomas.novak@example.com")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	before := p.API("GET", "", nil, 200)["revision"]
	todo, seen := []string{"/?token=" + program.AdminToken}, map[string]bool{}
	for len(todo) > 0 && len(seen) < 300 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		res, err := client.Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		page := string(data)
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %d", path, res.StatusCode)
		}
		if !strings.HasPrefix(path, "/static/") && len(data) > 100_000 {
			t.Errorf("GET %s: %d bytes", path, len(data))
		}
		for _, secret := range []string{program.AdminToken, p.AppToken} {
			if strings.Contains(page, secret) {
				t.Errorf("GET %s shows a token", path)
			}
		}
		for _, m := range href.FindAllStringSubmatch(page, -1) {
			todo = append(todo, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
	}
	if after := p.API("GET", "", nil, 200)["revision"]; after != before || len(p.accounts()) != 38 {
		t.Errorf("following links moved the configuration from revision %v to %v, with %d accounts", before, after, len(p.accounts()))
	}
	if len(seen) < 60 {
		t.Errorf("only %d links were found", len(seen))
	}
}

// TestAnotherSite posts to the console from a page of another origin, in a
// browser that is signed in.
func TestAnotherSite(t *testing.T) {
	t.Parallel()
	p, b := settled(t, weekThenDelete())
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>x</title><main><form method="post" action="%s%s"><button>Win a prize</button></form></main>`, p.URL, r.URL.Path)
	}))
	t.Cleanup(evil.Close)
	for _, path := range []string{"/turn-off", "/settings/delete", "/sweep-now", "/sign-out"} {
		b.Visit(evil.URL + path)
		b.Leave("posting from another site", chromedp.Click(browser.Button("Win a prize")))
		if text := browser.Eval[string](b, "document.body.innerText"); !strings.Contains(text, "cross-origin") {
			t.Errorf("%s from another site is answered %q", path, text)
		}
	}
	b.Visit(p.URL + "/")
	b.Shows("Autoprovisioning is on")
}

// TestSignIn signs in by the form, to the page that was asked for, and out.
func TestSignIn(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	b.Visit(p.URL + "/settings")
	b.Fill("#token", "not-the-token")
	b.Press("Sign in", "This is not the sign-in token")
	b.RefusedAt("#token", "This is not the sign-in token")
	b.Hides("not-the-token")
	b.Inspect("refused-sign-in")
	b.Fill("#token", program.AdminToken)
	b.Press("Sign in", "The set-up is not finished.") // on the page that was asked for
	b.Hides(program.AdminToken)
	b.Leave("signing out", chromedp.Click(chromedp.CSS("header button")))
	b.Shows("Sign-in token")
	b.Visit(p.URL + "/people")
	b.Shows("Sign-in token")
}

// TestWithoutScript sets up and turns on in a browser that runs no script.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	b.StopScripts()
	p.configured(weekThenDelete())
	b.Visit(p.Open)
	b.Press("Review and turn on", "This is what turning on would do")
	b.Press("Turn on", "Click Turn on to confirm")
	b.Press("Turn on", "Autoprovisioning is on")
	p.swept()
	b.Visit(p.URL + "/settings/who")
	b.Choose(unit("/Finance"), "off")
	b.Press("Count again", "Finance")
	b.Becomes("the count", "document.querySelector('.sticky strong').innerText === '35'")
	b.Visit(p.URL + "/people")
	b.Fill("#q", "lena.f")
	b.Press("Search", "lena.fischer@example.com")
}
