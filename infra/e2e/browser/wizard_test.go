package browser

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestWizard goes from nothing to on, with something wrong at every step first.
func TestWizard(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	b.visit(p.open)
	b.hides(adminToken)
	b.press("Set up", "Before you begin")
	b.press("Continue", "Nothing was saved")
	b.refusedAt("[name=sso]", "See to this first")
	b.inspect("refused-start")
	for _, box := range []string{"sso", "invite", "google"} {
		b.click("[name=" + box + "]")
	}
	b.press("Continue", "Get access token for app")

	b.press("Continue", "Paste the access token")
	b.refusedAt("#accessToken", "Paste the access token")
	b.fill("#accessToken", "a-wrong-token")
	b.press("Continue", "refuses this token")
	b.refusedAt("#accessToken", "The app refuses this token")
	b.holds("#accessToken", "")
	b.hides("a-wrong-token")
	b.inspect("refused-token")
	b.fill("#accessToken", " "+p.appToken+" ")
	b.press("Continue", "Verify that all mandatory attributes")
	b.hides(adminToken, p.appToken)

	b.attributesRefused()
	b.press("Continue", "Who gets an account")
	b.scope()
	b.press("Continue", "Decide how long users have access")

	b.choose("#deleted-s", "7d")
	b.choose("#deleted-d", "1d")
	b.press("Continue", "must come later")
	b.refusedAt("#deleted-d", "The hard delete must come later than the suspend beside it")
	b.holds("#deleted-s", "7d")
	b.holds("#deleted-d", "1d")
	b.inspect("refused-time-frames")
	b.choose("#deleted-d", "21d")
	b.press("Continue", "This is what turning on would do")
	b.shows("for whom Comeet is turned off, and for those who are suspended from Google: they keep their account")
	b.shows("lena.fischer@example.com")
	if n := len(p.accounts()); n != 0 {
		t.Errorf("%d accounts before it was turned on", n)
	}
	b.press("Turn on", "Click Turn on to confirm")
	b.press("Turn on", "Autoprovisioning is on")
	b.shows("Last sweep")
	if got := p.accounts(); !slices.Contains(got, "lena.fischer@example.com") || slices.Contains(got, "carlos.ortega@example.com") {
		t.Errorf("the accounts are %q, want engineering without sales", got)
	}
	b.hides(adminToken, p.appToken)
}

// attributesRefused tries what a mapping cannot be, and leaves it as it should.
func (b *tab) attributesRefused() {
	b.t.Helper()
	b.choose("#source0", "")
	b.press("Continue", "The app requires this attribute")
	b.refusedAt("#source0", "The app requires this attribute")
	b.choose("#source0", "primaryEmail")
	b.choose("#source1", "expression")
	b.fill("#expression1", "user.name +")
	b.press("Continue", "Nothing was saved")
	b.refusedAt("#source1", "The expression is wrong")
	b.holds("#expression1", "user.name +")
	b.inspect("refused-attributes")
	b.fill("#expression1", "user.name.givenName.upperAscii()")
	b.fill("#sample", "nobody@example.com")
	b.press("Show the result", "Nobody in the directory has this address")
	b.refusedAt("#sample", "Nobody in the directory")
	b.fill("#sample", "maya.cohen@example.com")
	b.press("Show the result", "MAYA")
	b.inspect("sample")
	b.choose("#source1", "name.givenName")
}

// scope chooses engineering by an org unit and a group, and watches the count follow.
func (b *tab) scope() {
	b.t.Helper()
	count := func(in string) {
		b.t.Helper()
		b.becomes(in+" people to be in", "document.querySelector('.sticky strong')?.innerText === "+quote(in))
	}
	count("38")
	b.choose(unit("/Sales"), "off")
	count("28")
	b.fill("#find-groups", "no such group")
	b.enter("No group's name or address begins with this")
	b.fill("#find-groups", "eng")
	b.enter("engineering@example.com")
	b.press("Add engineering@example.com", "its members, nested ones included")
	count("6")
	b.inspect("who-group")
	b.press("Remove engineering@example.com", "Leave it empty for no such limit")
	count("28")
	b.fill("#find-groups", "eng")
	b.enter("engineering@example.com")
	b.press("Add engineering@example.com", "its members, nested ones included")
	count("6")
	b.holds(unit("/Sales"), "off")
}

// TestKeyboard sets up and turns on with nothing but keys.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	p, b := start(t), browse(t)
	began := time.Now()
	b.visit(p.open)
	b.key(kb.Tab)
	if words := b.focused(); words != "Skip to the content" {
		t.Errorf("the first stop is %q", words)
	}
	b.key(kb.Enter)
	b.tabTo("Set up")
	b.enter("Before you begin")
	for _, box := range []string{"Single sign-on", "Somebody invites", "Google's own"} {
		b.tabTo(box)
		b.key(" ")
	}
	b.tabTo("Continue")
	b.enter("Get access token for app")
	b.tabTo("Access token")
	b.do("typing the token", chromedp.KeyEvent(p.appToken))
	b.enter("Verify that all mandatory attributes")
	b.tabTo("Continue")
	b.enter("Who gets an account")
	b.tabTo("Continue")
	b.enter("Decide how long users have access")
	b.tabTo("Suspend")
	b.do("choosing with the keyboard", chromedp.KeyEvent("W")) // Within 24 hours
	b.tabTo("Continue")
	b.enter("This is what turning on would do")
	b.tabTo("Turn on")
	b.enter("Click Turn on to confirm")
	b.tabTo("Turn on")
	b.enter("Autoprovisioning is on")
	b.shows("Last sweep")
	if n := len(p.accounts()); n != 38 {
		t.Errorf("%d accounts, want 38", n)
	}
	if took := time.Since(began); took > 3*time.Minute {
		t.Errorf("from nothing to on took %v", took)
	}
}

func (b *tab) key(key string) {
	b.t.Helper()
	b.do("pressing a key", chromedp.KeyEvent(key))
}

// focused are the words of what has the focus, which must be seen to have it.
func (b *tab) focused() string {
	b.t.Helper()
	stop := eval[struct {
		Words   string
		Outline float64
	}](b, `(() => { const f = document.activeElement; if (!f || f === document.body) return {Words: '', Outline: 3};
		return {Words: (f.labels?.[0] || f).innerText || f.getAttribute('aria-label') || '', Outline: parseFloat(getComputedStyle(f).outlineWidth)}; })()`)
	if stop.Outline < 2 {
		b.t.Errorf("the focus on %q is not seen", stop.Words)
	}
	return stop.Words
}

// tabTo presses the tabulator until something whose words begin so has the focus.
func (b *tab) tabTo(words string) {
	b.t.Helper()
	var passed []string
	for range 60 {
		b.key(kb.Tab)
		at := b.focused()
		if len(at) >= len(words) && at[:len(words)] == words {
			return
		}
		passed = append(passed, at)
	}
	b.t.Fatalf("no way to %q by the tabulator, only to %q", words, passed)
}
