package gcp

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/functions/auditevent"
	"example.com/autoprovision/functions/console"
	"example.com/autoprovision/functions/directorypush"
	"example.com/autoprovision/functions/reconcile"
	"example.com/autoprovision/functions/renewchannels"
	"example.com/autoprovision/functions/sweep"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// functions are the code of each target.
var functions = map[string]func(func(string) string, googlecloud.Outside) (http.Handler, error){
	directorypush.Target: directorypush.New, auditevent.Target: auditevent.New, reconcile.Target: reconcile.New,
	sweep.Target: sweep.New, renewchannels.Target: renewchannels.New, console.Target: console.New,
}

// seconds are the longest requests of functions whose code has a say in it.
var seconds = map[string]float64{reconcile.Target: googlecloud.ReconcileTime.Seconds(), sweep.Target: googlecloud.SweepTime.Seconds()}

const locations = "projects/" + project + "/locations/" + region

// get is one resource; the test ends when it is not there.
func (c *cloud) get(t *testing.T, key string) object {
	t.Helper()
	found := locked(c, func() object { return c.things[key] })
	if found == nil {
		t.Fatalf("there is no %s", key)
	}
	return found
}

func account(id string) string { return id + "@" + project + ".iam.gserviceaccount.com" }

// address is where a function is reached.
func address(function string) string {
	return "https://autoprovision-" + function + "-" + number + "." + region + ".run.app"
}

// wantFunctions starts each function's code with the settings that were deployed:
// they must be those that it reads, and good.
func wantFunctions(t *testing.T, c *cloud) {
	if got, want := len(c.names("cloudfunctions", "functions")), len(functions); got != want {
		t.Errorf("%d functions, want %d", got, want)
	}
	for target, start := range functions {
		f := c.get(t, "cloudfunctions "+locations+"/functions/autoprovision-"+target)
		build, config := f["buildConfig"].(object), f["serviceConfig"].(object)
		env := config["environmentVariables"].(object)
		read := map[string]bool{}
		if _, err := start(func(name string) string { read[name] = true; return text(env, name) }, googlecloud.Outside{}); err != nil {
			t.Errorf("%s does not start: %v", target, err)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(env))); diff != "" {
			t.Errorf("%s reads - and is given +:\n%s", target, diff)
		}
		got := []any{build["entryPoint"], build["runtime"], build["serviceAccount"], config["serviceAccountEmail"], config["ingressSettings"]}
		ingress := "ALLOW_INTERNAL_ONLY"
		if target == directorypush.Target || target == console.Target {
			ingress = "ALLOW_ALL"
		}
		want := []any{target, "go126", "projects/" + project + "/serviceAccounts/" + account("ap-build"), account("ap-" + target), ingress}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", target, diff)
		}
		annotations := c.get(t, "run "+locations+"/services/autoprovision-"+target)["metadata"].(object)["annotations"].(object)
		if off := strings.ToLower(text(annotations, "run.googleapis.com/invoker-iam-disabled")); off != "true" {
			t.Errorf("Cloud Run checks the callers of %s, and takes the signature out of their tokens", target)
		}
		if at, ok := seconds[target]; ok && config["timeoutSeconds"] != at {
			t.Errorf("%s may take %v s, and its code takes %v", target, config["timeoutSeconds"], at)
		}
	}
	env := c.get(t, "cloudfunctions "+locations+"/functions/autoprovision-console")["serviceConfig"].(object)["environmentVariables"].(object)
	if got, want := text(env, "AUTOPROVISION_CONSOLE_URL"), address("console"); got != want {
		t.Errorf("the console is told to be at %s, want %s", got, want)
	}
}

