package crash

import (
	"math/rand/v2"
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
	found := map[string]string{}
	for _, a := range inTheApp(t, p) {
		resource := a["resource"].(object)
		found[resource["userName"].(string)] = resource["id"].(string) + " " + resource["meta"].(object)["version"].(string)
	}
	return found
}

// inTheApp is what the simulated app says of its accounts.
func inTheApp(t *testing.T, p *program.Program) []object {
	t.Helper()
	_, out, err := program.Call(t.Context(), "GET", strings.TrimSuffix(p.App, "/scim/v2")+"/sim/accounts", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []object
	for _, item := range out["items"].([]any) {
		list = append(list, item.(object))
	}
	return list
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

// Killed together with the services that it simulates, at any moment, the
// program and they agree again at the next start.
func TestKilledWithItsServices(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(*seed, 3))
	p := binary.Start(t, "-data", folder)
	p.API("PUT", "/authorization", object{"accessToken": p.AppToken}, 200)
	p.API("PUT", "/scope", program.Everybody(), 200)
	p.API("PUT", "/deprovisioning", leaveAtOnce, 200)
	p.API("PUT", "/guard", object{"maxShare": 1, "minUsers": 1000}, 200)
	p.API("POST", "/turnOn", nil, 200)
	users := directoryUsers(p)
	for range 12 {
		for range 4 {
			u := users[random.IntN(len(users))].(object)
			u["suspended"] = u["suspended"] != true
			p.Dir("PATCH", "/users/"+u["id"].(string), object{"suspended": u["suspended"]})
		}
		<-time.After(time.Duration(random.Int64N(int64(150 * time.Millisecond))))
		p.Kill()
		p = binary.Start(t, "-data", folder)
	}
	p.API("POST", "/sweep", nil, 202)
	want := map[string]bool{}
	for _, item := range directoryUsers(p) {
		if u := item.(object); u["archived"] != true {
			want[u["primaryEmail"].(string)] = u["suspended"] != true
		}
	}
	var wrong []string
	right := func() bool {
		wrong = nil
		active := activeAccounts(t, p)
		for email, should := range want {
			if is, there := active[email]; is != should || should && !there {
				wrong = append(wrong, email)
			}
		}
		return len(wrong) == 0
	}
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !right() {
		if time.Since(began) > patience {
			t.Fatalf("not right within a minute: %v\n%s", wrong, p.Log())
		}
		<-tick.C
	}
	made := map[any]int{}
	for _, e := range p.Events("Create User By Auto Provisioning") {
		if made[e["userId"]]++; made[e["userId"]] > 1 && e["outcome"] == "done" {
			t.Errorf("user %v was given an account twice", e["userId"])
		}
	}
}

func directoryUsers(p *program.Program) []any {
	users, _ := p.Dir("GET", "/users?customer=my_customer&maxResults=500", nil)["users"].([]any)
	return users
}

// activeAccounts says of each user name whether its account is active; a name
// that two accounts have fails the test.
func activeAccounts(t *testing.T, p *program.Program) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, a := range inTheApp(t, p) {
		name, _ := a["userName"].(string)
		if _, twice := found[name]; twice {
			t.Errorf("two accounts are called %s", name)
		}
		found[name], _ = a["active"].(bool)
	}
	return found
}
