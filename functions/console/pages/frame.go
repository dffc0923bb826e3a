package pages

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
)

//go:embed templates static
var files embed.FS

// templates are the pages, each within the frame, by name.
var templates = load()

func load() map[string]*template.Template {
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic("pages: " + err.Error())
	}
	parts := template.Must(template.New("frame.html").ParseFS(files, "templates/frame.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name != "frame" && name != "parts" {
			all[name] = template.Must(template.Must(parts.Clone()).ParseFS(files, path.Join("templates", e.Name())))
		}
	}
	return all
}

// static serves the style sheet and the one script.
func static() http.Handler {
	inner := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no listing
			return
		}
		w.Header().Set("Cache-Control", "private, max-age=300")
		inner.ServeHTTP(w, r)
	})
}

type link struct {
	Label, Path string
	Here        bool
}

// frame is what stands around every page.
type frame struct {
	Title, App string
	// Failed is true for a page that says that something could not be done.
	Failed   bool
	SignedIn bool
	Nav      []link
	Status   label
	Now      moment
	Flash    flash
	// Refresh makes the page load itself again every second, without script.
	Refresh bool
	// Style is the address of a further style sheet; empty for none.
	Style string
	Page  any
}

// refreshing is a page that shows something under way.
type refreshing interface {
	underWay() bool
	// over says how it ended; nothing where that is not known.
	over() flash
}

// refreshOnce makes the script that polls a page load it as a whole once what
// was under way has ended (htmx.org/reference/#response_headers), and that page
// say so: whoever does not see the page would hear nothing of it.
func (p *Pages) refreshOnce(w http.ResponseWriter, r *http.Request, page refreshing) {
	if r.Header.Get("HX-Request") != "" && !page.underWay() {
		w.Header().Set("HX-Refresh", "true")
		p.say(w, page.over())
	}
}

// render answers with a page.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, name, title string, view any) error {
	return p.renderAs(w, r, http.StatusOK, name, title, view)
}

func (p *Pages) renderAs(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) error {
	return p.execute(w, r, status, templates[name], title, view)
}

// Frame answers with a page that is not one of this package: t is its body's
// template, executed with view (see Parse). A view with a method Style() string
// has a style sheet of its own at that address.
func (p *Pages) Frame(w http.ResponseWriter, r *http.Request, t *template.Template, title string, view any) error {
	return p.execute(w, r, http.StatusOK, t, title, view)
}

// Parse makes the template of a page for Frame of a text that defines "body";
// it may use the parts that all pages share.
func Parse(text string) *template.Template {
	parts := template.Must(template.New("frame.html").ParseFS(files, "templates/frame.html", "templates/parts.html"))
	return template.Must(parts.Parse(text))
}

func (p *Pages) execute(w http.ResponseWriter, r *http.Request, status int, t *template.Template, title string, view any) error {
	f := frame{Title: title, App: p.service.Profile.Name, Failed: status >= http.StatusBadRequest, Page: view, SignedIn: isSignedIn(r)}
	if f.SignedIn {
		st, err := p.service.Status(r.Context())
		if err != nil && status < http.StatusBadRequest {
			return err
		}
		f.Status, f.Now = statusLabel(st.Status), momentAt(st.Now, st.Now)
		f.Nav = p.navigation(r, st)
		f.Flash = takeFlash(w, r)
	}
	if s, ok := view.(signInView); ok { // to be asked to sign in is no error
		f.Failed = s.Error != ""
	}
	if u, ok := view.(refreshing); ok {
		f.Refresh = u.underWay()
	}
	if s, ok := view.(interface{ Style() string }); ok {
		f.Style = s.Style()
	}
	if f.Flash.Text != "" && r.Header.Get("HX-Request") == "" { // else the script keeps the focus where it is
		var body bytes.Buffer
		if err := t.ExecuteTemplate(&body, "body", f); err != nil {
			return fmt.Errorf("page: %w", err)
		}
		f.Flash.Focus = !bytes.Contains(body.Bytes(), []byte(" autofocus"))
	}
	var page bytes.Buffer // whole, so that an error half-way is no half page
	if err := t.ExecuteTemplate(&page, "frame.html", f); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // a visitor who is gone needs no answer
	return nil
}

