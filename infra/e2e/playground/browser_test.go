package playground

import (
	"fmt"
	"strings"
	"testing"

	"example.com/autoprovision/infra/e2e/browser"
)

// row is the row of somebody by their name.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.people li')].find(li => li.querySelector('strong').textContent === %q)`, name)
}

// inspect holds the page to the rules, from its top.
func inspect(b *browser.Tab, name string) {
	browser.Eval[bool](b, `(scrollTo(0, 0), true)`)
	b.Inspect(name)
}

// In the browser the page follows by itself, without being loaded again, and
// keeps the place and the focus of who uses it.
func TestPlaygroundInABrowser(t *testing.T) {
	t.Parallel()
	b, v := browser.Open(t), visit(t)
	b.Visit(v.Open)
	b.Visit(v.URL + "/playground")
	inspect(b, "before")
	if !browser.Eval[bool](b, `document.querySelector('#set-up').getBoundingClientRect().top < document.querySelector('.now').getBoundingClientRect().top`) {
		t.Error("what is to be done first does not stand first")
	}
	b.Click("#set-up")
	b.Becomes("all accounts", `document.querySelectorAll('.people .side + .side .label.good').length >= 38`)
	browser.Eval[bool](b, `window.stayed = true`)

	yuki := v.id("yuki.tanaka@example.com")
	browser.Eval[bool](b, `(document.getElementById("s`+yuki+`").scrollIntoView({block: 'center'}), true)`)
	place := browser.Eval[float64](b, row("Yuki Tanaka")+`.getBoundingClientRect().top`)
	b.Click("#s" + yuki)
	b.Becomes("the page to say what was done, where it is seen", `(note => !!note && note.innerText === 'Yuki Tanaka is suspended in Google Workspace.' &&
		note.getBoundingClientRect().top >= 0 && note.getBoundingClientRect().bottom <= innerHeight)(document.querySelector('#flash'))`)
	b.Becomes("Yuki's account to be suspended", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'Suspended'`)
	b.Becomes("the hard delete to be due", row("Yuki Tanaka")+`.innerText.includes('Hard delete in 7 days')`)
	if now := browser.Eval[float64](b, row("Yuki Tanaka")+`.getBoundingClientRect().top`); now < place-100 || now > place+100 {
		t.Errorf("Yuki's row moved from %v to %v pixels below the top", place, now)
	}
	if status := browser.Eval[string](b, `document.querySelector('#status').innerText`); status != "On" {
		t.Errorf("the header says %q", status)
	}
	if focus := browser.Eval[string](b, `document.activeElement.id`); focus != "s"+yuki {
		t.Errorf("the focus is on %q", focus)
	}
	b.Click("#move168")
	b.Becomes("Yuki's account to be gone", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'No account'`)

	// What happens elsewhere shows by itself.
	v.Dir("PATCH", "/users/carlos.ortega@example.com", object{"suspended": true})
	b.Becomes("Carlos to be suspended on both sides", `[...`+row("Carlos Ortega")+`.querySelectorAll('.name .label')].every(l => l.textContent === 'Suspended')`)
	v.Dir("DELETE", "/users/chloe.martin@example.com", nil)
	v.Dir("PATCH", "/users/mei.lin@example.com", object{"archived": true})
	b.Becomes("all of it to be shown", row("Mei Lin")+`.innerText.includes('Archived') && `+row("Chloe Martin")+`.innerText.includes('Restore') && `+
		row("Chloe Martin")+`.innerText.includes('Hard delete')`)
	if !browser.Eval[bool](b, `window.stayed === true`) {
		t.Error("the page was loaded as a whole")
	}
	inspect(b, "after")

	b.Click("details summary")
	b.Fill("#givenName", "Ada")
	b.Fill("#familyName", "Berg")
	b.Click("details button.primary")
	b.Becomes("Ada to have an account", row("Ada Berg")+`?.querySelector('.side + .side .label').textContent === 'Active'`)
	if note := browser.Eval[string](b, `document.querySelector('.note').textContent`); !strings.Contains(note, "Ada Berg is hired") {
		t.Errorf("the page says %q", note)
	}
	b.Click("#manner-refuses")
	v.Dir("PATCH", "/users/"+yuki, object{"suspended": false})
	b.Becomes("a way to reauthorize", `!!document.querySelector('#renew')`)
	inspect(b, "refused")
	b.Click("#renew")
	b.Becomes("Yuki's account to be back", row("Yuki Tanaka")+`.querySelector('.side + .side .label').textContent === 'Active'`)

	b.Visit(v.URL + "/playground/people/" + yuki)
	inspect(b, "change")
}
