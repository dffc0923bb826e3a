package cloud

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/autoprovision/infra/simtokens"
)

// exchange is the identity provider's token endpoint, which says of everybody
// that they are the administrator.
func (w *world) exchange(out http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_secret") != "hush" || r.FormValue("code") != "the-code" || r.FormValue("code_verifier") == "" {
		http.Error(out, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	id, _ := w.workspace.UserID(adminAddress)
	token := w.issuer.Token(simtokens.Account(adminAddress, clientID).With("sub", id).With("hd", "example.com").With("nonce", w.nonce))
	out.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(out, `{"access_token":"a","token_type":"Bearer","id_token":"`+token+`"}`)
}

// signIn goes the way of a browser, which keeps the console's cookies: to
// Google, back with a code, and in, until the administrator is none any more.
func (w *world) signIn(t teller) {
	cookies := map[string]string{}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(path string, want int) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.console+path, nil)
		w.must(err)
		for name, value := range cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer, err := browser.Do(r)
		w.must(err)
		page, err := io.ReadAll(answer.Body)
		w.must(err)
		w.must(answer.Body.Close())
		for _, c := range answer.Cookies() {
			if !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("the cookie %v", c)
			}
			if cookies[c.Name] = c.Value; c.MaxAge < 0 {
				delete(cookies, c.Name)
			}
		}
		if answer.StatusCode != want {
			t.Fatalf("%s: %d, want %d: %s", path, answer.StatusCode, want, page)
		}
		return answer, string(page)
	}
	led, _ := get("/", http.StatusFound)
	to, err := url.Parse(led.Header.Get("Location"))
	w.must(err)
	w.nonce = to.Query().Get("nonce")
	if back := to.Query().Get("redirect_uri"); back != w.console+"/sign-in/callback" {
		t.Errorf("back to %s", back)
	}
	get("/sign-in/callback?code=the-code&state="+to.Query().Get("state"), http.StatusSeeOther)
	if _, page := get("/", http.StatusOK); !strings.Contains(page, "Sign out") {
		t.Errorf("the first page is %s", page)
	}
	get("/people", http.StatusOK)
	w.dir("POST", "/users/"+adminAddress+"/makeAdmin", object{"status": false})
	w.pass(31 * time.Second)
	get("/people", http.StatusUnauthorized)
	get("/people", http.StatusFound) // the session has ended: to Google again
	w.dir("POST", "/users/"+adminAddress+"/makeAdmin", object{"status": true})
}
