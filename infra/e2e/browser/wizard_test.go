package browser_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

// TestWizard goes from nothing to on, with something wrong at every step first.
func TestWizard(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	b.Visit(p.Open)
	b.Hides(program.AdminToken)
	b.Press("Set up", "Before you begin")
	b.Press("Continue", "Tick all three first")
	b.RefusedAt("[name=sso]", "See to this first")
	b.Inspect("refused-start")
	for _, box := range []string{"sso", "invite", "google"} {
		b.Click("[name=" + box + "]")
	}
	b.Press("Continue", "Get access token for app")

	b.Press("Continue", "Paste the access token")
	b.RefusedAt("#accessToken", "Paste the access token")
	b.Fill("#accessToken", "a-wrong-token")
	b.Press("Continue", "refuses this token")
	b.RefusedAt("#accessToken", "Comeet refuses this token")
	b.Holds("#accessToken", "")
	b.Hides("a-wrong-token")
	b.Inspect("refused-token")
	b.Fill("#accessToken", " "+p.AppToken+" ")
	b.Press("Continue", "Verify that all mandatory attributes")
	b.Hides(program.AdminToken, p.AppToken)

	attributesRefused(t, b)
	b.Press("Continue", "Who gets an account")
	scope(t, b)
	b.Press("Continue", "Decide how long users have access")

	b.Choose("#deleted-s", "7d")
	b.Choose("#deleted-d", "1d")
	b.Press("Finish", "must come later")
	b.RefusedAt("#deleted-d", "The hard delete must come later than the suspend beside it")
	b.Holds("#deleted-s", "7d")
	b.Holds("#deleted-d", "1d")
	b.Inspect("refused-time-frames")
	b.Choose("#deleted-d", "21d")
	b.Press("Finish", "This is what turning on would do")
	b.Shows("for whom Comeet is turned off, and for those who are suspended in Google Workspace: they keep their account")
	b.Shows("lena.fischer@example.com")
	if n := len(p.accounts()); n != 0 {
		t.Errorf("%d accounts before it was turned on", n)
	}
	b.Press("Turn on", "Click Turn on to confirm")
	b.Press("Turn on", "Autoprovisioning is on")
	b.Shows("Last sweep")
	if got := p.accounts(); !slices.Contains(got, "lena.fischer@example.com") || slices.Contains(got, "carlos.ortega@example.com") {
		t.Errorf("the accounts are %q, want engineering without sales", got)
	}
	b.Hides(program.AdminToken, p.AppToken)
}

// TestReviewInTheMaking writes down who is to be protected while the preview is
// made, and finds them there when it is ready.
func TestReviewInTheMaking(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	p.configured(atOnce())
	b.Visit(p.Open)
	b.Visit(p.URL + "/setup/review")
	p.faults(object{"latencyMs": 10_000}) // longer than the preview is waited for
	b.Press("Make the preview", "The preview is being made")
	browser.Eval[bool](b, "window.stayed = true")
	b.Click("section details summary")
	b.Fill("#protected", "maya.cohen@example.com")
	b.Becomes("turning on to be offered", "document.querySelector('#ready').innerText.includes('Turn on')")
	b.Becomes("the list to be there", "document.querySelector('#preview').innerText.includes('lena.fischer@example.com')")
	b.Becomes("that to be announced", "document.querySelector('#preview-status').innerText === 'The preview is ready.'")
	if b.Holds("#protected", "maya.cohen@example.com"); !browser.Eval[bool](b, "window.stayed === true") {
		t.Error("the page was loaded as a whole, whatever was entered on it")
	}
	p.faults(object{})
	b.Press("Turn on", "Saved who is protected. This is the new preview")
	b.Press("Turn on", "Click Turn on to confirm")
}

