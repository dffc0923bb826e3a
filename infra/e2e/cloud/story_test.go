package cloud

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/simtokens"
)

const day = 24 * time.Hour

// TestLife drives people through their lives at a company, on the functions as
// they are deployed.
func TestLife(t *testing.T) {
	w := newWorld(t)
	w.run("only the administrator gets in", w.onlyTheAdministrator)
	w.run("set up", w.setUp)
	w.run("strangers", func(t teller) { w.strangers(t, http.StatusUnauthorized) })
	w.run("deployed functions take no token of the test", w.deployedRefuses)
	w.run("sign in to the console", w.signIn)
	w.run("join, change", w.joinAndChange)
	w.run("group by the audit log", w.group)
	w.run("renewal", w.renewal)
	w.queue.Twice(5) // from here on nothing is counted
	w.run("suspend, deadline, delete", w.suspendAndDelete)
	w.run("return", w.comeBack)
	w.run("deleted", w.deleted)
	w.run("killed in the middle", w.killed)
	w.run("killed while it is turned on", w.killedTurningOn)
	w.run("log", w.logged)
	if v := w.app.Violations(); len(v) > 0 {
		w.t.Errorf("the app was used against its rules: %v", v)
	}
}

// run runs one part of the story as a test of its own, and waits for what comes
// of it. The parts go on from each other, so none follows one that failed.
func (w *world) run(name string, part func(t teller)) {
	w.t.Helper()
	whole := w.t
	defer func() { w.t = whole }()
	if !whole.Run(name, func(t *testing.T) {
		w.t = teller{t, whole.why}
		part(w.t)
		w.idle()
	}) {
		whole.FailNow()
	}
}

// onlyTheAdministrator: nobody is one yet.
func (w *world) onlyTheAdministrator(t teller) {
	for what, token := range map[string]string{"nobody": "", "no administrator": w.administrator(), "a forged token": simtokens.New().Token(simtokens.Account(adminAddress, clientID))} {
		if status, _ := w.call("GET", w.console+"/api/v1/apps/comeet", token, nil); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, status)
		}
	}
	for name := range w.front.callers {
		for what, token := range map[string]string{
			"nobody": "", "another account": w.issuer.Token(simtokens.Account("ap-other@demo-project.iam.gserviceaccount.com", w.front.url(name))),
			"a token for another function": w.issuer.Token(simtokens.Account(w.front.callers[name][0], w.front.url(prefix+"directory-push"))),
		} {
			if status, _ := w.call("POST", w.front.url(name), token, object{}); status != http.StatusUnauthorized {
				t.Errorf("%s: %s: %d", name, what, status)
			}
		}
	}
	// One of them was let through by Google, and for whom is in the OAuth client's file.
	if b, n := w.database.bill(), w.readings(); b != (bill{}) || n > 1 {
		t.Errorf("those who were refused cost %+v and %d readings of secrets", b, n)
	}
	w.strangers(t, http.StatusServiceUnavailable) // it may be ours, before there is one
}

// strangers push with a made-up token, and look at pages with a made-up session:
// together they cost little.
func (w *world) strangers(t teller, push int) {
	began, before, readings := time.Now(), w.database.bill(), w.readings()
	for range 10 {
		if status := w.push("a channel", "not our token"); status != push {
			t.Errorf("a push with another token: %d", status)
		}
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.console+"/people", nil)
		w.must(err)
		r.AddCookie(&http.Cookie{Name: "__Host-autoprovision-session", Value: "zzzzzz.1.x." + strings.Repeat("A", 43)})
		answer, err := http.DefaultTransport.RoundTrip(r)
		w.must(err)
		w.must(answer.Body.Close())
		if answer.StatusCode != http.StatusFound {
			t.Errorf("a page with a made-up session: %d", answer.StatusCode)
		}
	}
	seconds := 1 + int(time.Since(began).Seconds())
	// What pushes carry is read once a second at most, what signing in needs once a minute.
	if reads, n := w.database.bill().reads-before.reads, w.readings()-readings; reads > seconds || n > seconds+2*(1+seconds/60) {
		t.Errorf("strangers cost %d reads and %d readings of secrets in %d s", reads, n, seconds)
	}
}

// readings is how often secrets were read so far.
func (w *world) readings() (n int) {
	w.secrets.Set(func() { n = w.secrets.Accesses })
	return n
}

