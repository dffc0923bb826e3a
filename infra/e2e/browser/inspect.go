package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// RefusedAt fails unless a field has the focus, is marked as invalid, and is
// described by a text.
func (b *Tab) RefusedAt(selector, text string) {
	b.t.Helper()
	b.Shows(text)
	b.Becomes(selector+" to have the focus", "document.activeElement === document.querySelector("+Quote(selector)+")")
	field := Eval[struct {
		Invalid, Described string
	}](b, `(() => { const f = document.querySelector(`+Quote(selector)+`);
		return {Invalid: f.getAttribute('aria-invalid') || '', Described: (f.getAttribute('aria-describedby') || '').split(' ').map(id => document.getElementById(id)?.innerText).join(' ')}; })()`)
	if field.Invalid != "true" || !strings.Contains(field.Described, text) {
		b.t.Errorf("%s is refused as %+v, want the description %q", selector, field, text)
	}
}

// Holds fails unless a field holds a value.
func (b *Tab) Holds(selector, want string) {
	b.t.Helper()
	if got := Value(b, "reading "+selector, chromedp.Value(chromedp.CSS(selector))); got != want {
		b.t.Errorf("%s holds %q, want %q", selector, got, want)
	}
}

// Hides fails when the page, its address or what a script can read of it shows a secret.
func (b *Tab) Hides(secrets ...string) {
	b.t.Helper()
	all := Eval[string](b, "location.href + document.documentElement.outerHTML + document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			b.t.Errorf("%s shows a token", Eval[string](b, "location.pathname"))
		}
	}
}

// looks are the widths and themes that every page is held to.
func looks() []look { return []look{{1280, "light"}, {1280, "dark"}, {360, "light"}, {360, "dark"}} }

// Picture is the page in a theme, as much of it as a window of 1,280 by 960 pixels shows.
func (b *Tab) Picture(theme string) []byte {
	b.t.Helper()
	b.sized(look{1280, theme}, 960)
	return Value(b, "taking a picture", chromedp.CaptureScreenshot())
}

func (b *Tab) wear(l look) {
	b.t.Helper()
	b.sized(l, 900)
}

func (b *Tab) sized(l look, height int64) {
	b.t.Helper()
	b.Do("setting the window", chromedp.EmulateViewport(l.Width, height), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}))
}

// Inspect holds the page that is open to its width in every look and to the
// rules in each theme, keeps a picture of each look where pictures are kept, and
// leaves the first one in place.
func (b *Tab) Inspect(name string) {
	b.t.Helper()
	for _, l := range looks() {
		b.wear(l)
		b.keep(fmt.Sprintf("%s-%s.png", name, l))
		b.fits(name, l)
		if (l.Width == 1280) == (l.Theme == "light") { // each theme once, and each width
			b.accessible(name, l)
		}
	}
	b.wear(looks()[0])
}

// keep writes a picture of the page for go test -artifacts: without that flag it
// would be thrown away.
func (b *Tab) keep(name string) {
	b.t.Helper()
	if flag.Lookup("test.artifacts").Value.String() != "true" {
		return
	}
	picture := Value(b, "taking a picture", chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// fits fails when the page is wider than the window, or a label than its tile.
func (b *Tab) fits(name string, l look) {
	b.t.Helper()
	wide := Eval[[]string](b, `(() => { const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return [];
		return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1 && !e.closest('.scroll *'))
			.map(e => e.tagName + '.' + e.className).concat('scrollWidth ' + document.documentElement.scrollWidth); })()`)
	if len(wide) > 0 {
		b.t.Errorf("%s at %s is wider than the window: %s", name, l, strings.Join(wide, ", "))
	}
	out := Eval[[]string](b, `[...document.querySelectorAll('.tiles .label')].filter(e =>
		e.getBoundingClientRect().right > e.closest('li').getBoundingClientRect().right - 2).map(e => e.innerText)`)
	if len(out) > 0 {
		b.t.Errorf("%s at %s: out of their tiles are %s", name, l, strings.Join(out, ", "))
	}
}

// accessible fails for each rule of axe-core that the page breaks.
func (b *Tab) accessible(name string, l look) {
	b.t.Helper()
	if !Eval[bool](b, "!!window.axe") {
		Eval[bool](b, b.axe+"\n;true")
	}
	broken := Eval[[]string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' (' + v.help + '): ' + n.html + ' ' + (n.failureSummary || ''))))`)
	for _, rule := range broken {
		b.t.Errorf("%s at %s breaks %s", name, l, rule)
	}
}