// may are the roles that the code needs, written from what it does and not from
// roles.txt: what a function stores, enqueues, reads and signs.
func may() []string {
	database := `resource.name=="projects/` + project + `/databases/(default)"`
	var all []string
	grant := func(role, who, on string) {
		condition := ""
		if on == "database" {
			on, condition = "cloudresourcemanager projects/"+project, database
		}
		all = append(all, fmt.Sprintf("%s %s|serviceAccount:%s|%s", on, role, who, condition))
	}
	on := map[string]string{
		"secret": "secretmanager projects/" + project + "/secrets/autoprovision-", "queue": "cloudtasks " + locations + "/queues/autoprovision-",
		"account": "iam projects/" + project + "/serviceAccounts/", "project": "cloudresourcemanager projects/" + project,
		"pubsub": "pubsub projects/" + project,
	}
	type does struct{ directory, queues, reads, adds string }
	for function, d := range map[string]does{
		"directory-push": {"", "reconcile", "channel-token", ""},
		"audit-event":    {"yes", "reconcile sweep", "", ""},
		"reconcile":      {"yes", "reconcile", "app-token", ""},
		"sweep":          {"yes", "reconcile bulk sweep", "app-token", ""},
		"renew-channels": {"yes", "sweep", "channel-token", "channel-token"},
		"console":        {"yes", "reconcile bulk sweep", "app-token channel-token oauth-client session-key", "channel-token"},
	} {
		who := account("ap-" + function)
		grant("roles/datastore.user", who, "database")
		grant("roles/iam.serviceAccountUser", who, on["account"]+account("ap-tasks"))
		if d.directory != "" {
			grant("roles/iam.serviceAccountTokenCreator", who, on["account"]+account("ap-directory"))
		}
		for q := range strings.FieldsSeq(d.queues) {
			grant("roles/cloudtasks.enqueuer", who, on["queue"]+q)
		}
		for s := range strings.FieldsSeq(d.reads) {
			grant("roles/secretmanager.secretAccessor", who, on["secret"]+s)
		}
		for s := range strings.FieldsSeq(d.adds) {
			grant("roles/secretmanager.secretVersionAdder", who, on["secret"]+s)
		}
	}
	grant("roles/secretmanager.secretVersionManager", account("ap-console"), on["secret"]+"app-token")
	for _, row := range [][2]string{{"ap-reconcile", "app-token"}, {"ap-sweep", "app-token"}, {"ap-console", "oauth-client"}, {"ap-console", "session-key"}} {
		grant("projects/"+project+"/roles/autoprovisionSecretVersions", account(row[0]), on["secret"]+row[1])
	}
	for _, q := range []string{"reconcile", "bulk"} {
		grant("projects/"+project+"/roles/autoprovisionQueueLimits", account("ap-console"), on["queue"]+q)
	}
	for _, role := range []string{"roles/logging.logWriter", "roles/artifactregistry.writer", "roles/storage.objectViewer"} {
		grant(role, account("ap-build"), on["project"])
	}
	grant("roles/pubsub.publisher", agent, on["pubsub"]+"/topics/autoprovision-audit-dead")
	grant("roles/pubsub.subscriber", agent, on["pubsub"]+"/subscriptions/autoprovision-audit")
	grant("roles/iam.serviceAccountTokenCreator", agent, on["account"]+account("ap-pubsub"))
	grant("roles/pubsub.publisher", "service-org-"+organization+"@gcp-sa-logging.iam.gserviceaccount.com", on["pubsub"]+"/topics/autoprovision-audit")
	slices.Sort(all)
	return all
}

func wantRoles(t *testing.T, c *cloud) {
	got := locked(c, func() []string {
		var all []string
		for key, policy := range c.policies {
			for row := range bindings(policy) {
				all = append(all, key+" "+row)
			}
		}
		slices.Sort(all)
		return all
	})
	if diff := cmp.Diff(may(), got); diff != "" {
		t.Errorf("needed - and granted +:\n%s", diff)
	}
}

