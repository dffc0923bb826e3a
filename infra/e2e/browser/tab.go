// Package browser drives Chromium for tests of pages, as an administrator does:
// by words, with mouse or keyboard; and holds pages to the rules of axe-core
// (WCAG 2.2 AA), in both themes, at 360 and 1280 pixels.
//
// It promises that a test fails when the browser complains, that no test sees
// another's cookies, and that the browser has ended when the last test that uses
// it has. It needs Chromium, and `npm ci` in its folder; `go test -artifacts` keeps
// a picture of each page that is inspected. Only tests import it.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.com/autoprovision/infra/require"
)

// Tab is one tab of a browser, with cookies of its own.
type Tab struct {
	t   *testing.T
	ctx context.Context
	axe string
}

// patience is how long a page may take to show what a test waits for.
const patience = 20 * time.Second

// Open opens a tab for a test of infra/e2e, in a Chromium that it starts if none
// runs. The test fails if the browser complains of anything: an error of a script,
// or something that the policy of a page forbids.
func Open(t *testing.T) *Tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.Tool(t, err == nil, "Chromium")
	rules, err := os.ReadFile("../browser/node_modules/axe-core/axe.min.js")
	require.Tool(t, err == nil, "`npm ci` in infra/e2e/browser")
	parent, err := chromium.enter(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chromium.leave)
	ctx, closeTab := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
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
		reading.Wait()
	})
	b := &Tab{t: t, ctx: ctx, axe: string(rules)}
	b.Do("opening a tab", chromedp.EmulateViewport(1280, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		// Others have tabs in the same window.
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	return b
}

// chromium is the browser of the tests that run at a time: to start one takes
// longer than most of them.
var chromium running

// running is a browser that runs while anybody uses it.
type running struct {
	mu    sync.Mutex
	users int
	ctx   context.Context
	stop  func()
}

func (r *running) enter(path string) (context.Context, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users == 0 {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
			chromedp.Flag("lang", "en-GB"), chromedp.WSURLReadTimeout(time.Minute))
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, closeBrowser := chromedp.NewContext(allocator)
		if _, err := chromedp.Run(ctx, chromedp.Navigate("about:blank")); err != nil {
			closeBrowser()
			stop()
			return nil, fmt.Errorf("starting Chromium: %w", err)
		}
		r.ctx, r.stop = ctx, func() { closeBrowser(); stop() }
	}
	r.users++
	return r.ctx, nil
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users--; r.users == 0 {
		r.stop()
	}
}

// Do runs actions of the browser, and fails the test with what was tried.
func (b *Tab) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.seen())
	}
}

// Value runs an action of the browser that has a value.
func Value[T any](b *Tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.seen())
	}
	return v
}

// Eval evaluates an expression in the page.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	return Value(b, "evaluating "+expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// seen is what the page shows, for a failure's message.
func (b *Tab) seen() string {
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

// Visit opens a page.
func (b *Tab) Visit(url string) {
	b.t.Helper()
	b.Do("opening "+url, chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main")))
}

// Text is what an element shows.
func (b *Tab) Text(selector string) string {
	b.t.Helper()
	return Value(b, "reading "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Shows waits until the page's main part shows a text.
func (b *Tab) Shows(text string) {
	b.t.Helper()
	b.Becomes("the page to show "+Quote(text), "!!document.querySelector('main')?.innerText.includes("+Quote(text)+")")
}

// Becomes waits until an expression is true in the page, also across loads of it.
func (b *Tab) Becomes(what, expression string) {
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

// Quote is a text as JavaScript writes it.
func Quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(data)
}

// Button is the button or link in the page's main part with exactly these words.
func Button(words string) string {
	return fmt.Sprintf(`//main//*[(self::button or self::a) and normalize-space(.)=%q and not(contains(concat(" ", @class, " "), " hidden "))]`, words)
}

// Press clicks a button or link by its words, and waits for what the next page shows.
func (b *Tab) Press(words, then string) {
	b.t.Helper()
	b.Leave("pressing "+words, chromedp.Click(Button(words), chromedp.NodeVisible))
	b.Shows(then)
}

// Leave does what leads to another page, and waits until that is there.
func (b *Tab) Leave(what string, action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	Eval[bool](b, "window.left = true")
	b.Do(what, action)
	b.Becomes(what+" to lead to another page", "!window.left && document.readyState === 'complete'")
}

// Enter presses Enter, and waits for what the next page shows.
func (b *Tab) Enter(then string) {
	b.t.Helper()
	b.Leave("pressing Enter", chromedp.KeyEvent(kb.Enter))
	b.Shows(then)
}

// Fill replaces what is in a field.
func (b *Tab) Fill(selector, text string) {
	b.t.Helper()
	Eval[bool](b, "(() => { const f = document.querySelector("+Quote(selector)+"); f.focus(); f.select(); return true; })()")
	if text == "" {
		text = kb.Backspace
	}
	b.Do("filling "+selector, chromedp.KeyEvent(text))
}

// Choose chooses an option of a list by its value.
func (b *Tab) Choose(selector, option string) {
	b.t.Helper()
	Eval[bool](b, fmt.Sprintf(`(() => { const s = document.querySelector(%s); s.value = %s;
		if (s.value !== %[2]s) throw new Error('no such option'); return s.dispatchEvent(new Event('change', {bubbles: true})); })()`, Quote(selector), Quote(option)))
}

// Click clicks an element.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.Do("clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// look is how a page is looked at.
type look struct {
	Width int64
	Theme string
}

func (l look) String() string { return fmt.Sprintf("%d-%s", l.Width, l.Theme) }

// StopScripts keeps the pages from running any script.
func (b *Tab) StopScripts() {
	b.t.Helper()
	b.Do("stopping scripts", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// Key presses a key.
func (b *Tab) Key(key string) {
	b.t.Helper()
	b.Do("pressing a key", chromedp.KeyEvent(key))
}

// Focused are the words of what has the focus, which must be seen to have it.
func (b *Tab) Focused() string {
	b.t.Helper()
	stop := Eval[struct {
		Words   string
		Outline float64
	}](b, `(() => { const f = document.activeElement; if (!f || f === document.body) return {Words: '', Outline: 3};
		return {Words: (f.labels?.[0] || f).innerText || f.getAttribute('aria-label') || '', Outline: parseFloat(getComputedStyle(f).outlineWidth)}; })()`)
	if stop.Outline < 2 {
		b.t.Errorf("the focus on %q is not seen", stop.Words)
	}
	return stop.Words
}

// TabTo presses the tabulator until something whose words begin so has the focus.
func (b *Tab) TabTo(words string) {
	b.t.Helper()
	var passed []string
	for range 60 {
		b.Key(kb.Tab)
		at := b.Focused()
		if len(at) >= len(words) && at[:len(words)] == words {
			return
		}
		passed = append(passed, at)
	}
	b.t.Fatalf("no way to %q by the tabulator, only to %q", words, passed)
}
