package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
)

// TestConfigurationAsADocument: what one instance exports, another takes whole,
// with the same preview before; and nothing of it when a part is wrong.
func TestConfigurationAsADocument(t *testing.T) {
	t.Parallel()
	one := on(t)
	one.want(http.StatusOK, "PUT", app+"/protected", `{"users":["ben@example.com"]}`)
	one.want(http.StatusOK, "PUT", app+"/connection", `{"pageSize":7}`)
	document := one.want(http.StatusOK, "GET", app+"/configuration", "")
	if diff := cmp.Diff(document, get(t, one.want(http.StatusOK, "GET", app, ""), "configuration")); diff != "" {
		t.Errorf("(-document +status):\n%s", diff)
	}

	other := newWorld(t)
	unset := other.want(http.StatusOK, "GET", app+"/configuration", "")
	if unset["scope"] != nil || unset["deprovisioning"] != nil || unset["mapping"] == nil {
		t.Errorf("before anything is set: %v", unset)
	}
	before := other.want(http.StatusOK, "GET", app, "")
	other.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, unset)) // what is read can be put
	if after := other.want(http.StatusOK, "GET", app, ""); after["revision"] != before["revision"] {
		t.Errorf("revision %v after %v", after["revision"], before["revision"])
	}
	connection := document["connection"].(object)
	connection["baseUrl"] = get(t, unset, "connection.baseUrl")
	other.want(http.StatusOK, "PUT", app+"/authorization", `{"accessToken":"`+appToken+`"}`)
	other.want(http.StatusOK, "POST", app+"/preview", marshal(t, document))
	other.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, document))
	if diff := cmp.Diff(document, other.want(http.StatusOK, "GET", app+"/configuration", "")); diff != "" {
		t.Errorf("what was applied (-sent +stored):\n%s", diff)
	}

	before = other.want(http.StatusOK, "GET", app, "")
	document["guard"] = object{"maxShare": 0.5, "minUsers": 1.0}
	document["scope"] = object{"orgUnits": []any{}, "accessGroups": []any{}, "groups": []any{"nobody@example.com"}, "domains": []any{}}
	connection["pageSize"] = 0
	for _, call := range []string{"PUT " + app + "/configuration", "POST " + app + "/preview"} {
		method, path, _ := strings.Cut(call, " ")
		problem := other.want(http.StatusUnprocessableEntity, method, path, marshal(t, document))
		if diff := cmp.Diff([]string{"body.connection.pageSize", "body.scope.groups[0]"}, fields(t, problem)); diff != "" {
			t.Errorf("%s: fields at fault (-want +got):\n%s", call, diff)
		}
	}
	after := other.want(http.StatusOK, "GET", app, "")
	if diff := cmp.Diff(before["configuration"], after["configuration"]); diff != "" || before["revision"] != after["revision"] {
		t.Errorf("a refused document changed something: %s", diff)
	}
}

// TestADocumentIsWhole: what is taken out of the file is refused by name, since
// it would stay as it is; but for what was never set.
func TestADocumentIsWhole(t *testing.T) {
	t.Parallel()
	refused := func(w *world, body string, want ...string) {
		t.Helper()
		problem := w.want(http.StatusUnprocessableEntity, "PUT", app+"/configuration", body)
		if diff := cmp.Diff(want, fields(t, problem)); diff != "" {
			t.Errorf("%s: fields at fault (-want +got):\n%s", body, diff)
		}
	}
	always := []string{"body.connection", "body.guard", "body.mapping", "body.protected"}
	w := newWorld(t)
	refused(w, `{}`, always...)
	unset := w.want(http.StatusOK, "GET", app+"/configuration", "")
	delete(unset, "scope")
	delete(unset, "deprovisioning")
	w.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, unset))

	w.configure()
	refused(w, `{}`, "body.connection", "body.deprovisioning", "body.guard", "body.mapping", "body.protected", "body.scope")
	document := w.want(http.StatusOK, "GET", app+"/configuration", "")
	for section, was := range document {
		document[section] = nil
		refused(w, marshal(t, document), "body."+section)
		delete(document, section)
		refused(w, marshal(t, document), "body."+section)
		document[section] = was
	}
	w.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, document))
}

