package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.com/autoprovision/infra/require"
)

// tab is one tab of a browser of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
	axe string
}

// patience is how long a page may take to show what a test waits for.
const patience = 20 * time.Second

// browse starts Chromium. The test fails if the browser complains of anything:
// an error of a script, or something that the policy of a page forbids.
func browse(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.Tool(t, err == nil, "Chromium")
	rules, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	require.Tool(t, err == nil, "`npm ci` in infra/e2e/browser")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-GB"), chromedp.WSURLReadTimeout(time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	messages := chromedp.Console(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		for m, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			// An answer of 422 is a message of the network, and meant.
			if m.Source != "network" && (m.IsException() || m.Type == "error" || m.Type == "warning") {
				t.Errorf("the browser complained: %s %s", m.Source, m)
			}
		}
	})
	t.Cleanup(func() {
		closeTab()
		stop()
		reading.Wait()
	})
	b := &tab{t: t, ctx: ctx, axe: string(rules)}
	b.do("opening a tab", chromedp.EmulateViewport(1280, 900))
	return b
}

// do runs actions of the browser, and fails the test with what was tried.
func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.seen())
	}
}

// value runs an action of the browser that has a value.
func value[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.seen())
	}
	return v
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return value(b, "evaluating "+expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// seen is what the page shows, for a failure's message.
func (b *tab) seen() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { const main = document.querySelector('main').cloneNode(true);
		main.querySelectorAll('select').forEach(s => s.remove());
		return location.href + main.textContent.replace(/\s*\n\s*/g, '\n'); })()`))
	if err != nil {
		return "and the page cannot be read: " + err.Error()
	}
	return text
}

// visit opens a page.
func (b *tab) visit(url string) {
	b.t.Helper()
	b.do("opening "+url, chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main")))
}

// text is what an element shows.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return value(b, "reading "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// shows waits until the page's main part shows a text.
func (b *tab) shows(text string) {
	b.t.Helper()
	b.becomes("the page to show "+quote(text), "!!document.querySelector('main')?.innerText.includes("+quote(text)+")")
}

// becomes waits until an expression is true in the page, also across loads of it.
func (b *tab) becomes(what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(30 * time.Millisecond); ; <-tick.C {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		cancel()
		if ok && err == nil { // a page that is being left answers with an error
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s\n%s", what, b.seen())
		}
	}
}

// quote is a text as JavaScript writes it.
func quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(data)
}

// button is the button or link in the page's main part with exactly these words.
func button(words string) string {
	return fmt.Sprintf(`//main//*[(self::button or self::a) and normalize-space(.)=%q and not(contains(concat(" ", @class, " "), " hidden "))]`, words)
}

// press clicks a button or link by its words, and waits for what the next page shows.
func (b *tab) press(words, then string) {
	b.t.Helper()
	b.leave("pressing "+words, chromedp.Click(button(words), chromedp.NodeVisible))
	b.shows(then)
}

// leave does what leads to another page, and waits until that is there.
func (b *tab) leave(what string, action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	eval[bool](b, "window.left = true")
	b.do(what, action)
	b.becomes(what+" to lead to another page", "!window.left && document.readyState === 'complete'")
}

// enter presses Enter, and waits for what the next page shows.
func (b *tab) enter(then string) {
	b.t.Helper()
	b.leave("pressing Enter", chromedp.KeyEvent(kb.Enter))
	b.shows(then)
}

// fill replaces what is in a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	eval[bool](b, "(() => { const f = document.querySelector("+quote(selector)+"); f.focus(); f.select(); return true; })()")
	if text == "" {
		text = kb.Backspace
	}
	b.do("filling "+selector, chromedp.KeyEvent(text))
}

