package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openSimulated(t *testing.T, folder string) *simulated {
	t.Helper()
	sim, err := startSimulated(settings{data: folder}, openTime(t, folder, 1).now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.close)
	return sim
}

// The simulated services come back where they were, with what they had.
func TestSimulatedComeBack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := openSimulated(t, folder)
	people := len(first.workspace.People())
	account, err := first.comeet.Add(map[string]any{"userName": "by hand"})
	if err != nil {
		t.Fatal(err)
	}
	first.close()
	second := openSimulated(t, folder)
	if second.scimURL != first.scimURL || second.directoryURL != first.directoryURL || second.comeet.Token() != first.comeet.Token() {
		t.Errorf("came back at %s and %s, were at %s and %s", second.scimURL, second.directoryURL, first.scimURL, first.directoryURL)
	}
	if _, ok := second.comeet.Account(account.ID); !ok || len(second.workspace.People()) != people {
		t.Error("an account or people are missing")
	}
}

// A port that is taken, and files without sense, are refused in words.
func TestSimulatedRefuse(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"simulated-workspace.json", "simulated-comeet.json", "simulated-workspace.port", "simulated-comeet.port"} {
		folder := t.TempDir()
		openSimulated(t, folder).close()
		if err := os.WriteFile(filepath.Join(folder, file), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		sim, err := startSimulated(settings{data: folder}, openTime(t, folder, 1).now)
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s without sense: %v", file, err)
		}
		if sim != nil {
			sim.close()
		}
	}
	folder := t.TempDir()
	openSimulated(t, folder)
	if _, err := startSimulated(settings{data: folder}, openTime(t, folder, 1).now); err == nil || !strings.Contains(err.Error(), "stop the program that uses the port") {
		t.Errorf("a port in use: %v", err)
	}
}