// attributesRefused tries what a mapping cannot be, and leaves it as it should.
func attributesRefused(t *testing.T, b *browser.Tab) {
	t.Helper()
	b.Choose("#source0", "")
	b.Press("Continue", "This attribute is required")
	b.RefusedAt("#source0", "This attribute is required")
	b.Choose("#source0", "primaryEmail")
	b.Choose("#source1", "expression")
	b.Fill("#expression1", "user.name +")
	b.Press("Continue", "Nothing was saved")
	b.RefusedAt("#expression1", "it ends too early")
	b.Holds("#expression1", "user.name +")
	b.Inspect("refused-attributes")
	b.Fill("#expression1", "user.name.givenName.upperAscii()")
	free := browser.Eval[string](b, "(() => { const more = document.querySelector('details.more'); more.open = true; return [...more.querySelectorAll('input[name=app]')].at(-1).id.slice(3); })()")
	b.Fill("#app"+free, "shoeSize")
	b.Choose("#source"+free, "primaryEmail")
	b.Press("Continue", "Nothing was saved")
	b.RefusedAt("#app"+free, "no attribute shoeSize")
	b.Holds("#app"+free, "shoeSize")
	b.Inspect("refused-path")
	b.Fill("#app"+free, "")
	b.Choose("#source"+free, "")
	b.Fill("#sample", "nobody@example.com")
	b.Press("Show the result", "Nobody in the directory has this address")
	b.RefusedAt("#sample", "Nobody in the directory")
	b.Fill("#sample", "maya.cohen@example.com")
	b.Press("Show the result", "MAYA")
	b.Inspect("sample")
	b.Choose("#source1", "name.givenName")
}

// scope chooses engineering by an org unit and a group, and watches the count follow.
func scope(t *testing.T, b *browser.Tab) {
	t.Helper()
	count := func(in string) {
		t.Helper()
		b.Becomes(in+" people to be in", "document.querySelector('.sticky strong')?.innerText === "+browser.Quote(in))
	}
	count("38")
	browser.Eval[bool](b, "(document.querySelector("+browser.Quote(unit("/Sales"))+").focus(), true)")
	b.Choose(unit("/Sales"), "off")
	count("28")
	b.Holds(unit("/Sales"), "off")
	b.Becomes("the count to be announced", "document.querySelector('#count[role=status]').innerText === '28 in scope, 13 not in scope'")
	b.Becomes("the list to keep the focus", "document.activeElement === document.querySelector("+browser.Quote(unit("/Sales"))+")")
	b.Fill("#find-groups", "no such group")
	b.Enter("No group's name or address begins with this")
	b.Fill("#find-groups", "eng")
	b.Enter("engineering@example.com")
	b.Press("Add engineering@example.com", "its members, nested ones included")
	count("6")
	b.Inspect("who-group")
	b.Press("Remove engineering@example.com", "Leave it empty for no such limit")
	count("28")
	b.Fill("#find-groups", "eng")
	b.Enter("engineering@example.com")
	b.Press("Add engineering@example.com", "its members, nested ones included")
	count("6")
	b.Holds(unit("/Sales"), "off")
}

// TestKeyboard sets up and turns on with nothing but keys.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	p, b := start(t), browser.Open(t)
	began := time.Now()
	b.Visit(p.Open)
	b.Key(kb.Tab)
	if words := b.Focused(); words != "Skip to the content" {
		t.Errorf("the first stop is %q", words)
	}
	b.Key(kb.Enter)
	b.TabTo("Set up")
	b.Enter("Before you begin")
	for _, box := range []string{"Single sign-on", "You have decided", "Google's own"} {
		b.TabTo(box)
		b.Key(" ")
	}
	b.TabTo("Continue")
	b.Enter("Get access token for app")
	b.TabTo("Access token")
	b.Do("typing the token", chromedp.KeyEvent(p.AppToken))
	b.Enter("Verify that all mandatory attributes")
	b.TabTo("Continue")
	b.Enter("Who gets an account")
	b.TabTo("Continue")
	b.Enter("Decide how long users have access")
	b.TabTo("Suspend")
	b.Do("choosing with the keyboard", chromedp.KeyEvent("W")) // Within 24 hours
	b.TabTo("Finish")
	b.Enter("This is what turning on would do")
	b.TabTo("Turn on")
	b.Enter("Click Turn on to confirm")
	b.TabTo("Turn on")
	b.Enter("Autoprovisioning is on")
	b.Shows("Last sweep")
	if n := len(p.accounts()); n != 38 {
		t.Errorf("%d accounts, want 38", n)
	}
	if took := time.Since(began); took > 3*time.Minute {
		t.Errorf("from nothing to on took %v", took)
	}
}
