package emulator_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"example.com/autoprovision/infra/emulator"
	"example.com/autoprovision/infra/require"
)

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	missing := emulator.Missing()
	require.Tool(t, missing == "", missing)
	f, err := emulator.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}()
	// The REST face of the same database, which only Firestore's emulator answers so.
	response, err := http.Get("http://" + f.Host + "/v1/projects/p/databases/(default)/documents/c/none")
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusNotFound {
		t.Errorf("a document that is not there answers %s", response.Status)
	}
	for range 2 {
		if err := f.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	if conn, err := net.Dial("tcp", f.Host); err == nil {
		_ = conn.Close()
		t.Error("it still listens after Stop")
	}
}

func TestGivesUpWithTheCallersContext(t *testing.T) {
	t.Parallel()
	missing := emulator.Missing()
	require.Tool(t, missing == "", missing)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := emulator.Start(ctx); err == nil {
		t.Errorf("started with an ended context: %v", f.Stop())
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if emulator.Missing() == "" {
		t.Error("nothing is missing on an empty PATH")
	}
	if _, err := emulator.Start(context.Background()); err == nil {
		t.Error("it starts on an empty PATH")
	}
}
