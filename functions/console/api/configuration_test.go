package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
)

func TestStatusBeforeAnythingIsSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.want(http.StatusOK, "GET", app, "")
	delete(s, "now")
	get(t, s, "configuration.connection").(object)["baseUrl"] = "the base URL"
	want := object{
		"status": "notConfigured", "revision": 0.0, "held": nil, "sweep": nil,
		"authorization": object{"state": "none", "verifiedAt": nil},
		"configuration": object{
			"connection": object{"baseUrl": "the base URL", "updateMethod": "auto", "patchStyle": "path", "mediaType": "application/scim+json",
				"pageSize": 100.0, "requestsPerSecond": 0.0, "concurrency": 4.0, "hardDelete": true},
			"mapping": object{"attributes": []any{
				object{"app": "userName", "directory": "primaryEmail"}, object{"app": "name.givenName", "directory": "name.givenName"},
				object{"app": "name.familyName", "directory": "name.familyName"}, object{"app": `emails[type eq "work"].value`, "directory": "primaryEmail"}}},
			"scope": nil, "deprovisioning": nil, "protected": object{"users": []any{}},
			"guard": object{"maxShare": 0.1, "minUsers": 5.0},
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestASectionComesBackAsItWasPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attributes := `{"app":"userName","directory":"primaryEmail"},{"app":"name.givenName","directory":"name.givenName"},` +
		`{"app":"name.familyName","directory":"name.familyName"},{"app":"emails[type eq \"work\"].value","directory":"primaryEmail"}`
	for section, body := range map[string]string{
		"mapping":        `{"attributes":[` + attributes + `,{"app":"title","expression":"user.name.givenName + \"!\""}]}`,
		"scope":          `{"orgUnits":[{"path":"/","on":true},{"path":"/Sales","on":false}],"accessGroups":["everybody@example.com"],"groups":["eng@example.com"],"domains":["other.example"]}`,
		"deprovisioning": `{"appOff":{"suspendAfter":"within24h","deleteAfter":"365d"},"suspended":{"suspendAfter":"1d"},"deleted":{},"archived":{"deleteAfter":"21d"}}`,
		"protected":      `{"users":["ana@example.com"]}`,
		"guard":          `{"maxShare":0.25,"minUsers":0}`,
	} {
		got := get(t, w.want(http.StatusOK, "PUT", app+"/"+section, body), "configuration."+section)
		again := w.want(http.StatusOK, "PUT", app+"/"+section, marshal(t, got)) // what is read can be put
		if diff := cmp.Diff(unmarshal(t, body), get(t, again, "configuration."+section)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section, diff)
		}
	}
	w.want(http.StatusOK, "PUT", app+"/scope", scopeOf(`{"path":"/Eng","on":true}`))
	got := get(t, w.want(http.StatusOK, "GET", app, ""), "configuration.scope")
	want := object{"orgUnits": []any{object{"path": "/Eng", "on": true}}, "accessGroups": []any{}, "groups": []any{}, "domains": []any{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the whole section is replaced (-want +got):\n%s", diff)
	}
}

func TestConnectionIsReplacedOverTheDefaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := get(t, w.want(http.StatusOK, "GET", app, ""), "configuration.connection").(object)
	first := get(t, w.want(http.StatusOK, "PUT", app+"/connection", `{"requestsPerSecond":9.5,"hardDelete":false,"pageSize":7}`), "configuration.connection").(object)
	if first["requestsPerSecond"] != 9.5 || first["hardDelete"] != false || first["pageSize"] != 7.0 || first["baseUrl"] != before["baseUrl"] {
		t.Errorf("connection %v", first)
	}
	second := get(t, w.want(http.StatusOK, "PUT", app+"/connection", `{"concurrency":2,"requestsPerSecond":0}`), "configuration.connection").(object)
	before["concurrency"] = 2.0
	if diff := cmp.Diff(before, second); diff != "" {
		t.Errorf("what is absent is as at the beginning (-want +got):\n%s", diff)
	}
}

