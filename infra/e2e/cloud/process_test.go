package cloud

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
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

// logs is what the processes wrote, all of it.
type logs struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// start starts it and returns once it listens.
func (p *process) start(t *testing.T) {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(p.program)
	cmd.Env = append([]string{"PORT=" + strconv.Itoa(port), "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOMEMLIMIT=256MiB"}, p.env...)
	cmd.Stdout, cmd.Stderr = io.Discard, p.log
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
	until(t, 20*time.Second, p.program+" listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", p.program, p.log)
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	p.mu.Lock()
	p.address = address
	p.mu.Unlock()
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

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
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
