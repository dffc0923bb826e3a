package cloud

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"example.com/autoprovision/infra/simtokens"
)

// auditLog takes the directory's audit log the way that it takes in a deployment:
// by the log sink into the topic, and by the topic's push subscription to the
// function. It knows which messages the function has not taken yet.
type auditLog struct {
	*world
	root string // of Pub/Sub's API

	mu               sync.Mutex
	published, taken map[string]bool
}

// startAudit starts it. Pub/Sub's emulator signs nothing, whatever its
// subscription says, so what it pushes passes a relay that signs as the
// subscription's account.
func (w *world) startAudit(emulator string) {
	w.t.Helper()
	a := &auditLog{world: w, root: "http://" + emulator + "/v1/projects/" + project, published: map[string]bool{}, taken: map[string]bool{}}
	w.audit = a
	relay, sink := httptest.NewServer(http.HandlerFunc(a.relay)), httptest.NewServer(http.HandlerFunc(a.publish))
	w.t.Cleanup(relay.Close)
	w.t.Cleanup(sink.Close)
	create := func(path string, body object) {
		if status, out := w.call("PUT", a.root+path, "", body); status != http.StatusOK {
			w.t.Fatalf("Pub/Sub: %s: %d %v", path, status, out)
		}
	}
	create("/topics/autoprovision-audit", object{})
	create("/subscriptions/autoprovision-audit", object{"topic": "projects/" + project + "/topics/autoprovision-audit", "ackDeadlineSeconds": 10,
		"retryPolicy": object{"minimumBackoff": "0.1s", "maximumBackoff": "1s"},
		"pushConfig":  object{"pushEndpoint": relay.URL, "oidcToken": object{"serviceAccountEmail": accounts["PUBSUB_ACCOUNT"], "audience": a.audience()}}})
	w.workspace.SendAudit(sink.URL)
	w.t.Cleanup(func() { w.workspace.SendAudit("") }) // before the sink closes
}

func (a *auditLog) audience() string { return a.front.url(prefix + "audit-event") }

// message is what is pushed: by the simulated directory to the sink, and by
// Pub/Sub to the function.
type message struct {
	Message struct {
		Data []byte `json:"data"`
		ID   string `json:"messageId"`
	} `json:"message"`
}

// publish is the log sink.
func (a *auditLog) publish(out http.ResponseWriter, r *http.Request) {
	var entry message
	var made struct {
		IDs []string `json:"messageIds"`
	}
	err := json.NewDecoder(r.Body).Decode(&entry)
	if err == nil {
		var body bytes.Buffer
		if err = json.NewEncoder(&body).Encode(object{"messages": []object{{"data": entry.Message.Data}}}); err == nil {
			err = post(a.root+"/topics/autoprovision-audit:publish", &body, &made)
		}
	}
	if err != nil || len(made.IDs) != 1 {
		http.Error(out, "not published", http.StatusServiceUnavailable) // it is sent again
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.published[made.IDs[0]] = true
}

func post(url string, body io.Reader, into any) error {
	answer, err := http.Post(url, "application/json", body)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	return json.NewDecoder(answer.Body).Decode(into)
}

// relay passes on what Pub/Sub pushes.
func (a *auditLog) relay(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var pushed message
	if err == nil {
		err = json.Unmarshal(body, &pushed)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+a.issuer.Token(simtokens.Account(accounts["PUBSUB_ACCOUNT"], a.audience())))
	answered := &answered{ResponseWriter: out}
	a.front.pass(answered, r, prefix+"audit-event", "/")
	if answered.status/100 == 2 {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.taken[pushed.Message.ID] = true
	}
}

// answered knows the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// waiting is how many messages were published and not taken yet.
func (a *auditLog) waiting() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.published {
		if !a.taken[id] {
			n++
		}
	}
	return n
}
