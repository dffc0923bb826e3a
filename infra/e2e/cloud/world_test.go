package cloud

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	secretsclient "cloud.google.com/go/secretmanager/apiv1"
	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/infra/emulator"
	"example.com/autoprovision/infra/require"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simsecrets"
	"example.com/autoprovision/infra/simtasks"
	"example.com/autoprovision/infra/simtokens"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/secretmanager"
	"example.com/autoprovision/shared/tasks"
)

const (
	project  = "demo-project"
	region   = "europe-west1"
	prefix   = "autoprovision-"
	clientID = "client.apps.example"
	// clientFile is the OAuth client, as Google lets it be downloaded.
	clientFile = `{"web":{"client_id":"` + clientID + `","client_secret":"hush","redirect_uris":["https://console.example/sign-in/callback"]}}`
	appToken   = "comeet-token-of-the-test"
	// adminAddress is the super administrator who uses the console.
	adminAddress = "maya.cohen@example.com"
)

// accounts are the service accounts that sign calls.
var accounts = map[string]string{
	"TASKS_ACCOUNT": "ap-tasks@demo-project.iam.gserviceaccount.com", "SCHEDULER_ACCOUNT": "ap-scheduler@demo-project.iam.gserviceaccount.com",
	"PUBSUB_ACCOUNT": "ap-pubsub@demo-project.iam.gserviceaccount.com", "DIRECTORY_ACCOUNT": "ap-directory@demo-project.iam.gserviceaccount.com",
}

// world is everything around the functions, and the functions.
type world struct {
	t         teller
	programs  map[string]string
	issuer    *simtokens.Issuer
	front     *front
	console   string
	database  *database
	queue     *simtasks.Service
	secrets   *simsecrets.Service
	workspace *simworkspace.Workspace
	directory string
	app       *simcomeet.Server
	audit     *auditLog
	functions map[string]*process
	log       *logs

	mu        sync.Mutex
	later     time.Duration
	clockFile string
	// strike is the next one; nil for none.
	strike *strike
	// nonce is of the sign-in under way.
	nonce string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, kind := range []emulator.Kind{emulator.Firestore, emulator.PubSub} {
		missing := emulator.Missing(kind)
		require.Tool(t, missing == "", missing)
	}
	w := &world{t: teller{t, &reasons{}}, issuer: simtokens.New(), log: &logs{}, functions: map[string]*process{},
		clockFile: filepath.Join(t.TempDir(), "later")}
	w.advance(0)
	firestore, pubsub := w.startSlow()
	w.front = newFront(w.t, w.issuer)
	w.front.callers = map[string][]string{
		prefix + "audit-event": {accounts["PUBSUB_ACCOUNT"]}, prefix + "reconcile": {accounts["TASKS_ACCOUNT"]},
		prefix + "sweep": {accounts["TASKS_ACCOUNT"], accounts["SCHEDULER_ACCOUNT"]}, prefix + "renew-channels": {accounts["SCHEDULER_ACCOUNT"]},
	}
	w.console = w.openConsole()
	w.database = newDatabase(t, firestore)
	tasksAt := w.startTasks()
	secretsAt := w.startSecrets()
	scim := w.startSimulated()
	keys, provider := httptest.NewServer(w.issuer), httptest.NewServer(http.HandlerFunc(w.exchange))
	t.Cleanup(keys.Close)
	t.Cleanup(provider.Close)
	t.Cleanup(func() {
		for _, p := range w.functions {
			p.kill()
		}
	})
	w.startFunctions(map[string]string{
		"PROJECT": project, "REGION": region, "DATABASE": "(default)", "QUEUE_PREFIX": prefix, "SECRET_PREFIX": prefix, "LOG_LEVEL": "debug",
		"RECONCILE_URL": w.front.url(prefix + "reconcile"), "SWEEP_URL": w.front.url(prefix + "sweep"), "PUSH_URL": w.front.url(prefix + "directory-push"),
		"AUDIT_URL": w.front.url(prefix + "audit-event"), "RENEW_URL": w.front.url(prefix + "renew-channels"), "CONSOLE_URL": w.console,
		"TASKS_ACCOUNT": accounts["TASKS_ACCOUNT"], "SCHEDULER_ACCOUNT": accounts["SCHEDULER_ACCOUNT"], "PUBSUB_ACCOUNT": accounts["PUBSUB_ACCOUNT"],
		"DIRECTORY_ACCOUNT": accounts["DIRECTORY_ACCOUNT"], "DIRECTORY_SUBJECT": adminAddress, "SCIM_URL": scim,
		"AUDIT_EVENTS": "",
	}, []string{"FIRESTORE_EMULATOR_HOST=" + w.database.address, "TEST_TASKS=" + tasksAt, "TEST_SECRETS=" + secretsAt,
		"TEST_KEYS=" + keys.URL, "TEST_PROVIDER=" + provider.URL, "TEST_DIRECTORY=" + w.directory, "TEST_CLOCK=" + w.clockFile})
	w.startAudit(pubsub)
	t.Cleanup(func() {
		if t.Failed() {
			w.tell()
		}
	})
	return w
}

