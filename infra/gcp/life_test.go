package gcp

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLife takes one deployment through its life, and beside it another that is
// broken wherever it can be: what there is after apply is the same.
func TestLife(t *testing.T) {
	gcloud := warmGcloud(t)
	var complete, mended []string
	t.Run("both", func(t *testing.T) {
		t.Run("unbroken", func(t *testing.T) {
			t.Parallel()
			complete = wholeLife(t, gcloud)
		})
		t.Run("broken at each change", func(t *testing.T) {
			t.Parallel()
			mended = wantUnbreakable(t, gcloud)
		})
	})
	if t.Failed() {
		return
	}
	if diff := cmp.Diff(complete, mended); diff != "" {
		t.Errorf("never broken - and broken +:\n%s", diff)
	}
}

// wholeLife plans a deployment, applies it, again, damages and mends it, checks and
// destroys it, and returns what there was when it was complete.
func wholeLife(t *testing.T, gcloud string) (complete []string) {
	c := newCloud(t)
	c.gcloud = gcloud
	var planned, applied run
	t.Run("plan changes nothing", func(t *testing.T) {
		planned = c.must(t, "plan")
		if changes := c.made(); len(changes) > 0 {
			t.Errorf("plan asked for %v", changes)
		}
	})
	t.Run("apply does what was planned", func(t *testing.T) {
		locked(c, func() bool {
			c.unseen = 2 // what is new is not seen at once
			for _, what := range []string{"metric", "build", "indexes", "queue", "policy"} {
				c.late[what] = 2
			}
			return true
		})
		watch := watchProcesses(t)
		applied = c.must(t, "apply")
		watch.end()
		if diff := cmp.Diff(planned.did(), applied.did()); diff != "" {
			t.Errorf("planned - and applied +:\n%s", diff)
		}
		noSecret(t, c, applied, watch)
	})
	if t.Failed() {
		return nil
	}
	t.Run("functions", func(t *testing.T) { wantFunctions(t, c) })
	t.Run("roles", func(t *testing.T) { wantRoles(t, c) })
	t.Run("data", func(t *testing.T) { wantData(t, c) })
	t.Run("calls", func(t *testing.T) { wantCalls(t, c) })
	t.Run("alerts", func(t *testing.T) { wantAlerts(t, c) })
	t.Run("manual steps", func(t *testing.T) { wantSteps(t, c, applied.out) })
	complete = c.essence()
	t.Run("check", func(t *testing.T) { wantChecked(t, c) })
	t.Run("apply without a right in the organization", func(t *testing.T) { wantSinkAsked(t, c) })
	t.Run("apply again has nothing to do", func(t *testing.T) {
		before := len(c.made())
		if r := c.must(t, "apply"); !strings.Contains(r.out, "Nothing to change.") {
			t.Errorf("said\n%s", r.out)
		}
		if changes := c.made()[before:]; len(changes) > 0 {
			t.Errorf("asked for %v", changes)
		}
	})
	t.Run("apply mends what was changed by hand", func(t *testing.T) {
		damage(c)
		r := c.deploy(t, append([]string{"check"}, given...)...)
		if r.code != 1 || !strings.Contains(r.out+r.err, "not for ap-sweep,") || strings.Contains(r.out, "changes") {
			t.Errorf("check ended with %d:\n%s%s", r.code, r.out, r.err)
		}
		c.must(t, "apply")
		got := c.essence()
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "user:colleague@example.com") }) {
			t.Error("somebody else's role was taken away")
		}
		got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "colleague") })
		if diff := cmp.Diff(complete, got); diff != "" {
			t.Errorf("before - and after +:\n%s", diff)
		}
	})
	t.Run("destroy keeps the data", func(t *testing.T) { wantDestroyed(t, c) })
	t.Run("destroy takes the data when told", func(t *testing.T) {
		c.must(t, "destroy", "--yes", "--data")
		for collection, api := range map[string]string{"secrets": "secretmanager", "databases": "firestore", "serviceAccounts": "iam"} {
			if left := c.names(api, collection); len(left) > 0 {
				t.Errorf("left %s %v", collection, left)
			}
		}
	})
	return complete
}