// deployedRefuses: started under its deployed name, a function knows Google's
// keys alone. Where the Internet cannot be reached it has none at all, and this
// shows only that it does not take the test's.
func (w *world) deployedRefuses(t teller) {
	for target, deployed := range w.functions {
		p := &process{program: deployed.program, log: &logs{}}
		for _, setting := range deployed.env {
			if !strings.HasPrefix(setting, "FUNCTION_TARGET=") {
				p.env = append(p.env, setting)
			}
		}
		p.env = append(p.env, "FUNCTION_TARGET="+target)
		w.oneRefuses(t, target, p)
	}
}

// oneRefuses starts a function, and calls it as the test's own is called.
func (w *world) oneRefuses(t teller, target string, p *process) {
	p.start(t)
	defer p.kill()
	path, token := "/", w.administrator()
	if callers := w.front.callers[prefix+target]; len(callers) > 0 {
		token = w.issuer.Token(simtokens.Account(callers[0], w.front.url(prefix+target)))
	}
	want := []int{http.StatusUnauthorized}
	if target == "console" {
		// Its doors are behind what it opens, which nothing here has the credentials for.
		path, want = "/api/v1/apps/comeet", append(want, http.StatusServiceUnavailable)
	}
	if status, _ := w.call("POST", "http://"+p.at()+path, token, object{"userId": "1"}); !slices.Contains(want, status) {
		t.Errorf("%s: a token of the test's was answered %d", target, status)
	}
}

func (w *world) setUp(t teller) {
	w.dir("POST", "/users/"+adminAddress+"/makeAdmin", object{"status": true})
	w.dir("POST", "/customer/my_customer/orgunits", object{"name": "Temps", "parentOrgUnitPath": "/"})
	w.dir("POST", "/groups", object{"email": "hiring@example.com", "name": "Hiring"})
	w.idle() // what the audit log says of these would ask for another sweep once it is on
	began := w.counts()
	w.api("PUT", "/authorization", object{"accessToken": appToken}, 200)
	w.api("PUT", "/scope", object{"orgUnits": []object{{"path": "/", "on": true}, {"path": "/Temps", "on": false}},
		"accessGroups": []string{"hiring@example.com"}, "groups": []string{}, "domains": []string{}}, 200)
	w.api("PUT", "/deprovisioning", object{"appOff": object{"suspendAfter": "within24h"},
		"suspended": object{"suspendAfter": "within24h", "deleteAfter": "7d"}, "deleted": object{"deleteAfter": "1d"}}, 200)
	connection := w.api("GET", "", nil, 200)["configuration"].(object)["connection"].(object)
	connection["requestsPerSecond"], connection["concurrency"] = 0, 8
	w.api("PUT", "/connection", connection, 200)
	if n := len(w.queue.Updates()); n != 2 {
		t.Errorf("%d queues were told the app's limits, want 2", n)
	}
	w.api("POST", "/turnOn", nil, 200)
	w.idle()
	w.swept(0, 0)
	people := len(w.app.Accounts())
	t.Logf("set up and first sync of %d people. %s", people, w.counts().since(began))
	if people < 20 {
		t.Fatalf("%d accounts", people)
	}
	w.watched()
	w.settle()
}

// watched sees that the directory has a channel to tell of changes. A turn-on may
// fail to open one: then the next renewal does.
func (w *world) watched() {
	w.t.Helper()
	until(w.t, "there is a push channel", func() bool {
		open := w.workspace.Channels()
		if open == 0 {
			w.schedule("renew-channels")
		}
		return open == 1
	})
}

func (w *world) joinAndChange(t teller) {
	began := w.counts()
	id := w.hire("ana", "/")
	w.becomes("join", id, "active")
	w.settle()
	w.costs(t, "somebody joins, told by push and audit log", began)
	began = w.counts()
	w.dir("PATCH", "/users/"+id, object{"name": object{"givenName": "Anna", "familyName": "Example"}})
	took := until(t, "the new name", func() bool {
		for _, a := range w.app.Accounts() {
			if a.ExternalID == id {
				return strings.Contains(string(a.Resource), "Anna")
			}
		}
		return false
	})
	w.settle()
	t.Logf("one change, after %v", took.Round(time.Millisecond))
	w.costs(t, "somebody's name changes", began)
	if n := w.events(id, "Create User By Auto Provisioning"); n != 1 {
		t.Errorf("%d events of the create", n)
	}
	began = w.counts()
	w.sweep()
	w.costs(t, "a sweep with nothing to do", began)
}

