package playground

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"example.com/autoprovision/infra/require"
)

// patience is how long the page may take to show what a test waits for.
const patience = 20 * time.Second

// tab is one tab of a browser of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
	axe string
}

func browse(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.Tool(t, err == nil, "Chromium")
	rules, err := os.ReadFile(filepath.Join("..", "browser", "node_modules", "axe-core", "axe.min.js"))
	require.Tool(t, err == nil, "`npm ci` in infra/e2e/browser")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() { closeTab(); stop() })
	b := &tab{t, ctx, string(rules)}
	// The browser lives as long as the context of the first action.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	return b
}

func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluating %.80s: %v", expression, err)
	}
	return v
}

// becomes waits until an expression is true, also across loads of the page.
func (b *tab) becomes(what, expression string) {
	b.t.Helper()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		cancel()
		if ok && err == nil { // a page that is being left answers with an error
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// look holds the open page to the rules in both themes and at both widths, and
// keeps a picture of each.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 360} {
		for _, theme := range []string{"light", "dark"} {
			at := fmt.Sprintf("%s-%d-%s", name, width, theme)
			b.do("setting the window", chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
				return err
			}))
			eval[bool](b, `(scrollTo(0, 0), true)`)
			ctx, cancel := context.WithTimeout(b.ctx, patience)
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			cancel()
			if err != nil {
				b.t.Fatalf("a picture of %s: %v", at, err)
			}
			if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), at+".png"), picture, 0o600); err != nil {
				b.t.Fatal(err)
			}
			if wide := eval[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
				b.t.Errorf("%s is wider than the window", at)
			}
			eval[bool](b, b.axe+"\n;true")
			for _, rule := range eval[[]string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
				.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' (' + v.help + '): ' + n.html + ' ' + (n.failureSummary || ''))))`) {
				b.t.Errorf("%s breaks %s", at, rule)
			}
		}
	}
	b.do("setting the window", chromedp.EmulateViewport(1280, 900))
}

// row is the row of somebody by their name.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.people li')].find(li => li.querySelector('strong').textContent === %q)`, name)
}

// press clicks a button with the mouse, where it is.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.do("pressing "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// In the browser the page follows by itself, without being loaded again, and
// keeps the place and the focus of who uses it.
func TestPlaygroundInABrowser(t *testing.T) {
	t.Parallel()
	b := browse(t)
	v := visit(t)
	b.do("signing in", chromedp.Navigate(v.Open), chromedp.Navigate(v.URL+"/playground"), chromedp.WaitReady(chromedp.CSS("#world")))
	b.look("before")
	b.press("#set-up")
	b.becomes("all accounts", `document.querySelectorAll('.people .side + .side .label.good').length >= 38`)
	eval[bool](b, `window.stayed = true`)

	yuki := v.id("yuki.tanaka@example.com")
	eval[bool](b, `(document.getElementById("s`+yuki+`").scrollIntoView({block: 'center'}), true)`)
	place := eval[float64](b, row("Yuki Tanaka")+`.getBoundingClientRect().top`)
	b.press("#s" + yuki)
	b.becomes("Yuki's account to be suspended", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'Suspended'`)
	b.becomes("the hard delete to be due", row("Yuki Tanaka")+`.innerText.includes('Hard delete in 7 days')`)
	if now := eval[float64](b, row("Yuki Tanaka")+`.getBoundingClientRect().top`); now < place-100 || now > place+100 {
		t.Errorf("Yuki's row moved from %v to %v pixels below the top", place, now)
	}
	if status := eval[string](b, `document.querySelector('#status').innerText`); status != "On" {
		t.Errorf("the header says %q", status)
	}
	if focus := eval[string](b, `document.activeElement.id`); focus != "s"+yuki {
		t.Errorf("the focus is on %q", focus)
	}
	b.press("#move168")
	b.becomes("Yuki's account to be gone", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'No account'`)

	// What happens elsewhere shows by itself.
	v.Dir("PATCH", "/users/carlos.ortega@example.com", object{"suspended": true})
	b.becomes("Carlos to be suspended on both sides", `[...`+row("Carlos Ortega")+`.querySelectorAll('.name .label')].every(l => l.textContent === 'Suspended')`)
	v.Dir("DELETE", "/users/chloe.martin@example.com", nil)
	v.Dir("PATCH", "/users/mei.lin@example.com", object{"archived": true})
	b.becomes("all of it to be shown", row("Mei Lin")+`.innerText.includes('Archived') && `+row("Chloe Martin")+`.innerText.includes('Restore') && `+
		row("Chloe Martin")+`.innerText.includes('Hard delete')`)
	if !eval[bool](b, `window.stayed === true`) {
		t.Error("the page was loaded as a whole")
	}
	b.look("after")

	b.do("opening the form of hiring", chromedp.Click(chromedp.CSS("details summary")))
	b.do("filling it", chromedp.SendKeys(chromedp.CSS("#givenName"), "Ada"), chromedp.SendKeys(chromedp.CSS("#familyName"), "Berg"))
	b.do("hiring", chromedp.Click(chromedp.CSS("details button.primary")))
	b.becomes("Ada to have an account", row("Ada Berg")+`?.querySelector('.side + .side .label').textContent === 'Active'`)
	if note := eval[string](b, `document.querySelector('.note').textContent`); !strings.Contains(note, "Ada Berg is hired") {
		t.Errorf("the page says %q", note)
	}
	b.press("#manner-refuses")
	v.Dir("PATCH", "/users/"+yuki, object{"suspended": false})
	b.becomes("a way to reauthorize", `!!document.querySelector('#renew')`)
	b.look("refused")
	b.press("#renew")
	b.becomes("Yuki's account to be back", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'Active'`)

	b.do("changing somebody", chromedp.Navigate(v.URL+"/playground/people/"+yuki), chromedp.WaitReady(chromedp.CSS("form.card")))
	b.look("change")
}
