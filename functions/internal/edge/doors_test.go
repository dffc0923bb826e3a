package edge_test

import (
	"context"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/functions/auditevent"
	"example.com/autoprovision/functions/console"
	"example.com/autoprovision/functions/directorypush"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/functions/reconcile"
	"example.com/autoprovision/functions/renewchannels"
	"example.com/autoprovision/functions/sweep"
	"example.com/autoprovision/infra/simsecrets"
	"example.com/autoprovision/infra/simtokens"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// environment is what deploy.sh gives the functions.
func environment() map[string]string {
	return map[string]string{
		"AUTOPROVISION_PROJECT": "p", "AUTOPROVISION_REGION": "europe-west1", "AUTOPROVISION_LOG_LEVEL": "error",
		"AUTOPROVISION_RECONCILE_URL": "https://f.example/reconcile", "AUTOPROVISION_SWEEP_URL": "https://f.example/sweep",
		"AUTOPROVISION_AUDIT_URL": "https://f.example/audit", "AUTOPROVISION_RENEW_URL": "https://f.example/renew",
		"AUTOPROVISION_PUSH_URL":      "https://f.example/push",
		"AUTOPROVISION_TASKS_ACCOUNT": "tasks@p.example", "AUTOPROVISION_SCHEDULER_ACCOUNT": "scheduler@p.example",
		"AUTOPROVISION_PUBSUB_ACCOUNT":    "pubsub@p.example",
		"AUTOPROVISION_DIRECTORY_ACCOUNT": "directory@p.example", "AUTOPROVISION_DIRECTORY_SUBJECT": "admin@example.com",
	}
}

// machines are the functions that verify a signed token, with their audience
// and the accounts that may call them.
var machines = map[string]struct {
	build    edge.Builder
	audience string
	accounts []string
}{
	"audit-event":    {auditevent.New, "https://f.example/audit", []string{"pubsub@p.example"}},
	"reconcile":      {reconcile.New, "https://f.example/reconcile", []string{"tasks@p.example"}},
	"sweep":          {sweep.New, "https://f.example/sweep", []string{"tasks@p.example", "scheduler@p.example"}},
	"renew-channels": {renewchannels.New, "https://f.example/renew", []string{"scheduler@p.example"}},
}

// cloud stands where every service of Google's would be, answers nothing, and
// counts who connects and who calls.
type cloud struct {
	address            string
	connections, calls atomic.Int64
	reached            chan struct{} // has room for one, filled by each of both
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{address: listener.Addr().String(), reached: make(chan struct{}, 1)}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		c.calls.Add(1)
		c.noteReached()
		return status.Error(codes.Unavailable, "the test says so")
	}))
	go func() { _ = server.Serve(counted{listener, c}) }()
	t.Cleanup(server.Stop)
	return c
}

func (c *cloud) noteReached() {
	select {
	case c.reached <- struct{}{}:
	default:
	}
}

