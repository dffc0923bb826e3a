package api_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/functions/console/api"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

func TestOnlyTheAdministratorIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + adminToken, adminToken, "Bearer " + adminToken + "x", "Bearer  " + adminToken} {
		for _, path := range []string{app, "/api/v1/nothing", app + "/turnOn"} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.Header.Set("Authorization", header)
			rec := w.serve(r)
			if rec.Code != http.StatusUnauthorized || !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%q on %s: status %d, %v", header, path, rec.Code, rec.Header())
			}
			decode(t, rec)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", app, nil)
	r.Header.Set("Authorization", "bearer "+adminToken) // the scheme's case does not matter, RFC 9110 section 11.1
	if rec := w.serve(r); rec.Code != http.StatusOK {
		t.Errorf("the administrator: status %d", rec.Code)
	}
	r = httptest.NewRequestWithContext(t.Context(), "GET", app, nil)
	r.Header.Set("Authorization", "Bearer ")
	rec := httptest.NewRecorder()
	api.New(w.system.Admin, secrets.NewValue("")).ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("an empty token signs in: status %d", rec.Code)
	}
	door := api.Behind(w.system.Admin, func(*http.Request) (string, error) {
		return "", fault.New(fault.Unavailable, "directory", "no answer")
	})
	rec = httptest.NewRecorder()
	door.ServeHTTP(rec, r)
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("a door that cannot know who it is: status %d", rec.Code)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/api/v1", "/api/v1/apps", "/api/v1/apps/other", "/api/v1/apps/other/turnOn", app + "/", app + "/nothing",
		"/api/v1/openapi.yaml", "/docs", "/schemas/User.json"} {
		w.want(http.StatusNotFound, "GET", path, "")
	}
	rec := w.send("PATCH", app, "")
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "DELETE, GET, HEAD" {
		t.Errorf("status %d, Allow %q", rec.Code, rec.Header().Get("Allow"))
	}
	decode(t, rec)
	w.want(http.StatusNotFound, "GET", app+"/previews/none", "")
	w.want(http.StatusNotFound, "GET", app+"/users/none", "")
	w.want(http.StatusNotFound, "GET", user("nobody@example.com"), "")
	w.want(http.StatusNotFound, "GET", app+"/events?user=nobody@example.com", "")
}

// foreign are words of the framework or of our own packages, which tell an
// administrator nothing.
var foreign = regexp.MustCompile(`expected|invalid|[<>]=|validation|propert|pattern|\b(scim|workspace|admin|mapping|sqlitefile|connect|throttle): `)

// fields are the locations that a problem names.
func fields(t *testing.T, problem object) []string {
	t.Helper()
	var names []string
	list, _ := problem["errors"].([]any)
	for _, e := range list {
		names = append(names, get(t, e, "location").(string))
		if text := get(t, e, "message").(string); text == "" || foreign.MatchString(text) {
			t.Errorf("the message is not for an administrator: %v", e)
		}
	}
	return names
}

func TestInvalidInputIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := configured(t)
	attributes := `{"app":"userName","directory":"primaryEmail"},{"app":"name.givenName","directory":"name.givenName"},` +
		`{"app":"name.familyName","directory":"name.familyName"},{"app":"emails[type eq \"work\"].value","directory":"primaryEmail"}`
	tests := []struct{ call, body, fields string }{
		{"PUT authorization", ``, "body"},
		{"PUT authorization", `{`, "body"},
		{"PUT authorization", `{} {}`, "body"},
		{"PUT authorization", `[]`, "body"},
		{"PUT authorization", `{}`, "body.accessToken"},
		{"PUT authorization", `{"accessToken":""}`, "body.accessToken"},
		{"PUT authorization", `{"accessToken":"wrong"}`, "body.accessToken"},
		{"PUT authorization", `{"accessToken":["` + appToken + `"]}`, "body.accessToken"},
		{"PUT authorization", `{"accessToken":"` + appToken + `","x":1}`, "body.x"},
		{"PUT authorization", `{"AccessToken":"` + appToken + `"}`, "body.AccessToken body.accessToken"},
		{"PUT authorization", `{"eyJhbGciOiJIUzI1NiJ9.` + strings.Repeat("k", 25) + `":1}`, "body.accessToken body.eyJhbGciOiJIUzI1NiJ9"}, // a token in the wrong place
		{"PUT authorization", `{"accessToken":"wrong","accessToken":"` + appToken + `"}`, "body"},
		{"PUT mapping", `{}`, "body.attributes"},
		{"PUT mapping", `{"attributes":null}`, "body.attributes"},
		{"PUT mapping", `{"attributes":[null]}`, "body.attributes[0]"},
		{"PUT mapping", `{"attributes":[]}`, "body.attributes body.attributes body.attributes body.attributes"},
		{"PUT mapping", `{"attributes":[{"app":"userName","directory":"primaryEmail","x":1}]}`, "body.attributes[0].x"},
		{"PUT mapping", `{"attributes":[` + attributes + `,{"app":"title","expression":"user."}]}`, "body.attributes[4].expression"},
		{"PUT mapping", `{"attributes":[` + attributes + `,{"app":"password","directory":"primaryEmail"}]}`, "body.attributes[4].app"},
		{"PUT mapping", `{"attributes":[` + attributes + `],"confirmedPreview":3}`, "body.confirmedPreview"},
		{"PUT scope", `{}`, "body.accessGroups body.domains body.groups body.orgUnits"},
		{"PUT scope", `{"orgUnits":[{"path":"/","on":true}],"accessGroups":[],"domains":[]}`, "body.groups"}, // else the whole company
		{"PUT scope", `{"orgUnits":[{"path":"/","on":true}],"accessGroups":[],"groups":null,"domains":[]}`, "body.groups"},
		{"PUT scope", `{"orgUnits":null,"accessGroups":null,"groups":[],"domains":null}`, "body.accessGroups body.domains body.orgUnits"},
		{"PUT scope", `{"orgUnits":[null],"accessGroups":[null],"groups":[null],"domains":[null]}`, "body.accessGroups[0] body.domains[0] body.groups[0] body.orgUnits[0]"},
		{"PUT scope", `{"orgUnits":[{"path":"/","on":true},{"path":"/Nowhere","on":true}],"accessGroups":[],"groups":["none@example.com"],"domains":["else.example"]}`,
			"body.domains[0] body.groups[0] body.orgUnits[1].path"},
		{"PUT scope", `{"orgUnits":[{"path":"/","on":true}],"accessGroups":[],"groups":[],"domains":[],"orgUnits":[]}`, "body"}, // else nobody
		{"PUT scope", scopeOf(`{"path":"/","on":true,"on":false}`), "body"},
		{"PUT scope", scopeOf(`{"path":"/"}`), "body.orgUnits[0].on"},
		{"PUT scope", scopeOf(`{"path":"/","on":"yes"}`), "body.orgUnits[0].on"},
		{"PUT scope", `{"orgunits":[],"accessGroups":[],"groups":[],"domains":[]}`, "body.orgUnits body.orgunits"},
		{"PUT scope", `{"orgUnits":[],"accessGroups":["none@example.com"],"groups":[],"domains":[]}`, "body.accessGroups[0]"},
		{"PUT deprovisioning", `{"appOff":{},"suspended":{}}`, "body.deleted"},
		{"PUT deprovisioning", `{"appOff":{},"suspended":{},"deleted":null}`, "body.deleted"},
		{"PUT deprovisioning", `{"appOff":{"suspendAfter":"soon"},"suspended":{"deleteAfter":""},"deleted":{"x":"1d"}}`,
			"body.appOff.suspendAfter body.deleted.x body.suspended.deleteAfter"},
		{"PUT deprovisioning", `{"appOff":{"suspendAfter":"366d"},"suspended":{"suspendAfter":"7d","deleteAfter":"7d"},"deleted":{},"archived":{"suspendAfter":"1d","deleteAfter":"within24h"}}`,
			"body.appOff.suspendAfter body.archived.deleteAfter body.suspended.deleteAfter"},
		{"PUT connection", `{"updateMethod":"PATCH","patchStyle":"x","mediaType":"text/plain","pageSize":0,"requestsPerSecond":-1,"concurrency":65}`,
			"body.concurrency body.mediaType body.pageSize body.patchStyle body.requestsPerSecond body.updateMethod"},
		{"PUT connection", `{"baseUrl":"http://app.example.com/"}`, "body.baseUrl"},
		{"PUT connection", `{"hardDelete":"yes"}`, "body.hardDelete"},
		{"PUT connection", `{"pageSize":1e300}`, "body"},
		{"PUT connection", `{"confirmedPreview":"x"}`, "body.confirmedPreview"},
		{"PUT scope", scopeOf(`{"path":null,"on":true}`), "body.orgUnits[0].path"},
		{"PUT protected", `{}`, "body.users"},
		{"PUT protected", `{"users":null}`, "body.users"},
		{"PUT protected", `{"users":[null]}`, "body.users[0]"},
		{"PUT protected", `{"users":["ana@example.com","none@example.com"]}`, "body.users[1]"},
		{"PUT guard", `{}`, "body.maxShare body.minUsers"},
		{"PUT guard", `{"maxShare":1.5,"minUsers":-1}`, "body.maxShare body.minUsers"},
		{"PUT guard", `{"maxShare":0.1,"minUsers":1.5}`, "body.minUsers"},
		{"POST preview", `{"authorization":{}}`, "body.authorization"},
		{"POST preview", `{"connection":{"x":1}}`, "body.connection.x"},
		{"PUT configuration", `{"authorization":{"accessToken":"x"}}`, "body.authorization"},
		{"POST preview", `{"scope":{"orgUnits":[],"groups":null}}`, "body.scope.accessGroups body.scope.domains body.scope.groups"},
		{"PUT configuration", `{"scope":{"orgUnits":[],"groups":null}}`, "body.scope.accessGroups body.scope.domains body.scope.groups"},
		{"POST preview", `{"mapping":{"attributes":[]},"scope":` + scopeOf(`{"path":"/Nowhere","on":true}`) + `,"deprovisioning":{"appOff":{"suspendAfter":"1d","deleteAfter":"1d"},"suspended":{},"deleted":{}},"protected":{"users":["none@example.com"]},"guard":{"maxShare":2,"minUsers":0}}`,
			"body.deprovisioning.appOff.deleteAfter body.guard.maxShare body.mapping.attributes body.mapping.attributes body.mapping.attributes body.mapping.attributes body.protected.users[0] body.scope.orgUnits[0].path"},
		{"POST turnOn", `{"confirmedpreview":"x"}`, "body.confirmedpreview"},
		{"POST turnOn", `{"x":1}`, "body.x"},
		{"POST turnOff", `{"x":1}`, "body.x"},
		{"POST sweep", `{"x":1,"y":2}`, "body.x body.y"},
		{"POST probe", `{"x":1}`, "body.x"},
		{"POST users/ana@example.com/reconcile", `{"x":1}`, "body.x"},
		{"POST sweep", `[]`, "body"},
		{"POST sweep", `x`, "body"},
		{"POST confirmHeld", `{}`, "body.list"},
		{"POST confirmHeld", `{"list":"x","users":[]}`, "body.users"},
		{"POST dismissHeld", `{"list":"x","users":null}`, "body.users"},
		{"POST dismissHeld", `{"list":"x","users":[1]}`, "body.users[0]"},
		{"GET usage?days=31", ``, "query.days"},
		{"GET usage?days=x", ``, "query.days"},
		{"GET pending?pageSize=501", ``, "query.pageSize"},
		{"GET pending?pageSize=0", ``, "query.pageSize"},
		{"GET pending?page=2", ``, "query.page"},
		{"GET pending?pageToken=x", ``, "query.pageToken"},
		{"GET orphans?pageToken=x", ``, "query.pageToken"},
		{"GET attention?pageToken=x", ``, "query.pageToken"},
		{"GET events?pageToken=x", ``, "query.pageToken"},
		{"GET usage?pageToken=x", ``, "query.pageToken"},
		{"GET directory/orgUnits?pageToken=-1", ``, "query.pageToken"},
		{"GET events?outcome=maybe", ``, "query.outcome"},
		{"GET events?name=create", ``, "query.name"},
		{"GET events?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", ``, "query.to"},
		{"GET events?from=yesterday", ``, "query.from"},
		{"GET events?format=xml", ``, "query.format"},
	}
	before := w.want(http.StatusOK, "GET", app, "")["revision"]
	for _, test := range tests {
		method, path, _ := strings.Cut(test.call, " ")
		problem := w.want(http.StatusUnprocessableEntity, method, app+"/"+path, test.body)
		if got := strings.Join(fields(t, problem), " "); got != test.fields {
			t.Errorf("%s %s: fields %q, want %q\n%v", test.call, test.body, got, test.fields, problem)
		}
	}
	if after := w.want(http.StatusOK, "GET", app, "")["revision"]; after != before {
		t.Errorf("a refused request changed the revision from %v to %v", before, after)
	}
}

