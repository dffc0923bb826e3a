package edge_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	secretsclient "cloud.google.com/go/secretmanager/apiv1"
	"golang.org/x/oauth2"

	"example.com/autoprovision/functions/console"
	"example.com/autoprovision/infra/simsecrets"
	"example.com/autoprovision/infra/simtokens"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/secretmanager"
)

// clientFile is an OAuth client, as Google lets it be downloaded.
const clientFile = `{"web":{"client_id":"client.apps.example","client_secret":"hush","redirect_uris":["https://console.example/sign-in/callback"]}}`

// TestStrangersCostLittle: what a stranger makes up in the form of a session or of
// a sign-in that was begun can only be told by a key of ours, or by Google. Each
// key is read once for all of them, also while there is none.
func TestStrangersCostLittle(t *testing.T) {
	const path = "projects/p/secrets/autoprovision-"
	vault, address, stop, err := simsecrets.Start(path+secrets.SessionKey, path+secrets.OAuthClient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	var asked atomic.Int64
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
	}))
	t.Cleanup(google.Close)
	c := newCloud(t)
	t.Setenv("FIRESTORE_EMULATOR_HOST", c.address)
	env := maps.Clone(environment())
	env["AUTOPROVISION_CONSOLE_URL"] = "https://console.example"
	session := &http.Cookie{Name: "__Host-autoprovision-session",
		Value: strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 36) + ".1001.x." + strings.Repeat("A", 43)}
	begun := &http.Cookie{Name: "__Host-autoprovision-sign-in", Value: "s.n.v"}
	for _, there := range []bool{false, true} {
		if there {
			putSecrets(t, address)
		}
		o := c.outside(simtokens.New().Keys())
		o.Secrets, o.SignIn = simsecrets.Client(address), oauth2.Endpoint{AuthURL: google.URL, TokenURL: google.URL, AuthStyle: oauth2.AuthStyleInParams}
		function, err := console.New(func(key string) string { return env[key] }, o)
		if err != nil {
			t.Fatal(err)
		}
		visit := func(path string, cookie *http.Cookie, missing, made int) {
			t.Helper()
			r := httptest.NewRequest("GET", path, nil)
			r.AddCookie(cookie)
			answer := httptest.NewRecorder()
			function.ServeHTTP(answer, r)
			if want := map[bool]int{false: missing, true: made}[there]; answer.Code != want {
				t.Errorf("keys there: %v, %s: answered %d, want %d", there, path, answer.Code, want)
			}
			if cookie == begun && !there && !strings.Contains(answer.Body.String(), "deploy.sh check") {
				t.Errorf("%s does not say how to set signing in up:\n%s", path, answer.Body)
			}
		}
		vault.Set(func() { vault.Accesses = 0 })
		for range 20 {
			visit("/people", session, 503, 302)
			visit("/people", begun, 503, 302)
			visit("/sign-in/callback?code=c&state=s", begun, 503, 401)
		}
		vault.Set(func() {
			if vault.Accesses != 2 {
				t.Errorf("keys there: %v: %d readings of two keys for 60 strangers", there, vault.Accesses)
			}
		})
	}
	if n := asked.Load(); n != 20 {
		t.Errorf("Google was asked %d times about 20 codes", n)
	}
	if n := c.calls.Load(); n != 0 {
		t.Errorf("%d calls of other services", n)
	}
}

func putSecrets(t *testing.T, address string) {
	t.Helper()
	client, err := secretsclient.NewClient(context.Background(), simsecrets.Client(address)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	store := secretmanager.New(client, "p", "autoprovision-", clock.System)
	for name, value := range map[string]string{secrets.SessionKey: strings.Repeat("k", 40), secrets.OAuthClient: clientFile} {
		if _, err := store.Put(t.Context(), name, secrets.NewValue(value)); err != nil {
			t.Fatal(err)
		}
	}
}
