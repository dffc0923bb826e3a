package main

import (
	"bytes"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"example.com/autoprovision/shared/clock"
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
		rest, _, _ = strings.Cut(rest, "\n")
		address, err := url.Parse(strings.TrimSpace(rest))
		if err != nil || strings.ContainsAny(strings.TrimSpace(rest), " \n") || address.Query().Get("token") != token {
			t.Errorf("token %q: printed %q, %v", token, out.String(), err)
		}
	}
}

// TestPaste: a shell takes the line that is printed for it, whatever the tokens are made of.
func TestPaste(t *testing.T) {
	t.Parallel()
	sim, err := startSimulated(settings{data: t.TempDir()}, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	defer sim.close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := &program{listener: listener, sim: sim, settings: settings{adminToken: secrets.NewValue(`it's "a" $token; \`), speed: 1}}
	var out bytes.Buffer
	p.announce(&out)
	_, line, _ := strings.Cut(out.String(), "for a shell")
	line, _, _ = strings.Cut(line, "\n")
	got, err := exec.CommandContext(t.Context(), "sh", "-c", line+`; printf '%s|' "$API" "$TOKEN" "$DIRECTORY" "$APP_TOKEN"`).CombinedOutput()
	want := strings.Join([]string{"http://" + p.listener.Addr().String() + "/api/v1/apps/comeet", p.settings.adminToken.Reveal(), p.sim.directoryURL, p.sim.comeet.Token(), ""}, "|")
	if err != nil || string(got) != want {
		t.Errorf("a shell made %q of %q, want %q: %v", got, line, want, err)
	}
}