// TestWordsOfRefusals: each says what to write instead.
func TestWordsOfRefusals(t *testing.T) {
	t.Parallel()
	w := configured(t)
	const frame = "write within24h, a number of days from 1d to 365d, or leave it out for never"
	for _, test := range []struct{ call, body, detail string }{
		{"GET usage?days=0", ``, "query.days: write a number of 1 or more"},
		{"GET usage?days=31", ``, "query.days: write a number of 30 or less"},
		{"GET usage?days=x", ``, "query.days: write a whole number"},
		{"GET events?outcome=maybe", ``, "query.outcome: write one of: done, failed, refused"},
		{"GET events?colour=red", ``, "query.colour: is not a parameter here"},
		{"PUT guard", `{"maxShare":"x","minUsers":1}`, "body.maxShare: write a number"},
		{"PUT guard", `{"maxShare":0,"minUsers":1.5}`, "body.minUsers: write a whole number"},
		{"PUT connection", `{"hardDelete":"yes"}`, "body.hardDelete: write true or false"},
		{"PUT protected", `{"users":"ana@example.com"}`, "body.users: write a list, in square brackets"},
		{"PUT protected", `{"users":[1]}`, "body.users[0]: write a text, in quotes"},
		{"PUT deprovisioning", `{"appOff":[],"suspended":{},"deleted":{}}`, "body.appOff: write an object, in braces"},
		{"PUT deprovisioning", `{"appOff":{"suspendAfter":"0d"},"suspended":{},"deleted":{}}`, "body.appOff.suspendAfter: " + frame},
		{"PUT deprovisioning", `{"appOff":{"suspendAfter":"366d"},"suspended":{},"deleted":{}}`, "body.appOff.suspendAfter: " + frame},
		{"POST dismissHeld", `{"list":"x","users":[]}`, "body.users: name at least one person, or leave the field out for everybody on the list"},
	} {
		method, path, _ := strings.Cut(test.call, " ")
		if got := w.want(http.StatusUnprocessableEntity, method, app+"/"+path, test.body)["detail"]; got != test.detail {
			t.Errorf("%s %s: %q, want %q", test.call, test.body, got, test.detail)
		}
	}
	problem := w.want(http.StatusUnprocessableEntity, "PUT", app+"/mapping", `{"attributes":[{"app":"nope","directory":"primaryEmail"},{"app":"a b","directory":"primaryEmail"}]}`)
	fields(t, problem)
}

