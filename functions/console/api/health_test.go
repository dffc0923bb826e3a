package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.want(http.StatusOK, "GET", app+"/health", "")
	if get(t, got, "push.state") != "off" || get(t, got, "audit.state") != "silent" || get(t, got, "audit.lastAt") != nil ||
		get(t, got, "sweep.state") != "off" || got["work"] != nil {
		t.Errorf("at first: %v", got)
	}
	w = on(t)
	w.until(app+"/health", func(h object) bool { return get(t, h, "sweep.state") == "alive" })
	check(t, w.system.Audit.Receive(t.Context(), []byte(`{"logName":"l","timestamp":"2026-11-02T08:00:00Z","insertId":"1",
		"protoPayload":{"serviceName":"admin.googleapis.com","methodName":"google.admin.AdminService.toggleServiceEnabled","metadata":{"event":[
		{"eventName":"TOGGLE_SERVICE_ENABLED","parameter":[{"name":"SERVICE_NAME","value":"Comeet"},{"name":"ORG_UNIT_NAME","value":"Sales"},{"name":"NEW_VALUE","value":"false"}]}]}}}`)))
	got = w.want(http.StatusOK, "GET", app+"/health", "")
	if get(t, got, "audit.state") != "alive" || get(t, got, "audit.lastAt") == nil || get(t, got, "sweep.lastAt") == nil {
		t.Errorf("after a message: %v", got)
	}

	// What the message asked to review needs a person until the scope is edited, or
	// confirmed as it is; what applies the same file over and over is no person.
	reviews := func() (n int) {
		for _, item := range w.want(http.StatusOK, "GET", app+"/attention", "")["items"].([]any) {
			if why, _ := item.(object)["why"].(string); strings.Contains(why, "Comeet was turned off for the org unit Sales") {
				n++
			}
		}
		return n
	}
	if n := reviews(); n != 1 {
		t.Errorf("%d reviews, want 1", n)
	}
	w.want(http.StatusOK, "PUT", app+"/scope", scopeEverybody)
	if n := reviews(); n != 1 {
		t.Errorf("%d reviews after the same scope was sent again, want 1", n)
	}
	id := w.want(http.StatusOK, "POST", app+"/preview", `{"scope":`+scopeEverybody+`}`)["id"].(string)
	w.until(app+"/previews/"+id, func(p object) bool { return p["state"] == "done" })
	w.want(http.StatusOK, "PUT", app+"/scope", strings.TrimSuffix(scopeEverybody, "}")+`,"confirmedPreview":"`+id+`"}`)
	if n := reviews(); n != 0 {
		t.Errorf("%d reviews after the scope was confirmed, want none", n)
	}
}
