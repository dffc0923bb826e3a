package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"example.com/autoprovision/infra/simtokens"
)

type object = map[string]any

// call sends JSON and returns the status and the decoded answer.
func (w *world) call(method, url, token string, body any) (int, object) {
	w.t.Helper()
	var in bytes.Buffer
	if body != nil {
		w.must(json.NewEncoder(&in).Encode(body))
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, url, &in)
	w.must(err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(answer.Body)
	w.must(err)
	var out object
	_ = json.Unmarshal(data, &out) // what is no JSON is told by its status
	return answer.StatusCode, out
}

// openConsole gives the console an address without a path, as it must have.
func (w *world) openConsole() (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.front.pass(out, r, prefix+"console", r.URL.Path)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// administrator is the token of the super administrator for the console.
func (w *world) administrator() string {
	id, ok := w.workspace.UserID(adminAddress)
	if !ok {
		w.t.Fatal("there is no administrator")
	}
	return w.issuer.Token(simtokens.Account(adminAddress, clientID).With("sub", id).With("hd", "example.com"))
}

// api calls the console's API as the administrator and expects a status.
func (w *world) api(method, path string, body any, want int) object {
	w.t.Helper()
	status, out := w.call(method, w.console+"/api/v1/apps/comeet"+path, w.administrator(), body)
	if status != want {
		w.t.Fatalf("%s %s: %d, want %d: %v", method, path, status, want, out)
	}
	return out
}

// dir changes the directory.
func (w *world) dir(method, path string, body any) object {
	w.t.Helper()
	status, out := w.call(method, w.directory+"/admin/directory/v1"+path, "", body)
	if status >= 300 {
		w.t.Fatalf("directory %s %s: %d %v", method, path, status, out)
	}
	return out
}

// push sends a notification as the directory does, or as somebody who would like
// to be taken for it.
func (w *world) push(channel, token string) (status int) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "POST", w.front.url(prefix+"directory-push"), strings.NewReader(`{"id":"1"}`))
	w.must(err)
	r.Header.Set("X-Goog-Channel-ID", channel)
	r.Header.Set("X-Goog-Channel-Token", token)
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	w.must(answer.Body.Close())
	return answer.StatusCode
}

// schedule asks a function as Cloud Scheduler does, which asks again where it was
// not answered with a success.
func (w *world) schedule(name string) {
	w.t.Helper()
	url := w.front.url(prefix + name)
	var status int
	for range 4 {
		token := w.issuer.Token(simtokens.Account(accounts["SCHEDULER_ACCOUNT"], url))
		if status, _ = w.call("POST", url, token, object{}); status == http.StatusNoContent {
			return
		}
	}
	w.t.Fatalf("%s: the scheduler was answered %d", name, status)
}

// sweep asks for a sweep and waits until it is done. It looks at the log, since
// to ask the console would be counted too.
func (w *world) sweep() {
	w.t.Helper()
	done, failed := w.said("sweep done"), w.said("sweep failed")
	w.schedule("sweep")
	w.idle()
	w.swept(done, failed)
}

// swept sees that all is idle after a sweep was done, and none failed.
func (w *world) swept(done, failed int) {
	w.t.Helper()
	until(w.t, "a sweep is done", func() bool { return w.said("sweep done") > done || w.said("sweep failed") > failed })
	if w.said("sweep failed") > failed {
		w.t.Fatal("a sweep failed")
	}
}

// said counts the lines of the log with a message.
func (w *world) said(message string) int {
	return strings.Count(w.log.String(), `"message":"`+message+`"`)
}

// account is the account of a person in the app: active, suspended or none.
func (w *world) account(id string) string {
	w.t.Helper()
	state := "none"
	for _, a := range w.app.Accounts() {
		if a.ExternalID != id {
			continue
		}
		if state != "none" {
			w.t.Fatalf("%s has two accounts", id)
		}
		if state = "suspended"; a.Active {
			state = "active"
		}
	}
	return state
}

// becomes waits until a person's account is in a state, and logs how long that took.
func (w *world) becomes(what, id, state string) {
	w.t.Helper()
	took := until(w.t, what+": "+state, func() bool { return w.account(id) == state })
	w.t.Logf("%s: %s after %v", what, state, took.Round(time.Millisecond))
}

// hire makes a person in the directory and returns their id.
func (w *world) hire(name, unit string) string {
	w.t.Helper()
	made := w.dir("POST", "/users", object{"primaryEmail": name + "@example.com", "orgUnitPath": unit,
		"name": object{"givenName": name, "familyName": "Example"}, "password": "irrelevant"})
	return fmt.Sprint(made["id"])
}

// events are how many events of a name a person has of what was done, once all
// that is under way has ended: an event is stored after its operation.
func (w *world) events(id, name string) (done int) {
	w.t.Helper()
	w.idle()
	for _, item := range w.api("GET", "/events?pageSize=500&user="+id, nil, 200)["items"].([]any) {
		if e := item.(object); e["name"] == name && e["outcome"] == "done" {
			done++
		}
	}
	return done
}