func TestFromSetUpToDelete(t *testing.T) {
	t.Parallel()
	w := configured(t)
	is := func(s object, want string) {
		t.Helper()
		if s["status"] != want {
			t.Errorf("status %v, want %s", s["status"], want)
		}
	}
	is(w.want(http.StatusOK, "GET", app, ""), "off")
	w.want(http.StatusConflict, "POST", app+"/sweep", "")
	is(w.want(http.StatusOK, "POST", app+"/turnOn", "{}"), "on")
	s := w.swept()
	if n := len(w.comeet.Accounts()); n != 3 {
		t.Errorf("%d accounts after the first sweep", n)
	}
	sweep := s["sweep"].(object)
	if sweep["listed"] != 4.0 || sweep["looked"] != sweep["toLook"] || sweep["reason"] != nil || sweep["finishedAt"] == nil || sweep["id"] == "" {
		t.Errorf("sweep %v", sweep)
	}
	is(w.want(http.StatusAccepted, "POST", app+"/sweep", ""), "on")
	w.until(app, func(s object) bool {
		now := s["sweep"].(object)
		return now["id"] != sweep["id"] && now["state"] == "done"
	})

	w.comeet.SetFaults(simcomeet.Faults{RefuseToken: true})
	w.want(http.StatusAccepted, "POST", app+"/sweep", "")
	w.until(app, func(s object) bool { return s["status"] == "needsReauthorization" })
	w.want(http.StatusConflict, "POST", app+"/sweep", "")
	w.comeet.SetFaults(simcomeet.Faults{})
	is(w.want(http.StatusOK, "PUT", app+"/authorization", `{"accessToken":" `+appToken+` "}`), "on")

	is(w.want(http.StatusOK, "POST", app+"/turnOff", ""), "off")
	s = w.want(http.StatusOK, "DELETE", app, "")
	is(s, "notConfigured")
	if get(t, s, "configuration.scope") != nil || get(t, s, "authorization.state") != "none" {
		t.Errorf("after the delete: %v", s)
	}
	if n := len(w.comeet.Accounts()); n != 3 {
		t.Errorf("%d accounts after the configuration was deleted", n)
	}
}

func TestPreviewAndItsConfirmation(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.want(http.StatusOK, "PUT", app+"/guard", `{"maxShare":0,"minUsers":0}`) // everything is held unless confirmed
	for range 3 {
		_, err := w.comeet.Add(object{"userName": "stranger" + string(rune('a'+len(w.comeet.Accounts())))})
		check(t, err)
	}
	narrow := scopeOf(`{"path":"/Eng","on":true}`)
	p := w.want(http.StatusOK, "POST", app+"/preview", `{"scope":`+narrow+`}`)
	id := p["id"].(string)
	p = w.until(app+"/previews/"+id, func(p object) bool { return p["state"] == "done" })
	if diff := cmp.Diff(object{"suspend": 1.0, "hardDelete": 1.0}, p["counts"]); diff != "" || p["reason"] != nil || p["listed"] != 4.0 || len(p["orphans"].([]any)) != 3 {
		t.Errorf("preview %v", p)
	}
	row := get(t, p, "operations.0").(object)
	if row["email"] != "cleo@example.com" || row["operation"] != "suspend" || row["condition"] != "appOff" || row["why"] == "" || row["dueAt"] == nil {
		t.Errorf("operation %v", row)
	}
	if diff := cmp.Diff([]string{"2 2", "0 1"}, previewPages(w, id)); diff != "" {
		t.Errorf("operations and orphans a page (-want +got):\n%s", diff)
	}

	confirm := `,"confirmedPreview":"` + id + `"}`
	w.want(http.StatusConflict, "POST", app+"/turnOn", `{"confirmedPreview":"`+id+`"}`)
	w.want(http.StatusConflict, "PUT", app+"/scope", strings.TrimSuffix(scopeEverybody, "}")+confirm)
	w.want(http.StatusConflict, "PUT", app+"/deprovisioning", strings.TrimSuffix(weekThenDelete, "}")+confirm)
	w.want(http.StatusOK, "PUT", app+"/scope", strings.TrimSuffix(narrow, "}")+confirm)
	w.until(user("cleo@example.com"), func(u object) bool { return get(t, u, "account.state") == "suspended" })
	w.want(http.StatusConflict, "PUT", app+"/scope", strings.TrimSuffix(narrow, "}")+confirm) // the revision moved
}

