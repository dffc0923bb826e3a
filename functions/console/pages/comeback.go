package pages

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

const (
	// returnCookie says which page somebody asked for who had to sign in first.
	returnCookie = "autoprovision-return"
	returnLife   = 10 * time.Minute
)

// wanted is the page that a visitor asked for, or that they sent a form from;
// the first page where that is none of this console.
func (p *Pages) wanted(r *http.Request) string {
	at := r.URL
	if r.Method != http.MethodGet {
		from, err := url.Parse(r.Referer())
		if err != nil || from.Host != r.Host {
			return "/"
		}
		at = from
	}
	return p.ownPage(at.RequestURI())
}

// ownPage is an address of this console that can be read, as it is; else the first page.
func (p *Pages) ownPage(to string) string {
	at, err := url.Parse(to)
	if err != nil || at.IsAbs() || at.Host != "" || len(to) > 2000 || at.Path == "" || at.Path[0] != '/' || at.Query().Has("token") { // R15
		return "/"
	}
	if _, pattern := p.mux.Handler(&http.Request{Method: http.MethodGet, URL: at}); pattern == "" || pattern == anyPage {
		return "/"
	}
	return to
}

// remember makes who signs in come to a page.
func (p *Pages) remember(w http.ResponseWriter, page string) {
	p.setReturn(w, base64.RawURLEncoding.EncodeToString([]byte(page)), int(returnLife.Seconds()))
}

// comeBack is the page that somebody asked for before they signed in, once.
func (p *Pages) comeBack(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(p.returnName())
	if err != nil {
		return "/"
	}
	p.setReturn(w, "", -1)
	page, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return "/"
	}
	return p.ownPage(string(page))
}

// setReturn sets a cookie that also comes along from an identity provider.
func (p *Pages) setReturn(w http.ResponseWriter, value string, age int) {
	// #nosec G124 -- secure wherever the pages are reached by https
	http.SetCookie(w, &http.Cookie{Name: p.returnName(), Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: p.sessions.secure, SameSite: http.SameSiteLaxMode})
}

func (p *Pages) returnName() string {
	if p.sessions.secure {
		return hostPrefix + returnCookie
	}
	return returnCookie
}
