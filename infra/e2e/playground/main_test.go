// Package playground tests the playground of the local program as a black box:
// by its forms, as a visitor without script sends them, and in a real browser.
package playground

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

var binary program.Binary

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

type object = program.Object

// visitor is somebody who is signed in to a program.
type visitor struct {
	*program.Program
	t      *testing.T
	client *http.Client
}

func visit(t *testing.T, flags ...string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{Program: binary.Start(t, flags...), t: t, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	resp, err := v.client.Get(v.Open)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return v
}

// get returns the status and the page.
func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	resp, err := v.client.Get(v.URL + path)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.read(resp)
}

func (v *visitor) read(resp *http.Response) (int, string) {
	v.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// send submits a form of the playground and returns the page that follows,
// which must say something.
func (v *visitor) send(path, says string, pairs ...string) string {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	resp, err := v.client.PostForm(v.URL+"/playground"+path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	status, body := v.read(resp)
	if status != http.StatusOK || !strings.Contains(body, says) {
		v.t.Fatalf("%s %v: %d, and the page does not say %q:\n%s", path, pairs, status, says, body)
	}
	return body
}

// id is the directory's id of an address.
func (v *visitor) id(email string) string {
	v.t.Helper()
	id, _ := v.Dir("GET", "/users/"+email, nil)["id"].(string)
	return id
}

func (v *visitor) do(deed, email, says string) {
	v.t.Helper()
	v.send("/people/"+v.id(email)+"/"+deed, says)
}

// account waits until somebody's account is in a state.
func (v *visitor) account(email, state string) {
	v.t.Helper()
	program.Until(v.t, 10*time.Second, email+" is "+state, func() bool { return v.AccountState(email) == state })
}

// setUp sets up by the one button, and waits for the first sweep.
func (v *visitor) setUp() {
	v.t.Helper()
	v.send("/set-up", "Autoprovisioning is set up and on")
	v.SweepDone(30 * time.Second)
}
