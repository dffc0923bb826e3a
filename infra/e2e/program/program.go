// Package program runs the local program as a black box for tests: the built
// binary, its flags, its output and its HTTP API, as an administrator or
// another program meets them.
//
// It promises that what it starts has ended when the test has. It knows nothing
// of the program's inside; only tests import it.
package program

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/require"
)

// AdminToken is the token that every program is started with.
const AdminToken = "the-admin-token"

// patience is how long the program may take to print its addresses.
const patience = 30 * time.Second

// Binary is the path of the built program.
type Binary string

// Main builds the program, runs a package's tests, and returns their exit code.
func (b *Binary) Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "autoprovision-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // a test may run it as somebody else
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*b = Binary(filepath.Join(dir, "local"))
	// What go run has linked it keeps, unlike go build: one package's tests link, the others copy.
	if out, err := exec.Command("go", "run", "-ldflags=-s -w", "-exec=cp", "example.com/autoprovision/infra/local", string(*b)).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// Command is the program on a free port, not started.
func (b Binary) Command(flags ...string) *exec.Cmd {
	return exec.Command(string(b), append([]string{"-addr", "127.0.0.1:0", "-admin-token", AdminToken}, flags...)...)
}

// Program is one running program.
type Program struct {
	t   *testing.T
	cmd *exec.Cmd
	// Open is the address to open, with the sign-in token; URL is the same
	// without it. Directory and App are the simulated services if the program
	// started them, AppToken is the app's token.
	Open, URL, Directory, App, AppToken string

	mu  sync.Mutex
	log bytes.Buffer
}

// Start runs the program on a free port and waits for its addresses. It is
// killed when the test ends.
func (b Binary) Start(t *testing.T, flags ...string) *Program {
	t.Helper()
	require.Source(t, "../../..")
	p := &Program{t: t, cmd: b.Command(flags...)}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	deadline := time.After(patience)
	for p.URL == "" || p.wantsMore(flags) {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the program ended: %s", p.Log())
			}
			p.read(line)
		case <-deadline:
			t.Fatalf("the program printed no address: %s", p.Log())
		}
	}
	go func() {
		for range lines {
		}
	}()
	return p
}

// Write takes what the program logs.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *Program) wantsMore(flags []string) bool {
	given := strings.Join(flags, " ")
	return p.Directory == "" && !strings.Contains(given, "-directory-url") || p.AppToken == "" && !strings.Contains(given, "-scim-url")
}

var (
	printedURL = regexp.MustCompile(`open ((http://[^/]+)/\?token=\S+)`)
	printedSim = regexp.MustCompile(`simulated (Workspace|Comeet)\s+(\S+)`)
	printedKey = regexp.MustCompile(`access token\s+(\S+)`)
)

func (p *Program) read(line string) {
	if m := printedURL.FindStringSubmatch(line); m != nil {
		p.Open, p.URL = m[1], m[2]
	}
	if m := printedSim.FindStringSubmatch(line); m != nil && m[1] == "Workspace" {
		p.Directory = m[2]
	} else if m != nil {
		p.App = m[2]
	}
	if m := printedKey.FindStringSubmatch(line); m != nil {
		p.AppToken = m[1]
	}
}

// Log is what the program has logged so far.
func (p *Program) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Kill ends the program at once, as kill -9 does.
func (p *Program) Kill() {
	if p.cmd.ProcessState == nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
	}
}

// Stop asks the program to end, by SIGINT (Ctrl-C) or SIGTERM, and returns how it ended.
func (p *Program) Stop(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		return errors.New("it did not stop within 20 s")
	}
}

// Run runs the program to its end, which must come by itself, and returns what it said.
func (b Binary) Run(t *testing.T, flags ...string) (string, error) {
	t.Helper()
	return ToEnd(t, exec.Command(string(b), flags...))
}

// ToEnd runs a Command as Run does.
func ToEnd(t *testing.T, cmd *exec.Cmd) (string, error) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !killed.Stop() {
		t.Errorf("it started all the same: %s", said.String())
	}
	return said.String(), err
}
