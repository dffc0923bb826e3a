package wiring_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/wiring"
)

// idle is a queue that delivers nothing.
type idle struct{}

func (idle) Enqueue(context.Context, ...tasks.Task) error { return nil }

// build is a system without a directory, with what the test sets.
func build(t *testing.T, set func(*wiring.Parts)) *wiring.System {
	t.Helper()
	folder := t.TempDir()
	db, err := sqlitefile.Open(filepath.Join(folder, "state.db"), []sqlitefile.Schema{sqlite.Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, err := sqlite.New(db)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := file.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	profile := comeet.Profile()
	parts := wiring.Parts{Profile: profile, Store: store, Tasks: idle{}, Secrets: vault, Business: clock.System, Real: clock.System,
		Log: slog.New(slog.DiscardHandler), Connection: profile.Connection}
	set(&parts)
	s := wiring.Build(parts)
	if err := s.Admin.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func connection(t *testing.T, s *wiring.System) provision.Connection {
	t.Helper()
	c, err := s.Store.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Connection
}

// TestBaseURLs sees that parts that say nothing about it get the strictest
// policy, and that a refused address changes nothing.
func TestBaseURLs(t *testing.T) {
	t.Parallel()
	s := build(t, func(*wiring.Parts) {})
	before := connection(t, s)
	for _, base := range []string{"http://app.example.com/scim/v2", "http://127.0.0.1:8080/", "https://localhost/", "https://10.0.0.8/scim/v2",
		"https://169.254.169.254/computeMetadata/v1/", "https://metadata.google.internal/", "https://[::1]/", "https://metadata/"} {
		conn := before
		conn.BaseURL = base
		if err := s.Admin.PutConnection(t.Context(), conn); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", base, err)
		}
		if got := connection(t, s); got != before {
			t.Fatalf("%s: stored %+v", base, got)
		}
	}
	conn := before
	conn.BaseURL = "https://app.example.com/scim/v2"
	if err := s.Admin.PutConnection(t.Context(), conn); err != nil || connection(t, s) != conn {
		t.Errorf("an ordinary address: %v", err)
	}
}

// TestTokenStaysOutside sees that an address that got past every check of its
// text is not connected to, and that the token is neither sent nor stored.
func TestTokenStaysOutside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			reached.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	s := build(t, func(p *wiring.Parts) { p.Connection.BaseURL, p.FixedBaseURL = server.URL, true })
	err := s.Admin.Authorize(t.Context(), secrets.NewValue("token-of-the-app"))
	if !fault.Is(err, fault.Unready) || !strings.Contains(err.Error(), "not sent: the base URL leads to an address inside") || reached.Load() != 0 {
		t.Errorf("%v; %d connections", err, reached.Load())
	}
	if _, _, err := s.Admin.Secrets.Latest(t.Context(), secrets.AppToken); !fault.Is(err, fault.NotFound) {
		t.Errorf("the token was stored: %v", err)
	}
	// The local program's policy does connect, to the same address.
	s = build(t, func(p *wiring.Parts) {
		p.Connection.BaseURL, p.FixedBaseURL, p.Egress = server.URL, true, egress.OwnMachine
	})
	if err := s.Admin.Authorize(t.Context(), secrets.NewValue("token-of-the-app")); err == nil || reached.Load() == 0 {
		t.Errorf("the local policy: %v, %d connections", err, reached.Load())
	}
}
