package gcp

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/require"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/wiring"
)

// table is the rows of a table by their first column.
func table(t *testing.T, name string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for line := range strings.Lines(read(t, name+".txt")) {
		line, _, _ = strings.Cut(line, "#")
		if columns := strings.Fields(line); len(columns) > 0 {
			rows[columns[0]] = columns[1:]
		}
	}
	return rows
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func keys[V any](m map[string]V) []string {
	var all []string
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	_, missing := exec.LookPath("shellcheck")
	require.Tool(t, missing == nil, "shellcheck")
	cmd := exec.Command("shellcheck", "--external-sources", "--check-sourced", "deploy.sh")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNames holds the tables against the names that the code uses.
func TestNames(t *testing.T) {
	t.Parallel()
	var targets []string
	for target := range functions {
		targets = append(targets, target)
	}
	slices.Sort(targets)
	if diff := cmp.Diff(targets, keys(table(t, "functions"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(targets, keys(table(t, "settings"))); diff != "" {
		t.Error(diff)
	}
	queues := table(t, "queues")
	if diff := cmp.Diff([]string{tasks.Bulk, tasks.Reconcile, tasks.Sweep}, keys(queues)); diff != "" {
		t.Error(diff)
	}
	wanted := []string{secrets.AppToken, secrets.ChannelToken, secrets.OAuthClient, secrets.SessionKey}
	if diff := cmp.Diff(wanted, keys(table(t, "secrets"))); diff != "" {
		t.Error(diff)
	}
	c := comeet.Profile().Connection
	for name, looks := range map[string]float64{tasks.Reconcile: wiring.LooksPerCall, tasks.Bulk: 1} {
		want := []string{strconv.FormatFloat(looks*c.RequestsPerSecond, 'f', -1, 64), strconv.Itoa(c.Concurrency)}
		if diff := cmp.Diff(want, queues[name][:2]); diff != "" {
			t.Errorf("the queue %s does not begin with the profile's limits:\n%s", name, diff)
		}
	}
	// The app's rate is kept in one process, to which all is delivered that may be.
	most := 0
	for c.BaseURL = "https://app.example.com"; comeet.Profile().CheckConnection(c) == nil; c.Concurrency++ {
		most = c.Concurrency
	}
	if row := table(t, "functions")["reconcile"]; row[4] != strconv.Itoa(2*most) || row[5] != "1" {
		t.Errorf("reconcile takes %s at a time in %s instances, want %d in one", row[4], row[5], 2*most)
	}
}

var metricType = regexp.MustCompile(`logging\.googleapis\.com/user/autoprovision_(\w+)`)

// TestMetrics holds each metric against the page of log lines, and what alerts and
// the dashboard use against the metrics.
func TestMetrics(t *testing.T) {
	t.Parallel()
	page, metrics, used := read(t, "../docs/logs.md"), table(t, "metrics"), map[string]bool{}
	for name, filter := range metrics {
		text := strings.Join(filter, " ")
		message := regexp.MustCompile(`jsonPayload\.message="([^"]+)"`).FindStringSubmatch(text)
		if message == nil {
			t.Errorf("%s filters on no line", name)
			continue
		}
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(message[1]) + "` \\|([^|]*)\\|").FindStringSubmatch(page)
		if row == nil {
			t.Errorf("%s filters on the line %q, which logs.md does not have", name, message[1])
			continue
		}
		for _, field := range regexp.MustCompile(`jsonPayload\.(\w+)`).FindAllStringSubmatch(text, -1) {
			if field[1] != "message" && !strings.Contains(row[1], "`"+field[1]+"`") {
				t.Errorf("%s filters on %s, which the line %q does not have", name, field[1], message[1])
			}
		}
	}
	files, err := filepath.Glob("alerts/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "dashboard.yaml") {
		for _, found := range metricType.FindAllStringSubmatch(read(t, file), -1) {
			name := found[1]
			used[name] = true
			if metrics[name] == nil {
				t.Errorf("%s uses the metric %s, which is not made", file, name)
			}
		}
	}
	for name := range metrics {
		if !used[name] {
			t.Errorf("nothing uses the metric %s", name)
		}
	}
}

// TestPlaybook wants a page for each alert, which is what the message says, and an
// alert for each page.
func TestPlaybook(t *testing.T) {
	t.Parallel()
	names := func(pattern string) []string {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			files[i] = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		}
		return files
	}
	pages := names("../playbooks/*.md")
	if diff := cmp.Diff(names("alerts/*.yaml"), pages); diff != "" {
		t.Errorf("alerts - and pages +:\n%s", diff)
	}
	for _, name := range pages {
		page := read(t, "../playbooks/"+name+".md")
		for _, part := range []string{"**What it means.**", "**See it.**", "**What to do.**", "**It is over when**"} {
			if !strings.Contains(page, part) {
				t.Errorf("%s does not say %s", name, part)
			}
		}
		for _, command := range regexp.MustCompile("gcloud [^`\n]*").FindAllString(page, -1) {
			if !strings.Contains(command, "--project=PROJECT") && !strings.Contains(command, "--organization=ORGANIZATION") {
				t.Errorf("%s: where is that? %s", name, command)
			}
		}
		if len(page) > 8192 { // cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Documentation
			t.Errorf("%s has %d bytes, and a message takes 8192", name, len(page))
		}
		if !strings.Contains(read(t, "alerts/"+name+".yaml"), "displayName: 'autoprovision: "+name+"'") {
			t.Errorf("the alert %s is called otherwise", name)
		}
	}
}

// TestStage stages each function: what the builder's rules want, and nothing else.
func TestStage(t *testing.T) {
	t.Parallel()
	for name, row := range table(t, "functions") {
		dir := filepath.Join(t.TempDir(), "source")
		if r := script(t, []string{"PATH=" + os.Getenv("PATH")}, "stage", row[0], dir); r.code != 0 {
			t.Fatalf("%s: %s", name, r.err)
		}
		there, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for i := range there {
			there[i] = filepath.Base(there[i])
		}
		if diff := cmp.Diff([]string{"entry.go", "functions", "go.mod", "go.sum", "shared"}, there); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		entry := read(t, dir+"/entry.go")
		for _, want := range []string{`"example.com/autoprovision/functions/` + row[0] + `"`, `"github.com/GoogleCloudPlatform/functions-framework-go/functions"`} {
			if !strings.Contains(entry, want) {
				t.Errorf("%s: the root file does not import %s", name, want)
			}
		}
		err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "testdata") {
				t.Errorf("%s is staged", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAgain has commands fail as Google does about what is new: they are tried
// again for as long as that takes, and what will not pass is tried once.
func TestAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command, says string
		tries         int
	}{
		{"gcloud projects set-iam-policy p", "Service account ap-x@p.iam.gserviceaccount.com does not exist.", 30},
		{"gcloud tasks queues set-iam-policy q", "NOT_FOUND: Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.", 30},
		{"gcloud firestore indexes composite create", "ABORTED: Please retry, underlying data changed", 30},
		{"gcloud firestore indexes fields update f", "Aborted due to cross-transaction contention.", 30},
		{"gcloud firestore fields ttls update f", "too much contention on these documents. please try again.", 30},
		{"gcloud alpha monitoring policies create", "Cannot find metric that matches type = x. If a metric was created recently, it could take up to 10 minutes", 75},
		{"gcloud functions deploy f", "Could not build the function due to a missing permission on the build service account.", 10},
		{"gcloud functions deploy f", "ap-build@p does not have storage.objects.get access to the object", 10},
		{"gcloud functions deploy f", "Access to bucket gcf-v2-sources-1-europe-west1 denied.", 10},
		{"gcloud functions deploy f", "Build failed: undefined: x", 1},
		{"gcloud logging sinks list", "PERMISSION_DENIED: The caller does not have permission", 1},
	} {
		cmd := exec.Command("bash", "-c", `source change.sh; tries <(echo "$2") $1`, "bash", test.command, test.says)
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != strconv.Itoa(test.tries) {
			t.Errorf("%s: %q is tried %s times, want %d: %v", test.command, test.says, got, test.tries, err)
		}
	}
	// Whatever it was, it is said in the end, and what passes meanwhile is done.
	for fails, want := range map[int]string{29: "done", 30: "does not exist"} {
		cmd := exec.Command("bash", "-c", `work=$1 patience=0 n=0; source change.sh
			fail() { ((++n > $1)) && echo done || { echo "Service account x does not exist" >&2; return 1; }; }
			again fail $2`, "bash", t.TempDir(), strconv.Itoa(fails))
		if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), want) || (err == nil) != (want == "done") {
			t.Errorf("after %d failures: %v, %s", fails, err, out)
		}
	}
}

// TestSettings gives deploy.sh wrong settings: it names them all, before it runs
// anything.
func TestSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "PROJECT=acme-provisioning\nREGION=europe-west1\nDIRECTORY_SUBJECT=a@example.com\nALERT_EMAIL=b@example.com\n"
	for name, test := range map[string]struct {
		text string
		args []string
		want []string
	}{
		"nothing":        {"", nil, []string{"PROJECT:", "REGION:", "DIRECTORY_SUBJECT:", "ALERT_EMAIL:"}},
		"wrong":          {good + "SCIM_URL=http://x\nORGANIZATION=acme\nLOG_LEVEL=loud\nDATABASE=X\n", nil, []string{"SCIM_URL:", "ORGANIZATION:", "LOG_LEVEL:", "DATABASE:"}},
		"unknown":        {good + "PASSWORD=x\n", nil, []string{"line 5", "there is no setting PASSWORD"}},
		"no assignment":  {"# fine\nexport PROJECT=x\n", nil, []string{"line 2: write NAME=VALUE"}},
		"not run":        {good + "REGION=$(touch " + file + ".ran)\n", nil, []string{"REGION:"}},
		"unknown flag":   {good, []string{"--password=x"}, []string{"there is no setting PASSWORD"}},
		"unknown part":   {good, []string{"everything"}, []string{"there is no argument everything"}},
		"not for plan":   {good, []string{"--data"}, []string{"--data are for destroy"}},
		"flags win":      {good, []string{"--region=nowhere"}, []string{"REGION:"}},
		"wrong audit":    {good + "AUDIT_EVENTS=`id`\n", nil, []string{"AUDIT_EVENTS:"}},
		"address needed": {good, []string{"--alert-email=nobody"}, []string{"ALERT_EMAIL:"}},
		"one address":    {good + "ALERT_EMAIL=b@example.com, c@example.com\n", nil, []string{"ALERT_EMAIL: the one address"}},
		"quoted":         {good + "PROJECT=\"acme\" \n", nil, []string{"PROJECT:", "this is «\"acme\"»"}},
		"flag in two":    {good, []string{"--region", "europe-west1"}, []string{"write --region=VALUE"}},
	} {
		write(test.text)
		r := script(t, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, append([]string{"plan", "--settings=" + file}, test.args...)...)
		if r.code == 0 {
			t.Errorf("%s: accepted", name)
		}
		for _, want := range test.want {
			if !strings.Contains(r.err, want) {
				t.Errorf("%s: does not say %q:\n%s", name, want, r.err)
			}
		}
	}
	if _, err := os.Stat(file + ".ran"); err == nil {
		t.Error("the settings file was run")
	}
}

// TestOrder asks for things before those that they need: it is said what is
// missing, and nothing is made.
func TestOrder(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.robot = true
	if r := c.deploy(t, append([]string{"plan"}, given...)...); r.code == 0 || !strings.Contains(r.err, "./deploy.sh apply services") {
		t.Errorf("a service account cannot read the project yet, and plan ended with %d:\n%s", r.code, r.err)
	}
	if tried := strings.Count(c.transcript.String(), "/cloudresourcemanager/"); tried != 1 {
		t.Errorf("what cannot be was tried %d times", tried)
	}
	c.must(t, "apply", "services")
	before := len(c.names("pubsub", "subscriptions"))
	r := c.deploy(t, append([]string{"apply", "triggers"}, given...)...)
	if r.code == 0 || !strings.Contains(r.err, "was not found") || !strings.Contains(r.err, "could not create the subscription audit") {
		t.Errorf("ended with %d:\n%s", r.code, r.err)
	}
	if after := len(c.names("pubsub", "subscriptions")); after != before {
		t.Errorf("%d subscriptions", after)
	}
	elsewhere := "firestore projects/" + project + "/databases/(default)"
	locked(c, func() bool {
		c.things[elsewhere] = object{"name": strings.TrimPrefix(elsewhere, "firestore "), "type": "FIRESTORE_NATIVE", "locationId": "eur3"}
		return true
	})
	if r := c.deploy(t, append([]string{"apply", "database"}, given...)...); r.code == 0 || !strings.Contains(r.err, "is in eur3 and cannot be moved") {
		t.Errorf("the database is elsewhere, and apply ended with %d:\n%s%s", r.code, r.out, r.err)
	}
	if r := c.deploy(t, append([]string{"destroy"}, given...)...); r.code == 0 || !strings.Contains(r.err, "nothing was changed") {
		t.Errorf("nobody confirmed, and destroy ended with %d:\n%s%s", r.code, r.out, r.err)
	}
}
