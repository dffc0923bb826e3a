package crash

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/simcomeet"
)

// patience is how long the program may take after the last kill: a sweep asks
// again after a while for looks that a crash has lost.
const patience = time.Minute

// judge waits until every account is right, and then holds the log against what
// was done in the app: one event for each operation, nothing twice.
func judge(t *testing.T, p *program.Program, o *outside) {
	t.Helper()
	var wrong []string
	right := func() bool { wrong = o.wrong(t); return len(wrong) == 0 }
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !right() {
		if time.Since(began) > patience {
			t.Fatalf("not right within a minute:\n%s\n%s", strings.Join(wrong, "\n"), p.Log())
		}
		<-tick.C
	}
	t.Logf("every account is right after %v", time.Since(began).Round(time.Millisecond))
	sweepAgain(t, p)
	if !right() {
		t.Errorf("a sweep made it wrong:\n%s", strings.Join(wrong, "\n"))
	}
	done := o.comeet.Effects()
	sweepAgain(t, p)
	if after := o.comeet.Effects(); !maps.Equal(done, after) {
		t.Errorf("a sweep with nothing to do did something: %v, was %v", after, done)
	}
	for _, v := range o.comeet.Violations() {
		t.Errorf("the app accuses: %s of account %s: %s", v.Rule, v.AccountID, v.Text)
	}
	for _, text := range wrongLog(p.Events(""), done) {
		t.Error(text)
	}
}

// sweepAgain runs a whole sweep of its own.
func sweepAgain(t *testing.T, p *program.Program) {
	t.Helper()
	running := func() object { sweep, _ := p.API("GET", "", nil, 200)["sweep"].(object); return sweep }
	before := running()
	p.API("POST", "/sweep", nil, 202)
	program.Until(t, patience, "another sweep is done", func() bool {
		sweep := running()
		return sweep["id"] != before["id"] && sweep["state"] == "done"
	})
}

// wrong says what the rules demand and the app does not have.
func (o *outside) wrong(t *testing.T) []string {
	t.Helper()
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	accounts := map[string][]simcomeet.Account{}
	for _, a := range o.comeet.Accounts() {
		accounts[a.ExternalID] = append(accounts[a.ExternalID], a)
	}
	for _, p := range o.workspace.People() {
		theirs := accounts[p.ID]
		delete(accounts, p.ID)
		active := !p.Suspended && p.OrgUnit != "/Off"
		switch {
		case len(theirs) > 1:
			say("%s has %d accounts", p.Email, len(theirs))
		case !p.DeletedAt.IsZero() && len(theirs) > 0:
			say("%s is deleted and has an account", p.Email)
		case !p.DeletedAt.IsZero():
		case active && len(theirs) == 0:
			say("%s has no account", p.Email)
		case len(theirs) == 0:
		case theirs[0].Active != active:
			say("the account of %s is active: %v", p.Email, theirs[0].Active)
		case active && (theirs[0].UserName != p.Email || familyName(t, theirs[0]) != p.FamilyName):
			say("the account of %s %s is %s %s", p.Email, p.FamilyName, theirs[0].UserName, familyName(t, theirs[0]))
		}
	}
	for id := range accounts {
		say("there is an account of nobody, %q", id)
	}
	return list
}

func familyName(t *testing.T, a simcomeet.Account) string {
	t.Helper()
	var r struct {
		Name struct {
			FamilyName string `json:"familyName"`
		} `json:"name"`
	}
	if err := json.Unmarshal(a.Resource, &r); err != nil {
		t.Fatal(err)
	}
	return r.Name.FamilyName
}

// wrongLog holds each person's events, which come newest first, to be the story
// of one account, and all of them together to be what was done in the app.
func wrongLog(events []object, done map[string]int) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	effects := map[string]string{
		"Create User By Auto Provisioning": "created", "Suspend Auto Provisioned User": "suspended",
		"Unsuspend Auto Provisioned User": "unsuspended", "Hard Delete Auto Provisioned User": "deleted",
	}
	follows := map[string][]string{ // what an effect may come after
		"created": {"", "deleted"}, "suspended": {"created", "unsuspended"}, "unsuspended": {"suspended"},
		"deleted": {"created", "suspended", "unsuspended"},
	}
	last, counted, ids := map[string]string{}, map[string]int{}, map[any]bool{}
	for _, e := range slices.Backward(events) {
		if ids[e["id"]] {
			say("the event %v is there twice", e["id"])
		}
		ids[e["id"]] = true
		effect := effects[e["name"].(string)]
		if effect == "" || e["outcome"] != "done" {
			continue
		}
		user, _ := e["userId"].(string)
		if !slices.Contains(follows[effect], last[user]) {
			say("user %s was %s after they were %q", user, effect, last[user])
		}
		last[user] = effect
		counted[effect]++
	}
	for _, effect := range effects {
		if counted[effect] != done[effect] {
			say("%d events say %s, and it was done %d times", counted[effect], effect, done[effect])
		}
	}
	return list
}

// The judge of the log sees what is there twice, missing, or in no order.
func TestWrongLog(t *testing.T) {
	t.Parallel()
	const create, suspend = "Create User By Auto Provisioning", "Suspend Auto Provisioned User"
	event := func(id int, name string) object {
		return object{"id": id, "name": name, "userId": "1", "outcome": "done"}
	}
	for _, test := range []struct {
		name   string
		events []object
		done   map[string]int
		wrong  bool
	}{
		{"a good story", []object{event(2, suspend), event(1, create)}, map[string]int{"created": 1, "suspended": 1}, false},
		{"an event that is missing", []object{event(1, create)}, map[string]int{"created": 1, "suspended": 1}, true},
		{"an operation that was done twice", []object{event(1, create)}, map[string]int{"created": 2}, true},
		{"an event that is there twice", []object{event(1, create), event(1, create)}, map[string]int{"created": 2}, true},
		{"two suspends in a row", []object{event(3, suspend), event(2, suspend), event(1, create)}, map[string]int{"created": 1, "suspended": 2}, true},
	} {
		if wrong := wrongLog(test.events, test.done); len(wrong) > 0 != test.wrong {
			t.Errorf("%s: %q", test.name, wrong)
		}
	}
}
