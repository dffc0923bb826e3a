package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	programPackage = "example.com/autoprovision/infra/local"
	stopTime       = 20 * time.Second
	pollEvery      = 50 * time.Millisecond
	// maxLog is how much of the program's log is kept for when it fails.
	maxLog = 4 << 10
)

// program is the local program in a process of its own.
type program struct {
	host, token string
	data        string
	command     *exec.Cmd
	log         *tail
	journal     *journal
}

// buildProgram builds the program below a folder.
func buildProgram(ctx context.Context, folder string) (binary string, err error) {
	binary = filepath.Join(folder, "local")
	// What go run has linked it keeps, unlike go build.
	if out, err := exec.CommandContext(ctx, "go", "run", "-exec=cp", programPackage, binary).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return binary, nil
}

// startProgram starts it, with its state in a folder that it may have used before.
func startProgram(binary, data string, s settings, e endpoints, more ...string) (*program, error) {
	p := &program{data: data, log: &tail{}, journal: &journal{}}
	// No sweep comes but those that are measured.
	p.command = exec.Command(binary, append([]string{"-addr=127.0.0.1:0", "-data=" + data, "-log=json", "-sweep-every=1000h",
		"-directory-url=" + e.DirectoryURL, "-directory-credentials=" + s.directoryCredentials, "-scim-url=" + e.SCIMURL}, more...)...)
	p.command.Stderr = io.MultiWriter(p.log, p.journal)
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err := p.readAddress(out); err != nil {
		p.stop()
		return nil, fmt.Errorf("the program did not start: %w\n%s", err, p.log.text())
	}
	return p, nil
}

// readAddress finds the address to open, with the token in it, in what the program prints.
func (p *program) readAddress(out io.Reader) error {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		for _, word := range strings.Fields(lines.Text()) {
			u, err := url.Parse(word)
			if err == nil && u.Scheme == "http" && u.Query().Get("token") != "" {
				p.host, p.token = "http://"+u.Host, u.Query().Get("token")
				go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
				return nil
			}
		}
	}
	return errors.New("it printed no address with a token")
}

// stop asks the program to end, and makes it when it does not.
func (p *program) stop() {
	kill := time.AfterFunc(stopTime, func() { p.command.Process.Kill() }) //nolint:errcheck // it may have ended
	defer kill.Stop()
	p.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	p.command.Wait()                          //nolint:errcheck // how it ended is no figure
}

func (p *program) call(ctx context.Context, method, path string, body, into any) error {
	return call(ctx, p.token, method, p.host+"/api/v1/apps/comeet"+path, body, into)
}

// status is what the bench reads of the API's status.
type status struct {
	Status        string                    `json:"status"`
	Configuration map[string]map[string]any `json:"configuration"`
	Held          *struct {
		People int `json:"people"`
	} `json:"held"`
	Sweep *sweep `json:"sweep"`
}

type sweep struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	FinishedAt time.Time `json:"finishedAt"`
	Listed     int       `json:"listed"`
	Reason     string    `json:"reason"`
}

func (p *program) status(ctx context.Context) (st status, err error) {
	err = p.call(ctx, http.MethodGet, "", nil, &st)
	return st, err
}

// configure sets everything but on: the default mapping, the group with the
// root on, and the time frames that would remove somebody at once.
func (p *program) configure(ctx context.Context, s settings, e endpoints) error {
	st, err := p.status(ctx)
	if err != nil {
		return err
	}
	connection := st.Configuration["connection"]
	connection["concurrency"], connection["requestsPerSecond"] = s.concurrency, s.appLimit
	atOnce := map[string]string{"suspendAfter": "within24h", "deleteAfter": "7d"}
	for _, put := range []struct {
		section string
		body    any
	}{
		{"connection", connection},
		{"authorization", map[string]string{"accessToken": e.AppToken}},
		{"scope", map[string]any{"orgUnits": []any{map[string]any{"path": "/", "on": true}},
			"accessGroups": []string{}, "groups": []string{e.Group}, "domains": []string{}}},
		{"deprovisioning", map[string]any{"appOff": atOnce, "suspended": atOnce, "deleted": atOnce}},
	} {
		if err := p.call(ctx, http.MethodPut, "/"+put.section, put.body, nil); err != nil {
			return err
		}
	}
	return nil
}

// sweep asks for a sweep by a call of the API and waits until it has ended. It
// took from the asking to the end that the program states.
func (p *program) sweep(ctx context.Context, ask string) (st status, took time.Duration, err error) {
	before, err := p.status(ctx)
	if err != nil {
		return st, 0, err
	}
	asked := time.Now()
	if err := p.call(ctx, http.MethodPost, "/"+ask, nil, nil); err != nil {
		return st, 0, err
	}
	st, err = p.swept(ctx, before)
	if err != nil {
		return st, 0, err
	}
	return st, st.Sweep.FinishedAt.Sub(asked), nil
}

// swept waits until a sweep that was not there before has ended.
func (p *program) swept(ctx context.Context, before status) (st status, err error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if st, err = p.status(ctx); err != nil {
			return st, err
		}
		sw := st.Sweep
		if sw != nil && (before.Sweep == nil || sw.ID != before.Sweep.ID) && (sw.State == "done" || sw.State == "failed") {
			return st, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return st, ctx.Err()
		}
	}
}

// memory is what the program holds in RAM, in bytes: at its peak since the
// start, and now (proc_pid_status(5), VmHWM and VmRSS).
type memory struct{ peak, now int64 }

func (p *program) memory() (memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if errors.Is(err, fs.ErrNotExist) {
		return memory{}, nil // not on this system: the table says so
	}
	if err != nil {
		return memory{}, err
	}
	return parseMemory(string(data))
}

func parseMemory(text string) (m memory, err error) {
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		var into *int64
		switch name {
		case "VmHWM":
			into = &m.peak
		case "VmRSS":
			into = &m.now
		default:
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("reading %s of the process: %w", name, err)
		}
		*into = kib << 10
	}
	return m, nil
}

// stored is the size and the time of each file of the state, which any write changes.
func (p *program) stored() (string, error) {
	files, err := filepath.Glob(filepath.Join(p.data, "autoprovision.db*"))
	var state []string
	for _, name := range files {
		info, statErr := os.Stat(name)
		if statErr != nil {
			return "", statErr
		}
		if !strings.HasSuffix(name, "-shm") { // the index of the log, which readers mark too
			state = append(state, fmt.Sprint(filepath.Base(name), info.Size(), info.ModTime().UnixNano()))
		}
	}
	return strings.Join(state, " "), err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	if extra := len(t.data) - maxLog; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(data), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
