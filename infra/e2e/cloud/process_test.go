package cloud

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is one function's, started anew after each kill, as Cloud Run starts
// another instance.
type process struct {
	program string
	env     []string
	log     *logs

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{}
	address string // empty while it is down
}

// logs is what the processes wrote, all of it, by lines.
type logs struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// last is the last n lines, without what is long in them.
func (l *logs) last(n int) string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), 300)]
	}
	return strings.Join(lines, "\n")
}

// lines passes on what one process writes line by line: what is read of several
// at a time may end in the middle of one. What a kill cuts off is left out, and
// so are the empty lines that the framework writes after each request.
type lines struct {
	to   *logs
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		if l.rest = rest; len(bytes.TrimSpace(line)) > 0 {
			l.to.all.Write(append(line, '\n'))
		}
	}
}

// start starts it and returns once it listens.
func (p *process) start(t teller) {
	t.Helper()
	// Between the look for a free port and its use another process may take it.
	for range 3 {
		if p.startOnce(t) {
			return
		}
	}
	t.Fatalf("%s ended at once:\n%s", p.program, p.log.last(10))
}

func (p *process) startOnce(t teller) bool {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(p.program)
	cmd.Env = append([]string{"PORT=" + strconv.Itoa(port), "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOMEMLIMIT=256MiB"}, p.env...)
	cmd.Stdout, cmd.Stderr = io.Discard, &lines{to: p.log}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // however it ended
		close(ended)
	}()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
	listens := false
	until(t, p.program+" listens", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		listens = true
		return true
	})
	if listens {
		p.mu.Lock()
		p.address = address
		p.mu.Unlock()
	}
	return listens
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.address = ""
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill() // it may have ended by itself
	<-ended
}

// at is where it listens; empty while it is down.
func (p *process) at() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

func freePort(t teller) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// patience is how long the test waits for anything: longer than a delivery may
// take, which is then made again, on a machine that has much else to do.
const patience = 90 * time.Second

// until polls until a condition holds, and says how long it took.
func until(t teller, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(began)
}
