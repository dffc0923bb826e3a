// Package scimmy holds our SCIM client against SCIMMY, a server that others
// wrote from the standard, in all the ways in which the client can write.
package scimmy

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"example.com/autoprovision/infra/require"
	"example.com/autoprovision/shared/app/apptest"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
)

const token = "scimmy-test-token"

// serve starts the server and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat("node_modules/scimmy")
	}
	require.Tool(t, err == nil, "Node and `npm ci` in infra/e2e/scimmy")

	server := exec.Command(node, "server.mjs")
	server.Env = append(os.Environ(), "SCIM_TOKEN="+token)
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

func connect(address, token string, change func(*provision.Connection)) *scim.Client {
	connection := comeet.Profile().Connection
	connection.BaseURL = address + "/scim/v2"
	connection.PageSize = apptest.PageSize
	connection.RequestsPerSecond = 0
	change(&connection)
	return scim.New(connection, func(context.Context) (secrets.Value, error) { return secrets.NewValue(token), nil }, nil)
}

func TestClientAgainstSCIMMY(t *testing.T) {
	address := serve(t)
	for _, method := range []string{scim.MethodAuto, scim.MethodPut} {
		for _, style := range []string{scim.StylePath, scim.StyleValue} {
			if method == scim.MethodPut && style == scim.StyleValue {
				continue // a PUT has no style
			}
			for _, media := range []string{scim.MediaSCIM, scim.MediaJSON} {
				t.Run(fmt.Sprint(method, " ", style, " ", media), func(t *testing.T) {
					apptest.Run(t, func(t *testing.T) apptest.Harness {
						reset(t, address)
						client := connect(address, token, func(c *provision.Connection) {
							c.UpdateMethod, c.PatchStyle, c.MediaType = method, style, media
						})
						// SCIMMY takes the escape of a backslash for two backslashes.
						return apptest.Harness{Accounts: client, NoBackslash: true}
					})
				})
			}
		}
	}
}

func TestTokenAndProbeAgainstSCIMMY(t *testing.T) {
	address := serve(t)
	stranger := connect(address, "another", func(*provision.Connection) {})
	if err := stranger.Verify(t.Context()); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("verify with another token = %v", err)
	}
	client := connect(address, token, func(*provision.Connection) {})
	for i := range 5 {
		attributes := provision.Attributes{"userName": fmt.Sprintf("p%d@example.com", i), "name.givenName": "P", "name.familyName": "Q"}
		if _, err := client.Create(t.Context(), fmt.Sprint("id", i), attributes); err != nil {
			t.Fatal(err)
		}
	}
	report, err := client.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if !f.OK {
			t.Errorf("%s: %s; %s", f.Check, f.Found, f.Meaning)
		}
	}
	if report.Suggested.UpdateMethod != scim.MethodPatch {
		t.Errorf("suggested %+v", report.Suggested)
	}
}

func reset(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Post(address+"/reset", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("reset: status %d", resp.StatusCode)
	}
}