// choose chooses an option of a list by its value.
func (b *tab) choose(selector, option string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { const s = document.querySelector(%s); s.value = %s;
		if (s.value !== %[2]s) throw new Error('no such option'); return s.dispatchEvent(new Event('change', {bubbles: true})); })()`, quote(selector), quote(option)))
}

// click clicks an element.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// look is how a page is looked at.
type look struct {
	Width int64
	Theme string
}

func (l look) String() string { return fmt.Sprintf("%d-%s", l.Width, l.Theme) }

// refusedAt fails unless a field has the focus, is marked as invalid, and is
// described by a text.
func (b *tab) refusedAt(selector, text string) {
	b.t.Helper()
	b.shows(text)
	b.becomes(selector+" to have the focus", "document.activeElement === document.querySelector("+quote(selector)+")")
	field := eval[struct {
		Invalid, Described string
	}](b, `(() => { const f = document.querySelector(`+quote(selector)+`);
		return {Invalid: f.getAttribute('aria-invalid') || '', Described: (f.getAttribute('aria-describedby') || '').split(' ').map(id => document.getElementById(id)?.innerText).join(' ')}; })()`)
	if field.Invalid != "true" || !strings.Contains(field.Described, text) {
		b.t.Errorf("%s is refused as %+v, want the description %q", selector, field, text)
	}
}

// holds fails unless a field holds a value.
func (b *tab) holds(selector, want string) {
	b.t.Helper()
	if got := value(b, "reading "+selector, chromedp.Value(chromedp.CSS(selector))); got != want {
		b.t.Errorf("%s holds %q, want %q", selector, got, want)
	}
}

// hides fails when the page, its address or what a script can read of it shows a secret.
func (b *tab) hides(secrets ...string) {
	b.t.Helper()
	all := eval[string](b, "location.href + document.documentElement.outerHTML + document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			b.t.Errorf("%s shows a token", eval[string](b, "location.pathname"))
		}
	}
}

// looks are the widths and themes that every page is held to.
func looks() []look { return []look{{1280, "light"}, {1280, "dark"}, {360, "light"}, {360, "dark"}} }

func (b *tab) wear(l look) {
	b.t.Helper()
	b.do("setting the window", chromedp.EmulateViewport(l.Width, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}))
}

// inspect holds the page that is open to the rules in every look, keeps a
// picture of each, and leaves the first look in place.
func (b *tab) inspect(name string) {
	b.t.Helper()
	for _, l := range looks() {
		b.wear(l)
		picture := value(b, "taking a picture", chromedp.FullScreenshot(100))
		check(b.t, os.WriteFile(filepath.Join(b.t.ArtifactDir(), fmt.Sprintf("%s-%s.png", name, l)), picture, 0o600))
		b.fits(name, l)
		b.accessible(name, l)
	}
	b.wear(looks()[0])
}

// fits fails when the page is wider than the window.
func (b *tab) fits(name string, l look) {
	b.t.Helper()
	wide := eval[[]string](b, `(() => { const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return [];
		return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1 && !e.closest('.scroll *'))
			.map(e => e.tagName + '.' + e.className).concat('scrollWidth ' + document.documentElement.scrollWidth); })()`)
	if len(wide) > 0 {
		b.t.Errorf("%s at %s is wider than the window: %s", name, l, strings.Join(wide, ", "))
	}
}

// accessible fails for each rule of axe-core that the page breaks.
func (b *tab) accessible(name string, l look) {
	b.t.Helper()
	eval[bool](b, b.axe+"\n;true")
	broken := eval[[]string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' (' + v.help + '): ' + n.html + ' ' + (n.failureSummary || ''))))`)
	for _, rule := range broken {
		b.t.Errorf("%s at %s breaks %s", name, l, rule)
	}
}

// stopScripts keeps the pages from running any script.
func (b *tab) stopScripts() {
	b.t.Helper()
	b.do("stopping scripts", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// named is a page's path as the name of a file.
func named(path string) string {
	if path == "" {
		return "home"
	}
	return strings.NewReplacer("/", "-", "?", "-", "=", "-", "@", "-").Replace(path)
}
