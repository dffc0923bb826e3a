package pages

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// SignIn is the port to how an administrator proves who they are: by a token
// on one machine, by an identity provider where several people share the console.
type SignIn interface {
	// Begin is called for a visitor without a session. It may answer by itself,
	// by sending them to an identity provider, and then returns true; otherwise
	// the page asks for a token. An error says why nobody can sign in.
	Begin(w http.ResponseWriter, r *http.Request) (answered bool, err error)
	// Finish is called with what the visitor sent to /sign-in, or the provider
	// through them to /sign-in/callback. It returns who an administrator is, in
	// letters and digits, and fault.Unauthorized for anybody else.
	Finish(w http.ResponseWriter, r *http.Request) (person string, err error)
	// Still is called at each request of a session. It returns nil while the
	// person is an administrator, and fault.Unauthorized when they are not any more.
	Still(ctx context.Context, person string) error
	// Provider is the name of the identity provider; empty where there is none.
	Provider() string
}

// TokenSignIn lets in who has the token.
func TokenSignIn(token secrets.Value) SignIn {
	return tokenSignIn{sha256.Sum256([]byte(token.Reveal()))}
}

// tokenSignIn holds the token's hash: hashes of one length compare in one time.
type tokenSignIn struct{ want [sha256.Size]byte }

func (tokenSignIn) Begin(http.ResponseWriter, *http.Request) (bool, error) { return false, nil }

// Still is nil: whoever knows the token is the administrator.
func (tokenSignIn) Still(context.Context, string) error { return nil }

func (tokenSignIn) Provider() string { return "" }

func (s tokenSignIn) Finish(_ http.ResponseWriter, r *http.Request) (string, error) {
	got := sha256.Sum256([]byte(strings.TrimSpace(r.FormValue("token"))))
	if subtle.ConstantTimeCompare(got[:], s.want[:]) != 1 {
		return "", fault.New(fault.Unauthorized, "", "this is not the sign-in token: copy it again from the address that the program printed at its start")
	}
	return "", nil
}

const (
	sessionCookie = "autoprovision-session"
	sessionLife   = 12 * time.Hour
	// hostPrefix makes a browser keep a cookie for this host alone, set by it,
	// over https, for every path (RFC 6265bis section 4.1.3).
	hostPrefix = "__Host-"
)

// Fixed is the key of a single process, as Options.SessionKey.
func Fixed(key secrets.Value) func(context.Context) (secrets.Value, error) {
	return func(context.Context) (secrets.Value, error) { return key, nil }
}

// sessions are signed values in a cookie, so that instances share nothing but a key.
type sessions struct {
	key    func(ctx context.Context) (secrets.Value, error)
	now    clock.Real
	secure bool
}

// begin gives a person a session.
func (s sessions) begin(w http.ResponseWriter, r *http.Request, person string) error {
	key, err := s.key(r.Context())
	if err != nil {
		return err
	}
	value := strconv.FormatInt(s.now().Add(sessionLife).Unix(), 36) + "." + person + "." + rand.Text()
	s.set(w, value+"."+sign(key, value), int(sessionLife.Seconds()))
	return nil
}

func (s sessions) end(w http.ResponseWriter) { s.set(w, "", -1) }

func (s sessions) set(w http.ResponseWriter, value string, age int) {
	// #nosec G124 -- secure wherever the pages are reached by https
	c := &http.Cookie{Name: s.name(), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode}
	if s.secure {
		// A browser sends no strict cookie on the way back from an identity provider,
		// and a visitor who follows a link of an alert would have to sign in again.
		// Only POST changes anything, and that goes without a lax cookie too.
		c.SameSite = http.SameSiteLaxMode
	}
	http.SetCookie(w, c)
}

func (s sessions) name() string {
	if s.secure {
		return hostPrefix + sessionCookie
	}
	return sessionCookie
}

func sign(key secrets.Value, value string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// person says whose session a request belongs to; ok is false when it belongs to
// none that has not ended. A visitor whose cookie cannot be one of a session, or
// of none any more, costs no key.
func (s sessions) person(r *http.Request) (person string, ok bool, err error) {
	cookie, err := r.Cookie(s.name())
	if err != nil {
		return "", false, nil
	}
	parts := strings.Split(cookie.Value, ".")
	if len(parts) != 4 || len(parts[3]) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return "", false, nil
	}
	end, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil || !s.now().Before(time.Unix(end, 0)) {
		return "", false, nil
	}
	key, err := s.key(r.Context())
	if err != nil || key.Empty() {
		return "", false, err
	}
	return parts[1], hmac.Equal([]byte(parts[3]), []byte(sign(key, strings.Join(parts[:3], ".")))), nil
}

// signedIn marks the context of a request of a session.
type signedIn struct{}

func isSignedIn(r *http.Request) bool { return r.Context().Value(signedIn{}) != nil }

type signInView struct {
	Error string
	// Provider is where to sign in; empty where a token is asked for.
	Provider string
	// To is where the links lead: the page that was asked for.
	To string
}

func (p *Pages) signInView(problem, to string) signInView {
	return signInView{sentence(problem), p.signIn.Provider(), to}
}

// challenge answers a visitor without a session, who comes to the page that they
// asked for once they have signed in.
func (p *Pages) challenge(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("HX-Request") != "" {
		return reload(w)
	}
	to := p.wanted(r)
	if to != "/" {
		p.remember(w, to)
	}
	if r.Method != http.MethodGet {
		return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in",
			p.signInView("You are not signed in any more, so nothing was done, and what you entered is lost: sign in, and do it again.", to))
	}
	if answered, err := p.signIn.Begin(w, r); answered || err != nil {
		return err
	}
	return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", p.signInView("", to))
}

// reload makes the script load its page as a whole, which then asks to sign in:
// it would put nothing of such an answer into the page.
func reload(w http.ResponseWriter) error {
	w.Header().Set("HX-Refresh", "true")
	w.WriteHeader(http.StatusUnauthorized)
	return nil
}

// signInPage leads on, and does not go on by itself: whoever has just signed
// out would be signed in again.
func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, "signin", "Sign in", p.signInView("", "/"))
}

// dismiss ends the session of somebody who is an administrator no more.
func (p *Pages) dismiss(w http.ResponseWriter, r *http.Request, why error) error {
	if r.Header.Get("HX-Request") != "" {
		return reload(w)
	}
	p.sessions.end(w)
	return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", p.signInView(fault.Words(why), "/"))
}

// finishSignIn exchanges what proves the visitor for a session, and leads to
// an address without it, so that it stays in no history.
func (p *Pages) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	person, err := p.signIn.Finish(w, r)
	if fault.Is(err, fault.Unauthorized) {
		return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", p.signInView(fault.Words(err), "/"))
	}
	if err == nil {
		err = p.sessions.begin(w, r, person)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, p.comeBack(w, r), http.StatusSeeOther) // #nosec G710 -- a page of this package
	return nil
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	p.sessions.end(w)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
