// Package scimmy starts SCIMMY, a SCIM 2.0 server that others wrote from the
// standard, for tests that hold our client and the whole program against it.
package scimmy

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/autoprovision/infra/require"
)

// Token is the access token that the server accepts.
const Token = "scimmy-test-token"

// Start starts the server for one test of infra/e2e and returns its address; the
// SCIM service is at /scim/v2 below it.
func Start(t testing.TB) string {
	t.Helper()
	const dir = "../scimmy"
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules", "scimmy"))
	}
	require.Tool(t, err == nil, "Node and `npm ci` in infra/e2e/scimmy")

	server := exec.Command(node, "server.mjs")
	server.Dir = dir
	server.Env = append(os.Environ(), "SCIM_TOKEN="+Token)
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // which ends it
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the server printed no port: %v", err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}
