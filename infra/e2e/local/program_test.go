// Package local tests the local program as a black box: the built binary, its
// flags, its output and its HTTP API, as an administrator or another program
// meets them.
package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "autoprovision-e2e-")
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

// program is one running program.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	// url is where it listens; token signs in; directory and app are the
	// simulated services, if it started them, with the app's token.
	url, token, directory, app, appToken string

	mu  sync.Mutex
	log bytes.Buffer
}

const adminToken = "the-admin-token"

// start runs the program on a free port and waits for its addresses.
func start(t *testing.T, flags ...string) *program {
	t.Helper()
	p := &program{t: t, token: adminToken}
	p.cmd = exec.Command(binary, append([]string{"-addr", "127.0.0.1:0", "-admin-token", adminToken}, flags...)...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = writer(func(b []byte) { p.mu.Lock(); p.log.Write(b); p.mu.Unlock() })
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	deadline := time.After(30 * time.Second)
	for p.url == "" || p.wantsMore(flags) {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the program ended: %s", p.logged())
			}
			p.read(line)
		case <-deadline:
			t.Fatalf("the program printed no address: %s", p.logged())
		}
	}
	go func() {
		for range lines {
		}
	}()
	return p
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func (p *program) wantsMore(flags []string) bool {
	given := strings.Join(flags, " ")
	return p.directory == "" && !strings.Contains(given, "-directory-url") || p.appToken == "" && !strings.Contains(given, "-scim-url")
}

var (
	printedURL = regexp.MustCompile(`open (http://[^/]+)/\?token=(\S+)`)
	printedSim = regexp.MustCompile(`simulated (Workspace|Comeet)\s+(\S+)`)
	printedKey = regexp.MustCompile(`access token\s+(\S+)`)
)

func (p *program) read(line string) {
	if m := printedURL.FindStringSubmatch(line); m != nil {
		p.url = m[1]
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

func (p *program) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	if p.cmd.Process != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
}

// interrupt presses Ctrl-C and returns how the program ended.
func (p *program) interrupt() error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		p.kill()
		return errors.New("it did not stop within 20 s")
	}
}

type object = map[string]any

// call sends JSON and returns the status and the decoded answer.
func call(ctx context.Context, method, url, token string, body any) (int, object, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	var out object
	if len(data) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			return resp.StatusCode, nil, fmt.Errorf("%s: %w", data, err)
		}
	}
	return resp.StatusCode, out, nil
}

const apiRoot = "/api/v1/apps/comeet"

// api calls the program's API and expects a status.
func (p *program) api(method, path string, body any, want int) object {
	p.t.Helper()
	status, out, err := call(p.t.Context(), method, p.url+apiRoot+path, p.token, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", method, path, err, p.logged())
	}
	if status != want {
		p.t.Fatalf("%s %s: %d, want %d: %v\n%s", method, path, status, want, out, p.logged())
	}
	return out
}

// dir calls the simulated directory.
func (p *program) dir(method, path string, body any) object {
	p.t.Helper()
	status, out, err := call(p.t.Context(), method, p.directory+"/admin/directory/v1"+path, "", body)
	if err != nil || status >= 300 {
		p.t.Fatalf("directory %s %s: %d %v %v", method, path, status, out, err)
	}
	return out
}

// until polls until a condition holds, and says how long it took.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// sweepDone waits for the sweep to end, and for it to be done.
func (p *program) sweepDone(limit time.Duration) {
	p.t.Helper()
	until(p.t, limit, "sweep done", func() bool {
		st := p.api("GET", "", nil, 200)
		sweep, _ := st["sweep"].(object)
		if sweep["state"] == "failed" {
			p.t.Fatalf("the sweep failed: %v\n%s", sweep["reason"], p.logged())
		}
		return sweep["state"] == "done"
	})
}

// setUp authorizes, sets scope and time frames, and turns on.
func (p *program) setUp(scope, frames object) {
	p.t.Helper()
	p.api("PUT", "/authorization", object{"accessToken": p.appToken}, 200)
	p.api("PUT", "/scope", scope, 200)
	p.api("PUT", "/deprovisioning", frames, 200)
	p.api("POST", "/turnOn", nil, 200)
	p.sweepDone(30 * time.Second)
}

var everybody = object{"orgUnits": []object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{}, "domains": []string{}}

func (p *program) user(key string) object { return p.api("GET", "/users/"+key, nil, 200) }

func (p *program) accountState(key string) string {
	account, _ := p.user(key)["account"].(object)
	state, _ := account["state"].(string)
	return state
}

// run runs the program to its end, which must come by itself.
func run(t *testing.T, flags []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, flags...).CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("it started all the same: %s", out)
	}
	return string(out), err
}
