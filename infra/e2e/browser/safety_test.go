package browser

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
)

var href = regexp.MustCompile(`href="(/[^"]*)"`)

// TestEveryLink follows every link of the console, and of what it leads to:
// none breaks, changes anything, or shows a token.
func TestEveryLink(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.configured(weekThenDelete())
	p.on()
	p.suspended("tomas.novak@example.com")
	jar, err := cookiejar.New(nil)
	check(t, err)
	client := &http.Client{Jar: jar}
	revision := func() (n int64) {
		var status struct{ Revision int64 }
		p.send("GET", p.url+api, nil, &status)
		return status.Revision
	}
	before := revision()
	todo, seen := []string{"/?token=" + adminToken}, map[string]bool{}
	for len(todo) > 0 && len(seen) < 300 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		res, err := client.Get(p.url + path)
		check(t, err)
		data, err := io.ReadAll(res.Body)
		check(t, err)
		res.Body.Close()
		page := string(data)
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %d", path, res.StatusCode)
		}
		if !strings.HasPrefix(path, "/static/") && len(data) > 100_000 {
			t.Errorf("GET %s: %d bytes", path, len(data))
		}
		for _, secret := range []string{adminToken, p.appToken} {
			if strings.Contains(page, secret) {
				t.Errorf("GET %s shows a token", path)
			}
		}
		for _, m := range href.FindAllStringSubmatch(page, -1) {
			todo = append(todo, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
	}
	if after := revision(); after != before || len(p.accounts()) != 38 {
		t.Errorf("following links moved the configuration from revision %d to %d, with %d accounts", before, after, len(p.accounts()))
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
		fmt.Fprintf(w, `<!doctype html><title>x</title><main><form method="post" action="%s%s"><button>Win a prize</button></form></main>`, p.url, r.URL.Path)
	}))
	t.Cleanup(evil.Close)
	for _, path := range []string{"/turn-off", "/settings/delete", "/sweep-now", "/sign-out"} {
		b.visit(evil.URL + path)
		b.leave("posting from another site", chromedp.Click(button("Win a prize")))
		if text := eval[string](b, "document.body.innerText"); !strings.Contains(text, "cross-origin") {
			t.Errorf("%s from another site is answered %q", path, text)
		}
	}
	b.visit(p.url + "/")
	b.shows("Autoprovisioning is on")
}

// TestWithoutScript sets up and turns on in a browser that runs no script.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	b.stopScripts()
	p.configured(weekThenDelete())
	b.visit(p.open)
	b.press("Review and turn on", "This is what turning on would do")
	b.press("Turn on", "Click Turn on to confirm")
	b.press("Turn on", "Autoprovisioning is on")
	p.swept()
	b.visit(p.url + "/settings/who")
	b.choose(unit("/Finance"), "off")
	b.press("Count again", "Finance")
	b.becomes("the count", "document.querySelector('.sticky strong').innerText === '35'")
	b.visit(p.url + "/people")
	b.fill("#q", "lena.f")
	b.press("Search", "lena.fischer@example.com")
}