// TestWordsOfFailures: others' failures are told without the names of our own
// parts, and say whose they are.
func TestWordsOfFailures(t *testing.T) {
	t.Parallel()
	w := configured(t)
	for _, test := range []struct {
		faults             simcomeet.Faults
		call, body, detail string
		status             int
	}{
		{simcomeet.Faults{HTML404: true}, "POST probe", ``, "asking the app: status 404 that is no SCIM answer; the base URL may be wrong: try again in a while", 503},
		{simcomeet.Faults{Forbid: true}, "PUT protected", `{"users":["no@example.com"]}`,
			"asking the app: status 403: not permitted: the app or the directory does not permit this to the credentials it was given", 409},
		{simcomeet.Faults{RefuseToken: true}, "POST probe", ``,
			"asking the app: status 401: the access token is not valid: renew the credentials of the app (reauthorize) or of the directory", 409},
		// Last, since the next call would wait.
		{simcomeet.Faults{ThrottleNext: 1, RetryAfter: "7"}, "POST probe", ``, "asking the app: status 429: simulated: try again in a while", 503},
	} {
		w.comeet.SetFaults(test.faults)
		method, path, _ := strings.Cut(test.call, " ")
		if got := w.want(test.status, method, app+"/"+path, test.body)["detail"]; got != test.detail {
			t.Errorf("%s: %q, want %q", test.call, got, test.detail)
		}
	}
}

