package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/clock"
)

// simulated are the services that stand in for Google's and Comeet's, each on
// a port of its own. Their addresses, people and accounts are kept in the data
// folder, so that a restart finds the directory and the app as they were.
type simulated struct {
	workspace *simworkspace.Workspace
	comeet    *simcomeet.Server
	// directoryURL and scimURL are empty for services that are not simulated.
	directoryURL, scimURL string
	servers               []*http.Server
	listeners             []net.Listener // of the servers
}

// companySeed makes the simulated company the same in each new data folder.
const companySeed = 1

func startSimulated(s settings, now clock.Business) (_ *simulated, err error) {
	sim := &simulated{}
	defer func() {
		if err != nil {
			sim.close()
		}
	}()
	if s.directoryURL == "" {
		if err := sim.openWorkspace(s.data, now); err != nil {
			return nil, err
		}
		address, err := sim.serve(sim.workspace.Handler(), "Workspace", keptIn(s.data, "simulated-workspace.port"))
		if err != nil {
			return nil, err
		}
		sim.directoryURL = "http://" + address
	}
	if s.scimURL == "" {
		if err := sim.openComeet(s.data, now); err != nil {
			return nil, err
		}
		address, err := sim.serve(sim.comeet.Handler(), "Comeet", keptIn(s.data, "simulated-comeet.port"))
		if err != nil {
			return nil, err
		}
		sim.scimURL = "http://" + address + "/scim/v2"
	}
	return sim, nil
}

// openWorkspace goes on with the company of the data folder, or founds it.
func (sim *simulated) openWorkspace(folder string, now clock.Business) error {
	file := keptIn(folder, "simulated-workspace.json")
	sim.workspace = simworkspace.New(companySeed, &simworkspace.Options{Clock: now, Keep: file.save})
	state, err := file.load()
	if err != nil {
		return err
	}
	if state == nil {
		sim.workspace.Seed(simworkspace.DefaultCompany())
		return file.save(sim.workspace.State())
	}
	if err := sim.workspace.Restore(state); err != nil {
		return fmt.Errorf("%s is damaged (%w): restore it from a backup, or remove it to begin with a new company", file.path, err)
	}
	return nil
}

// openComeet goes on with the accounts of the data folder and the token that
// they were made with, or begins without accounts.
func (sim *simulated) openComeet(folder string, now clock.Business) error {
	file := keptIn(folder, "simulated-comeet.json")
	sim.comeet = simcomeet.New(&simcomeet.Options{Token: "comeet-" + rand.Text(), Now: now, Keep: file.save})
	state, err := file.load()
	if err != nil {
		return err
	}
	if state == nil {
		return file.save(sim.comeet.State())
	}
	if err := sim.comeet.Restore(state); err != nil {
		return fmt.Errorf("%s is damaged (%w): restore it from a backup, or remove it to begin without accounts", file.path, err)
	}
	return nil
}

// serve serves at the port in file, so that what refers to the service by its
// address goes on after a restart; at first at a free one.
func (sim *simulated) serve(h http.Handler, name string, file keptFile) (address string, err error) {
	data, err := file.load()
	if err != nil {
		return "", err
	}
	var listener net.Listener
	if data == nil {
		listener, err = listenAnywhere(file)
	} else {
		listener, err = listenAgain(name, file, data)
	}
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	sim.servers, sim.listeners = append(sim.servers, server), append(sim.listeners, listener)
	go server.Serve(listener) //nolint:errcheck // ends with Close
	return listener.Addr().String(), nil
}

// The ports are chosen below those that systems give to outgoing connections
// (Linux from 32768, others from 49152), so that a port is free again at the next start.
const (
	firstPort = 20000
	portCount = 12000
	portTries = 100
)

func listenAnywhere(file keptFile) (listener net.Listener, err error) {
	for range portTries {
		port := strconv.Itoa(firstPort + mathrand.IntN(portCount)) // #nosec G404 -- a port is no secret
		listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		if err = file.save([]byte(port + "\n")); err != nil {
			listener.Close() // #nosec G104 -- what is returned is why it is closed
			return nil, err
		}
		return listener, nil
	}
	return nil, fmt.Errorf("no port is free for a simulated service: %w", err)
}

func listenAgain(name string, file keptFile, data []byte) (net.Listener, error) {
	var port uint16
	if err := json.Unmarshal(data, &port); err != nil {
		return nil, fmt.Errorf("%s does not hold a port: restore it, or remove it for a new port", file.path)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("the simulated %s cannot listen on its port again: %w: stop the program that uses the port, "+
			"or remove %s for a new one; under a new address the app counts as another app, and must be authorized anew", name, err, file.path)
	}
	return listener, nil
}

func (sim *simulated) close() {
	if sim.workspace != nil {
		sim.workspace.Close()
	}
	for i, server := range sim.servers {
		server.Close() // #nosec G104 -- the program ends, and its listener is closed next
		// A server that has not begun to serve closes it later, and the port is wanted again.
		sim.listeners[i].Close() // #nosec G104 -- the server has mostly closed it, which is the error
	}
}