func wantData(t *testing.T, c *cloud) {
	database := "firestore projects/" + project + "/databases/(default)"
	d := c.get(t, database)
	got := []any{d["type"], d["locationId"], d["deleteProtectionState"], d["pointInTimeRecoveryEnablement"]}
	if diff := cmp.Diff([]any{"FIRESTORE_NATIVE", region, "DELETE_PROTECTION_ENABLED", "POINT_IN_TIME_RECOVERY_ENABLED"}, got); diff != "" {
		t.Error(diff)
	}
	var declared struct {
		Indexes []struct {
			CollectionGroup string
			Fields          []struct{ FieldPath, Order string }
		}
		FieldOverrides []struct {
			CollectionGroup, FieldPath string
			TTL                        bool
		}
	}
	data, err := os.ReadFile("firestore.indexes.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &declared); err != nil {
		t.Fatal(err)
	}
	want, made := map[string]bool{}, map[string]bool{}
	for _, i := range declared.Indexes {
		want[fmt.Sprint(i.CollectionGroup, i.Fields)] = true
	}
	for key, thing := range locked(c, func() map[string]object { return maps.Clone(c.things) }) {
		group, ok := strings.CutPrefix(key, database+"/collectionGroups/")
		group, _, isIndex := strings.Cut(group, "/indexes/")
		if !ok || !isIndex {
			continue
		}
		var fields []struct{ FieldPath, Order string }
		for _, f := range thing["fields"].([]any) {
			if field := f.(object); text(field, "fieldPath") != "__name__" {
				fields = append(fields, struct{ FieldPath, Order string }{text(field, "fieldPath"), text(field, "order")})
			}
		}
		made[fmt.Sprint(group, fields)] = true
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("indexes declared - and made +:\n%s", diff)
	}
	if got, want := len(c.names("firestore", "fields")), len(declared.FieldOverrides); got != want {
		t.Errorf("%d fields are set, want %d", got, want)
	}
	for _, f := range declared.FieldOverrides {
		field := c.get(t, database+"/collectionGroups/"+f.CollectionGroup+"/fields/"+f.FieldPath)
		indexes, _ := field["indexConfig"].(object)["indexes"].([]any)
		if _, expires := field["ttlConfig"]; expires != f.TTL || len(indexes) > 0 {
			t.Errorf("%s.%s: %v", f.CollectionGroup, f.FieldPath, field)
		}
	}
}

// wantCalls looks at who calls the functions, and with which token.
func wantCalls(t *testing.T, c *cloud) {
	for _, function := range []string{"sweep", "renew-channels"} {
		target := c.get(t, "cloudscheduler "+locations+"/jobs/autoprovision-"+function)["httpTarget"].(object)
		token := object{"serviceAccountEmail": account("ap-scheduler"), "audience": address(function)}
		if diff := cmp.Diff([]any{address(function), "POST", token}, []any{target["uri"], target["httpMethod"], target["oidcToken"]}); diff != "" {
			t.Error(diff)
		}
	}
	s := c.get(t, "pubsub projects/"+project+"/subscriptions/autoprovision-audit")
	push := s["pushConfig"].(object)
	token := object{"serviceAccountEmail": account("ap-pubsub"), "audience": address("audit-event")}
	dead := object{"deadLetterTopic": "projects/" + project + "/topics/autoprovision-audit-dead", "maxDeliveryAttempts": 100.0}
	if diff := cmp.Diff([]any{address("audit-event"), token, dead}, []any{push["pushEndpoint"], push["oidcToken"], s["deadLetterPolicy"]}); diff != "" {
		t.Error(diff)
	}
	sink := c.get(t, "logging organizations/"+organization+"/sinks/autoprovision-audit")
	if sink["destination"] != "pubsub.googleapis.com/projects/"+project+"/topics/autoprovision-audit" || !strings.Contains(text(sink, "filter"), "organizations/"+organization+"/logs/") {
		t.Errorf("the sink is %v", sink)
	}
}