func TestBodiesOfTheWrongSizeOrType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(http.StatusRequestEntityTooLarge, "PUT", app+"/authorization", `{"accessToken":"`+strings.Repeat("x", 1<<20)+`"}`)
	r := httptest.NewRequestWithContext(t.Context(), "PUT", app+"/guard", strings.NewReader(`maxShare=1`))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := w.serve(r)
	if rec.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a form: status %d", rec.Code)
	}
	decode(t, rec)
}

func TestNotNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, call := range []string{"POST /turnOn", "POST /sweep", "POST /probe", "POST /preview"} {
		method, path, _ := strings.Cut(call, " ")
		w.want(http.StatusConflict, method, app+path, "")
	}
	w.want(http.StatusConflict, "POST", app+"/confirmHeld", `{"list":"held-old"}`)
	w.want(http.StatusConflict, "POST", app+"/turnOn", `{"confirmedPreview":"none"}`)
	w.want(http.StatusOK, "PUT", app+"/authorization", `{"accessToken":"`+appToken+`"}`)
	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	problem := w.want(http.StatusConflict, "POST", app+"/probe", "")
	if !strings.Contains(problem["detail"].(string), "reauthorize") {
		t.Errorf("detail %q", problem["detail"])
	}
}

func TestOthersWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := configured(t)
	w.comeet.SetFaults(simcomeet.Faults{ThrottleNext: 1, RetryAfter: "7"})
	rec := w.send("POST", app+"/probe", "")
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") != "7" {
		t.Errorf("throttled: status %d, Retry-After %q\n%s", rec.Code, rec.Header().Get("Retry-After"), rec.Body)
	}
	w.comeet.SetFaults(simcomeet.Faults{})
	w.directory.SetFaults(simworkspace.Faults{NoUsersKey: 1000})
	rec = w.send("PUT", app+"/scope", scopeEverybody)
	wait, err := strconv.Atoi(rec.Header().Get("Retry-After"))
	if rec.Code != http.StatusServiceUnavailable || err != nil || wait < 1 {
		t.Errorf("half a directory: status %d, Retry-After %q\n%s", rec.Code, rec.Header().Get("Retry-After"), rec.Body)
	}
	if got := decode(t, rec)["detail"]; got != "reading the users: the page has no users key: try again in a while" {
		t.Errorf("half a directory: %q", got)
	}
}

// broken is a store that fails as nobody planned for, or panics.
type broken struct {
	state.Store
	panics bool
}

func (b broken) Configuration(context.Context) (provision.Configuration, error) {
	if b.panics {
		panic("secret-thing")
	}
	return provision.Configuration{}, errors.New("secret-thing")
}

func TestErrorsOfTheProgramAreLoggedOnceAndTellNothing(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		var log bytes.Buffer
		service := admin.New(admin.Ports{Profile: comeet.Profile(), Store: broken{panics: panics},
			NewID: func() string { return "request-1" }, Log: slog.New(slog.NewTextHandler(&log, nil))})
		r := httptest.NewRequestWithContext(t.Context(), "GET", app, nil)
		r.Header.Set("Authorization", "Bearer "+adminToken)
		rec := httptest.NewRecorder()
		api.New(service, secrets.NewValue(adminToken)).ServeHTTP(rec, r)
		got := decode(t, rec)
		if rec.Code != http.StatusInternalServerError || got["requestId"] != "request-1" || strings.Contains(rec.Body.String(), "secret-thing") {
			t.Errorf("panics %v: status %d\n%s", panics, rec.Code, rec.Body)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "request=request-1") ||
			strings.Contains(log.String(), "secret-thing") == panics {
			t.Errorf("panics %v: log\n%s", panics, log.String())
		}
	}
}

// deadlines remembers the read deadlines that a handler sets.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestNoDeadlineForTheBodyEndsALongRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), "PUT", app+"/guard", strings.NewReader(`{"maxShare":0.1,"minUsers":5}`))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	rec := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	w.handler.ServeHTTP(rec, r)
	for _, at := range rec.set {
		if !at.IsZero() {
			t.Errorf("a read deadline stays on the connection: %v", at)
		}
	}
	if rec.Code != http.StatusOK {
		t.Error(cmp.Diff("", rec.Body.String()))
	}
}
