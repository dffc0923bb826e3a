package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/secrets"
)

// A directory on this machine is not read at the pace of Google's quota, by
// which 400 reads take nine seconds.
func TestDirectoryHereIsNotSlowed(t *testing.T) {
	t.Parallel()
	company := simworkspace.New(1, nil)
	t.Cleanup(company.Close)
	company.Seed(simworkspace.DefaultCompany())
	server := httptest.NewServer(company.Handler())
	t.Cleanup(server.Close)
	p := &program{settings: settings{directoryURL: server.URL}, sim: &simulated{}}
	client, err := p.directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, _ := company.UserID("maya.cohen@example.com")
	began := time.Now()
	for range 400 {
		if _, err := client.User(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("400 reads took %v", took)
	}
}

// TestOnlyTheQueueMayCall: what the program's own queue calls is refused to
// everybody else, the administrator too, and lets the queue in.
func TestOnlyTheQueueMayCall(t *testing.T) {
	t.Parallel()
	s := settings{addr: "127.0.0.1:0", data: t.TempDir(), speed: 1, adminToken: secrets.NewValue("admin"), sweepEvery: time.Hour}
	p, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close(context.Background()) })
	routes, err := p.routes(t.Context(), secrets.NewValue("queue"))
	if err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		header []string
		in     bool
	}{
		"the queue":            {[]string{"Bearer queue"}, true},
		"nobody":               {nil, false},
		"an empty token":       {[]string{"Bearer "}, false},
		"the administrator":    {[]string{"Bearer admin"}, false},
		"a token's beginning":  {[]string{"Bearer queu"}, false},
		"a token and more":     {[]string{"Bearer queuee"}, false},
		"a token in capitals":  {[]string{"Bearer QUEUE"}, false},
		"a token of no scheme": {[]string{"queue"}, false},
		"another scheme":       {[]string{"Basic queue"}, false},
		"another before it":    {[]string{"Bearer x", "Bearer queue"}, false},
		"both in one":          {[]string{"Bearer x, Bearer queue"}, false},
	} {
		for _, path := range []string{"/reconcile", "/sweep", "/renew-channels"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{"))
			r.Header["Authorization"] = test.header
			answer := httptest.NewRecorder()
			routes.ServeHTTP(answer, r)
			if (answer.Code != http.StatusUnauthorized) != test.in {
				t.Errorf("%s of %s: answered %d", path, what, answer.Code)
			}
		}
	}
}
