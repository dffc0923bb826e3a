package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/throttle"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// queue keeps the first task of each name.
type queue struct {
	byName map[string]tasks.Task
	err    error
}

func (q *queue) Enqueue(_ context.Context, list ...tasks.Task) error {
	if q.err != nil {
		return q.err
	}
	for _, t := range list {
		if _, used := q.byName[t.Name]; !used {
			q.byName[t.Name] = t
		}
	}
	return nil
}

// world is a reader over the simulated directory, a real store and a queue that is looked into.
type world struct {
	*Reader
	t         *testing.T
	directory *simworkspace.Workspace
	store     *sqlite.Store
	queue     *queue
	at        time.Time
	log       bytes.Buffer
}

// company has eng (ana, ben), all (eng, cleo), big (250 people) and everybody (the customer).
func company() simworkspace.Company {
	person := func(name, unit string) simworkspace.Person {
		return simworkspace.Person{Email: name, GivenName: name, FamilyName: "Test", OrgUnit: unit}
	}
	c := simworkspace.Company{
		OrgUnits: []string{"/Eng", "/Sales"},
		People:   []simworkspace.Person{person("ana", "/Eng"), person("ben", "/Eng"), person("cleo", "/Sales"), person("sus", "/Sales")},
		Groups:   []simworkspace.Group{{Email: "eng", Members: []string{"ana", "ben"}}},
	}
	var many []string
	for i := range 250 {
		name := fmt.Sprintf("p%03d", i)
		many = append(many, name)
		c.People = append(c.People, person(name, "/Sales"))
	}
	c.Groups = append(c.Groups, simworkspace.Group{Email: "all", Members: []string{"eng", "cleo"}},
		simworkspace.Group{Email: "big", Members: many}, simworkspace.Group{Email: "everybody", Members: []string{"everyone"}})
	return c
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, queue: &queue{byName: map[string]tasks.Task{}}, at: start}
	now := func() time.Time { return w.at }
	w.directory = simworkspace.New(1, &simworkspace.Options{Now: now, Clock: now})
	t.Cleanup(w.directory.Close)
	w.directory.Seed(company())
	client, err := workspace.New(t.Context(), &http.Client{Transport: w.directory.Transport()},
		&workspace.Options{BaseURL: "http://directory.test/", Limiter: throttle.New(rate.Inf, 1)})
	w.must(err)
	db, err := sqlitefile.Open(filepath.Join(t.TempDir(), "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	w.must(err)
	t.Cleanup(func() { _ = db.Close() })
	w.store, err = sqlite.New(db)
	w.must(err)
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.Reader = New(Ports{
		Store: w.store, Directory: client, Hints: hint.New(w.queue, now, "p"),
		Health:   health.New(health.Ports{Store: w.store, Business: now, Real: now, Log: log}),
		Business: now, Log: log, AppName: "Comeet",
	}, DefaultTable())
	w.edit(func(c *provision.Configuration) {
		c.On, c.Policies = true, []provision.PolicyEdit{{}}
		c.Authorization.State = provision.AuthorizationOK
		c.Scope = &provision.Scope{Groups: []provision.GroupRef{{ID: "1", Email: "all@example.com"}, {ID: "gone", Email: "gone@example.com"}}}
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) edit(change func(*provision.Configuration)) {
	w.t.Helper()
	c, err := w.store.Configuration(w.t.Context())
	w.must(err)
	change(&c)
	_, err = w.store.PutConfiguration(w.t.Context(), c)
	w.must(err)
}

func (w *world) record(id, email string, lifecycle provision.Lifecycle) {
	w.t.Helper()
	_, err := w.store.Commit(w.t.Context(), state.Change{Record: provision.Record{UserID: id, Email: email, Lifecycle: lifecycle,
		Account: provision.Link{State: provision.AccountNone}}})
	w.must(err)
}

// asked is what was asked for: names of users, sorted, and "sweep"; then it forgets.
func (w *world) asked() string {
	w.t.Helper()
	var out []string
	for _, task := range w.queue.byName {
		if task.At.Sub(w.at) > time.Minute {
			continue // the second look or sweep
		}
		if task.Queue == tasks.Sweep {
			out = append(out, "sweep")
			continue
		}
		var req reconcile.Request
		w.must(json.Unmarshal(task.Body, &req))
		out = append(out, w.name(req.UserID))
	}
	clear(w.queue.byName)
	slices.Sort(out)
	return strings.Join(out, " ")
}

// name is who has an id, or the id.
func (w *world) name(id string) string {
	for _, name := range []string{"ana", "ben", "cleo", "sus", "eng"} {
		if got, ok := w.directory.UserID(name + "@example.com"); ok && got == id {
			return name
		}
	}
	return id
}

// admin is an entry of the Admin log; params are names and values in turn.
func admin(method string, params ...string) []byte {
	var list []string
	for i := 0; i < len(params); i += 2 {
		list = append(list, fmt.Sprintf(`{"name":%q,"value":%q}`, params[i], params[i+1]))
	}
	return fmt.Appendf(nil, `{"logName":"l","timestamp":"2026-11-02T08:00:00Z","insertId":%q,"protoPayload":{"serviceName":"admin.googleapis.com",
		"methodName":"google.admin.AdminService.%s","metadata":{"event":[{"eventName":%q,"parameter":[%s]}]}}}`,
		method+strings.Join(params, "|"), method, method, strings.Join(list, ","))
}

// membership is an entry of the Enterprise Groups log.
func membership(group, member string) []byte {
	return fmt.Appendf(nil, `{"logName":"l","timestamp":"2026-11-02T08:00:00Z","insertId":%q,"protoPayload":{"serviceName":"cloudidentity.googleapis.com",
		"methodName":"google.apps.cloudidentity.groups.v1.MembershipsService.UpdateMembership",
		"metadata":{"group":"group:%s@example.com","membershipDelta":{"member":%q}}}}`, group+member, group, member)
}

func TestWhatFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record("gone-1", "gone.person@example.com", provision.Deleted)
	w.record("old-cleo", "cleo@example.com", provision.Deleted)
	w.record("known-1", "known@example.com", provision.Active)
	const user, group, unit = "USER_EMAIL", "GROUP_EMAIL", "ORG_UNIT_NAME"
	for _, test := range []struct {
		what  string
		entry []byte
		want  string
	}{
		{"add member", sample(t, "add-member"), "ben"},
		{"remove member", sample(t, "remove-member"), "ana"},
		{"membership of the Enterprise Groups log, with a deleted person of the same address", sample(t, "update-membership"), "cleo old-cleo"},
		{"move user", sample(t, "move-user"), "ben"},
		{"suspend", sample(t, "suspend-user"), "sus"},
		{"rename: who has the old address and who has the new one", sample(t, "rename-user"), "cleo old-cleo"},
		{"bulk upload", sample(t, "bulk-upload"), "sweep"},
		{"deleted, known by record", admin("deleteUser", user, "gone.person@example.com"), "gone-1"},
		{"known by record alone", admin("SUSPEND_USER", user, "known@example.com"), "known-1"},
		{"nobody we know", admin("createUser", user, "nobody@example.com"), ""},
		{"an address that is none", admin("createUser", user, "nobody"), ""},
		{"a group within a group, by kind", membership("all", "group:eng@example.com"), "ana ben"},
		{"a group within a group, by address alone", admin("ADD_GROUP_MEMBER", group, "all@example.com", user, "eng@example.com"), "ana ben"},
		{"a large group within a group", membership("all", "group:big@example.com"), "sweep"},
		{"a group with everybody in it", membership("all", "group:everybody@example.com"), "sweep"},
		{"a member from outside", membership("all", "user:x@elsewhere.example"), ""},
		{"the customer as a member", membership("all", "customer:C012"), "sweep"},
		{"create group", admin("createGroup", group, "eng@example.com"), "ana ben"},
		{"delete group", admin("deleteGroup", group, "eng@example.com"), "sweep"},
		{"a configured group that is no more", admin("createGroup", group, "gone@example.com"), "sweep"},
		{"create org unit", admin("createOrgUnit", unit, "New"), "sweep"},
		{"move org unit", admin("MOVE_ORG_UNIT", unit, "Eng", "NEW_VALUE", "/Sales"), "sweep"},
		{"rename org unit", admin("editOrgUnitName", unit, "Eng"), "sweep"},
		{"remove org unit", admin("removeOrgUnit", unit, "Eng"), "sweep"},
		{"domain", admin("addSecondaryDomain", "DOMAIN_NAME", "other.example"), "sweep"},
		{"users' bulk upload", admin("usersBulkUpload"), "sweep"},
		{"unknown, with a user", admin("SOMETHING_NEW_ABOUT_USERS", user, "ana@example.com"), "ana"},
		{"unknown, with a group", admin("somethingNewAboutGroups", group, "eng@example.com"), "ana ben"},
		{"unknown, with an org unit", admin("SOMETHING_NEW", unit, "Eng"), "sweep"},
		{"unknown, with nothing", admin("SOMETHING_ELSE"), ""},
		{"known and of no account", admin("deleteAutoProvConfig", user, "ana@example.com"), ""},
	} {
		if err := w.Receive(t.Context(), message(test.entry)); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if got := w.asked(); got != test.want {
			t.Errorf("%s: asked for %q, want %q", test.what, got, test.want)
		}
	}
	r, err := w.Health.Report(t.Context())
	w.must(err)
	if r.Audit.Unknown != 4 || !r.Audit.LastAt.Equal(start) {
		t.Errorf("health %+v, want 4 unknown events", r.Audit)
	}
	if log := w.log.String(); !strings.Contains(log, "somethingnewaboutusers") || strings.Contains(log, "@") {
		t.Errorf("logged %s", log)
	}
}

// Without groups in the scope a membership concerns nobody, and while it is off nothing does.
func TestConcernsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.edit(func(c *provision.Configuration) { c.Scope.Groups = nil })
	for _, name := range []string{"add-member", "remove-member", "update-membership", "bulk-upload"} {
		w.must(w.Receive(t.Context(), message(sample(t, name))))
	}
	if got := w.asked(); got != "" {
		t.Errorf("without groups: asked for %q", got)
	}
	w.edit(func(c *provision.Configuration) { c.On = false })
	for _, name := range []string{"suspend-user", "delete-user"} {
		w.must(w.Receive(t.Context(), message(sample(t, name))))
	}
	if got := w.asked(); got != "" {
		t.Errorf("off: asked for %q", got)
	}
}

func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.must(w.Receive(t.Context(), message(sample(t, "bulk-upload"))))
		w.must(w.Receive(t.Context(), message(sample(t, "switch-app"))))
		w.must(w.Receive(t.Context(), message(sample(t, "add-member"))))
		w.at = w.at.Add(20 * time.Millisecond)
	}
	if got := w.asked(); got != "ben sweep" {
		t.Errorf("asked for %q", got)
	}
	events, _, err := w.store.Events(t.Context(), state.EventFilter{Limit: 10})
	w.must(err)
	if len(events) != 1 {
		t.Errorf("%d events, want one", len(events))
	}
}

