package pages_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// TestExpiredSignIn: whoever is not signed in any more reads that what they
// entered is lost, and comes back to where they were.
func TestExpiredSignIn(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.post("/sign-out", nil, "/sign-in")
	if page := w.get(http.StatusUnauthorized, "/"); strings.Contains(page, "<title>Error") {
		t.Error("a first visit is an error")
	}
	signIn := func() string { return w.post("/sign-in", url.Values{"token": {adminToken}}, "/") }
	w.get(http.StatusUnauthorized, "/log?outcome=failed")
	if to := signIn(); to != "/log?outcome=failed" {
		t.Errorf("who asked for the log comes to %q", to)
	}
	if to := signIn(); to != "/" {
		t.Errorf("who asked for nothing comes to %q", to)
	}
	w.post("/sign-out", nil, "/sign-in")
	post := func(from string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://console.example/settings/safety", strings.NewReader("protected=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", from)
		rec := httptest.NewRecorder()
		w.pages.ServeHTTP(rec, r)
		page := rec.Body.String()
		if rec.Code != http.StatusUnauthorized || !strings.Contains(page, "You are not signed in any more, so nothing was done, and what you entered is lost: sign in, and do it again.") || !strings.Contains(page, "<title>Error: Sign in") {
			t.Errorf("%d: %s", rec.Code, page)
		}
		for _, c := range rec.Result().Cookies() {
			w.cookies[c.Name] = c.Value
		}
	}
	for from, want := range map[string]string{"http://console.example/settings/safety?draft=1": "/settings/safety?draft=1", "https://evil.example/x": "/",
		"http://console.example//evil.example/x": "/", "": "/"} {
		post(from)
		if to := signIn(); to != want {
			t.Errorf("who came from %q comes to %q", from, to)
		}
		w.post("/sign-out", nil, "/sign-in")
	}
	for _, forged := range []string{"//evil.example", "https://evil.example", `/\evil.example`} {
		w.cookies["autoprovision-return"] = base64.RawURLEncoding.EncodeToString([]byte(forged))
		if to := signIn(); to != "/" {
			t.Errorf("%q leads to %q", forged, to)
		}
		w.post("/sign-out", nil, "/sign-in")
	}
	w.get(http.StatusUnauthorized, "/favicon.ico")
	if to := signIn(); to != "/" {
		t.Errorf("what is no page leads to %q", to)
	}
	w.post("/sign-out", nil, "/sign-in")
	if res := w.poll("/people?q=may"); res.StatusCode != http.StatusUnauthorized || res.Header.Get("HX-Refresh") != "true" || len(res.Cookies()) != 0 {
		t.Errorf("the script is answered %d, %v", res.StatusCode, res.Header)
	}
}

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
