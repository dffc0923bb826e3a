package gcp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/require"
)

// warmGcloud starts a process that has gcloud's code loaded, and returns a folder
// to put first in the path: the gcloud in it has that process run each command, and
// the python3 in it is gcloud's own, where another may be a script that looks for one.
func warmGcloud(t *testing.T) (folder string) {
	t.Helper()
	_, missing := exec.LookPath("gcloud")
	require.Tool(t, missing == nil, "gcloud")
	info, err := exec.CommandContext(t.Context(), "gcloud", "info", "--format=value(basic.python_location,installation.sdk_root)").Output()
	python, sdk, found := strings.Cut(strings.TrimSpace(string(info)), "\t")
	if err != nil || !found {
		t.Fatalf("gcloud info: %q, %v", info, err)
	}
	here, err := filepath.Abs("testdata/gcloud")
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	if err := os.Symlink(python, filepath.Join(folder, "python3")); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "s")
	server := exec.Command(python, "-S", filepath.Join(here, "serve.py"), sdk, socket)
	server.Env, server.Stderr = []string{"CLOUDSDK_ROOT_DIR=" + sdk}, os.Stderr
	alive, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = alive.Close()
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	})
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(folder, "gcloud"), filepath.Join(here, "ask.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return folder
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("gcloud's code is not loaded after a minute")
		}
	}
}
