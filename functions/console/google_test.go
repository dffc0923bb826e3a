package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/infra/simtokens"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

const (
	clientID = "client.apps.example"
	// clientFile is as Google lets it be downloaded; its addresses are not used.
	clientFile = `{"web":{"client_id":"client.apps.example","project_id":"p","auth_uri":"https://elsewhere.example/auth",` +
		`"token_uri":"https://elsewhere.example/token","client_secret":"hush","redirect_uris":["https://elsewhere.example/callback"]}}`
)

// world is sign-in against an identity provider that issues what the test says.
type world struct {
	*googleSignIn
	t      *testing.T
	issuer *simtokens.Issuer
	vault  secrets.Store
	// claims are what the provider's next token says but for the nonce.
	claims simtokens.Claims
	// sign makes the token of the claims.
	sign func(simtokens.Claims) string
	// nonce replaces the right one, unless empty; broken makes it answer nothing.
	nonce  string
	broken bool
	// admins are the directory's, by whose they are, and down makes it give no answer;
	// customer is whose people are provisioned, and looked how often that was read.
	admins   map[string]string
	customer string
	looked   int
	down     bool
	reads    int
	begun    int
	at       time.Time
	// codes are the challenge and the nonce that each code was given for.
	codes map[string][2]string
	// hold, if set, is called by the provider for each exchange.
	hold func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, issuer: simtokens.New(), admins: map[string]string{"1001": "C1"}, at: time.Now(), codes: map[string][2]string{}}
	w.sign = w.issuer.Token
	w.claims = simtokens.Account("ana@example.com", clientID).With("sub", "1001").With("hd", "example.com")
	provider := httptest.NewServer(http.HandlerFunc(w.token))
	t.Cleanup(provider.Close)
	vault, err := file.Open(t.TempDir())
	w.must(err)
	w.vault = vault
	w.put(secrets.OAuthClient, clientFile)
	tokens, err := edge.NewTokens(w.issuer.Keys())
	w.must(err)
	who := newAdministrators(w, func(context.Context) (string, error) { w.looked++; return w.customer, nil }, func(context.Context) error { w.begun++; return nil }, func() time.Time { return w.at })
	o := googlecloud.Outside{SignIn: oauth2.Endpoint{AuthURL: "https://provider.example/auth", TokenURL: provider.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}}
	w.googleSignIn = newGoogle(Settings{URL: "https://console.example"}, o, tokens, who, w.vault)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(name, value string) {
	w.t.Helper()
	_, err := w.vault.Put(w.t.Context(), name, secrets.NewValue(value))
	w.must(err)
}

func (w *world) SuperAdministrator(_ context.Context, id string) (string, error) {
	w.reads++
	if w.down {
		return "", fault.New(fault.Unauthorized, "directory", "the delegation is gone")
	}
	return w.admins[id], nil
}

// token is the provider's token endpoint: it checks the client, the redirect
// and the verifier, and takes each code once.
func (w *world) token(out http.ResponseWriter, r *http.Request) {
	if w.hold != nil {
		w.hold()
	}
	if w.broken {
		panic(http.ErrAbortHandler)
	}
	given, ok := w.codes[r.FormValue("code")]
	delete(w.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || r.FormValue("client_id") != clientID || r.FormValue("client_secret") != "hush" || r.FormValue("grant_type") != "authorization_code" ||
		r.FormValue("redirect_uri") != "https://console.example/sign-in/callback" || base64.RawURLEncoding.EncodeToString(sum[:]) != given[0] {
		http.Error(out, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	nonce := given[1]
	if w.nonce != "" {
		nonce = w.nonce
	}
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": w.sign(w.claims.With("nonce", nonce))})
}

// visit begins a sign-in and goes to the provider, who gives a code.
func (w *world) visit() (cookie *http.Cookie, back url.Values) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	if answered, err := w.Begin(rec, httptest.NewRequest("GET", "/people", nil)); !answered || err != nil {
		w.t.Fatalf("it did not lead on: %v", err)
	}
	cookie = rec.Result().Cookies()[0]
	to, err := url.Parse(rec.Header().Get("Location"))
	w.must(err)
	q := to.Query()
	if to.Host != "provider.example" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid email" {
		w.t.Fatalf("led to %s", to)
	}
	code := "code-" + q.Get("state")
	w.codes[code] = [2]string{q.Get("code_challenge"), q.Get("nonce")}
	return cookie, url.Values{"state": {q.Get("state")}, "code": {code}}
}

func (w *world) comeBack(cookie *http.Cookie, back url.Values) (string, error) {
	w.t.Helper()
	r := httptest.NewRequest("GET", "/sign-in/callback?"+back.Encode(), nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	rec := httptest.NewRecorder()
	person, err := w.Finish(rec, r)
	if left := rec.Result().Cookies(); cookie != nil && (len(left) != 1 || left[0].MaxAge >= 0) {
		w.t.Errorf("the cookie stays: %v", left)
	}
	return person, err
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, back := w.visit()
	if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the cookie is %v", cookie)
	}
	if person, err := w.comeBack(cookie, back); person != "1001" || err != nil {
		t.Fatalf("signed in as %q, %v", person, err)
	}
	if person, err := w.comeBack(cookie, back); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("the code works twice: %q, %v", person, err)
	}
	if w.begun != 1 {
		t.Errorf("the configuration was put in place %d times", w.begun)
	}
}

