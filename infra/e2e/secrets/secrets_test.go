// Package secrets tests, against the local program as a black box, that no
// token is left anywhere: in its log of either form, in its files, pages,
// answers and errors.
package secrets

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
)

const apiRoot = "/api/v1/apps/comeet"

var binary program.Binary

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// channelTokens notes what the directory is told to prove itself with.
func channelTokens(inner http.Handler, note func(token string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/watch") {
			body, _ := io.ReadAll(r.Body)
			var channel struct{ Token string }
			if json.Unmarshal(body, &channel) == nil {
				note(channel.Token)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		inner.ServeHTTP(w, r)
	})
}

// visitor is an administrator whose every answer is kept for the scan.
type visitor struct {
	*program.Program
	t       *testing.T
	browser *http.Client
	answers map[string]string
}

func (v *visitor) keep(what string, resp *http.Response) {
	v.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
	header := resp.Header.Clone()
	v.answers[fmt.Sprintf("%d %s", len(v.answers), what)] = fmt.Sprintf("%d %v\n%s", resp.StatusCode, header, body)
}

// send calls the API with any body and keeps the answer, whatever it is.
func (v *visitor) send(method, path, token, body string) int {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := v.browser.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	what, _, _ := strings.Cut(path, "?")
	v.keep(method+" "+what, resp)
	return resp.StatusCode
}

func (v *visitor) get(path string) {
	v.t.Helper()
	resp, err := v.browser.Get(v.URL + path)
	if err != nil {
		v.t.Fatal(err)
	}
	v.keep("GET "+path, resp)
}

func (v *visitor) submit(path string, form url.Values) int {
	v.t.Helper()
	resp, err := v.browser.PostForm(v.URL+path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	v.keep("POST "+path, resp)
	return resp.StatusCode
}

// look visits everything that an administrator can see.
func (v *visitor) look(person string) {
	v.t.Helper()
	for _, path := range []string{"", "/pending", "/events", "/attention", "/orphans", "/usage", "/health", "/users/" + person} {
		v.send("GET", apiRoot+path, program.AdminToken, "")
	}
	for _, page := range []string{"/", "/settings", "/settings/token", "/settings/connection", "/settings/attributes", "/settings/who",
		"/settings/time-frames", "/settings/safety", "/people", "/people/" + person, "/coming-up", "/orphans", "/log", "/log.csv", "/log/failures",
		"/attention", "/setup", "/sign-in"} {
		v.get(page)
	}
}

// TestNoSecretLeaks lives through a set-up with mistakes, an app that echoes
// the token in every kind of answer, a lost authorization and its renewal, and
// then looks for each secret wherever one could have been left.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSecretStory(t, format)
			s.mistakes()
			s.refusals()
			s.failures()
			s.renewal()
			s.scan()
		})
	}
}

// secretStory is one such life.
type secretStory struct {
	t       *testing.T
	v       *visitor
	app     *indiscreet
	comeet  *simcomeet.Server
	data    string
	secrets leaks
	// first, second and wrong are access tokens; private is a person's, in no mapped attribute.
	first, second, wrong, private string
	mu                            sync.Mutex
	channel                       string
}

const maya = "maya.cohen@example.com"

func newSecretStory(t *testing.T, format string) *secretStory {
	s := &secretStory{t: t, first: rand.Text(), second: rand.Text(), wrong: rand.Text(), private: rand.Text(), data: t.TempDir()}
	workspace := simworkspace.New(1, nil)
	workspace.Seed(simworkspace.DefaultCompany())
	s.comeet = simcomeet.New(&simcomeet.Options{Token: s.first})
	s.app = &indiscreet{app: s.comeet.Handler(), tokens: map[string]bool{}}
	directory := httptest.NewServer(channelTokens(workspace.Handler(), func(token string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.channel = token
	}))
	app := httptest.NewServer(s.app)
	t.Cleanup(func() { workspace.Close(); directory.Close(); app.Close() })
	p := binary.Start(t, "-log", format, "-directory-url", directory.URL, "-scim-url", app.URL+"/scim/v2", "-data", s.data)
	p.Directory = directory.URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.v = &visitor{Program: p, t: t, answers: map[string]string{}, browser: &http.Client{Jar: jar, Timeout: time.Minute}}
	for name, secret := range map[string]string{"first token": s.first, "second token": s.second, "wrong token": s.wrong, "sign-in token": program.AdminToken} {
		s.secrets.add(name, secret)
	}
	p.Dir("PATCH", "/users/"+maya, program.Object{"notes": program.Object{"value": s.private, "contentType": "text_plain"}})
	return s
}