// made are the changes that were asked for.
func (c *cloud) made() []string { return locked(c, func() []string { return slices.Clone(c.changes) }) }

// essence is what there is and who may do what, without what is made up anew each
// time: ids, etags and random bytes.
func (c *cloud) essence() []string {
	return locked(c, func() []string {
		var all []string
		for key, thing := range c.things {
			kept := deepCopy(thing)
			for _, field := range []string{"name", "uniqueId", "etag", "bytes", "notificationChannels"} {
				delete(kept, field)
			}
			if strategy, ok := kept["alertStrategy"].(object); ok {
				delete(strategy, "notificationChannelStrategy") // names the channel; wantAlerts looks
			}
			if labels, ok := kept["userLabels"].(object); ok {
				delete(labels, "autoprovision-source") // of the channel's id too
			}
			all = append(all, fmt.Sprintf("%s %v", generated.ReplaceAllString(key, "$1/#"), kept))
		}
		for key, policy := range c.policies {
			for row := range bindings(policy) {
				all = append(all, key+" "+row)
			}
		}
		slices.Sort(all)
		return all
	})
}

var generated = regexp.MustCompile(`(indexes|versions|alertPolicies|notificationChannels)/\d+$`)

// damage changes things behind deploy.sh's back, by hand or by mistake.
func damage(c *cloud) {
	c.mu.Lock()
	defer c.mu.Unlock()
	grant := func(key, role, member string) {
		list, _ := c.policies[key]["bindings"].([]any)
		c.policies[key]["bindings"] = append(list, object{"role": role, "members": []any{member}})
	}
	console := "serviceAccount:ap-console@" + project + ".iam.gserviceaccount.com"
	grant("cloudresourcemanager projects/"+project, "roles/owner", console)
	grant("cloudresourcemanager projects/"+project, "roles/owner", "user:colleague@example.com")
	token := "secretmanager projects/" + project + "/secrets/autoprovision-app-token"
	grant(token, "roles/secretmanager.secretAccessor", "allUsers")
	grant(token, "roles/secretmanager.secretAccessor", "deleted:"+console+"?uid=123")
	at := "projects/" + project + "/locations/" + region
	c.things["run "+at+"/services/autoprovision-sweep"]["metadata"].(object)["annotations"] = object{}
	for function, config := range map[string]object{"reconcile": {"ingressSettings": "ALLOW_ALL"}, "console": {"maxInstanceCount": 100},
		"sweep": {"serviceAccountEmail": account("ap-console")}} {
		maps.Copy(c.things["cloudfunctions "+at+"/functions/autoprovision-"+function]["serviceConfig"].(object), config)
	}
	c.things["iam projects/"+project+"/roles/autoprovisionQueueLimits"]["includedPermissions"] = []any{"cloudtasks.queues.delete"}
	signers := c.policies["iam projects/"+project+"/serviceAccounts/"+account("ap-directory")]["bindings"].([]any)
	for _, b := range signers {
		binding := b.(object)
		binding["members"] = slices.DeleteFunc(binding["members"].([]any), func(m any) bool { return m == "serviceAccount:"+account("ap-sweep") })
	}
	c.things["pubsub projects/"+project+"/subscriptions/autoprovision-audit"]["ackDeadlineSeconds"] = 10
	c.things["cloudscheduler "+at+"/jobs/autoprovision-renew-channels"]["httpTarget"].(object)["body"] = "e30K"
	c.things["cloudtasks "+at+"/queues/autoprovision-bulk"]["state"] = "PAUSED"
	c.things["cloudtasks "+at+"/queues/autoprovision-sweep"]["retryConfig"].(object)["maxAttempts"] = 1
	c.things["cloudscheduler "+at+"/jobs/autoprovision-sweep"]["schedule"] = "0 0 1 1 *"
	c.things["cloudscheduler "+at+"/jobs/autoprovision-sweep"]["state"] = "PAUSED"
	c.things["cloudfunctions "+at+"/functions/autoprovision-reconcile"]["state"] = "FAILED"
	c.things["firestore projects/"+project+"/databases/(default)"]["deleteProtectionState"] = "DELETE_PROTECTION_DISABLED"
	c.things["logging projects/"+project+"/metrics/autoprovision_held"]["filter"] = "nothing"
	c.things["pubsub projects/"+project+"/subscriptions/autoprovision-audit"]["pushConfig"].(object)["pushEndpoint"] = "https://elsewhere.example"
	delete(c.things, "monitoring projects/"+number+"/dashboards/autoprovision")
	for key := range c.things {
		if strings.Contains(key, "/alertPolicies/") && text(c.things[key], "displayName") == "autoprovision: held" {
			delete(c.things, key)
		}
		if strings.Contains(key, "/alertPolicies/") && text(c.things[key], "displayName") == "autoprovision: overdue" {
			c.things[key]["enabled"] = false
		}
	}
}

