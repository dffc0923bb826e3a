package pages

import (
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
	// the page asks for a token.
	Begin(w http.ResponseWriter, r *http.Request) (answered bool)
	// Finish is called with what the visitor or the provider sent to /sign-in.
	// It returns nil for an administrator and fault.Unauthorized for anybody else.
	Finish(w http.ResponseWriter, r *http.Request) error
}

// TokenSignIn lets in who has the token.
func TokenSignIn(token secrets.Value) SignIn {
	return tokenSignIn{sha256.Sum256([]byte(token.Reveal()))}
}

// tokenSignIn holds the token's hash: hashes of one length compare in one time.
type tokenSignIn struct{ want [sha256.Size]byte }

func (tokenSignIn) Begin(http.ResponseWriter, *http.Request) bool { return false }

func (s tokenSignIn) Finish(_ http.ResponseWriter, r *http.Request) error {
	got := sha256.Sum256([]byte(strings.TrimSpace(r.FormValue("token"))))
	if subtle.ConstantTimeCompare(got[:], s.want[:]) != 1 {
		return fault.New(fault.Unauthorized, "", "this is not the sign-in token: copy it again from the address that the program printed at its start")
	}
	return nil
}

const (
	sessionCookie = "autoprovision-session"
	sessionLife   = 12 * time.Hour
)

// sessions are signed values in a cookie, so that instances share nothing but a key.
type sessions struct {
	key    secrets.Value
	now    clock.Real
	secure bool
}

// begin gives the visitor a session.
func (s sessions) begin(w http.ResponseWriter) {
	value := strconv.FormatInt(s.now().Add(sessionLife).Unix(), 36) + "." + rand.Text()
	s.set(w, value+"."+s.sign(value), int(sessionLife.Seconds()))
}

func (s sessions) end(w http.ResponseWriter) { s.set(w, "", -1) }

func (s sessions) set(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode})
}

func (s sessions) sign(value string) string {
	mac := hmac.New(sha256.New, []byte(s.key.Reveal()))
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// valid reports whether a request belongs to a session that has not ended.
func (s sessions) valid(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || s.key.Empty() {
		return false
	}
	at := strings.LastIndexByte(cookie.Value, '.')
	if at < 0 || !hmac.Equal([]byte(cookie.Value[at+1:]), []byte(s.sign(cookie.Value[:at]))) {
		return false
	}
	end, _, _ := strings.Cut(cookie.Value, ".")
	unix, err := strconv.ParseInt(end, 36, 64)
	return err == nil && s.now().Before(time.Unix(unix, 0))
}

type signInView struct {
	Error string
}

// challenge answers a visitor without a session.
func (p *Pages) challenge(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", signInView{Error: "You are not signed in any more, so nothing was done: sign in and send it again."})
	}
	if p.signIn.Begin(w, r) {
		return nil
	}
	return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", signInView{})
}

func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request) error {
	if p.signIn.Begin(w, r) {
		return nil
	}
	return p.render(w, r, "signin", "Sign in", signInView{})
}

// finishSignIn exchanges what proves the visitor for a session, and leads to
// an address without it, so that it stays in no history.
func (p *Pages) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	err := p.signIn.Finish(w, r)
	if fault.Is(err, fault.Unauthorized) {
		return p.renderAs(w, r, http.StatusUnauthorized, "signin", "Sign in", signInView{Error: words(err)})
	}
	if err != nil {
		return err
	}
	p.sessions.begin(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	p.sessions.end(w)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
