package cloud

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"example.com/autoprovision/infra/simtokens"
)

// startAudit sends the directory's audit log the way that it takes in a
// deployment: by the log sink into the topic, and by the topic's push
// subscription to the function. The emulator signs nothing, whatever its
// subscription says, so what it pushes passes a relay that signs as the
// subscription's account.
func (w *world) startAudit(emulator string) {
	w.t.Helper()
	root := "http://" + emulator + "/v1/projects/" + project
	create := func(path string, body any) {
		w.t.Helper()
		if status, out := w.call("PUT", root+path, "", body); status != http.StatusOK {
			w.t.Fatalf("Pub/Sub: %s: %d %v", path, status, out)
		}
	}
	audience := w.front.url(prefix + "audit-event")
	relay := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+w.issuer.Token(simtokens.Account(accounts["PUBSUB_ACCOUNT"], audience)))
		w.front.pass(out, r, prefix+"audit-event", "/")
	}))
	w.t.Cleanup(relay.Close)
	create("/topics/autoprovision-audit", object{})
	create("/subscriptions/autoprovision-audit", object{"topic": "projects/" + project + "/topics/autoprovision-audit", "ackDeadlineSeconds": 60,
		"retryPolicy": object{"minimumBackoff": "0.1s", "maximumBackoff": "1s"},
		"pushConfig":  object{"pushEndpoint": relay.URL, "oidcToken": object{"serviceAccountEmail": accounts["PUBSUB_ACCOUNT"], "audience": audience}}})
	sink := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		var pushed struct {
			Message struct {
				Data []byte `json:"data"`
			} `json:"message"`
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &pushed)
		}
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		message, err := json.Marshal(object{"messages": []object{{"data": pushed.Message.Data}}})
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := http.Post(root+"/topics/autoprovision-audit:publish", "application/json", strings.NewReader(string(message)))
		if err != nil {
			http.Error(out, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_ = answer.Body.Close()
		out.WriteHeader(answer.StatusCode)
	}))
	w.t.Cleanup(sink.Close)
	w.workspace.SendAudit(sink.URL)
	w.t.Cleanup(func() { w.workspace.SendAudit("") }) // before the sink closes
}
