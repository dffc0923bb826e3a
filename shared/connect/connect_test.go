package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/autoprovision/shared/connect"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
)

// TestToken sees that a client sends the token that the configuration names,
// also when a newer one is stored already, and what is said when it is gone.
func TestToken(t *testing.T) {
	t.Parallel()
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	store, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	put := func(token string) string {
		t.Helper()
		version, err := store.Put(ctx, secrets.AppToken, secrets.NewValue(token))
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	apps := connect.New(store, nil)
	open := func(version string) error {
		t.Helper()
		c := provision.Configuration{Connection: provision.Connection{BaseURL: server.URL, Concurrency: 1},
			Authorization: provision.Authorization{SecretVersion: version}}
		accounts, err := apps.Accounts(ctx, c)
		if err != nil {
			return err
		}
		if err := accounts.Verify(ctx); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("Verify: %v, want fault.Unauthorized", err)
		}
		return nil
	}
	if err := open("1"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("with no token stored: %v, want fault.Unauthorized", err)
	}
	first, second := put("first"), put("second")
	for version, want := range map[string]string{first: "Bearer first", second: "Bearer second"} {
		if err := open(version); err != nil || sent != want {
			t.Errorf("version %s: another token was sent, error %v", version, err)
		}
	}
	third := put("third")
	if err := store.DestroyBefore(ctx, secrets.AppToken, third); err != nil {
		t.Fatal(err)
	}
	if err := connectedAnew(ctx, store, server.URL, second); !fault.Is(err, fault.Unready) {
		t.Errorf("with a newer token in its place: %v, want fault.Unready", err)
	}
}

// connectedAnew asks as a process does that has no client yet.
func connectedAnew(ctx context.Context, store secrets.Store, url, version string) error {
	_, err := connect.New(store, nil).Accounts(ctx, provision.Configuration{Connection: provision.Connection{BaseURL: url, Concurrency: 1},
		Authorization: provision.Authorization{SecretVersion: version}})
	return err
}

// TestPresent: the connection that is in use, with less of its rate once the app
// has said that it is called too often.
func TestPresent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer server.Close()
	store, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	version, err := store.Put(t.Context(), secrets.AppToken, secrets.NewValue("token"))
	if err != nil {
		t.Fatal(err)
	}
	apps := connect.New(store, nil)
	if c, ok := apps.Present(); ok {
		t.Errorf("before the first client: %+v", c)
	}
	for _, tt := range []struct{ set, most float64 }{{100, 75}, {0, 1}} {
		c := provision.Configuration{Connection: provision.Connection{BaseURL: server.URL, Concurrency: 3, RequestsPerSecond: tt.set},
			Authorization: provision.Authorization{SecretVersion: version}}
		accounts, err := apps.Accounts(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := apps.Present(); !ok || got != c.Connection {
			t.Errorf("before a call: %+v, %v, want %+v", got, ok, c.Connection)
		}
		if err := accounts.Verify(t.Context()); !fault.Is(err, fault.Throttled) {
			t.Errorf("Verify: %v, want fault.Throttled", err)
		}
		if got, _ := apps.Present(); got.RequestsPerSecond <= 0 || got.RequestsPerSecond > tt.most || got.Concurrency != 3 {
			t.Errorf("after a refusal: %+v, want at most %v calls a second", got, tt.most)
		}
	}
}
