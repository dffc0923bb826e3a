package scim

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/throttle"
)

// The values of a connection's settings.
const (
	// MethodAuto uses PATCH where the app supports it, else PUT.
	MethodAuto  = "auto"
	MethodPatch = "patch"
	MethodPut   = "put"

	// StylePath sends one operation for each attribute path, StyleValue one
	// operation without a path for all that is no list.
	StylePath  = "path"
	StyleValue = "value"

	MediaSCIM = "application/scim+json"
	MediaJSON = "application/json"
)

// Options are the settings that a caller rarely needs; nil and zero values mean the defaults.
type Options struct {
	// Transport carries the requests; by default a transport of its own with
	// the standard library's settings. It must not follow redirects. A fault of
	// its own means that nothing was sent.
	Transport http.RoundTripper
	// Timeout is for one call, from sending to the last byte, in real time; 30 s by default.
	Timeout time.Duration
}

// Client talks to one app. It is safe for concurrent use.
type Client struct {
	connection provision.Connection
	base       string
	token      func(context.Context) (secrets.Value, error)
	http       *http.Client
	timeout    time.Duration
	slots      chan struct{}
	limit      *throttle.Limiter
	took       atomic.Int64 // what calls take on average, in nanoseconds; 0 before the first

	// asking holds a value while the app is asked for its configuration.
	asking chan struct{}
	// config is nil until the app has answered.
	config atomic.Pointer[serviceConfig]
	// patchMissing: a PATCH was answered as not implemented.
	patchMissing atomic.Bool
	// wholeLists: a path with a value filter was refused as such.
	wholeLists atomic.Bool
	// firstListed is the id of the first account of the last first page.
	firstListed atomic.Pointer[string]
}

var (
	_ app.Accounts = (*Client)(nil)
	_ app.Prober   = (*Client)(nil)
)

// New returns a client for a connection that has been checked. The token is
// asked for before each call, so that a new one is used from the next call on.
func New(connection provision.Connection, token func(context.Context) (secrets.Value, error), options *Options) *Client {
	if options == nil {
		options = &Options{}
	}
	c := &Client{
		connection: connection,
		base:       strings.TrimRight(connection.BaseURL, "/"),
		token:      token,
		timeout:    options.Timeout,
		slots:      make(chan struct{}, max(1, connection.Concurrency)),
		asking:     make(chan struct{}, 1),
		limit:      throttle.New(rate.Inf, 0),
	}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if r := connection.RequestsPerSecond; r > 0 {
		// Up to a tenth of a second's worth at once: an app may count in short windows.
		c.limit = throttle.New(rate.Limit(r), 1+int(r/10))
	}
	transport := options.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = cap(c.slots)
		transport = own
	}
	c.http = &http.Client{
		Transport: transport,
		// A redirect could lead the token to another host, or to a sign-in page that answers 200.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// serviceConfig is what is used of /ServiceProviderConfig (RFC 7643 section 5).
type serviceConfig struct {
	// known is false when the app has no such page.
	known       bool
	patch, etag bool
	maxResults  int
}

// serviceConfig reads the app's configuration once. An app without one is
// taken to support what it is asked for, until it says otherwise.
func (c *Client) serviceConfig(ctx context.Context) (serviceConfig, error) {
	const op = "scim: read service configuration"
	if cached := c.config.Load(); cached != nil {
		return *cached, nil
	}
	select { // one asks, the others wait for the answer
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return serviceConfig{}, &fault.Error{Kind: fault.Unavailable, Op: op, Detail: "not sent", Err: ctx.Err()}
	}
	if cached := c.config.Load(); cached != nil {
		return *cached, nil
	}
	r, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/ServiceProviderConfig"})
	config := serviceConfig{patch: true}
	switch {
	case err == nil:
		config.known = true
		config.patch = supported(r.object, "patch")
		config.etag = supported(r.object, "etag")
		config.maxResults = maxResults(r.object)
	case r.status < 200 || r.status == http.StatusRequestTimeout || r.status == http.StatusTooEarly || r.status == http.StatusTooManyRequests:
		return serviceConfig{}, err
	case r.status >= 500 && r.status != http.StatusNotImplemented:
		return config, nil // not remembered: the next call asks again
	}
	c.config.Store(&config)
	return config, nil
}

func supported(config map[string]any, feature string) bool {
	entry, _ := lookup(config, feature).(map[string]any)
	yes, _ := boolean(lookup(entry, "supported"))
	return yes
}

func maxResults(config map[string]any) int {
	entry, _ := lookup(config, "filter").(map[string]any)
	n, _ := count(lookup(entry, "maxResults"))
	return n
}

// usePatch reports whether the next update goes by PATCH.
func (c *Client) usePatch(ctx context.Context) (bool, error) {
	switch {
	case c.connection.UpdateMethod == MethodPatch:
		return true, nil
	case c.connection.UpdateMethod == MethodPut || c.patchMissing.Load():
		return false, nil
	}
	config, err := c.serviceConfig(ctx)
	return config.patch, err
}

func (c *Client) pageSize() string { return strconv.Itoa(max(1, c.connection.PageSize)) }
