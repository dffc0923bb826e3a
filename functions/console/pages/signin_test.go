package pages_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// provider stands for an identity provider: whoever comes back with ?code=good is administrator 7.
type provider struct{ still error }

func (*provider) Provider() string { return "Elsewhere" }

func (*provider) Begin(w http.ResponseWriter, r *http.Request) (bool, error) {
	http.Redirect(w, r, "https://elsewhere.example/auth", http.StatusFound)
	return true, nil
}

func (*provider) Finish(_ http.ResponseWriter, r *http.Request) (string, error) {
	if r.FormValue("code") != "good" {
		return "", fault.New(fault.Unauthorized, "", "you are no super administrator")
	}
	return "7", nil
}

func (p *provider) Still(_ context.Context, person string) error {
	if person != "7" {
		return errors.New("another person: " + person)
	}
	return p.still
}

// TestSignInElsewhere: a visitor is led to the identity provider and comes back
// with a session, which ends when they are an administrator no more.
func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere, keys := &provider{}, 0
	console := pages.New(pages.Options{Service: w.system.Admin, SignIn: elsewhere, Secure: true,
		SessionKey: func(context.Context) (secrets.Value, error) { keys++; return secrets.NewValue("key"), nil }})
	var session *http.Cookie
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		if session != nil {
			r.AddCookie(session)
		}
		rec := httptest.NewRecorder()
		console.ServeHTTP(rec, r)
		return rec
	}
	if rec := get("/people"); rec.Code != http.StatusFound || rec.Header().Get("Location") != "https://elsewhere.example/auth" {
		t.Errorf("without a session: %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	page := get("/sign-in").Body.String() // where signing out leads: it must not sign in again by itself
	if !strings.Contains(page, "Sign in with Elsewhere") || strings.Contains(page, "token") {
		t.Errorf("the page is %s", page)
	}
	if rec := get("/sign-in/callback?code=bad"); rec.Code != http.StatusUnauthorized || len(rec.Result().Cookies()) != 0 ||
		!strings.Contains(rec.Body.String(), "no super administrator") {
		t.Errorf("refused: %d %s", rec.Code, rec.Body)
	}
	ended, later := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 36), strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 36)
	for _, value := range []string{"", "x", "zzzzzz.1.x.y", ended + ".7.x." + strings.Repeat("A", 43), later + ".7.x." + strings.Repeat("A", 42)} {
		session = &http.Cookie{Name: "__Host-autoprovision-session", Value: value}
		if rec := get("/"); rec.Code != http.StatusFound {
			t.Errorf("%q is answered %d", value, rec.Code)
		}
	}
	session = nil
	if keys != 0 {
		t.Errorf("strangers cost %d reads of the key", keys)
	}
	rec := get("/sign-in/callback?code=good")
	session = rec.Result().Cookies()[0]
	if rec.Code != http.StatusSeeOther || session.Name != "__Host-autoprovision-session" || !session.Secure || !session.HttpOnly ||
		session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" {
		t.Errorf("signed in: %d, the cookie is %v", rec.Code, session)
	}
	if rec := get("/"); rec.Code != http.StatusOK {
		t.Errorf("signed in: %d", rec.Code)
	}
	r := httptest.NewRequest("POST", "/settings/delete", nil)
	r.AddCookie(session)
	console.ServeHTTP(httptest.NewRecorder(), r)
	events, _, err := w.system.Store.Events(t.Context(), state.EventFilter{Name: provision.EventConfiguration, Limit: 1})
	check(t, err)
	if len(events) != 1 || !strings.HasSuffix(events[0].Cause.Text, ", by 7") {
		t.Errorf("the log does not say who: %+v", events)
	}
	elsewhere.still = fault.New(fault.Unavailable, "directory", "no answer")
	if rec := get("/"); rec.Code != http.StatusServiceUnavailable || len(rec.Result().Cookies()) != 0 {
		t.Errorf("the directory does not answer: %d, cookies %v", rec.Code, rec.Result().Cookies())
	}
	elsewhere.still = fault.New(fault.Unauthorized, "", "you are no super administrator any more")
	rec = get("/")
	if left := rec.Result().Cookies(); rec.Code != http.StatusUnauthorized || len(left) != 1 || left[0].MaxAge >= 0 || !strings.Contains(rec.Body.String(), "any more") {
		t.Errorf("an administrator no more: %d, cookies %v", rec.Code, left)
	}
	elsewhere.still = nil
	session.Value = strings.Replace(session.Value, ".7.", ".8.", 1)
	if rec := get("/"); rec.Code != http.StatusFound {
		t.Errorf("a session made over to somebody else: %d", rec.Code)
	}
}
