package local

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

var leaveAtOnce = object{"appOff": object{"suspendAfter": "within24h"}, "suspended": object{"suspendAfter": "within24h"}, "deleted": object{}}

// Nothing is pushed for a change of a group, yet the audit log tells of it: who
// joins has an account within two seconds, who leaves has it suspended within
// two seconds, directly or through a group within the group.
func TestGroupMembershipWithinSeconds(t *testing.T) {
	t.Parallel()
	p := binary.Start(t)
	const group, inner, who, other = "hiring@example.com", "inner@example.com", "maya.cohen@example.com", "yuki.tanaka@example.com"
	p.Dir("POST", "/groups", object{"email": group, "name": "Hiring"})
	p.Dir("POST", "/groups", object{"email": inner, "name": "Inner"})
	p.Dir("POST", "/groups/"+inner+"/members", object{"email": other})
	p.SetUp(object{"orgUnits": []object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{group}, "domains": []string{}}, leaveAtOnce)
	for _, step := range []struct{ method, path, member, person, state string }{
		{"POST", "/groups/" + group + "/members", who, who, "active"},
		{"DELETE", "/groups/" + group + "/members/" + who, "", who, "suspended"},
		{"POST", "/groups/" + group + "/members", inner, other, "active"},
		{"DELETE", "/groups/" + group + "/members/" + inner, "", other, "suspended"},
	} {
		var body any
		if step.member != "" {
			body = object{"email": step.member}
		}
		p.Dir(step.method, step.path, body)
		took := program.Until(t, 2*time.Second, step.method+" "+step.path, func() bool { return p.AccountState(step.person) == step.state })
		t.Logf("%s after %v", step.state, took)
	}
	health := p.API("GET", "/health", nil, 200)
	if audit := health["audit"].(object); audit["state"] != "alive" || audit["unknown"] != float64(0) {
		t.Errorf("audit: %v", audit)
	}
	if push := health["push"].(object); push["state"] != "alive" || push["channels"] != float64(1) {
		t.Errorf("push: %v", push)
	}
}

// Moving an org unit out of where the app is on is seen within seconds, by a
// sweep that the audit log asked for.
func TestOrgUnitMoveWithinSeconds(t *testing.T) {
	t.Parallel()
	p := binary.Start(t)
	const units, who = "/customer/my_customer/orgunits", "maya.cohen@example.com"
	for _, name := range []string{"On", "Off"} {
		p.Dir("POST", units, object{"name": name, "parentOrgUnitPath": "/"})
	}
	p.Dir("POST", units, object{"name": "Team", "parentOrgUnitPath": "/On"})
	p.Dir("PATCH", "/users/"+who, object{"orgUnitPath": "/On/Team"})
	p.SetUp(object{"orgUnits": []object{{"path": "/On", "on": true}}, "accessGroups": []string{}, "groups": []string{}, "domains": []string{}}, leaveAtOnce)
	if got := p.AccountState(who); got != "active" {
		t.Fatalf("at first: %s", got)
	}
	p.Dir("PATCH", units+"/On/Team", object{"parentOrgUnitPath": "/Off"})
	took := program.Until(t, 15*time.Second, "the account is suspended", func() bool { return p.AccountState(who) == "suspended" })
	t.Logf("suspended after %v", took)
	if sweep := p.API("GET", "", nil, 200)["sweep"].(object); sweep["cause"] != "directory" {
		t.Errorf("the sweep's cause is %v", sweep["cause"])
	}
}

// A message by hand: switching the app in the Admin console is shown, and one
// without sense is taken and logged, not sent again for ever.
func TestAuditMessagesByHand(t *testing.T) {
	t.Parallel()
	p := binary.Start(t)
	p.SetUp(program.Everybody(), leaveAtOnce)
	post := func(body any) int {
		t.Helper()
		status, _, err := program.Call(t.Context(), "POST", p.URL+"/audit-event", "", body)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	switched := object{"logName": "l", "timestamp": "2026-11-02T08:00:00Z", "insertId": "1", "protoPayload": object{
		"serviceName": "admin.googleapis.com", "methodName": "google.admin.AdminService.toggleServiceEnabled",
		"metadata": object{"event": []object{{"eventName": "TOGGLE_SERVICE_ENABLED", "parameter": []object{
			{"name": "SERVICE_NAME", "value": "Comeet"}, {"name": "ORG_UNIT_NAME", "value": "Sales"}, {"name": "NEW_VALUE", "value": "false"}}}}}}}
	if status := post(object{"specversion": "1.0", "id": "1", "source": "s", "type": "google.cloud.audit.log.v1.written", "data": switched}); status != 204 {
		t.Errorf("a CloudEvent: %d", status)
	}
	if why := fmt.Sprint(p.API("GET", "/attention", nil, 200)["items"]); !strings.Contains(why, "Comeet was turned off for the org unit Sales") {
		t.Errorf("attention: %s", why)
	}
	if status := post(object{"message": object{"data": "bm9uc2Vuc2U="}}); status != 204 {
		t.Errorf("nonsense: %d", status)
	}
	program.Until(t, 5*time.Second, "nonsense is logged", func() bool { return strings.Contains(p.Log(), "message without sense dropped") })
}

// Started again on another port, it opens a channel to where it listens now.
func TestPushAfterARestart(t *testing.T) {
	t.Parallel()
	o, _ := startOutside(t, 0)
	p := o.start(t)
	p.SetUp(program.Everybody(), leaveAtOnce)
	p.Kill()
	p = o.start(t)
	program.Until(t, 5*time.Second, "a channel is open, and the old one stopped", func() bool {
		return strings.Contains(p.Log(), "push channel opened") && o.workspace.Channels() == 1
	})
	p.Dir("PATCH", "/users/yuki.tanaka@example.com", object{"suspended": true})
	program.Until(t, 2*time.Second, "the account is suspended", func() bool { return p.AccountState("yuki.tanaka@example.com") == "suspended" })
	p.API("POST", "/turnOff", nil, 200)
	if n := o.workspace.Channels(); n != 0 {
		t.Errorf("%d channels are open after the turn-off", n)
	}
}