// previewPages reads a preview in pages of two, and says how many operations and orphans each held.
func previewPages(w *world, id string) []string {
	w.t.Helper()
	var pages []string
	for token := ""; ; {
		p := w.want(http.StatusOK, "GET", app+"/previews/"+id+"?pageSize=2&pageToken="+token, "")
		count := func(list string) string { return string(rune('0' + len(p[list].([]any)))) }
		pages = append(pages, count("operations")+" "+count("orphans"))
		next, more := p["nextPageToken"].(string)
		if !more {
			w.want(http.StatusUnprocessableEntity, "GET", app+"/previews/"+id+"?pageToken=x", "")
			return pages
		}
		token = next
	}
}

func TestHeldOperationsWaitForADecision(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.want(http.StatusOK, "PUT", app+"/guard", `{"maxShare":0,"minUsers":0}`)
	w.want(http.StatusOK, "PUT", app+"/scope", scopeOf())
	s := w.until(app, func(s object) bool { h, ok := s["held"].(object); return ok && h["people"] == 3.0 })
	w.swept()
	list := get(t, s, "held.list").(string)
	if s["status"] != "held" || get(t, s, "held.since") == nil {
		t.Errorf("status %v", s)
	}
	ana := w.want(http.StatusOK, "GET", user("ana@example.com"), "")
	if get(t, ana, "next.heldBy") != "guard" || get(t, ana, "next.operation") != "suspend" {
		t.Errorf("ana %v", ana)
	}
	attention := w.want(http.StatusOK, "GET", app+"/attention", "")
	if get(t, attention, "items.0.kind") != "held" || len(get(t, attention, "items.0.userIds").([]any)) != 3 {
		t.Errorf("attention %v", attention)
	}
	body := func(users string) string { return `{"list":"` + list + `"` + users + `}` }
	w.want(http.StatusConflict, "POST", app+"/confirmHeld", `{"list":"held-other"}`)
	w.want(http.StatusUnprocessableEntity, "POST", app+"/confirmHeld", body(`,"users":[]`))
	w.want(http.StatusUnprocessableEntity, "POST", app+"/confirmHeld", body(`,"users":null`))
	w.want(http.StatusUnprocessableEntity, "POST", app+"/confirmHeld", body(`,"users":["nobody"]`))
	if n := get(t, w.want(http.StatusOK, "GET", app, ""), "held.people"); n != 3.0 {
		t.Errorf("%v people held after refused decisions", n)
	}
	w.want(http.StatusOK, "POST", app+"/dismissHeld", body(`,"users":["`+ana["id"].(string)+`"]`))
	w.want(http.StatusConflict, "POST", app+"/confirmHeld", body("")) // the list is another now
	list = get(t, w.want(http.StatusOK, "GET", app, ""), "held.list").(string)
	w.want(http.StatusOK, "POST", app+"/confirmHeld", body(""))
	for _, email := range []string{"ben@example.com", "cleo@example.com"} {
		w.until(user(email), func(u object) bool { return get(t, u, "account.state") == "suspended" })
	}
	if state := get(t, w.want(http.StatusOK, "GET", user("ana@example.com"), ""), "account.state"); state != "active" {
		t.Errorf("the dismissed one is %v", state)
	}
}
