package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
)

// serveCommand is the argument with which the bench starts itself to serve the
// simulated services, so that the memory measured is the program's alone.
const serveCommand = "serve-simulated"

// endpoints is where services are and how to get in.
type endpoints struct {
	DirectoryURL string `json:"directoryUrl"`
	SCIMURL      string `json:"scimUrl"`
	AppToken     string `json:"appToken"`
	Group        string `json:"group"`
}

// serve serves both services until its input ends, and so no longer than the
// process that started it. It prints the endpoints first.
func serve(args []string, stdin io.Reader, stdout io.Writer) error {
	fs := flag.NewFlagSet(serveCommand, flag.ContinueOnError)
	people := fs.Int("people", 0, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	workspace := simworkspace.New(1, nil)
	defer workspace.Close()
	comeet := simcomeet.New(nil)
	e := endpoints{AppToken: comeet.Token(), Group: workspace.Populate(*people)}
	for _, service := range []struct {
		handler http.Handler
		url     *string
		path    string
	}{{workspace.Handler(), &e.DirectoryURL, ""}, {comeet.Handler(), &e.SCIMURL, "/scim/v2"}} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: service.handler, ReadHeaderTimeout: 10 * time.Second}
		defer server.Close()
		go server.Serve(listener) //nolint:errcheck // ends with Close
		*service.url = "http://" + listener.Addr().String() + service.path
	}
	if err := json.NewEncoder(stdout).Encode(e); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, stdin)
	return err
}

// services are the simulated services in a process of their own.
type services struct {
	endpoints
	latency  time.Duration
	appLimit float64
	command  *exec.Cmd
	alive    io.Closer // closing it ends the process
}

func startServices(s settings) (*services, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	v := &services{latency: s.latency, appLimit: s.appLimit, command: exec.Command(self, serveCommand, fmt.Sprintf("-people=%d", s.people))}
	v.command.Stderr = os.Stderr
	if v.alive, err = v.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := v.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := v.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(&v.endpoints); err != nil {
		v.stop()
		return nil, fmt.Errorf("the simulated services did not start: %w", err)
	}
	return v, nil
}

func (v *services) stop() {
	v.alive.Close()
	v.command.Wait() //nolint:errcheck // it has no more to say
}

// directoryFaults sets what goes wrong in the directory, beside its latency.
func (v *services) directoryFaults(ctx context.Context, f simworkspace.Faults) error {
	f.LatencyMS = int(v.latency.Milliseconds())
	return call(ctx, "", http.MethodPost, v.DirectoryURL+"/sim/faults", f, nil)
}

// slow gives both services their latency, and the app its limit.
func (v *services) slow(ctx context.Context) error {
	if err := v.directoryFaults(ctx, simworkspace.Faults{}); err != nil {
		return err
	}
	return call(ctx, "", http.MethodPut, v.appControl("faults"), simcomeet.Faults{LatencyMS: int(v.latency.Milliseconds()), RequestsPerSecond: v.appLimit}, nil)
}

// appControl is the address of one of the app's controls.
func (v *services) appControl(name string) string {
	return v.SCIMURL[:len(v.SCIMURL)-len("/scim/v2")] + "/sim/" + name
}

// counts are the calls that the services have seen since they were last read.
type counts struct {
	appWrites, appReads, directory int
	// directoryBy is the directory's calls by method.
	directoryBy map[string]int
	// effects are what the app has done: created, updated, suspended, deleted …
	effects map[string]int
}

// count reads the counters and sets them to zero.
func (v *services) count(ctx context.Context) (c counts, err error) {
	var appCounts struct {
		Calls   map[string]int `json:"calls"`
		Effects map[string]int `json:"effects"`
	}
	directory := v.DirectoryURL + "/sim/calls"
	for _, r := range []struct {
		method, url string
		into        any
	}{
		{http.MethodGet, v.appControl("calls"), &appCounts}, {http.MethodGet, directory, &c.directoryBy},
		{http.MethodDelete, v.appControl("calls"), nil}, {http.MethodDelete, directory, nil},
	} {
		if err := call(ctx, "", r.method, r.url, nil, r.into); err != nil {
			return c, err
		}
	}
	for kind, n := range appCounts.Calls {
		switch kind {
		case simcomeet.CallCreate, simcomeet.CallPatch, simcomeet.CallPut, simcomeet.CallDelete:
			c.appWrites += n
		default:
			c.appReads += n
		}
	}
	for _, n := range c.directoryBy {
		c.directory += n
	}
	c.effects = appCounts.Effects
	return c, nil
}

// accusations are what the app saw that no correct client does.
func (v *services) accusations(ctx context.Context) ([]simcomeet.Violation, error) {
	var list struct {
		Items []simcomeet.Violation `json:"items"`
	}
	err := call(ctx, "", http.MethodGet, v.appControl("violations"), nil, &list)
	return list.Items, err
}

// sendAudit sends the directory's audit log to an address.
func (v *services) sendAudit(ctx context.Context, url string) error {
	return call(ctx, "", http.MethodPut, v.DirectoryURL+"/sim/audit", map[string]string{"url": url}, nil)
}

// accounts are the app's, by user name.
func (v *services) accounts(ctx context.Context) (map[string]accountState, error) {
	var list struct {
		Items []struct {
			UserName string `json:"userName"`
			Active   bool   `json:"active"`
			Resource struct {
				Name struct {
					FamilyName string `json:"familyName"`
				} `json:"name"`
			} `json:"resource"`
		} `json:"items"`
	}
	if err := call(ctx, "", http.MethodGet, v.appControl("accounts"), nil, &list); err != nil {
		return nil, err
	}
	all := make(map[string]accountState, len(list.Items))
	for _, a := range list.Items {
		all[a.UserName] = accountState{a.Active, a.Resource.Name.FamilyName}
	}
	return all, nil
}

// call sends one JSON request; any answer outside 2xx is an error. body and into may be nil.
func call(ctx context.Context, token, method, url string, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, request.URL.Path, response.Status, bytes.TrimSpace(answer))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
