package scimmy

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"example.com/autoprovision/shared/app/apptest"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
)

func connect(address, token string, change func(*provision.Connection)) *scim.Client {
	connection := comeet.Profile().Connection
	connection.BaseURL = address + "/scim/v2"
	connection.PageSize = apptest.PageSize
	connection.RequestsPerSecond = 0
	change(&connection)
	return scim.New(connection, func(context.Context) (secrets.Value, error) { return secrets.NewValue(token), nil }, nil)
}

func TestClientAgainstSCIMMY(t *testing.T) {
	address := Start(t)
	for _, method := range []string{scim.MethodAuto, scim.MethodPut} {
		for _, style := range []string{scim.StylePath, scim.StyleValue} {
			if method == scim.MethodPut && style == scim.StyleValue {
				continue // a PUT has no style
			}
			for _, media := range []string{scim.MediaSCIM, scim.MediaJSON} {
				t.Run(fmt.Sprint(method, " ", style, " ", media), func(t *testing.T) {
					apptest.Run(t, func(t *testing.T) apptest.Harness {
						reset(t, address)
						client := connect(address, Token, func(c *provision.Connection) {
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
	address := Start(t)
	stranger := connect(address, "another", func(*provision.Connection) {})
	if err := stranger.Verify(t.Context()); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("verify with another token = %v", err)
	}
	client := connect(address, Token, func(*provision.Connection) {})
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