// TestDocumentIsConfirmed: the preview of a document releases whom it named,
// when exactly that document is put, the connection too.
func TestDocumentIsConfirmed(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.want(http.StatusOK, "PUT", app+"/guard", `{"maxShare":0,"minUsers":0}`)
	document := w.want(http.StatusOK, "GET", app+"/configuration", "")
	connection := document["connection"].(object)
	url := connection["baseUrl"]
	connection["baseUrl"] = "https://another.example.com/scim/v2"
	w.want(http.StatusConflict, "POST", app+"/preview", marshal(t, document)) // another app, while on
	connection["baseUrl"], connection["hardDelete"] = url, false
	document["scope"] = unmarshal(t, scopeOf(`{"path":"/Eng","on":true}`))
	document["deprovisioning"] = unmarshal(t, `{"appOff":{"suspendAfter":"within24h"},"suspended":{},"deleted":{}}`)
	id := w.want(http.StatusOK, "POST", app+"/preview", marshal(t, document))["id"].(string)
	w.until(app+"/previews/"+id, func(p object) bool { return p["state"] == "done" })
	w.want(http.StatusConflict, "PUT", app+"/scope", strings.TrimSuffix(scopeOf(`{"path":"/Eng","on":true}`), "}")+`,"confirmedPreview":"`+id+`"}`)
	document["confirmedPreview"] = id
	connection["pageSize"] = 9
	w.want(http.StatusConflict, "PUT", app+"/configuration", marshal(t, document))
	connection["pageSize"] = 100
	w.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, document))
	w.until(app+"/users/cleo@example.com", func(u object) bool { return get(t, u, "account.state") == "suspended" })
	if held := w.want(http.StatusOK, "GET", app, "")["held"]; held != nil {
		t.Errorf("held %v", held)
	}
}

// TestTheSameAgainChangesNothing: whoever applies the configuration from a file
// again and again makes no revision, no event and no sweep, and brings no refused
// operation forward, neither by the whole nor by a section (R2, R19).
func TestTheSameAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.want(http.StatusOK, "PUT", app+"/protected", `{"users":["ben@example.com"]}`)
	w.want(http.StatusOK, "PUT", app+"/connection", `{"pageSize":7,"requestsPerSecond":0}`)
	w.comeet.SetFaults(simcomeet.Faults{RefuseSuspend: []string{"*"}})
	w.want(http.StatusOK, "PUT", app+"/scope", scopeOf(`{"path":"/Eng","on":true}`))
	log := func() object { return w.want(http.StatusOK, "GET", app+"/events?pageSize=500", "") }
	w.until(app+"/events?outcome=refused", func(l object) bool { return len(l["items"].([]any)) == 1 })
	w.until(app, func(s object) bool { return get(t, s, "sweep.state") == "done" && get(t, s, "sweep.cause") == "edit" })
	w.swept()

	document := w.want(http.StatusOK, "GET", app+"/configuration", "")
	before, events := w.want(http.StatusOK, "GET", app, ""), log()
	w.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, document))
	for section, body := range document {
		w.want(http.StatusOK, "PUT", app+"/"+section, marshal(t, body))
	}
	w.want(http.StatusOK, "PUT", app+"/configuration", marshal(t, document))
	after := w.want(http.StatusOK, "GET", app, "")
	delete(before, "now")
	delete(after, "now")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("status (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(events, log()); diff != "" {
		t.Errorf("events (-before +after):\n%s", diff)
	}
	w.want(http.StatusAccepted, "POST", app+"/sweep", "") // nothing was put off to it either
	w.until(app, func(s object) bool { return get(t, s, "sweep.state") == "done" && get(t, s, "sweep.cause") == "button" })
	if diff := cmp.Diff(events, log()); diff != "" {
		t.Errorf("events after another sweep (-before +after):\n%s", diff)
	}
}
