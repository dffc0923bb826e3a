package local

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
)

// The promise of the first page: suspend a person, see their account suspended
// within two seconds and the hard delete pending with its date; bring them back,
// and see it cancelled.
func TestSuspendAndReturn(t *testing.T) {
	t.Parallel()
	p := binary.Start(t)
	if st := p.API("GET", "", nil, 200); st["status"] != "notConfigured" {
		t.Fatalf("at first: %v", st)
	}
	p.SetUp(program.Everybody(), object{"appOff": object{}, "suspended": object{"suspendAfter": "within24h", "deleteAfter": "7d"}, "deleted": object{}})
	if st := p.API("GET", "", nil, 200); st["status"] != "on" {
		t.Fatalf("turned on: %v", st)
	}
	const ana = "maya.cohen@example.com"
	if got := p.AccountState(ana); got != "active" {
		t.Fatalf("account after the first sync: %s", got)
	}
	p.Dir("PATCH", "/users/"+ana, object{"suspended": true})
	took := program.Until(t, 2*time.Second, "the account is suspended", func() bool { return p.AccountState(ana) == "suspended" })
	t.Logf("suspended after %v", took)

	pending, _ := p.API("GET", "/pending", nil, 200)["items"].([]any)
	if len(pending) != 1 {
		t.Fatalf("pending: %v", pending)
	}
	next := pending[0].(object)["next"].(object)
	at, err := time.Parse(time.RFC3339, next["at"].(string))
	if err != nil || next["operation"] != "hardDelete" || time.Until(at).Round(time.Hour) != 7*24*time.Hour {
		t.Errorf("pending: %v", next)
	}

	p.Dir("PATCH", "/users/"+ana, object{"suspended": false})
	program.Until(t, 2*time.Second, "the account is active again", func() bool { return p.AccountState(ana) == "active" })
	if pending := p.API("GET", "/pending", nil, 200)["items"].([]any); len(pending) != 0 {
		t.Errorf("still pending after the return: %v", pending)
	}
	var names []string
	for _, e := range p.User(ana)["events"].([]any) {
		names = append(names, e.(object)["name"].(string))
	}
	want := []string{"Unsuspend Auto Provisioned User", "Suspend Auto Provisioned User", "Create User By Auto Provisioning"}
	if !slices.Equal(names, want) {
		t.Errorf("events %q, want %q", names, want)
	}
	if err := p.Stop(syscall.SIGINT); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, p.Log())
	}
	for _, secret := range []string{p.AppToken, program.AdminToken} {
		if strings.Contains(p.Log(), secret) {
			t.Errorf("a token is in the log")
		}
	}
}

// 21 days pass in seven seconds: the suspend after a week and the hard delete after three come on time.
func TestThreeWeeksInSevenSeconds(t *testing.T) {
	t.Parallel()
	p := binary.Start(t, "-speed", "259200", "-sweep-every", "36h")
	p.SetUp(program.Everybody(), object{"appOff": object{}, "suspended": object{"suspendAfter": "7d", "deleteAfter": "21d"}, "deleted": object{}})
	const who = "yuki.tanaka@example.com"
	p.Dir("PATCH", "/users/"+who, object{"suspended": true})
	program.Until(t, 40*time.Second, "the account is gone", func() bool { return p.AccountState(who) == "none" })

	var since time.Time
	due := map[string]time.Duration{"Suspend Auto Provisioned User": 7 * 24 * time.Hour, "Hard Delete Auto Provisioned User": 21 * 24 * time.Hour}
	for _, item := range p.User(who)["events"].([]any) {
		e := item.(object)
		after, expected := due[e["name"].(string)]
		if !expected {
			continue
		}
		delete(due, e["name"].(string))
		at, err := time.Parse(time.RFC3339, e["time"].(string))
		began, err2 := time.Parse(time.RFC3339, e["since"].(string))
		if err != nil || err2 != nil {
			t.Fatal(e)
		}
		if !since.IsZero() && !since.Equal(began) {
			t.Errorf("two different beginnings: %v and %v", since, began)
		}
		since = began
		if late := at.Sub(began.Add(after)); late < 0 || late > 6*24*time.Hour { // two real seconds
			t.Errorf("%s came %v after its deadline", e["name"], late)
		}
	}
	if len(due) > 0 {
		t.Errorf("missing events: %v", due)
	}
}

// outside starts the simulated services in this process, so that they outlive the program.
type outside struct {
	workspace *simworkspace.Workspace
	comeet    *simcomeet.Server
	flags     []string
}

func startOutside(t *testing.T, people int) (o outside, group string) {
	t.Helper()
	o.workspace = simworkspace.New(1, nil)
	o.comeet = simcomeet.New(nil)
	if people > 0 {
		group = o.workspace.Populate(people)
	} else {
		o.workspace.Seed(simworkspace.DefaultCompany())
	}
	directory, app := httptest.NewServer(o.workspace.Handler()), httptest.NewServer(o.comeet.Handler())
	t.Cleanup(func() { o.workspace.Close(); directory.Close(); app.Close() })
	o.flags = []string{"-directory-url", directory.URL, "-scim-url", app.URL + "/scim/v2", "-data", t.TempDir()}
	return o, group
}