// TestNotSetUp: before the OAuth client's file is in the secret store, and with
// another file in its place, a visitor is told what to do, and led nowhere.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	for what, file := range map[string]string{"nothing": "", "no JSON": "hush", "a service account's key": `{"type":"service_account","client_id":"7"}`,
		"no redirect URI": `{"web":{"client_id":"c","client_secret":"hush"}}`, "no secret": `{"web":{"client_id":"c","redirect_uris":["https://console.example"]}}`} {
		w := newWorld(t)
		w.must(w.vault.Delete(t.Context(), secrets.OAuthClient))
		if file != "" {
			w.put(secrets.OAuthClient, file)
		}
		rec := httptest.NewRecorder()
		answered, err := w.Begin(rec, httptest.NewRequest("GET", "/", nil))
		if answered || !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "deploy.sh check") || strings.Contains(err.Error(), "hush") || len(rec.Result().Cookies()) > 0 {
			t.Errorf("%s: answered %v, %v", what, answered, err)
		}
		r := httptest.NewRequest("GET", "/api/v1/apps/comeet", nil)
		r.Header.Set("Authorization", "Bearer "+w.sign(w.claims))
		if person, err := w.door(r); person != "" || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: the API lets %q in, %v", what, person, err)
		}
	}
}

// TestWhoIsRefused: each of these comes back with something wrong.
func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		spoil func(w *world, cookie **http.Cookie, back url.Values)
		kind  fault.Kind
	}{
		"another browser":         {func(_ *world, c **http.Cookie, _ url.Values) { *c = nil }, fault.Unauthorized},
		"another state":           {func(_ *world, _ **http.Cookie, b url.Values) { b.Set("state", "x") }, fault.Unauthorized},
		"no state":                {func(_ *world, c **http.Cookie, b url.Values) { b.Del("state"); (*c).Value = "." }, fault.Unauthorized},
		"given up":                {func(_ *world, _ **http.Cookie, b url.Values) { b.Del("code"); b.Set("error", "access_denied") }, fault.Unauthorized},
		"another's code":          {func(w *world, _ **http.Cookie, b url.Values) { _, other := w.visit(); b.Set("code", other.Get("code")) }, fault.Unauthorized},
		"another nonce":           {func(w *world, _ **http.Cookie, _ url.Values) { w.nonce = "x" }, fault.Unauthorized},
		"no Workspace account":    {func(w *world, _ **http.Cookie, _ url.Values) { w.claims = w.claims.With("hd", nil) }, fault.Unauthorized},
		"another customer's":      {func(w *world, _ **http.Cookie, _ url.Values) { w.claims = w.claims.With("sub", "2002") }, fault.Unauthorized},
		"no administrator":        {func(w *world, _ **http.Cookie, _ url.Values) { w.admins["1001"] = "" }, fault.Unauthorized},
		"a reseller's customer's": {func(w *world, _ **http.Cookie, _ url.Values) { w.customer = "C2" }, fault.Unauthorized},
		"the directory is silent": {func(w *world, _ **http.Cookie, _ url.Values) { w.down = true }, fault.Unavailable},
		"the provider is silent":  {func(w *world, _ **http.Cookie, _ url.Values) { w.broken = true }, fault.Unavailable},
		"the client's secret is lost": {func(w *world, _ **http.Cookie, _ url.Values) {
			w.must(w.vault.Delete(w.t.Context(), secrets.OAuthClient))
		}, fault.Unavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cookie, back := w.visit()
			test.spoil(w, &cookie, back)
			if person, err := w.comeBack(cookie, back); !fault.Is(err, test.kind) {
				t.Errorf("%q, %v; want %v", person, err, test.kind)
			}
			if w.begun != 0 {
				t.Error("the configuration was put in place")
			}
			if w.looked > 0 && w.admins[w.claims["sub"].(string)] == "" {
				t.Error("the configuration was read for somebody who is no administrator")
			}
		})
	}
}