// What cannot be looked up or enqueued is asked for again, and makes no sense is not.
func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []fault.Kind{fault.Unavailable, fault.Invalid, fault.Internal} {
		w.queue.err = fault.New(kind, "queue", "down")
		if err := w.Receive(t.Context(), message(sample(t, "add-member"))); !fault.Is(err, fault.Unavailable) {
			t.Errorf("queue %v: %v", kind, err)
		}
	}
	w.queue.err = nil
	w.directory.SetFaults(simworkspace.Faults{ServerErrors: 1000, Methods: []string{"users.get"}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Receive(ctx, message(sample(t, "add-member"))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("directory down: %v", err)
	}
	for _, body := range []string{"", "{}", string(message([]byte("{}"))), string(message([]byte("no json")))} {
		if err := w.Receive(t.Context(), []byte(body)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	}
	if got := w.asked(); got != "" {
		t.Errorf("asked for %q", got)
	}
	if r, err := w.Health.Report(t.Context()); err != nil || !r.Audit.LastAt.IsZero() {
		t.Errorf("heard at %v although nothing was done: %v", r.Audit.LastAt, err)
	}
}

func (w *world) reviews() []string {
	w.t.Helper()
	c, err := w.store.Configuration(w.t.Context())
	w.must(err)
	s, err := w.store.Sources(w.t.Context())
	w.must(err)
	var out []string
	for _, r := range s.Reviews {
		if r.Open(w.at, c.ScopeSavedAt) {
			out = append(out, r.Why)
		}
	}
	return out
}

func TestSwitchedInTheAdminConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, err := w.store.Configuration(t.Context())
	w.must(err)
	w.must(w.Receive(t.Context(), message(sample(t, "switch-app"))))
	w.must(w.Receive(t.Context(), message(admin("TOGGLE_SERVICE_ENABLED", "SERVICE_NAME", "comeet", "NEW_VALUE", "true", "GROUP_EMAIL", "eng@example.com"))))
	w.must(w.Receive(t.Context(), message(admin("TOGGLE_SERVICE_ENABLED", "SERVICE_NAME", "Sites", "NEW_VALUE", "true", "ORG_UNIT_NAME", "Sales"))))
	want := []string{"In Google's Admin console Comeet was turned off for the org unit Sales.",
		"In Google's Admin console Comeet was turned on for the group eng@example.com."}
	if diff := cmp.Diff(want, w.reviews()); diff != "" {
		t.Errorf("reviews (-want +got):\n%s", diff)
	}
	after, err := w.store.Configuration(t.Context())
	w.must(err)
	if diff := cmp.Diff(before, after); diff != "" || w.asked() != "" {
		t.Errorf("a notice changed something: %s", diff)
	}
	w.edit(func(c *provision.Configuration) { c.ScopeSavedAt = w.at })
	if got := w.reviews(); len(got) != 0 {
		t.Errorf("still to be reviewed after the scope was saved: %q", got)
	}
}

func TestGooglesOwnAutoprovisioning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Receive(t.Context(), message(admin("UPDATE_AUTO_PROVISIONED_USER", "APPLICATION_NAME", "Other", "USER_EMAIL", "ana@example.com"))))
	if got := w.reviews(); len(got) != 0 {
		t.Errorf("another app's: %q", got)
	}
	for _, method := range []string{"UPDATE_AUTO_PROVISIONED_USER", "suspendAutoProvisionedUser", "hardDeletedAutoProvisionedUser"} {
		w.must(w.Receive(t.Context(), message(admin(method, "APPLICATION_NAME", "Comeet", "USER_EMAIL", "ana@example.com"))))
	}
	if got := w.reviews(); len(got) != 1 || !strings.Contains(got[0], "autoprovisioning of Comeet is at work") {
		t.Errorf("reviews %q", got)
	}
	w.must(w.Receive(t.Context(), message(admin("createUserWithAutoProv", "USER_EMAIL", "ana@example.com"))))
	events, _, err := w.store.Events(t.Context(), state.EventFilter{Limit: 10})
	w.must(err)
	if len(events) != 1 {
		t.Errorf("%d events in a day, want one", len(events))
	}
	w.at = w.at.Add(8 * 24 * time.Hour)
	if got := w.reviews(); len(got) != 0 {
		t.Errorf("a week later: %q", got)
	}
	if got := w.asked(); got != "" {
		t.Errorf("asked for %q", got)
	}
}

// A company whose log has other names gives its own table.
func TestOwnTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Reader = New(w.Ports, NewTable(map[Action]string{Sweep: "departmentMoved", Ignore: "ADD_GROUP_MEMBER"}))
	w.must(w.Receive(t.Context(), message(admin("DEPARTMENT_MOVED"))))
	w.must(w.Receive(t.Context(), message(sample(t, "add-member"))))
	if got := w.asked(); got != "sweep" {
		t.Errorf("asked for %q", got)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	if got := clip("a\x1b[31m\nb" + strings.Repeat("x", 200)); strings.ContainsAny(got, "\x1b\n") || len([]rune(got)) != 101 {
		t.Errorf("%q", got)
	}
}
