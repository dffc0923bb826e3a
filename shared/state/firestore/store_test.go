package firestore

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/firestore"
	"github.com/google/uuid"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/autoprovision/infra/emulator"
	"example.com/autoprovision/infra/require"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/statetest"
)

// running is the emulator of all tests, started by the first that needs it.
var running struct {
	sync.Mutex
	*emulator.Emulator
}

func TestMain(m *testing.M) {
	// The suite's counts ask the emulator seventeen questions a check; what they
	// rest on is checked for every case in interval_test.go. The command line can
	// say otherwise.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	code := m.Run()
	if running.Emulator != nil {
		if err := running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// emulated is the emulator's address.
func emulated(t testing.TB) string {
	t.Helper()
	missing := emulator.Missing(emulator.Firestore)
	require.Tool(t, missing == "", missing)
	running.Lock()
	defer running.Unlock()
	if running.Emulator == nil {
		f, err := emulator.Start(context.Background(), emulator.Firestore)
		if err != nil {
			t.Fatal(err)
		}
		running.Emulator = f
	}
	return running.Host
}

// owner is whom the emulator lets list documents that do not exist.
type owner struct{}

func (owner) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer owner"}, nil
}

func (owner) RequireTransportSecurity() bool { return false }

// dial returns a client of the database at an address.
func dial(t testing.TB, host string, options ...grpc.DialOption) *cloud.Client {
	t.Helper()
	clientOptions := []option.ClientOption{
		option.WithEndpoint(host), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithPerRPCCredentials(owner{})),
	}
	for _, o := range options {
		clientOptions = append(clientOptions, option.WithGRPCDialOption(o))
	}
	client, err := cloud.NewClient(context.Background(), "test", clientOptions...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return client
}

// suiteTime is soon after the events of the suite.
func suiteTime() time.Time { return time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC) }

// newApp is an app that no other test uses; apps are apart.
func newApp() string { return "app-" + uuid.NewString() }

func TestConformance(t *testing.T) {
	t.Parallel()
	host := emulated(t)
	statetest.Run(t, func(t *testing.T) statetest.Harness {
		app := newApp()
		return statetest.Harness{Store: New(dial(t, host, overheard(t)), app, suiteTime), Reopen: func() state.Store {
			return New(dial(t, host, overheard(t)), app, suiteTime)
		}}
	})
}
