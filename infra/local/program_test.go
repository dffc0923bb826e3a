package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"example.com/autoprovision/infra/simworkspace"
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
