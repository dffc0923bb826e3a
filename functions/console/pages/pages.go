// Package pages owns the console: the web pages on which an administrator
// sees, sets and trusts what is done to accounts.
//
// It promises that every page works without script, that only POST changes
// anything, that nothing but sign-in and the style sheet is answered to
// somebody who is not signed in, that a request from another site is refused,
// and that no page or cookie holds a token (R15). It decides nothing and calls
// no API: package admin does what an administrator asks for.
package pages

import (
	"context"
	"fmt"
	"net/http"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// Options are what the pages need; all but Secure are required.
type Options struct {
	Service *admin.Service
	SignIn  SignIn
	// SessionKey signs sessions: every instance that serves the console has the
	// same one. It is asked for only by requests that carry or begin a session.
	SessionKey func(ctx context.Context) (secrets.Value, error)
	// Secure is true where the pages are reached by https only, at a host of their own.
	Secure bool
	// TokenIs says where the app's access token is, where that is not on the app's
	// own pages; empty else.
	TokenIs string
}

// Pages is the console. It is safe for concurrent use once every Add is done.
type Pages struct {
	service  *admin.Service
	signIn   SignIn
	sessions sessions
	mux      *http.ServeMux
	open     *http.ServeMux
	extra    []link
	tokenIs  string
	handler  http.Handler
}

// New returns the console over the use cases.
func New(o Options) *Pages {
	p := &Pages{service: o.Service, signIn: o.SignIn, mux: http.NewServeMux(), open: http.NewServeMux(), tokenIs: o.TokenIs,
		sessions: sessions{key: o.SessionKey, now: o.Service.Real, secure: o.Secure}}
	p.open.Handle("GET /static/", static())
	p.openRoute("GET /sign-in", p.signInPage)
	p.openRoute("GET /sign-in/callback", p.finishSignIn)
	p.openRoute("POST /sign-in", p.finishSignIn)
	p.openRoute("POST /sign-out", p.signOut)
	p.routes()
	p.handler = headers(http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.route)))
	return p
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Handler answers one request; its error becomes a page that says what to do.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Add serves a further page, for who is signed in, under a pattern such as
// "GET /playground". A label that is not empty puts path into the navigation.
func (p *Pages) Add(label, path, pattern string, h Handler) {
	p.page(pattern, h)
	if label != "" {
		p.extra = append(p.extra, link{Label: label, Path: path})
	}
}

func (p *Pages) routes() {
	p.page("GET /{$}", p.home)
	p.page("GET /held", p.heldPage)
	p.page("POST /held", p.settleHeld)
	p.page("GET /attention", p.attentionPage)
	p.page("GET /turn-on", p.turnOnPage)
	p.page("POST /turn-on", p.turnOn)
	p.page("GET /turn-off", p.turnOffPage)
	p.page("POST /turn-off", p.turnOff)
	p.page("POST /sweep-now", p.sweepNow)
	p.page("GET /previews/{id}", p.previewPage)
	p.page("POST /previews/{id}/save", p.savePreviewed)
	p.page("POST /previews", p.newPreview)

	p.page("GET /setup", p.beforeOn(p.setup))
	p.page("GET /setup/start", p.beforeOn(p.checklistPage))
	p.page("POST /setup/start", p.beforeOn(p.checklist))
	p.page("GET /setup/review", p.beforeOn(p.review))
	p.page("POST /setup/review", p.beforeOn(p.makeReview))
	for pattern, h := range map[string]Handler{
		"GET %s/token": p.tokenPage, "POST %s/token": p.saveToken,
		"GET %s/attributes": p.attributesPage, "POST %s/attributes": p.saveAttributes,
		"GET %s/who": p.whoPage, "POST %s/who": p.saveWho,
		"GET %s/time-frames": p.framesPage, "POST %s/time-frames": p.saveFrames,
	} {
		p.page(fmt.Sprintf(pattern, "/setup"), p.beforeOn(h))
		p.page(fmt.Sprintf(pattern, "/settings"), h)
	}
	p.page("GET /settings", p.settingsPage)
	p.page("GET /settings/safety", p.safetyPage)
	p.page("POST /settings/safety", p.saveSafety)
	p.page("GET /settings/connection", p.connectionPage)
	p.page("POST /settings/connection", p.saveConnection)
	p.page("GET /settings/file", p.filePage)
	p.page("GET /settings/file/configuration.json", p.downloadFile)
	p.page("POST /settings/file", p.saveFile)
	p.page("GET /settings/delete", p.deletePage)
	p.page("POST /settings/delete", p.deleteConfiguration)

	p.page("GET /people", p.peoplePage)
	p.page("GET /people/{user}", p.personPage)
	p.page("POST /people/{user}/look", p.lookNow)
	p.page("GET /coming-up", p.comingUpPage)
	p.page("GET /orphans", p.orphansPage)
	p.page("GET /orphans.csv", p.orphansCSV)
	p.page("GET /log", p.logPage)
	p.page("GET /log.csv", p.logCSV)
	p.page("GET /log/failures", p.failuresPage)
	p.page(anyPage, noPage)
}

// anyPage is the pattern of what is no page.
const anyPage = "GET /"

var errNoPage = fault.New(fault.NotFound, "", "Check the address, or go to Home.")

func noPage(http.ResponseWriter, *http.Request) error { return errNoPage }

// page registers a page for who is signed in.
func (p *Pages) page(pattern string, h Handler) { p.mux.Handle(pattern, p.answer(h)) }

// openRoute registers what needs no session.
func (p *Pages) openRoute(pattern string, h Handler) { p.open.Handle(pattern, p.answer(h)) }

// route lets in who is signed in, and sends everybody else to sign in.
func (p *Pages) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := p.open.Handler(r); pattern != "" {
		p.open.ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.Query().Has("token") {
		p.answer(p.finishSignIn).ServeHTTP(w, r)
		return
	}
	person, ok, err := p.sessions.person(r)
	if err == nil && ok {
		err = p.signIn.Still(r.Context(), person)
	}
	switch {
	case fault.Is(err, fault.Unauthorized):
		p.answer(func(w http.ResponseWriter, r *http.Request) error { return p.dismiss(w, r, err) }).ServeHTTP(w, r)
	case err != nil:
		p.answer(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
	case !ok:
		p.answer(p.challenge).ServeHTTP(w, r)
	default:
		ctx := admin.As(context.WithValue(r.Context(), signedIn{}, true), person)
		if _, pattern := p.mux.Handler(r); r.Method == http.MethodPost {
			p.service.Log.InfoContext(ctx, "administrator acts", "person", person, "call", pattern)
		}
		p.mux.ServeHTTP(w, r.WithContext(ctx))
	}
}