// startSlow starts the emulators while it builds the functions.
func (w *world) startSlow() (firestore, pubsub string) {
	w.t.Helper()
	folder := w.t.TempDir()
	var group errgroup.Group
	group.Go(func() (err error) {
		require.Source(w.t, "../../..")
		w.programs, err = build(w.t.Context(), folder)
		return err
	})
	group.Go(func() error { return w.emulate(emulator.Firestore, &firestore) })
	group.Go(func() error { return w.emulate(emulator.PubSub, &pubsub) })
	w.must(group.Wait())
	return firestore, pubsub
}

func (w *world) emulate(kind emulator.Kind, host *string) error {
	e, err := emulator.Start(context.Background(), kind)
	if err != nil {
		return err
	}
	*host = e.Host
	w.t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	return nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// now is the time of this world, which all in it have.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.later).UTC()
}

// advance lets time pass at once.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.later += d
	fresh := w.clockFile + ".new"
	w.must(os.WriteFile(fresh, []byte(w.later.String()), 0o600))
	w.must(os.Rename(fresh, w.clockFile)) // whole, for whoever reads it meanwhile
	if w.queue != nil {
		w.queue.Wake()
	}
}

// longest is how long a delivery may take: one that hangs is made again, as by
// the real queue after minutes.
const longest = 20 * time.Second

func (w *world) startTasks() (address string) {
	w.t.Helper()
	var names []string
	for _, name := range []string{tasks.Reconcile, tasks.Bulk, tasks.Sweep} {
		names = append(names, "projects/"+project+"/locations/"+region+"/queues/"+prefix+name)
	}
	queue, address, stop, err := simtasks.Start(simtasks.Options{Queues: names, Concurrency: 4, Now: w.now, Longest: longest,
		Sign: func(account, audience string) string { return w.issuer.Token(simtokens.Account(account, audience)) }})
	w.must(err)
	w.queue = queue
	w.t.Cleanup(stop)
	return address
}

// startSecrets starts Secret Manager with what a deployment puts there.
func (w *world) startSecrets() (address string) {
	w.t.Helper()
	path := "projects/" + project + "/secrets/" + prefix
	service, address, stop, err := simsecrets.Start(path+secrets.AppToken, path+secrets.ChannelToken, path+secrets.SessionKey, path+secrets.OAuthClient)
	w.must(err)
	w.secrets = service
	w.t.Cleanup(stop)
	client, err := secretsclient.NewClient(context.Background(), simsecrets.Client(address)...)
	w.must(err)
	defer func() { w.must(client.Close()) }()
	store := secretmanager.New(client, project, prefix, clock.System)
	for name, value := range map[string]string{secrets.SessionKey: strings.Repeat("k", 40), secrets.OAuthClient: clientFile} {
		_, err := store.Put(w.t.Context(), name, secrets.NewValue(value))
		w.must(err)
	}
	return address
}

func (w *world) startSimulated() (scim string) {
	w.t.Helper()
	w.workspace = simworkspace.New(1, &simworkspace.Options{Clock: w.now, Now: w.now})
	w.workspace.Seed(simworkspace.DefaultCompany())
	w.app = simcomeet.New(&simcomeet.Options{Token: appToken, Now: w.now})
	directory, app := httptest.NewServer(w.struck(w.workspace.Handler())), httptest.NewServer(w.struck(w.app.Handler()))
	w.directory = directory.URL
	w.t.Cleanup(func() {
		w.workspace.Close()
		directory.Close()
		app.Close()
	})
	return app.URL + "/scim/v2"
}

// startFunctions starts each function with exactly the settings that deploy.sh's
// table gives it.
func (w *world) startFunctions(values map[string]string, test []string) {
	w.t.Helper()
	for target, names := range settings(w.t.T) {
		p := &process{program: w.programs[target], log: w.log, env: append([]string{"FUNCTION_TARGET=test-" + target, "K_SERVICE=" + prefix + target}, test...)}
		for _, name := range names {
			value, ok := values[name]
			if !ok {
				w.t.Fatalf("the test has no value for the setting %s of %s", name, target)
			}
			p.env = append(p.env, "AUTOPROVISION_"+name+"="+value)
		}
		w.functions[target] = p
		w.front.functions[prefix+target] = p
		p.start(w.t)
	}
}

// counts are what is paid for, and what others are asked.
type counts struct {
	bill
	calls                        map[string]int // of functions
	created, delivered, dir, app int
}

func (w *world) counts() counts {
	c := counts{bill: w.database.bill(), calls: w.front.count()}
	c.created, c.delivered = w.queue.Counts()
	for _, n := range w.workspace.Calls() {
		c.dir += n
	}
	for _, n := range w.app.Calls() {
		c.app += n
	}
	return c
}

// since tells what was spent since earlier counts.
func (c counts) since(b counts) string {
	var calls []string
	for _, name := range []string{"directory-push", "audit-event", "reconcile", "sweep", "renew-channels", "console"} {
		if n := c.calls[prefix+name] - b.calls[prefix+name]; n > 0 {
			calls = append(calls, fmt.Sprintf("%s %d", name, n))
		}
	}
	return fmt.Sprintf("Firestore: %d reads, %d writes, %d deletes. Tasks: %d created, %d delivered. Invocations: %s. Directory: %d calls. App: %d calls",
		c.reads-b.reads, c.writes-b.writes, c.deletes-b.deletes, c.created-b.created, c.delivered-b.delivered, strings.Join(calls, ", "), c.dir-b.dir, c.app-b.app)
}