// TestExchanges: whatever strangers make up, few exchanges are asked of the
// provider at a time; who waits for theirs gets it, or is told to try again.
func TestExchanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.broken = true
	var mu sync.Mutex
	var under, most int
	full, free := make(chan struct{}, 3*exchanges), make(chan struct{})
	w.hold = func() {
		mu.Lock()
		under++
		if most = max(most, under); under == exchanges {
			full <- struct{}{}
		}
		mu.Unlock()
		<-free
		mu.Lock()
		under--
		mu.Unlock()
	}
	made := &http.Cookie{Name: signInCookie, Value: "s.n.v"}
	var all sync.WaitGroup
	for range 3 * exchanges {
		all.Go(func() {
			if person, err := w.comeBack(made, url.Values{"state": {"s"}, "code": {"c"}}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%q, %v", person, err)
			}
		})
	}
	<-full
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.exchange(ctx, "c", "v"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one more, who does not wait: %v", err)
	}
	close(free)
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if most != exchanges {
		t.Errorf("%d at a time, want %d", most, exchanges)
	}
}

// TestRefusedTokens: whatever the provider answers with but a right token of our
// client signs nobody in, and the directory is not asked; the right one does.
func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, back := w.visit()
	code := back.Get("code")
	given := w.codes[code]
	for what, token := range simtokens.Refused(w.issuer, simtokens.New(), w.claims.With("nonce", given[1])) {
		w.codes[code] = given
		w.sign = func(simtokens.Claims) string { return token }
		if person, err := w.comeBack(cookie, back); !fault.Is(err, fault.Unauthorized) || w.reads != 0 || w.begun != 0 {
			t.Errorf("%s: %q, %v; %d reads", what, person, err, w.reads)
		}
	}
	w.codes[code], w.sign = given, w.issuer.Token
	if person, err := w.comeBack(cookie, back); person != "1001" || err != nil {
		t.Errorf("the right token: %q, %v", person, err)
	}
}

// TestStill: who is an administrator no more is out within half a minute, and
// the directory is asked no more often than that.
func TestStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		w.must(w.Still(t.Context(), "1001"))
	}
	if w.reads != 1 {
		t.Errorf("%d reads", w.reads)
	}
	w.at = w.at.Add(knownFor)
	w.must(w.Still(t.Context(), "1001"))
	if w.reads != 2 || w.begun != 1 {
		t.Errorf("%d reads, the configuration was put in place %d times", w.reads, w.begun)
	}
	w.admins["1001"] = ""
	w.at = w.at.Add(knownFor - time.Second)
	w.must(w.Still(t.Context(), "1001"))
	w.at = w.at.Add(time.Second)
	if err := w.Still(t.Context(), "1001"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("no administrator any more: %v", err)
	}
	w.down = true
	if err := w.Still(t.Context(), "1001"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the directory does not say: %v", err)
	}
}

func TestAPIDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := func(header string) (string, error) {
		r := httptest.NewRequest("GET", "/api/v1/apps/comeet", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		return w.door(r)
	}
	if person, err := call("Bearer " + w.issuer.Token(w.claims)); person != "1001" || err != nil {
		t.Errorf("an administrator: %q, %v", person, err)
	}
	for what, header := range map[string]string{
		"nothing": "", "a session": "autoprovision-session", "another scheme": "Basic " + w.issuer.Token(w.claims),
		"a service account": "Bearer " + w.issuer.Token(simtokens.Account("tasks@p.example", clientID)),
		"another client":    "Bearer " + w.issuer.Token(w.claims.With("aud", "32555940559.apps.googleusercontent.com")),
		"somebody":          "Bearer " + w.issuer.Token(w.claims.With("sub", "1002")),
	} {
		if person, err := call(header); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %q, %v", what, person, err)
		}
	}
}

func TestSessionKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.sessionKey(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no key: %v", err)
	}
	w.put(secrets.SessionKey, "short")
	if _, err := w.sessionKey(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a short key: %v", err)
	}
	w.put(secrets.SessionKey, strings.Repeat("k", minKey))
	if key, err := w.sessionKey(t.Context()); key.Empty() || err != nil {
		t.Errorf("a key: %v", err)
	}
}
