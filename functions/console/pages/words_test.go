package pages

import (
	"unicode/utf8"

	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/provision"
)

// TestNoOrphans: only a sweep that was done has found none.
func TestNoOrphans(t *testing.T) {
	t.Parallel()
	on := provision.Configuration{On: true, Authorization: provision.Authorization{State: provision.AuthorizationOK}}
	for _, test := range []struct {
		state provision.SweepState
		c     provision.Configuration
		want  string
	}{
		{provision.SweepQueued, on, "None so far: a sweep is under way."},
		{provision.SweepRunning, on, "None so far: a sweep is under way."},
		{provision.SweepFailed, provision.Configuration{}, "Not known: the last sweep failed."},
		{provision.SweepDone, on, "No orphans were found by the last sweep."},
	} {
		if got := noOrphans(admin.Status{Configuration: test.c, Sweep: &provision.Sweep{State: test.state}}); got != test.want {
			t.Errorf("%s: %q, want %q", test.state, got, test.want)
		}
	}
}

// TestHeldCreate: what is held may be an account to be created.
func TestHeldCreate(t *testing.T) {
	t.Parallel()
	rec := provision.Record{Hold: &provision.Hold{Operation: provision.Create}}
	if got, want := heldWhy("Comeet", rec), "their account is not in Comeet any more, like those of many others"; got != want {
		t.Errorf("it is held because %q, want %q", got, want)
	}
}

// TestSettledAt: a button leads to where a thing is settled, or there is none.
func TestSettledAt(t *testing.T) {
	t.Parallel()
	for about, want := range map[provision.AttentionAbout]string{provision.AboutScope: "/settings/who",
		provision.AboutAuthorization: "/settings/token", provision.AboutSweep: "/", "": ""} {
		if got := settledAt(about).Path; got != want {
			t.Errorf("%q leads to %q, want %q", about, got, want)
		}
	}
	for ends, want := range map[bool]provision.AttentionAbout{true: provision.AboutScope, false: ""} { // Google's own autoprovisioning is turned off elsewhere
		if got := (provision.Review{EndsWithScope: ends}).Attention().About; got != want {
			t.Errorf("a review that ends with the scope (%v) is about %q, want %q", ends, got, want)
		}
	}
}

// TestAttributesAreLabelled, where a text names them by their paths.
func TestAttributesAreLabelled(t *testing.T) {
	t.Parallel()
	p := &Pages{service: &admin.Service{Ports: admin.Ports{Profile: comeet.Profile()}}}
	for _, test := range []struct {
		kind      provision.AttentionKind
		why, want string
	}{
		{provision.AttentionDrift, `These attributes were changed again in the app: title, emails[type eq "work"].value, x.y. Another tool may be changing them.`,
			"These attributes were changed again in the app: Job title, " + labelOf(p, `emails[type eq "work"].value`) + ", x.y. Another tool may be changing them."},
		{provision.AttentionFailed, "Creating the account failed: title: the expression gives no value.", "Creating the account failed: Job title: the expression gives no value."},
		{provision.AttentionArchived, "This person is archived.", "This person is archived."},
	} {
		if got := p.labelled(provision.Attention{Kind: test.kind, Why: test.why}); got != test.want {
			t.Errorf("%s: %q, want %q", test.kind, got, test.want)
		}
	}
}

func labelOf(p *Pages, path string) string {
	for _, a := range p.service.Profile.Attributes {
		if a.Path == path {
			return a.Label
		}
	}
	return path
}

// TestReadable: the app has its name, and an id that nobody here has says whose it is.
func TestReadable(t *testing.T) {
	t.Parallel()
	const id = "123456789012345678901"
	r := reader{app: "Comeet", now: time.Now()}
	if got, want := r.read("the app's limit was edited, by "+id), "Comeet's limit was edited, by an administrator (directory id "+id+")"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.names = map[string]string{id: "maya@example.com"}
	if got, want := r.read("turned on, by "+id), "Turned on, by maya@example.com"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

var (
	tableTag = regexp.MustCompile(`<table[^>]*>(<caption class="hidden">[^<]+</caption>)?`)
	bareTag  = regexp.MustCompile(`<(thead|tbody|tr|td)[ >][^>]*|<th [^>]*`)
)

// TestTablesStayTables: each has a caption, and those that become a list in a
// narrow window, where the style takes their meaning away, say their roles.
func TestTablesStayTables(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, m := range tableTag.FindAllStringSubmatch(text, -1) {
			if m[1] == "" || strings.Contains(m[0], "stacks") && !strings.Contains(m[0], `role="table"`) {
				t.Errorf("%s: %s", name, m[0])
			}
		}
		wide := regexp.MustCompile(`(?s)<table class="numbers">.*?</table>`)
		for _, tag := range bareTag.FindAllString(wide.ReplaceAllString(text, ""), -1) {
			if !strings.Contains(tag, "role=") {
				t.Errorf("%s: %s> has no role", name, tag)
			}
		}
	}
}

// TestSentenceOfAnyLetter: the app's own messages begin with letters of more than one byte.
func TestSentenceOfAnyLetter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "maya": "Maya", "éva": "Éva", "ßa": "ßa", "משתמש לא נמצא": "משתמש לא נמצא", "\xff": "\xff"} {
		if got := sentence(text); got != want || utf8.ValidString(text) != utf8.ValidString(got) {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := whole("לא נמצא"); got != "לא נמצא." {
		t.Errorf("the whole sentence is %q", got)
	}
}
