// Package connect owns the clients of the app: one for each connection and
// token, built when first needed.
//
// It promises that a client uses exactly the token that the configuration
// names, so that an answer to an older one is never taken for an answer to
// this one (R11). It keeps no token outside the client that sends it.
package connect

import (
	"context"
	"sync"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
)

// Apps gives clients. It is safe for concurrent use.
type Apps struct {
	secrets secrets.Store
	options *scim.Options

	mu         sync.Mutex
	connection provision.Connection
	version    string
	client     *scim.Client
}

// New returns it over the secret store; options may be nil.
func New(s secrets.Store, options *scim.Options) *Apps {
	return &Apps{secrets: s, options: options}
}

// Accounts is the app under a configuration's connection and token. Workers
// share one client, and with it the app's rate and concurrency limits.
func (a *Apps) Accounts(ctx context.Context, c provision.Configuration) (app.Accounts, error) {
	return a.get(ctx, c)
}

// Prober finds out what the app supports.
func (a *Apps) Prober(ctx context.Context, c provision.Configuration) (app.Prober, error) {
	return a.get(ctx, c)
}

// Present is the connection of the client given last, with the rate at which the
// app can be called now; ok is false before the first.
func (a *Apps) Present() (c provision.Connection, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == nil {
		return c, false
	}
	return a.client.Present(), true
}

func (a *Apps) get(ctx context.Context, c provision.Configuration) (*scim.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && a.connection == c.Connection && a.version == c.Authorization.SecretVersion {
		return a.client, nil
	}
	token, err := a.secrets.Version(ctx, secrets.AppToken, c.Authorization.SecretVersion)
	if fault.Is(err, fault.NotFound) {
		return nil, a.missing(ctx)
	}
	if err != nil {
		return nil, err
	}
	a.client, a.connection, a.version = client(c.Connection, token, a.options), c.Connection, c.Authorization.SecretVersion
	return a.client, nil
}

// missing says why the configured token is not there: none is, or another took
// its place and the configuration that was read is from before.
func (a *Apps) missing(ctx context.Context) error {
	const op = "connect: app"
	switch _, _, err := a.secrets.Latest(ctx, secrets.AppToken); {
	case fault.Is(err, fault.NotFound):
		return fault.New(fault.Unauthorized, op, "the configured access token is not in the secret store")
	case err != nil:
		return err
	}
	return &fault.Error{Kind: fault.Unready, Op: op, RetryAfter: time.Second,
		Detail: "the configured access token is not the one last stored; if this stays, reauthorize"}
}

// Verify reads one row of the app with a token that is not stored yet.
func (a *Apps) Verify(ctx context.Context, c provision.Connection, token secrets.Value) error {
	return client(c, token, a.options).Verify(ctx)
}

func client(c provision.Connection, token secrets.Value, options *scim.Options) *scim.Client {
	return scim.New(c, func(context.Context) (secrets.Value, error) { return token, nil }, options)
}