func (p *Pages) navigation(r *http.Request, st admin.Status) []link {
	links := []link{{Label: "Home", Path: "/"}}
	if st.Status == admin.StatusNotConfigured || inSetup(r) {
		links = append(links, link{Label: "Set up", Path: "/setup"})
	}
	links = append(links, link{Label: "People", Path: "/people"}, link{Label: "Coming up", Path: "/coming-up"},
		link{Label: "Orphans", Path: "/orphans"}, link{Label: "Log", Path: "/log"}, link{Label: "Settings", Path: "/settings"})
	links = append(links, p.extra...)
	for i, l := range links {
		links[i].Here = r.URL.Path == l.Path || l.Path == "/settings" && strings.HasPrefix(r.URL.Path, "/previews/") || l.Path != "/" && strings.HasPrefix(r.URL.Path, l.Path+"/")
	}
	return links
}

const flashCookie = "autoprovision-flash"

// flash is what the next page says of what was just done, or not done.
type flash struct {
	Text string
	// Failed is true for what was not done.
	Failed bool
	// Focus is true where nothing on the page needs the focus more.
	Focus bool
}

// failedFlash begins the value of a cookie that says that something was not done;
// what was said is in an alphabet without it.
const failedFlash = "!"

// done leads to a page that says what was done (post, redirect, get).
func (p *Pages) done(w http.ResponseWriter, r *http.Request, to, said string) error {
	return p.lead(w, r, to, flash{Text: said})
}

// notDone leads to a page that says that something was not done, and why.
func (p *Pages) notDone(w http.ResponseWriter, r *http.Request, to, said string) error {
	return p.lead(w, r, to, flash{Text: said, Failed: true})
}

func (p *Pages) lead(w http.ResponseWriter, r *http.Request, to string, say flash) error {
	if say.Text != "" {
		p.say(w, say)
	}
	http.Redirect(w, r, to, http.StatusSeeOther) // #nosec G710 -- a page of this package
	return nil
}

// say makes the next page say something.
func (p *Pages) say(w http.ResponseWriter, say flash) {
	value := base64.RawURLEncoding.EncodeToString([]byte(say.Text))
	if say.Failed {
		value = failedFlash + value
	}
	// #nosec G124 -- secure wherever the pages are reached by https
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Value: value, Path: "/",
		MaxAge: 60, HttpOnly: true, Secure: p.sessions.secure, SameSite: http.SameSiteStrictMode})
}

// Done is done for pages added from outside: it leads to a page that says what was done.
func (p *Pages) Done(w http.ResponseWriter, r *http.Request, to, said string) error {
	return p.done(w, r, to, said)
}

// NotDone is notDone for pages added from outside.
func (p *Pages) NotDone(w http.ResponseWriter, r *http.Request, to, said string) error {
	return p.notDone(w, r, to, said)
}

func takeFlash(w http.ResponseWriter, r *http.Request) flash {
	cookie, err := r.Cookie(flashCookie)
	if err != nil {
		return flash{}
	}
	// #nosec G124 -- it holds nothing: it ends the cookie
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	value, failed := strings.CutPrefix(cookie.Value, failedFlash)
	said, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return flash{}
	}
	return flash{Text: string(said), Failed: failed}
}

// moment is a time as pages show it: the date and hour in UTC, and how far it is.
type moment struct{ At, Now time.Time }

func momentAt(at, now time.Time) moment { return moment{at.UTC(), now.UTC()} }

// Is reports whether there is a time.
func (m moment) Is() bool { return !m.At.IsZero() }

// ISO is for machines.
func (m moment) ISO() string { return m.At.Format(time.RFC3339) }

// Short is Text without the zone, for tables.
func (m moment) Short() string { return m.At.Format("2 Jan 2006, 15:04") }

// Text is the date and hour, with the zone.
func (m moment) Text() string { return m.At.Format("2 Jan 2006, 15:04 UTC") }

// Far is how far the time is from now, in words.
func (m moment) Far() string {
	d := m.At.Sub(m.Now)
	switch {
	case d > -time.Minute && d <= 0:
		return "just now"
	case d > 0 && d < time.Minute:
		return "now"
	case d > 0:
		return "in " + span(d)
	}
	return span(-d) + " ago"
}

// span is a duration in words, in its largest whole unit.
func span(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d < time.Hour:
		return count(int((d+30*time.Second)/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int((d+30*time.Minute)/time.Hour), "hour")
	}
	return count(int((d+12*time.Hour)/(24*time.Hour)), "day")
}