// group: nothing is pushed for a membership; the audit log tells of it.
func (w *world) group(t teller) {
	id := w.hire("cleo", "/Temps")
	w.settle()
	if state := w.account(id); state != "none" {
		t.Fatalf("a contractor has an account: %s", state)
	}
	began := w.counts()
	w.dir("POST", "/groups/hiring@example.com/members", object{"email": "cleo@example.com"})
	w.becomes("added to the group", id, "active")
	w.settle()
	w.costs(t, "somebody joins a group that decides scope", began)
	w.dir("DELETE", "/groups/hiring@example.com/members/cleo@example.com", nil)
	w.becomes("removed from the group", id, "suspended")
}

func (w *world) suspendAndDelete(t teller) {
	id := w.hire("ben", "/")
	w.becomes("join", id, "active")
	w.dir("PATCH", "/users/"+id, object{"suspended": true})
	w.becomes("suspend", id, "suspended")
	w.settle()
	next, _ := w.api("GET", "/users/"+id, nil, 200)["next"].(object)
	if next["operation"] != "hardDelete" {
		t.Fatalf("next is %v", next)
	}
	w.pass(7*day - time.Hour)
	w.idle()
	if state := w.account(id); state != "suspended" {
		t.Fatalf("an hour before the deadline: %s", state)
	}
	w.pass(time.Hour + time.Minute)
	w.becomes("deadline", id, "none")
	if n := w.events(id, "Hard Delete Auto Provisioned User"); n != 1 {
		t.Errorf("%d events of the hard delete", n)
	}
	w.schedule("renew-channels") // the channel has ended meanwhile
}

func (w *world) comeBack(t teller) {
	id := w.hire("dana", "/")
	w.becomes("join", id, "active")
	w.dir("PATCH", "/users/"+id, object{"suspended": true})
	w.becomes("suspend", id, "suspended")
	w.dir("PATCH", "/users/"+id, object{"suspended": false})
	w.becomes("return", id, "active")
	w.pass(8 * day)
	w.idle()
	if state := w.account(id); state != "active" {
		t.Errorf("past the deadline that was cancelled: %s", state)
	}
	w.schedule("renew-channels")
}

func (w *world) deleted(t teller) {
	id := w.hire("eli", "/")
	w.becomes("join", id, "active")
	w.dir("DELETE", "/users/"+id, nil)
	w.settle()
	if state := w.account(id); state != "active" {
		t.Fatalf("before the deadline: %s", state)
	}
	w.pass(day + time.Minute)
	w.becomes("deleted a day ago", id, "none")
	w.schedule("renew-channels")
	w.dir("POST", "/users/"+id+"/undelete", object{"orgUnitPath": "/"})
	w.becomes("restored", id, "active")
}

// renewal writes the line that alerts are made of.
func (w *world) renewal(t teller) {
	began := w.counts()
	w.schedule("renew-channels")
	w.costs(t, "a renewal with nothing to do", began)
	health := w.api("GET", "/health", nil, 200)
	if push, audit := health["push"].(object), health["audit"].(object); push["state"] != "alive" || audit["state"] != "alive" {
		t.Errorf("push %v, audit %v", push, audit)
	}
	if w.front.refused == 0 {
		t.Error("the front end saw nobody refused")
	}
}

// logged: every line is one that Cloud Logging understands, and none holds an
// address or a token.
func (w *world) logged(t teller) {
	seen := map[string]int{}
	for line := range strings.Lines(w.log.String()) {
		var entry object
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("no JSON: %s", line)
			continue
		}
		message, _ := entry["message"].(string)
		seen[message]++
		trace, traced := entry["logging.googleapis.com/trace"].(string)
		if entry["severity"] == nil || message == "" || entry["request"] == nil || !traced || !strings.HasPrefix(trace, "projects/"+project+"/traces/") {
			t.Errorf("not whole: %s", line)
		}
		for _, secret := range []string{appToken, "hush", "@example.com", "eyJ", "kkkkkkkk"} {
			if strings.Contains(line, secret) {
				t.Errorf("a line holds %q: %s", secret, line)
			}
		}
	}
	for _, message := range []string{"sources", "sweep done", "operation", "configuration changed", "administrator acts", "push channel opened", "caller refused"} {
		if seen[message] == 0 {
			t.Errorf("no line says %q", message)
		}
	}
}
