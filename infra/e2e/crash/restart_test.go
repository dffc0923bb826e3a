package crash

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

// accounts are the simulated app's, as it shows them from inside: the whole of
// each, with its version, which counts what was done to it.
func accounts(t *testing.T, p *program.Program) map[string]string {
	t.Helper()
	base := p.App[:len(p.App)-len("/scim/v2")]
	_, out, err := program.Call(t.Context(), "GET", base+"/sim/accounts", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, item := range out["items"].([]any) {
		resource := item.(object)["resource"].(object)
		found[resource["userName"].(string)] = resource["id"].(string) + " " + resource["meta"].(object)["version"].(string)
	}
	return found
}

// With -data, a start goes on where the last one ended, however it ended: on,
// with the same people and accounts, and nothing is done twice.
func TestGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := binary.Start(t, "-data", folder)
	p.SetUp(program.Everybody(), object{"appOff": object{}, "suspended": object{"suspendAfter": "within24h", "deleteAfter": "7d"}, "deleted": object{}})
	const who, hired = "yuki.tanaka@example.com", "new.one@example.com"
	p.Dir("PATCH", "/users/"+who, object{"suspended": true})
	p.Dir("POST", "/users", object{"primaryEmail": hired, "name": object{"givenName": "New", "familyName": "One"}})
	settled := func() bool { return p.AccountState(who) == "suspended" && p.AccountState(hired) == "active" }
	program.Until(t, 5*time.Second, "both are done", settled)
	before, events := accounts(t, p), p.Events("")
	directory, app, token := p.Directory, p.App, p.AppToken

	for _, end := range []func() error{
		func() error { return p.Stop(syscall.SIGTERM) },
		func() error { p.Kill(); return nil },
		func() error { return p.Stop(syscall.SIGINT) },
	} {
		if err := end(); err != nil {
			t.Fatalf("it ended with %v\n%s", err, p.Log())
		}
		p = binary.Start(t, "-data", folder)
		if p.Directory != directory || p.App != app || p.AppToken != token {
			t.Fatalf("it came back with %s and %s, had %s and %s", p.Directory, p.App, directory, app)
		}
		st := p.API("GET", "", nil, 200)
		if st["status"] != "on" {
			t.Fatalf("after the restart it is %v", st["status"])
		}
		p.API("POST", "/sweep", nil, 202)
		program.Until(t, 20*time.Second, "another sweep is done", func() bool {
			sweep := p.API("GET", "", nil, 200)["sweep"].(object)
			return sweep["id"] != st["sweep"].(object)["id"] && sweep["state"] == "done"
		})
		if !settled() {
			t.Errorf("after the restart %s is %s, %s is %s", who, p.AccountState(who), hired, p.AccountState(hired))
		}
		after := accounts(t, p)
		for name, state := range before {
			if after[name] != state {
				t.Errorf("the account of %s was %q, is %q", name, state, after[name])
			}
		}
		if len(after) != len(before) {
			t.Errorf("%d accounts, had %d", len(after), len(before))
		}
		if got := p.Events(""); !slices.EqualFunc(got, events, func(a, b object) bool { return a["id"] == b["id"] }) {
			t.Errorf("%d events, had %d", len(got), len(events))
		}
	}
	p.Dir("PATCH", "/users/"+who, object{"suspended": false}) // and it goes on
	program.Until(t, 5*time.Second, "the account is active again", func() bool { return p.AccountState(who) == "active" })
}

// The port of the simulated app is part of what its accounts are linked to: a
// start that cannot have it says so, and says what to do.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := binary.Start(t, "-data", folder)
	other := t.TempDir()
	copyFolder(t, other, folder)
	out, err := binary.Run(t, "-addr", "127.0.0.1:0", "-data", other)
	if err == nil || !contains(out, "stop the program that uses the port", "simulated-workspace.port") {
		t.Errorf("with the port of another program: %v, said: %s", err, out)
	}
	if st := p.API("GET", "", nil, 200); st["status"] != "notConfigured" {
		t.Errorf("the first program is %v", st["status"])
	}
}

func contains(text string, all ...string) bool {
	return !slices.ContainsFunc(all, func(part string) bool { return !strings.Contains(text, part) })
}
