// Package emulator runs Google's emulators of Firestore and Pub/Sub for tests.
//
// It promises an emulator of the test's own on a free loopback port, with
// bounded memory and an empty database, that ends when it is stopped and, on
// Linux, also when the test's process dies. It installs nothing, ends no
// process that it did not start, and reads no setting of gcloud but where its
// components are.
package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const (
	// startTime is how long the emulator may take to answer; it takes about a second.
	startTime = 60 * time.Second
	// stopTime is how long it may take to end before it is killed.
	stopTime = 5 * time.Second
	// heap bounds the memory of one; Firestore's conformance suite needs a third of it.
	heap = "-Xmx384m"
	// quick compiles each method once and lightly, which halves the time of tests
	// that end before more pays.
	quick = "-XX:TieredStopAtLevel=1"
)

// Kind is one of Google's emulators, by its name among gcloud's components.
type Kind string

// The emulators.
const (
	Firestore Kind = "cloud-firestore-emulator"
	PubSub    Kind = "pubsub-emulator"
)

// run is what Java is told to run of a jar: Firestore's names no main class.
func (k Kind) run(jar string) []string {
	if k == Firestore {
		return []string{"-cp", jar, "com.google.cloud.datastore.emulator.firestore.CloudFirestore"}
	}
	return []string{"-jar", jar}
}

// jar is the pattern of the jar's path within the component.
func (k Kind) jar() string {
	if k == Firestore {
		return "cloud-firestore-emulator.jar"
	}
	return filepath.Join("lib", "cloud-pubsub-emulator-*-all.jar")
}

// Emulator is a running emulator.
type Emulator struct {
	// Host is its address, host:port, for option.WithEndpoint.
	Host string

	pid   int
	ended chan struct{}
	// output is what it printed, to be read once ended is closed.
	output *bytes.Buffer
}

// Missing says what this machine lacks to run one, to complete the sentence
// "needs …"; it is empty when nothing is missing.
func Missing(k Kind) string {
	_, _, missing := find(k)
	return missing
}

// find returns the paths of Java and of the emulator's jar, or what is missing.
func find(k Kind) (java, jar, missing string) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", "", "Java (apt-get install default-jre-headless)"
	}
	var jars []string
	if gcloud, err := exec.LookPath("gcloud"); err == nil {
		if gcloud, err = filepath.EvalSymlinks(gcloud); err == nil {
			jars, _ = filepath.Glob(filepath.Join(filepath.Dir(gcloud), "..", "platform", string(k), k.jar())) // the pattern is well formed
		}
	}
	if len(jars) == 0 {
		return "", "", "Google's emulator (gcloud components install " + string(k) + ")"
	}
	return java, jars[0], ""
}

// Start starts an emulator and returns once it answers. The caller stops it.
func Start(ctx context.Context, k Kind) (*Emulator, error) {
	java, jar, missing := find(k)
	if missing != "" {
		return nil, fmt.Errorf("emulator: needs %s", missing)
	}
	// Between the look for a free port and its use another process may take it.
	var err error
	for range 3 {
		var e *Emulator
		if e, err = start(ctx, java, k.run(jar)); err == nil || ctx.Err() != nil {
			return e, err
		}
	}
	return nil, err
}

func start(ctx context.Context, java string, run []string) (*Emulator, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("emulator: find a port: %w", err)
	}
	e := &Emulator{Host: listener.Addr().String(), ended: make(chan struct{}), output: &bytes.Buffer{}}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("emulator: find a port: %w", err)
	}
	run = append([]string{heap, "-XX:+UseSerialGC", quick}, run...)
	cmd := exec.Command(java, append(run, "--host=127.0.0.1", "--port="+strconv.Itoa(port))...)
	cmd.Stdout, cmd.Stderr = e.output, e.output
	cmd.WaitDelay = stopTime
	cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// Linux sends the signal for a parent's death when the thread that
		// started the child ends, so that thread stays with it (prctl(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // however it ended, it has
			close(e.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("emulator: start: %w", err)
	}
	e.pid = cmd.Process.Pid
	if err := e.await(ctx); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// await returns once the emulator answers.
func (e *Emulator) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Host+"/", nil)
		if err != nil {
			return fmt.Errorf("emulator: ask whether it runs: %w", err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close() // any answer is one
			return nil
		}
		select {
		case <-ticker.C:
		case <-e.ended:
			return fmt.Errorf("emulator: it ended at once: %s", e.output)
		case <-ctx.Done():
			return fmt.Errorf("emulator: it does not answer: %w", ctx.Err())
		}
	}
}

// Stop ends the emulator and whatever it started, and returns when it is gone.
func (e *Emulator) Stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		select {
		case <-e.ended: // its id may be another process's by now
			return nil
		default:
		}
		if err := syscall.Kill(-e.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("emulator: stop: %w", err)
		}
		select {
		case <-e.ended:
			return nil
		case <-time.After(stopTime):
		}
	}
	return fmt.Errorf("emulator: process %d does not end", e.pid)
}
