package sqlitefile_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/sqlitefile"
)

// childPath in the environment makes the test binary a process that holds the file there.
const childPath = "AUTOPROVISION_TEST_SQLITEFILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

// hold opens the file, stores a row, says so, and waits to be killed.
func hold(path string) {
	f, err := sqlitefile.Open(path, schema(1), nil)
	if err == nil {
		err = insert(f, context.Background(), 1, "x")
	}
	if err != nil {
		fmt.Println("child:", err)
		return
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent at the latest
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the child says %q", line)
	}
	refused(t, path, "a file in use", fault.Unready, "in use by another process")

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // says that it was killed
	f := open(t, path, nil)
	defer closeFile(t, f)
	if got := rows(t, f, "rows"); !slices.Equal(got, []int{1}) {
		t.Errorf("rows after the other process was killed: %v", got)
	}
}

// asNobody runs do on a thread that may not do what file permissions forbid,
// also when the tests run as root.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
		err := error(nil)
		if os.Geteuid() == 0 {
			err = syscall.Setfsuid(65534)
		}
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	good := filled(t)
	check := func(what, path string) {
		t.Helper()
		asNobody(t, func() {
			f, err := sqlitefile.Open(path, schema(1), nil)
			if err == nil {
				err = f.Close()
			}
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "cannot be written") {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	check("a folder that cannot be written", filepath.Join(folder, "state.db"))

	folder = t.TempDir()
	path := filepath.Join(folder, "state.db")
	for _, err := range []error{os.WriteFile(path, good, 0o444), os.Chmod(path, 0o444), os.Chmod(folder, 0o777)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	check("a file that cannot be written", path)
}
