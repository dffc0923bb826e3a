package main

import (
	"crypto/rand"
	"net"
	"net/http"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/clock"
)

// simulated are the services that stand in for Google's and Comeet's, each on
// a port of its own.
type simulated struct {
	workspace *simworkspace.Workspace
	comeet    *simcomeet.Server
	// directoryURL and scimURL are empty for services that are not simulated.
	directoryURL, scimURL string
	servers               []*http.Server
}

// companySeed makes the simulated company the same at each start.
const companySeed = 1

func startSimulated(s settings, now clock.Business) (*simulated, error) {
	sim := &simulated{}
	if s.directoryURL == "" {
		sim.workspace = simworkspace.New(companySeed, &simworkspace.Options{Clock: now})
		sim.workspace.Seed(simworkspace.DefaultCompany())
		address, err := sim.serve(sim.workspace.Handler())
		if err != nil {
			return nil, err
		}
		sim.directoryURL = "http://" + address
	}
	if s.scimURL == "" {
		sim.comeet = simcomeet.New(&simcomeet.Options{Token: "comeet-" + rand.Text(), Now: now})
		address, err := sim.serve(sim.comeet.Handler())
		if err != nil {
			return nil, err
		}
		sim.scimURL = "http://" + address + "/scim/v2"
	}
	return sim, nil
}

func (sim *simulated) serve(h http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	sim.servers = append(sim.servers, server)
	go server.Serve(listener) //nolint:errcheck // ends with Close
	return listener.Addr().String(), nil
}

func (sim *simulated) close() {
	if sim.workspace != nil {
		sim.workspace.Close()
	}
	for _, server := range sim.servers {
		server.Close()
	}
}
