package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
)

// TestStopInAFirstSync: stopped while a sweep waits for looks that are not
// begun, the program ends with the calls under way, without an error.
func TestStopInAFirstSync(t *testing.T) {
	t.Parallel()
	workspace := simworkspace.New(1, nil)
	t.Cleanup(workspace.Close)
	company := simworkspace.Company{}
	for i := range 200 { // more than the queue delivers at a time
		company.People = append(company.People, simworkspace.Person{Email: fmt.Sprintf("p%d", i), GivenName: "P", FamilyName: "Test"})
	}
	workspace.Seed(company)
	directory := httptest.NewServer(workspace.Handler())
	t.Cleanup(directory.Close)

	comeet := simcomeet.New(&simcomeet.Options{Token: "app-token"})
	created, release := make(chan struct{}, 1), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			select {
			case created <- struct{}{}:
			default:
			}
			<-release
		}
		comeet.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(app.Close)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	printed, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		args := []string{"-addr", "127.0.0.1:0", "-data", t.TempDir(), "-admin-token", "admin", "-directory-url", directory.URL, "-scim-url", app.URL + "/scim/v2"}
		ended <- start(ctx, args, func(string) string { return "" }, stdout, io.Discard)
	}()
	line, err := bufio.NewReader(printed).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	_, address, _ := strings.Cut(line, "open ")
	base, _, _ := strings.Cut(address, "?")
	send := func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+"api/v1/apps/comeet/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer admin")
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(res.Body)
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
	}
	send(http.MethodPut, "authorization", `{"accessToken":"app-token"}`)
	send(http.MethodPut, "scope", `{"orgUnits":[{"path":"/","on":true}],"accessGroups":[],"groups":[],"domains":[]}`)
	send(http.MethodPut, "deprovisioning", `{"appOff":{},"suspended":{},"deleted":{}}`)
	send(http.MethodPost, "turnOn", "{}")
	<-created

	began := time.Now()
	stop()
	time.AfterFunc(500*time.Millisecond, func() { close(release) }) // the app is slow, and then answers
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if n := len(comeet.Accounts()); n == 0 || n == 200 {
		t.Errorf("%d accounts: the test did not stop in the middle", n)
	}
}
