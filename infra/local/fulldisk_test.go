package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// launch runs the program in this process until the returned function is called.
func launch(t *testing.T, s settings, log *lines) (p *program, end func()) {
	t.Helper()
	p, err := open(t.Context(), s, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		p.close(context.Background())
	})
	t.Cleanup(end)
	return p, end
}

func until(t *testing.T, what string, log *lines, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !holds(); <-tick.C {
		if time.Since(began) > time.Minute {
			t.Fatalf("waited in vain for %s\n%s", what, log.String())
		}
	}
}

// A database that may not grow any more, as on a full disk, stops the first
// sync with words that say what to do, wherever that happens; with space again
// it goes on, and everybody has one account and one event.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	for _, pages := range []int{70, 90, 115} {
		t.Run(fmt.Sprint(pages, " pages"), func(t *testing.T) {
			t.Parallel()
			fullDatabase(t, pages)
		})
	}
}

func fullDatabase(t *testing.T, pages int) {
	const people = 150
	company, comeet := simworkspace.New(1, nil), simcomeet.New(nil)
	company.Populate(people)
	directory, app := httptest.NewServer(company.Handler()), httptest.NewServer(comeet.Handler())
	t.Cleanup(func() { company.Close(); directory.Close(); app.Close() })
	s := settings{addr: "127.0.0.1:0", data: t.TempDir(), directoryURL: directory.URL, scimURL: app.URL + "/scim/v2", speed: 1,
		adminToken: secrets.NewValue("token"), sweepEvery: time.Second, maxPages: pages}
	var log lines
	p, end := launch(t, s, &log)
	ctx := t.Context()
	steps := []error{
		p.system.Admin.Authorize(ctx, secrets.NewValue(comeet.Token())),
		p.system.Admin.Put(ctx, admin.Proposal{Scope: &admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}},
			Deprovisioning: &provision.Deprovisioning{}}, ""),
		p.system.Admin.TurnOn(ctx, ""),
	}
	for _, err := range steps {
		if err != nil {
			t.Fatalf("setting up: %v", err)
		}
	}
	until(t, "a full disk", &log, func() bool { return strings.Contains(log.String(), "free some space") })
	made := len(comeet.Accounts())
	end()
	if made == people {
		t.Fatalf("%d pages were enough for everybody", pages)
	}

	s.maxPages = 0
	p, end = launch(t, s, &log)
	until(t, "everybody's account", &log, func() bool {
		sweep, err := p.system.Sweeper.Current(ctx)
		return err == nil && sweep != nil && sweep.State == provision.SweepDone && len(comeet.Accounts()) == people
	})
	events := 0
	for token := ""; ; {
		list, next, err := p.system.Admin.Events(ctx, state.EventFilter{Name: provision.EventCreate, Outcome: provision.OutcomeDone, Token: token, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		events += len(list)
		if token = next; next == "" {
			break
		}
	}
	if done := comeet.Effects()["created"]; events != people || done != people {
		t.Errorf("%d accounts were made, and %d events say so, of %d people", done, events, people)
	}
	if v := comeet.Violations(); len(v) > 0 {
		t.Errorf("the app accuses: %v", v)
	}
	t.Logf("%d accounts when the disk was full", made)
	end()
}
