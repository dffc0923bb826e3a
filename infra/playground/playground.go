// Package playground owns the page on which a simulated company is played
// with: people are hired, changed, suspended, archived, deleted and restored,
// the simulated app is made to throttle, to fail or to refuse the token, and
// business time is moved forward; beside it the app's accounts, as they are.
//
// It promises that whatever is pressed goes the way of the real thing: through
// the Directory API, the app's own interface and the console's use cases, so
// that what follows is the product's doing. It holds no state, shows no token,
// and exists only in the local program with both services simulated.
package playground

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the page, as text
	"encoding/hex"
	"html/template"
	"net/http"
	"time"

	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/option"

	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
)

// Parts are what the playground plays with; all are required.
type Parts struct {
	Console   *pages.Pages
	Service   *admin.Service
	Workspace *simworkspace.Workspace
	Comeet    *simcomeet.Server
	// Advance moves business time forward by d, which is positive.
	Advance func(d time.Duration) error
}

type playground struct {
	Parts
	// directory is the way by which an administrator changes people.
	directory *directory.Service
	page      *template.Template
	person    *template.Template
}

//go:embed page.html
var pageText string

//go:embed person.html
var personText string

// stylePath is where the style sheet is.
const stylePath = "/playground/style.css"

//go:embed style.css
var style []byte

// Add puts the playground into the console and its navigation.
func Add(ctx context.Context, parts Parts) error {
	api, err := directory.NewService(ctx, option.WithEndpoint("http://simulated.invalid"),
		option.WithHTTPClient(&http.Client{Transport: parts.Workspace.Transport()}))
	if err != nil {
		return fault.Wrap(fault.Internal, "playground: add", err)
	}
	g := &playground{Parts: parts, directory: api, page: pages.Parse(pageText), person: pages.Parse(personText)}
	g.Console.Add("Playground", "/playground", "GET /playground", g.show)
	for pattern, handler := range map[string]pages.Handler{
		"GET " + stylePath:             g.style,
		"POST /playground/set-up":      g.setUp,
		"POST /playground/token":       g.renewToken,
		"POST /playground/clock":       g.moveClock,
		"POST /playground/app":         g.spoil,
		"POST /playground/people":      g.hire,
		"GET /playground/people/{id}":  g.changePage,
		"POST /playground/people/{id}": g.change,
		// One of the deeds, such as suspend.
		"POST /playground/people/{id}/{deed}": g.act,
	} {
		g.Console.Add("", "", pattern, handler)
	}
	return nil
}

func (g *playground) style(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, err := w.Write(style)
	return err
}

// show answers with the page. Its script asks again each second with what it
// has seen; when that is still so there is no answer to show, so that nothing
// is replaced under somebody's finger.
func (g *playground) show(w http.ResponseWriter, r *http.Request) error {
	v, err := g.view(r.Context())
	if err != nil {
		return err
	}
	var live bytes.Buffer
	for _, part := range []string{"now", "todo", "news", "world"} {
		if err := g.page.ExecuteTemplate(&live, part, v); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(live.Bytes())
	v.Seen = hex.EncodeToString(sum[:8])
	if r.URL.Query().Get("seen") == v.Seen {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return g.Console.Frame(w, r, g.page, "Playground", v)
}

// said leads back to the page, which says what was done, or why it was not.
func (g *playground) said(w http.ResponseWriter, r *http.Request, text string, err error) error {
	if err != nil {
		return g.Console.NotDone(w, r, "/playground", "That did not work: "+explain(g.Service.Profile.Name, err))
	}
	return g.Console.Done(w, r, "/playground", text)
}
