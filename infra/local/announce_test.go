package main

import (
	"bytes"
	"net"
	"net/url"
	"strings"
	"testing"

	"example.com/autoprovision/shared/secrets"
)

// TestAnnounce: the printed URL carries the sign-in token whatever it is made of.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, token := range []string{"plain", "with space", "a&b=c#d+e%20/?"} {
		var out bytes.Buffer
		p := &program{listener: listener, sim: &simulated{}, settings: settings{adminToken: secrets.NewValue(token), speed: 1}}
		p.announce(&out)
		_, rest, _ := strings.Cut(out.String(), "open ")
		address, err := url.Parse(strings.TrimSpace(rest))
		if err != nil || strings.ContainsAny(strings.TrimSpace(rest), " \n") || address.Query().Get("token") != token {
			t.Errorf("token %q: printed %q, %v", token, out.String(), err)
		}
	}
}