// untilReached is a context that ends soon after somebody reaches the cloud, or
// when the test has waited long enough: the clients would try again for minutes.
func (c *cloud) untilReached(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	go func() {
		select {
		case <-c.reached:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

type counted struct {
	net.Listener
	cloud *cloud
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.cloud.connections.Add(1)
		c.cloud.noteReached()
	}
	return conn, err
}

func (c *cloud) outside(keys *http.Client) googlecloud.Outside {
	options := []option.ClientOption{option.WithEndpoint(c.address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
	return googlecloud.Outside{Keys: keys, Tasks: options, Secrets: options, DirectoryURL: "http://" + c.address}
}

// TestDoors: whoever does not carry exactly the right token is refused, at each
// function, and touches nothing behind it. Then one with the right token gets in.
func TestDoors(t *testing.T) {
	ours, theirs := simtokens.New(), simtokens.New()
	for name, m := range machines {
		c := newCloud(t)
		t.Setenv("FIRESTORE_EMULATOR_HOST", c.address)
		function, err := m.build(func(key string) string { return environment()[key] }, c.outside(ours.Keys()))
		if err != nil {
			t.Fatal(err)
		}
		good := simtokens.Account(m.accounts[0], m.audience)
		for what, headers := range refused(ours, theirs, good) {
			if status := post(t.Context(), function, headers); status != http.StatusUnauthorized {
				t.Errorf("%s: %s: answered %d", name, what, status)
			}
		}
		for _, account := range []string{"tasks@p.example", "scheduler@p.example", "pubsub@p.example", "directory@p.example",
			"tasks@evil.example", strings.ToUpper(m.accounts[0])} {
			if slices.Contains(m.accounts, account) {
				continue
			}
			if status := post(t.Context(), function, bearer(ours.Token(good.With("email", account)))); status != http.StatusUnauthorized {
				t.Errorf("%s: %s may call: %d", name, account, status)
			}
		}
		if n := c.connections.Load(); n != 0 {
			t.Fatalf("%s: whoever was refused made %d connections to cloud services", name, n)
		}
		for _, account := range m.accounts {
			ctx, cancel := c.untilReached(t.Context())
			if status := post(ctx, function, bearer(ours.Token(good.With("email", account)))); status == http.StatusUnauthorized {
				t.Errorf("%s: %s may not call", name, account)
			}
			cancel()
		}
		if c.connections.Load() == 0 {
			t.Errorf("%s: whoever was let in opened nothing", name)
		}
	}
}

// refused are the headers of callers that no function may let in.
func refused(ours, theirs *simtokens.Issuer, good simtokens.Claims) map[string][]string {
	valid := ours.Token(good)
	all := map[string][]string{
		"no token":       nil,
		"two tokens":     {"Bearer " + valid, "Bearer " + valid},
		"another scheme": {"Basic " + valid},
	}
	for what, token := range simtokens.Refused(ours, theirs, good) {
		all[what] = bearer(token)
	}
	return all
}

func bearer(token string) []string { return []string{"Bearer " + token} }

// body makes sense to each function: a task of a person, and an audit entry of a
// new user, which is what the message's data says.
func body() string {
	entry := `{"protoPayload":{"serviceName":"admin.googleapis.com","methodName":"createUser","metadata":{"event":[{"eventName":"CREATE_USER",` +
		`"parameter":[{"name":"USER_EMAIL","value":"ann@example.com"}]}]}}}`
	return `{"userId":"1","message":{"data":"` + base64.StdEncoding.EncodeToString([]byte(entry)) + `"}}`
}

func post(ctx context.Context, function http.Handler, authorization []string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body()))
	r.Header["Authorization"] = authorization
	answer := httptest.NewRecorder()
	function.ServeHTTP(answer, r)
	return answer.Code
}

// TestPushDoor: what cannot be a notification of our channel is refused before
// our token is fetched.
func TestPushDoor(t *testing.T) {
	c := newCloud(t)
	t.Setenv("FIRESTORE_EMULATOR_HOST", c.address)
	function, err := directorypush.New(func(key string) string { return environment()[key] }, c.outside(nil))
	if err != nil {
		t.Fatal(err)
	}
	for what, headers := range map[string]map[string]string{
		"nothing":        {},
		"no token":       {"X-Goog-Channel-Id": "c"},
		"an empty token": {"X-Goog-Channel-Id": "c", "X-Goog-Channel-Token": ""},
		"no channel":     {"X-Goog-Channel-Token": "t"},
		"a long token":   {"X-Goog-Channel-Id": "c", "X-Goog-Channel-Token": strings.Repeat("t", 257)},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		answer := httptest.NewRecorder()
		function.ServeHTTP(answer, r)
		if answer.Code != http.StatusUnauthorized || c.connections.Load() != 0 {
			t.Errorf("%s: answered %d, %d connections", what, answer.Code, c.connections.Load())
		}
	}
}

// TestSettings: each setting that is missing or wrong is named, all in one error.
func TestSettings(t *testing.T) {
	t.Parallel()
	builds := map[string]edge.Builder{"directory-push": directorypush.New}
	for name, m := range machines {
		builds[name] = m.build
	}
	for name, build := range builds {
		asked := map[string]bool{}
		_, err := build(func(key string) string { asked[key] = true; return "" }, googlecloud.Outside{})
		if err == nil {
			t.Fatalf("%s starts without settings", name)
		}
		optional := []string{"AUTOPROVISION_DATABASE", "AUTOPROVISION_QUEUE_PREFIX", "AUTOPROVISION_SECRET_PREFIX", "AUTOPROVISION_LOG_LEVEL",
			"AUTOPROVISION_AUDIT_EVENTS"}
		for key := range asked {
			if named := strings.Contains(err.Error(), key+" is missing"); named == slices.Contains(optional, key) {
				t.Errorf("%s: %s: named %v in: %v", name, key, named, err)
			}
		}
		for key, value := range map[string]string{
			"AUTOPROVISION_RECONCILE_URL": "http://f.example/reconcile", "AUTOPROVISION_SWEEP_URL": "https://f.example/sweep?x=1",
			"AUTOPROVISION_TASKS_ACCOUNT": "tasks", "AUTOPROVISION_LOG_LEVEL": "loud", "AUTOPROVISION_AUDIT_EVENTS": "delete=everybody",
		} {
			if !asked[key] {
				continue
			}
			wrong := maps.Clone(environment())
			wrong[key] = value
			if _, err := build(func(key string) string { return wrong[key] }, googlecloud.Outside{}); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %s is %q: %v", name, key, value, err)
			}
		}
		if _, err := build(func(key string) string { return environment()[key] }, googlecloud.Outside{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConsoleDoor: a visitor who proves nothing is sent to sign in, or refused
// by the API, and touches nothing but the OAuth client's file, which is read once
// for all; so is one with any token but an administrator's for our client, of whom
// the directory is then asked.
func TestConsoleDoor(t *testing.T) {
	c := newCloud(t)
	t.Setenv("FIRESTORE_EMULATOR_HOST", c.address)
	issuer := simtokens.New()
	env := maps.Clone(environment())
	env["AUTOPROVISION_CONSOLE_URL"] = "https://console.example"
	asked := make(chan struct{}, 100) // has one for each time the directory was asked
	directory := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		_, _ = w.Write([]byte(`{"id":"1001","isAdmin":true}`)) // a caller who is gone needs no answer
	}))
	t.Cleanup(directory.Close)
	const path = "projects/p/secrets/autoprovision-"
	vault, address, stop, err := simsecrets.Start(path+secrets.SessionKey, path+secrets.OAuthClient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	putSecrets(t, address)
	outside := c.outside(issuer.Keys())
	outside.DirectoryURL, outside.Secrets = directory.URL, simsecrets.Client(address)
	function, err := console.New(func(key string) string { return env[key] }, outside)
	if err != nil {
		t.Fatal(err)
	}
	admin := simtokens.Account("ana@example.com", "client.apps.example").With("hd", "example.com").With("sub", "1001")
	for _, test := range []struct {
		what, method, path, authorization string
		want                              int
	}{
		{"a page", "GET", "/people", "", 302},
		{"a form", "POST", "/turn-off", "", 401},
		{"the sign-in page", "GET", "/sign-in", "", 200},
		{"a callback out of nowhere", "GET", "/sign-in/callback?code=c&state=s", "", 401},
		{"the style sheet", "GET", "/static/style.css", "", 200},
		{"the document", "GET", "/api/v1/openapi.json", "", 200},
		{"the API without a token", "POST", "/api/v1/apps/comeet/turnOff", "", 401},
		{"with a service account's token", "GET", "/api/v1/apps/comeet", "Bearer " + issuer.Token(simtokens.Account("tasks@p.example", "https://console.example")), 401},
	} {
		r := httptest.NewRequest(test.method, test.path, nil)
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		answer := httptest.NewRecorder()
		function.ServeHTTP(answer, r)
		if answer.Code != test.want || c.calls.Load() != 0 {
			t.Errorf("%s: answered %d, %d calls", test.what, answer.Code, c.calls.Load())
		}
		if answer.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: browsers may try without https", test.what)
		}
	}
	vault.Set(func() {
		if vault.Accesses != 1 {
			t.Errorf("%d readings of secrets, want the OAuth client's once", vault.Accesses)
		}
	})
	call := func(ctx context.Context, authorization []string) int {
		r := httptest.NewRequestWithContext(ctx, "POST", "/api/v1/apps/comeet/turnOff", nil)
		r.Header["Authorization"] = authorization
		answer := httptest.NewRecorder()
		function.ServeHTTP(answer, r)
		return answer.Code
	}
	for what, headers := range refused(issuer, simtokens.New(), admin) {
		if status := call(t.Context(), headers); status != http.StatusUnauthorized || len(asked) != 0 || c.calls.Load() != 0 {
			t.Errorf("the API: %s: answered %d, the directory was asked %d times, %d calls", what, status, len(asked), c.calls.Load())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	reached := make(chan struct{})
	go func() { <-asked; close(reached); cancel() }() // the store gives no answer, and would be asked for minutes
	if status := call(ctx, bearer(issuer.Token(admin))); status == http.StatusUnauthorized {
		t.Errorf("an administrator's own token: answered %d", status)
	}
	select {
	case <-reached:
	case <-time.After(20 * time.Second):
		t.Error("the directory was not asked whether an administrator's own token is one's")
	}
	env["AUTOPROVISION_SCIM_URL"] = "http://comeet.example/scim"
	if _, err := console.New(func(key string) string { return env[key] }, googlecloud.Outside{}); err == nil || !strings.Contains(err.Error(), "AUTOPROVISION_SCIM_URL") {
		t.Errorf("an app without https: %v", err)
	}
	env["AUTOPROVISION_CONSOLE_URL"] = "https://f.example/autoprovision-console"
	if _, err := console.New(func(key string) string { return env[key] }, googlecloud.Outside{}); err == nil || !strings.Contains(err.Error(), "AUTOPROVISION_CONSOLE_URL") {
		t.Errorf("a console below a path: %v", err)
	}
}