// authorize sends a body to the API and expects a status.
func (s *secretStory) authorize(body string, want int) {
	s.t.Helper()
	if got := s.v.send("PUT", apiRoot+"/authorization", program.AdminToken, body); got != want {
		s.t.Errorf("authorization answered %d, want %d", got, want)
	}
}

func accessToken(token string) string { return fmt.Sprintf(`{"accessToken":%q}`, token) }

// mistakes puts tokens where they do not belong.
func (s *secretStory) mistakes() {
	v := s.v
	for _, token := range []string{s.wrong, s.first, ""} {
		v.submit("/sign-in", url.Values{"token": {token}})
	}
	v.get("/?token=" + s.wrong)
	v.send("GET", apiRoot, s.wrong, "")
	v.send("GET", "/api/v1/"+s.first, program.AdminToken, "")
	v.send("GET", apiRoot+"/events?user="+s.first+"&pageToken="+s.first, program.AdminToken, "")
	v.send("GET", apiRoot+"/users/"+s.first, program.AdminToken, "")
	v.send("POST", "/reconcile", s.wrong, `{"userId":"1"}`)
	v.send("POST", "/directory-push", s.wrong, `{"id":"1"}`)
	v.send("POST", "/audit-event", s.wrong, `{"message":{"data":"`+s.first+`"}}`)
	if status := v.submit("/sign-in", url.Values{"token": {program.AdminToken}}); status != http.StatusOK {
		s.t.Fatalf("signing in ends with %d", status)
	}
	v.get("/?token=" + program.AdminToken) // the address that the program printed

	s.authorize(`{"accessToken":"`+s.first, 422)
	s.authorize(`{"accessToken":["`+s.first+`"]}`, 422)
	s.authorize(`{"`+s.first+`":1}`, 422)
	s.authorize(`{"accessToken":"`+s.first+`","scope":"`+s.first+`"}`, 422)
	s.authorize(`"`+s.first+`"`, 422)
	s.authorize(accessToken(s.first+"\n"+s.first), 422)
	s.authorize(accessToken(s.wrong), 422)
	v.submit("/setup/token", url.Values{"accessToken": {s.wrong}})
	// What is no place for a token may be quoted to whoever wrote it, but to nobody else.
	for path, body := range map[string]program.Object{
		"/connection": {"baseUrl": "https://x:" + s.first + "@example.com/"},
		"/mapping":    {"attributes": []program.Object{{"app": "title", "expression": "'" + s.first}}},
		"/scope":      {"orgUnits": []program.Object{{"path": "/" + s.first, "on": true}}, "accessGroups": []string{}, "groups": []string{}, "domains": []string{}},
	} {
		if status, out, err := program.Call(s.t.Context(), "PUT", v.URL+apiRoot+path, program.AdminToken, body); status != 422 || err != nil {
			s.t.Errorf("%s: %d %v %v", path, status, out, err)
		}
	}
	v.look(maya)
}

// refusals lets the app refuse a token in all its manners, and takes it in the end.
func (s *secretStory) refusals() {
	for _, manner := range []string{"unauthorized", "refused", "broken", "page", "message", "redirect", "cut", "notHTTP"} {
		s.app.behave(manner, 1)
		want := 409
		if manner == "unauthorized" {
			want = 422
		}
		s.authorize(accessToken(s.first), want)
		s.app.behave(manner, 1)
		s.v.submit("/setup/token", url.Values{"accessToken": {s.first}})
	}
	if s.app.left() != 0 {
		s.t.Error("the app was not asked each time")
	}
	s.authorize(accessToken(s.first), 200)
	s.app.behave("broken", 3)
	s.v.send("POST", apiRoot+"/probe", program.AdminToken, "")
	s.app.behave("", 0)
	s.v.look(maya)
}