func wantDestroyed(t *testing.T, c *cloud) {
	before := locked(c, func() snapshot { return c.state() })
	c.must(t, "destroy", "--yes")
	for key, was := range before.things {
		kept := strings.HasPrefix(key, "firestore ") || strings.HasPrefix(key, "secretmanager ") || strings.HasPrefix(key, "iam ") && strings.Contains(key, "/ap-directory@") ||
			strings.Contains(key, "/queues/") || strings.Contains(key, "/roles/")
		now, there := locked(c, func() object { return c.things[key] }), locked(c, func() bool { _, ok := c.things[key]; return ok })
		if there != kept {
			t.Errorf("%s: kept is %v, want %v", key, there, kept)
		}
		if strings.Contains(key, "/queues/") {
			if text(now, "state") != "PAUSED" {
				t.Errorf("%s still runs", key)
			}
			continue
		}
		if diff := cmp.Diff(was, now); kept && diff != "" {
			t.Errorf("%s changed:\n%s", key, diff)
		}
	}
	for row := range bindings(locked(c, func() object { return c.policies["cloudresourcemanager projects/"+project] })) {
		if strings.Contains(row, "serviceAccount:ap-") {
			t.Errorf("the project still lets %s", row)
		}
	}
}

// processes are the command lines that were seen.
type processes struct {
	end  func()
	mu   sync.Mutex
	seen map[string]bool
}

// watchProcesses looks at every process of the machine until its end.
func watchProcesses(t *testing.T) *processes {
	p := &processes{seen: map[string]bool{}}
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for ticker := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				ticker.Stop()
				return
			case <-ticker.C:
			}
			all, err := os.ReadDir("/proc")
			if err != nil {
				t.Error(err)
			}
			for _, process := range all {
				if c := process.Name()[0]; c < '0' || '9' < c {
					continue
				}
				if line, err := os.ReadFile("/proc/" + process.Name() + "/cmdline"); err == nil { // else it has ended
					p.mu.Lock()
					p.seen[string(line)] = true
					p.mu.Unlock()
				}
			}
		}
	})
	var once sync.Once
	p.end = func() { once.Do(func() { close(stop); watching.Wait() }) }
	t.Cleanup(p.end)
	return p
}

// noSecret fails if the secret that apply made is anywhere but in the secret store.
func noSecret(t *testing.T, c *cloud, r run, p *processes) {
	t.Helper()
	var secret string
	for key, thing := range locked(c, func() map[string]object { return maps.Clone(c.things) }) {
		if strings.Contains(key, "autoprovision-session-key/versions/") {
			secret = text(thing, "bytes")
		}
	}
	if len(secret) < 32 {
		t.Fatalf("the session key has %d characters", len(secret))
	}
	if strings.Contains(r.out+r.err, secret) {
		t.Error("the secret was printed")
	}
	gcloud := false
	for line := range p.seen {
		gcloud = gcloud || strings.Contains(line, "autoprovision-session-key")
		if strings.Contains(line, secret) {
			t.Error("the secret was in a process list")
		}
	}
	if !gcloud {
		t.Error("the process list was not watched")
	}
	err := filepath.WalkDir(r.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), secret) {
			t.Errorf("the secret is in %s", strconv.Quote(path))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
