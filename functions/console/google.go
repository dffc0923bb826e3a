package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

const (
	// signInCookie holds what a sign-in that was begun must come back with. Its
	// prefix keeps other hosts from setting it, and so from signing somebody in as
	// somebody else (RFC 6265bis section 4.1.3).
	signInCookie = "__Host-autoprovision-sign-in"
	// signInTime is how long a visitor may take at Google.
	signInTime = 10 * time.Minute
	// exchangeTime bounds one request to Google's token endpoint, and the wait for
	// others' before it.
	exchangeTime = 10 * time.Second
	// exchanges is how many of them are made at a time: only Google can tell a code
	// that a stranger made up.
	exchanges = 4
	// minKey is the least length of the key that signs sessions, in bytes.
	minKey = 32
)

// googleSignIn is sign-in with Google's OpenID Connect, by an authorization code
// with PKCE (developers.google.com/identity/openid-connect/openid-connect, RFC 7636).
type googleSignIn struct {
	endpoint oauth2.Endpoint
	redirect string
	tokens   *edge.Tokens
	who      *administrators
	secrets  secrets.Store
	// free has a place for each exchange that is under way.
	free chan struct{}
}

var _ pages.SignIn = (*googleSignIn)(nil)

func newGoogle(s Settings, o googlecloud.Outside, tokens *edge.Tokens, who *administrators, store secrets.Store) *googleSignIn {
	endpoint := o.SignIn
	if endpoint.AuthURL == "" {
		endpoint = google.Endpoint
	}
	return &googleSignIn{endpoint: endpoint, redirect: s.URL + "/sign-in/callback", tokens: tokens, who: who, secrets: store, free: make(chan struct{}, exchanges)}
}

// client is the OAuth client whose file an administrator put into the secret
// store; fault.Unavailable while there is none. It knows its secret.
func (g *googleSignIn) client(ctx context.Context) (*oauth2.Config, error) {
	const op = "console: oauth client"
	file, _, err := g.secrets.Latest(ctx, secrets.OAuthClient)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Unavailable, op, "signing in is not set up yet: ./deploy.sh check says how to make the OAuth client and where to put its file")
	}
	if err != nil {
		return nil, err
	}
	client, err := google.ConfigFromJSON([]byte(file.Reveal()), "openid", "email")
	if err != nil || client.ClientID == "" || client.ClientSecret == "" { // what is wrong with it may hold what it says
		return nil, fault.New(fault.Unavailable, op, "the OAuth client in Secret Manager is not the file that Google offers for download when a client of the type Web application with a redirect URI is made: ./deploy.sh check says how to put it there")
	}
	client.Endpoint, client.RedirectURL = g.endpoint, g.redirect
	return client, nil
}

// Provider implements pages.SignIn.
func (*googleSignIn) Provider() string { return "Google" }

