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
	// A path that only the one emulator answers so, each of what is not there.
	for kind, path := range map[emulator.Kind]string{
		emulator.Firestore: "/v1/projects/p/databases/(default)/documents/c/none",
		emulator.PubSub:    "/v1/projects/p/topics/none",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			startAndStop(t, kind, path)
		})
	}
}

func startAndStop(t *testing.T, kind emulator.Kind, path string) {
	missing := emulator.Missing(kind)
	require.Tool(t, missing == "", missing)
	f, err := emulator.Start(context.Background(), kind)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}()
	response, err := http.Get("http://" + f.Host + path)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusNotFound {
		t.Errorf("what is not there answers %s", response.Status)
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
	missing := emulator.Missing(emulator.Firestore)
	require.Tool(t, missing == "", missing)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := emulator.Start(ctx, emulator.Firestore); err == nil {
		t.Errorf("started with an ended context: %v", f.Stop())
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if emulator.Missing(emulator.Firestore) == "" {
		t.Error("nothing is missing on an empty PATH")
	}
	if _, err := emulator.Start(context.Background(), emulator.Firestore); err == nil {
		t.Error("it starts on an empty PATH")
	}
}
