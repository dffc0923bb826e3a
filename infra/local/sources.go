package main

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"time"

	"example.com/autoprovision/shared/fault"
)

const (
	// renewEvery is how often channels are looked at; of the six hours that one
	// lives, the last 72 minutes are left to renew it.
	renewEvery = 5 * time.Minute
	// renewAgain is how soon a renewal that failed is tried again.
	renewAgain = 30 * time.Second
)

// openSources makes the simulated Workspace send its audit log here, and
// forgets the channels of the one before, which ended with its process.
func (p *program) openSources(ctx context.Context) error {
	if p.sim.workspace == nil {
		return nil
	}
	p.sim.workspace.SendAudit("http://" + p.listener.Addr().String() + "/audit-event")
	return p.system.Push.Close(ctx)
}

// keepSources renews the push channels, and writes to the log how every source
// does, until the context ends.
func (p *program) keepSources(ctx context.Context) {
	for wait := time.Duration(0); ; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		first := wait == 0
		wait = renewEvery
		err := p.system.Push.Renew(ctx)
		if !first {
			err = errors.Join(err, p.system.Health.Write(ctx))
		}
		if err != nil && ctx.Err() == nil {
			p.log.Warn("the push channels could not be renewed; sweeps see what they miss", "error", err.Error(), "again", renewAgain)
			wait = renewAgain
		}
	}
}

// publisher lets in every program on this machine: Pub/Sub's emulator sends no
// credentials, and an audit message is only a hint. A page in a browser is kept
// out: it cannot send JSON to another origin without asking first, and one that
// gave this machine a name of its own origin (DNS rebinding) is told by what
// only a browser sends (fetch.spec.whatwg.org, section 3.2).
func publisher(r *http.Request) error {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return fault.New(fault.Unauthorized, "local: audit event", "an audit message comes from no web page")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && kind != "application/cloudevents+json" {
		return fault.New(fault.Unauthorized, "local: audit event", "an audit message is JSON")
	}
	return nil
}
