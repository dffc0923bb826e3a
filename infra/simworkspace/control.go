package simworkspace

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
)

// counters count the calls of each method, refused ones included.
type counters struct {
	mu sync.Mutex
	by map[string]int
}

func newCounters() *counters { return &counters{by: map[string]int{}} }

func (c *counters) add(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[method]++
}

// Calls returns how often each method was called since the start or ResetCalls.
func (w *Workspace) Calls() map[string]int {
	w.calls.mu.Lock()
	defer w.calls.mu.Unlock()
	return maps.Clone(w.calls.by)
}

// ResetCalls sets every counter to zero.
func (w *Workspace) ResetCalls() {
	w.calls.mu.Lock()
	defer w.calls.mu.Unlock()
	clear(w.calls.by)
}

// control serves what no real directory has:
//
//	GET, POST, DELETE /sim/faults   Faults: what is left, replace, end
//	GET, DELETE       /sim/calls    {"users.get":3}: read, reset
//	PUT               /sim/audit    {"url":"…"}: send the audit log there; nowhere when empty
func (w *Workspace) control(mux *http.ServeMux) {
	w.controlAudit(mux)
	faults := func(out http.ResponseWriter) { respond(out, http.StatusOK, nil, w.Faults()) }
	mux.HandleFunc("GET /sim/faults", func(out http.ResponseWriter, _ *http.Request) { faults(out) })
	mux.HandleFunc("POST /sim/faults", func(out http.ResponseWriter, r *http.Request) {
		var f Faults
		d := json.NewDecoder(http.MaxBytesReader(out, r.Body, 1<<20))
		d.DisallowUnknownFields() // a misspelt fault would be a test that tests nothing
		if err := d.Decode(&f); err != nil {
			refuse(out, invalid(err.Error()))
			return
		}
		w.SetFaults(f)
		faults(out)
	})
	mux.HandleFunc("DELETE /sim/faults", func(out http.ResponseWriter, _ *http.Request) {
		w.SetFaults(Faults{})
		faults(out)
	})
	mux.HandleFunc("GET /sim/calls", func(out http.ResponseWriter, _ *http.Request) {
		respond(out, http.StatusOK, nil, w.Calls())
	})
	mux.HandleFunc("DELETE /sim/calls", func(out http.ResponseWriter, _ *http.Request) {
		w.ResetCalls()
		respond(out, http.StatusOK, nil, w.Calls())
	})
}