func (o outside) start(t *testing.T, more ...string) *program.Program {
	p := binary.Start(t, slices.Concat(o.flags, more)...)
	p.AppToken, p.Directory = o.comeet.Token(), o.flags[1]
	return p
}

// Killed again and again in the middle of a first sync, it ends with one
// account for each person, and one event for each account.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	const people = 400
	o, group := startOutside(t, people)
	scope := object{"orgUnits": []object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{group}, "domains": []string{}}
	p := o.start(t)
	p.API("PUT", "/authorization", object{"accessToken": p.AppToken}, 200)
	p.API("PUT", "/scope", scope, 200)
	p.API("PUT", "/deprovisioning", object{"appOff": object{"suspendAfter": "1d"}, "suspended": object{}, "deleted": object{}}, 200)
	p.API("POST", "/turnOn", nil, 200)
	for i := range 5 {
		goal := min((i+1)*people/6, people)
		program.Until(t, 30*time.Second, "more accounts", func() bool { return len(o.comeet.Accounts()) >= goal })
		p.Kill()
		p = o.start(t)
	}
	p.SweepDone(60 * time.Second)
	if n := len(o.comeet.Accounts()); n != people {
		t.Errorf("%d accounts for %d people", n, people)
	}
	if v := o.comeet.Violations(); len(v) > 0 {
		t.Errorf("the app accuses: %v", v)
	}
	seen := map[string]int{}
	for _, e := range p.Events("Create User By Auto Provisioning") {
		seen[e["userId"].(string)]++
	}
	if len(seen) != people {
		t.Errorf("events of %d people, want %d", len(seen), people)
	}
	for user, n := range seen {
		if n != 1 {
			t.Errorf("%d create events of user %s", n, user)
		}
	}
}

// The mistake that the best known open tools make: a group answers empty with
// status 200, and program.Everybody() is deleted. Here nobody is removed.
func TestEmptyGroupRemovesNobody(t *testing.T) {
	t.Parallel()
	for _, really := range []bool{false, true} {
		t.Run(fmt.Sprintf("really empty %v", really), func(t *testing.T) {
			t.Parallel()
			const people = 60
			o, group := startOutside(t, people)
			p := o.start(t)
			p.SetUp(object{"orgUnits": []object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{group}, "domains": []string{}},
				object{"appOff": object{"suspendAfter": "within24h", "deleteAfter": "1d"}, "suspended": object{}, "deleted": object{}})
			claim := ""
			if really {
				claim = "0"
			}
			o.workspace.SetFaults(simworkspace.Faults{EmptyGroups: []string{group}, DirectMembersCount: claim})
			p.API("POST", "/sweep", nil, 202)
			program.Until(t, 30*time.Second, "the sweep ends", func() bool {
				sweep := p.API("GET", "", nil, 200)["sweep"].(object)
				return sweep["cause"] != "turnOn" && (sweep["state"] == "done" || sweep["state"] == "failed")
			})
			for _, a := range o.comeet.Accounts() {
				if !a.Active {
					t.Errorf("the account %s was suspended", a.ID)
				}
			}
			if n := len(o.comeet.Accounts()); n != people {
				t.Errorf("%d accounts left of %d", n, people)
			}
			st := p.API("GET", "", nil, 200)
			if held, _ := st["held"].(object); really && (st["status"] != "held" || held["people"] != float64(people)) {
				t.Errorf("held: %v", st["held"])
			}
			if sweep := st["sweep"].(object); !really && sweep["state"] != "failed" {
				t.Errorf("an answer without the expected key was believed: %v", sweep)
			}
		})
	}
}

// Whatever is wrong at the start is said in words, and nothing is changed.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, "autoprovision.db"), []byte("this is no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		flags []string
		says  string
	}{
		{[]string{"-speed", "10", "-scim-url", "https://app.example/scim"}, "-speed"},
		{[]string{"-addr", "0.0.0.0:0"}, "loopback"},
		{[]string{"-scim-url", "http://app.example/scim"}, "https"},
		{[]string{"-log", "xml"}, "text or json"},
		{[]string{"-sweep-every", "0s"}, "-sweep-every"}, {[]string{"-directory-limit", "-1"}, "-directory-limit"},
		{[]string{"-data", garbage}, "autoprovision.db"},
		{[]string{"extra"}, "extra"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.flags, " "), func(t *testing.T) {
			t.Parallel()
			out, err := binary.Run(t, append([]string{"-addr", "127.0.0.1:0"}, test.flags...)...)
			if err == nil || !strings.Contains(out, test.says) {
				t.Errorf("err %v, said: %s", err, out)
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(garbage, "autoprovision.db")); err != nil || string(data) != "this is no database" {
		t.Errorf("the refused file was changed: %q %v", data, err)
	}
}
