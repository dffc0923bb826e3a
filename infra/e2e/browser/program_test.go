// Package browser tests the console in a real browser, against the local
// program as a black box: what an administrator sees, does with mouse or
// keyboard, and is told when something is wrong; in both themes, at 360 and
// 1280 pixels, and under the rules of axe-core (WCAG 2.2 AA).
//
// It needs Chromium, and `npm ci` in its folder. `go test -artifacts` keeps a
// picture of every page.
package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "autoprovision-browser-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "local")
		if out, err := exec.Command("go", "build", "-o", binary, "example.com/autoprovision/infra/local").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// program is one running local program with its simulated services.
type program struct {
	t *testing.T
	// open is the address with the sign-in token; url is the same without it.
	open, url, directory, app, appToken string

	mu  sync.Mutex
	log bytes.Buffer
}

const adminToken = "the-administrators-token"

var (
	printedURL = regexp.MustCompile(`open ((http://[^/]+)/\?token=\S+)`)
	printedSim = regexp.MustCompile(`simulated (Workspace|Comeet)\s+(http://[^/\s]+)`)
	printedKey = regexp.MustCompile(`access token\s+(\S+)`)
)

// start runs the program on a free port, and waits for its addresses.
func start(t *testing.T) *program {
	t.Helper()
	p := &program{t: t}
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0", "-admin-token", adminToken)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	cmd.Stderr = p
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the program said:\n%s", p.log.String())
		}
	})
	slow := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer slow.Stop()
	lines := bufio.NewScanner(stdout)
	for p.appToken == "" && lines.Scan() {
		line := lines.Text()
		if m := printedURL.FindStringSubmatch(line); m != nil {
			p.open, p.url = m[1], m[2]
		}
		if m := printedSim.FindStringSubmatch(line); m != nil && m[1] == "Workspace" {
			p.directory = m[2]
		} else if m != nil {
			p.app = m[2]
		}
		if m := printedKey.FindStringSubmatch(line); m != nil {
			p.appToken = m[1]
		}
	}
	if p.appToken == "" {
		t.Fatal("the program printed no addresses")
	}
	go io.Copy(io.Discard, stdout) //nolint:errcheck // ends with the program
	return p
}

// Write takes what the program logs.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send sends JSON to a simulated service or the API, expects success, and reads the answer into out.
func (p *program) send(method, url string, body, out any) {
	p.t.Helper()
	var data []byte
	if body != nil {
		var err error
		data, err = json.Marshal(body)
		check(p.t, err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, url, bytes.NewReader(data))
	check(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(r)
	check(p.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	check(p.t, err)
	if res.StatusCode >= http.StatusMultipleChoices {
		p.t.Fatalf("%s %s: %d %s", method, url, res.StatusCode, answer)
	}
	if out != nil {
		check(p.t, json.Unmarshal(answer, out))
	}
}

type object = map[string]any

// patch changes somebody in the directory.
func (p *program) patch(email string, change object) {
	p.t.Helper()
	p.send("PATCH", p.directory+"/admin/directory/v1/users/"+email, change, nil)
}

// faults makes the app misbehave; an empty object ends that.
func (p *program) faults(f object) {
	p.t.Helper()
	p.send("PUT", p.app+"/sim/faults", f, nil)
}

// account adds an account to the app by hand.
func (p *program) account(resource object) {
	p.t.Helper()
	p.send("POST", p.app+"/sim/accounts", resource, nil)
}

// accounts are the user names in the app, those that are active.
func (p *program) accounts() (active []string) {
	p.t.Helper()
	var list struct {
		Items []struct{ Resource object }
	}
	p.send("GET", p.app+"/sim/accounts", nil, &list)
	for _, a := range list.Items {
		if a.Resource["active"] != false {
			name, _ := a.Resource["userName"].(string)
			active = append(active, name)
		}
	}
	return active
}

const api = "/api/v1/apps/comeet"

// configured sets the program up through its API, as a test does that is about something else.
func (p *program) configured(frames object) {
	p.t.Helper()
	p.send("PUT", p.url+api+"/authorization", object{"accessToken": p.appToken}, nil)
	p.send("PUT", p.url+api+"/scope", object{"orgUnits": []object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{}, "domains": []string{}}, nil)
	p.send("PUT", p.url+api+"/deprovisioning", frames, nil)
}

// on turns on and waits for the first sweep.
func (p *program) on() {
	p.t.Helper()
	p.send("POST", p.url+api+"/turnOn", nil, nil)
	p.swept()
}

// swept waits until the last sweep has ended well.
func (p *program) swept() {
	p.t.Helper()
	p.until("sweep done", func() bool {
		var status struct{ Sweep struct{ State string } }
		p.send("GET", p.url+api, nil, &status)
		return status.Sweep.State == "done"
	})
}

// until polls until a condition holds.
func (p *program) until(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			p.t.Fatalf("not within 30 s: %s", what)
		}
		<-tick.C
	}
}

// weekThenDelete suspends at once and deletes after a week, whatever the condition.
func weekThenDelete() object {
	row := object{"suspendAfter": "7d", "deleteAfter": "21d"}
	return object{"appOff": row, "suspended": row, "deleted": row}
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