// failures provisions, with a mapping that fails for one person over what the
// directory says about them, and an app that fails in all its manners.
func (s *secretStory) failures() {
	v := s.v
	v.API("PUT", "/scope", program.Everybody(), 200)
	v.API("PUT", "/deprovisioning", program.Object{"appOff": program.Object{}, "suspended": program.Object{"suspendAfter": "within24h", "deleteAfter": "7d"}, "deleted": program.Object{}}, 200)
	v.send("POST", apiRoot+"/preview", program.AdminToken, "{}")
	v.API("POST", "/turnOn", nil, 200)
	v.SweepDone(30 * time.Second)
	for i, manner := range []string{"refused", "message", "broken", "page", "redirect", "cut", "notHTTP"} {
		s.app.behave(manner, 20)
		v.Dir("PATCH", "/users/"+maya, program.Object{"name": program.Object{"familyName": fmt.Sprintf("Cohen%d", i)}})
		v.send("POST", apiRoot+"/users/"+maya+"/reconcile", program.AdminToken, "")
		v.submit("/people/"+maya+"/look", url.Values{})
		s.app.behave("", 0)
	}
	mapping := v.API("GET", "", nil, 200)["configuration"].(program.Object)["mapping"].(program.Object)["attributes"].([]any)
	for _, expression := range []string{`string(int(user.notes.value))`, `user[user.notes.value]`, `timestamp(user.notes.value).getFullYear()`,
		`user.notes`, `user.notes.value.split(user.notes.value)[7]`, `user.notes.value + 1.0`} {
		attributes := append([]any{program.Object{"app": "title", "expression": expression}}, mapping...)
		if got, out, err := program.Call(s.t.Context(), "PUT", v.URL+apiRoot+"/mapping", program.AdminToken, program.Object{"attributes": attributes}); err != nil || got != 200 {
			s.t.Fatalf("mapping %s: %d %v %v", expression, got, out, err)
		}
		v.send("POST", apiRoot+"/users/"+maya+"/reconcile", program.AdminToken, "")
		v.submit("/settings/attributes", url.Values{"app": {"title"}, "source0": {"expression"}, "expression0": {expression}, "sample": {maya}, "do": {"try"}})
		v.send("GET", apiRoot+"/attention", program.AdminToken, "")
		v.get("/people/" + maya)
	}
	v.API("PUT", "/mapping", program.Object{"attributes": mapping}, 200)
	v.look(maya)
}

// renewal loses the authorization and takes another token.
func (s *secretStory) renewal() {
	v := s.v
	s.comeet.SetToken(s.second)
	s.app.behave("unauthorized", 1000)
	v.Dir("PATCH", "/users/"+maya, program.Object{"suspended": true})
	program.Until(s.t, 30*time.Second, "needs reauthorization", func() bool {
		v.send("POST", apiRoot+"/users/"+maya+"/reconcile", program.AdminToken, "")
		return v.API("GET", "", nil, 200)["status"] == "needsReauthorization"
	})
	v.look(maya)
	s.app.behave("", 0)
	v.submit("/settings/token", url.Values{"accessToken": {s.wrong}})
	s.authorize(accessToken(s.wrong), 422)
	s.authorize(accessToken(s.second), 200)
	program.Until(s.t, 30*time.Second, "the account is suspended", func() bool { return v.AccountState(maya) == "suspended" })
	v.look(maya)
}

// scan looks for what was left where.
func (s *secretStory) scan() {
	t, v := s.t, s.v
	if err := v.Stop(syscall.SIGINT); err != nil {
		t.Fatalf("Ctrl-C: %v\n%s", err, v.Log())
	}
	s.mu.Lock()
	channel := s.channel
	s.mu.Unlock()
	for name, token := range map[string]string{"first": s.first, "second": s.second, "wrong": s.wrong} {
		if !s.app.tokens[token] {
			t.Errorf("the %s token was never used, so nothing is shown about it", name)
		}
	}
	if channel == "" {
		t.Fatal("the directory was told no channel token")
	}
	s.secrets.add("channel token", channel)
	files := 0
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, found := range s.secrets.in(string(data)) {
			t.Errorf("%s holds the %s", d.Name(), found)
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files in the data folder, %v", files, err)
	}
	// What a person's data say may be stored for them, but is nowhere said aloud.
	s.secrets.add("person's notes", s.private)
	for _, found := range s.secrets.in(v.Log()) {
		t.Errorf("the log holds the %s", found)
	}
	for what, answer := range v.answers {
		for _, found := range s.secrets.in(answer) {
			t.Errorf("the answer to %s holds the %s", what, found)
		}
	}
	if strings.Contains(v.Log(), "@example.com") {
		t.Errorf("an address is in the log:\n%s", v.Log())
	}
	t.Logf("scanned %d answers, %d files and %d bytes of log", len(v.answers), files, len(v.Log()))
}