// wantAlerts looks at when alerts open, close and come again.
func wantAlerts(t *testing.T, c *cloud) {
	open := map[string]bool{}
	for _, policy := range locked(c, func() []object { return slices.Collect(maps.Values(c.things)) }) {
		name, ok := strings.CutPrefix(text(policy, "displayName"), "autoprovision: ")
		if !ok || policy["conditions"] == nil {
			continue
		}
		open[name] = true
		// A counter of lines has no data while none comes, which ends what it told of; but
		// the heartbeat's silence is what it tells.
		missing, closes := "EVALUATION_MISSING_DATA_INACTIVE", "1800s"
		if name == "heartbeat-missing" {
			missing, closes = "EVALUATION_MISSING_DATA_ACTIVE", "604800s"
		}
		for _, condition := range policy["conditions"].([]any) {
			threshold, _ := condition.(object)["conditionThreshold"].(object)
			if strings.Contains(text(threshold, "filter"), "num_undelivered_messages") {
				continue // Pub/Sub writes one every minute
			}
			if diff := cmp.Diff([]any{"60s", missing}, []any{threshold["duration"], threshold["evaluationMissingData"]}); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
		strategy := policy["alertStrategy"].(object)
		if strategy["autoClose"] != closes {
			t.Errorf("%s closes by itself after %v, want %s", name, strategy["autoClose"], closes)
		}
		_, again := strategy["notificationChannelStrategy"]
		if daily := name == "held" || name == "needs-reauthorization"; again != daily {
			t.Errorf("%s is told again each day: %v, want %v", name, again, daily)
		}
	}
	if len(open) != 8 {
		t.Errorf("there are %d alerts: %v", len(open), open)
	}
}

// wantSteps wants in the words of apply what a person has to enter.
func wantSteps(t *testing.T, c *cloud, said string) {
	client := text(c.get(t, "iam projects/"+project+"/serviceAccounts/"+account("ap-directory")), "uniqueId")
	for _, want := range []string{client, strings.Join(workspace.Scopes(), ","), address("console") + "/sign-in/callback", "reader@example.com"} {
		if !strings.Contains(said, want) {
			t.Errorf("apply does not say %s", want)
		}
	}
}

// wantChecked asks check before and after a person has done what is theirs.
func wantChecked(t *testing.T, c *cloud) {
	locked(c, func() bool { c.refuse = ofOrganization; return true })
	r := c.deploy(t, append([]string{"check"}, given...)...)
	if r.code != 1 {
		t.Errorf("ended with %d before anything was done by hand", r.code)
	}
	for _, want := range []string{"unauthorized_client: the client id is not authorised", strings.Join(workspace.Scopes(), ","), "sign-in/callback", "roles/logging.configWriter",
		"UNKNOWN  whether the organization's audit log is routed"} {
		if !strings.Contains(r.out+r.err, want) {
			t.Errorf("check does not say %s:\n%s%s", want, r.out, r.err)
		}
	}
	client := text(c.get(t, "iam projects/"+project+"/serviceAccounts/"+account("ap-directory")), "uniqueId")
	locked(c, func() bool {
		c.refuse = nil
		c.delegated = client + " " + strings.Join(workspace.Scopes(), " ")
		c.things["secretmanager projects/"+project+"/secrets/autoprovision-oauth-client/versions/1"] =
			object{"name": "projects/" + project + "/secrets/autoprovision-oauth-client/versions/1", "state": "ENABLED"}
		return true
	})
	before := len(c.made())
	r = c.deploy(t, append([]string{"check"}, given...)...)
	if r.code != 0 || strings.Contains(r.out, "NOT YET") || strings.Count(r.out, "UNKNOWN") != 1 || !strings.Contains(r.out, "Sharing options") {
		t.Errorf("ended with %d when all was done:\n%s%s", r.code, r.out, r.err)
	}
	if changes := c.made()[before:]; len(changes) > 0 {
		t.Errorf("check changed %v", changes)
	}
	queue := c.get(t, "cloudtasks "+locations+"/queues/autoprovision-bulk")
	locked(c, func() bool { queue["state"] = "PAUSED"; return true })
	r = c.deploy(t, append([]string{"check"}, given...)...)
	locked(c, func() bool { queue["state"] = "RUNNING"; return true })
	if r.code != 1 || !strings.Contains(r.out, "changes to make, or to put right") {
		t.Errorf("ended with %d with a paused queue:\n%s%s", r.code, r.out, r.err)
	}
	wantReadingChecked(t, c)
	locked(c, func() bool {
		delete(c.things, "secretmanager projects/"+project+"/secrets/autoprovision-oauth-client/versions/1")
		return true
	})
}

// wantReadingChecked takes one after another from the administrator of the
// delegation what a sweep reads: check names it.
func wantReadingChecked(t *testing.T, c *cloud) {
	all := map[string]string{"users": "users", "groups": "groups", "members": "members of groups", "orgunits": "org units", "domains": "domains", "schemas": "custom attributes"}
	for _, unread := range [][]string{{"users", "domains", "schemas"}, {"members", "orgunits"}, {"groups"}} {
		locked(c, func() bool { c.unread = unread; return true })
		r := c.deploy(t, append([]string{"check"}, given...)...)
		_, said, _ := strings.Cut(r.out+r.err, "may not read ")
		said, _, _ = strings.Cut(said, ":")
		var want []string
		for _, last := range slices.Sorted(maps.Keys(all)) {
			if slices.Contains(unread, last) {
				want = append(want, all[last]+" (HTTP 403)")
			}
		}
		got := strings.Split(said, ", ")
		slices.Sort(got)
		slices.Sort(want)
		if r.code != 1 || !slices.Equal(got, want) {
			t.Errorf("ended with %d and said %q, want %q:\n%s%s", r.code, got, want, r.out, r.err)
		}
	}
	locked(c, func() bool { c.unread = nil; return true })
}

// ofOrganization is what somebody may not do who has no role in the organization,
// and changesOrganization what one who may only look may not.
func ofOrganization(q request) bool {
	return q.api == "logging" && strings.HasPrefix(q.name, "organizations/")
}

func changesOrganization(q request) bool { return ofOrganization(q) && !q.reads() }

// wantSinkAsked applies as somebody who may not route the organization's audit log:
// what comes after it is made all the same, and what to ask for is said.
func wantSinkAsked(t *testing.T, c *cloud) {
	sink := "logging organizations/" + organization + "/sinks/autoprovision-audit"
	metric := "logging projects/" + project + "/metrics/autoprovision_held"
	was := locked(c, func() object { return deepCopy(c.things[sink]) })
	for _, test := range []struct {
		what   string
		refuse func(request) bool
		spoil  func()
		say    string
	}{
		{"may not look", ofOrganization, func() { delete(c.things, sink) }, "gcloud logging sinks create"},
		{"may look only", changesOrganization, func() { delete(c.things, sink) }, "gcloud logging sinks create"},
		{"may look only, and there is an old one", changesOrganization, func() {
			c.things[sink] = deepCopy(was)
			c.things[sink]["filter"] = "nothing"
		}, "gcloud logging sinks update"},
	} {
		locked(c, func() bool {
			test.spoil()
			delete(c.things, metric)
			c.refuse = test.refuse
			return true
		})
		r := c.must(t, "apply", "sink", "metrics")
		if !strings.Contains(r.out, test.say+" autoprovision-audit") || !strings.Contains(r.out, "roles/logging.configWriter") {
			t.Errorf("%s: not said what to ask for:\n%s%s", test.what, r.out, r.err)
		}
		if !strings.Contains(r.out, "\n1 changes made.\n") {
			t.Errorf("%s: more or less than the metric was made:\n%s", test.what, r.out)
		}
		c.get(t, metric)
	}
	locked(c, func() bool { c.refuse = nil; return true })
	if r := c.must(t, "apply", "sink"); strings.Contains(r.out, "roles/logging.configWriter") {
		t.Errorf("one who may route it is told to ask:\n%s", r.out)
	}
}