// Begin implements pages.SignIn: it leads the visitor to Google. The state ties
// what comes back to this browser, the nonce ties the token to this sign-in, and
// the verifier ties the code to who began it.
func (g *googleSignIn) Begin(w http.ResponseWriter, r *http.Request) (answered bool, err error) {
	client, err := g.client(r.Context())
	if err != nil {
		return false, err
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	setSignInCookie(w, state+"."+nonce+"."+verifier, int(signInTime.Seconds()))
	address := client.AuthCodeURL(state, oauth2.SetAuthURLParam("nonce", nonce), oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("hd", "*")) // offers accounts of organisations only; what comes back is checked all the same
	http.Redirect(w, r, address, http.StatusFound)
	return true, nil
}

func setSignInCookie(w http.ResponseWriter, value string, age int) {
	// Lax, since the way back from Google is a link from another site.
	http.SetCookie(w, &http.Cookie{Name: signInCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
}

// Finish implements pages.SignIn.
func (g *googleSignIn) Finish(w http.ResponseWriter, r *http.Request) (person string, err error) {
	const op = "console: sign in"
	cookie, err := r.Cookie(signInCookie)
	if err != nil {
		return "", fault.New(fault.Unauthorized, op, "this sign-in was not begun in this browser, or too long ago: begin again")
	}
	setSignInCookie(w, "", -1) // whatever comes of it, it does not come again
	begun := strings.Split(cookie.Value, ".")
	query := r.URL.Query()
	if len(begun) != 3 || subtle.ConstantTimeCompare([]byte(begun[0]), []byte(query.Get("state"))) != 1 {
		return "", fault.New(fault.Unauthorized, op, "this sign-in was not begun in this browser, or another was begun since: begin again")
	}
	if query.Get("code") == "" {
		return "", fault.New(fault.Unauthorized, op, "the sign-in was given up at Google: begin again")
	}
	token, err := g.exchange(r.Context(), query.Get("code"), begun[2])
	if err != nil {
		return "", err
	}
	return g.admit(r.Context(), token, func(c edge.Claims) bool {
		return subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(begun[1])) == 1
	})
}

// exchange gets the ID token for a code. Google's answers are not passed on: they may quote the code.
func (g *googleSignIn) exchange(ctx context.Context, code, verifier string) (token string, err error) {
	const op = "console: exchange code"
	turn, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	select {
	case g.free <- struct{}{}:
		defer func() { <-g.free }()
	case <-turn.Done():
		return "", fault.New(fault.Unavailable, op, "many sign in at this moment: try again in a while")
	}
	client, err := g.client(ctx)
	if err != nil {
		return "", err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: exchangeTime})
	answer, err := client.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		return "", fault.New(fault.Unauthorized, op, "Google does not accept this sign-in: begin again; if it stays so, the OAuth client's secret or redirect URI is wrong")
	}
	if err != nil {
		return "", fault.New(fault.Unavailable, op, "Google gave no answer: try again in a while")
	}
	token, _ = answer.Extra("id_token").(string)
	return token, nil
}

// admit returns the directory id of the super administrator whom a token
// stands for, which Google issued to our client.
func (g *googleSignIn) admit(ctx context.Context, token string, allow func(edge.Claims) bool) (person string, err error) {
	const op = "console: admit"
	// For whom the token must be is known to the secret store, which no forged one
	// is worth asking.
	claims, err := g.tokens.Verify(ctx, token, func(c edge.Claims) (audience string, err error) {
		if c.Domain == "" || !allow(c) {
			return "", fault.New(fault.Unauthorized, op, "sign in with an account of your Google Workspace")
		}
		return c.Audience, nil
	})
	if err != nil {
		return "", err
	}
	client, err := g.client(ctx)
	if err != nil {
		return "", err
	}
	if claims.Audience != client.ClientID {
		return "", fault.New(fault.Unauthorized, op, "the token is for another audience: send one for the OAuth client of this console")
	}
	// The subject of Google's tokens is the directory's id of the user, for good;
	// the domain and the address are only claims, which may be another customer's.
	return claims.Subject, g.who.check(ctx, claims.Subject)
}

// Still implements pages.SignIn.
func (g *googleSignIn) Still(ctx context.Context, person string) error {
	return g.who.check(ctx, person)
}

// door lets programs into the API that carry Google's ID token of a super
// administrator, issued to the console's OAuth client.
func (g *googleSignIn) door(r *http.Request) (person string, err error) {
	token, err := edge.Bearer(r)
	if err != nil {
		return "", fault.New(fault.Unauthorized, "console: caller", "send Google's ID token of a super administrator for the console's OAuth client, as in: Authorization: Bearer <token>")
	}
	return g.admit(r.Context(), token, func(edge.Claims) bool { return true })
}

// sessionKey signs sessions.
func (g *googleSignIn) sessionKey(ctx context.Context) (secrets.Value, error) {
	const op = "console: session key"
	key, _, err := g.secrets.Latest(ctx, secrets.SessionKey)
	if fault.Is(err, fault.NotFound) || err == nil && len(key.Reveal()) < minKey {
		return secrets.Value{}, fault.New(fault.Unavailable, op, "the key of sessions is missing in Secret Manager, or has less than %d characters: run deploy.sh apply", minKey)
	}
	return key, err
}
