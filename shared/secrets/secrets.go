// Package secrets owns the port to the store of tokens, and the type that
// keeps them out of everything else (R15).
package secrets

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

// Value is a secret. It prints, logs and marshals as ***. Where it lies in an
// unexported field no method of it is called, and what prints goes through its
// fields: the text is behind a function, into which nothing looks.
type Value struct{ reveal func() string }

// NewValue wraps a secret.
func NewValue(text string) Value { return Value{reveal: func() string { return text }} }

// Reveal returns the secret itself, for the one request that needs it.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// Empty reports whether there is no secret.
func (v Value) Empty() bool { return v.Reveal() == "" }

func (v Value) String() string { return "***" }

// Format implements fmt.Formatter: no verb prints anything else.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, v.String()) }

func (v Value) LogValue() slog.Value         { return slog.StringValue("***") }
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// Names of secrets.
const (
	// AppToken is the app's access token.
	AppToken = "app-token"
	// ChannelToken is what push notifications carry to prove their sender.
	ChannelToken = "channel-token"
	// SessionKey signs the console's sessions where several instances serve it.
	SessionKey = "session-key"
	// OAuthClient is the file of the console's client at the identity provider, as
	// Google's own console lets it be downloaded: with its id and its secret.
	OAuthClient = "oauth-client"
)

// Store keeps secrets by name, in versions.
type Store interface {
	// Put stores a new version durably and returns its name.
	Put(ctx context.Context, name string, v Value) (version string, err error)
	// Latest returns the newest version; fault.NotFound when there is none.
	// It may be cached for up to a minute by an adapter that is told of no newer
	// one, and what another process stored may take longer to be seen.
	Latest(ctx context.Context, name string) (v Value, version string, err error)
	// Version returns the given version; fault.NotFound when there is none. One
	// that Put has returned is there at once, for every process, where Latest
	// may lag.
	Version(ctx context.Context, name, version string) (Value, error)
	// DestroyBefore destroys every version older than the given one, which stays,
	// as do newer ones: somebody may have stored one meanwhile. fault.NotFound,
	// and nothing destroyed, when there is no such version.
	DestroyBefore(ctx context.Context, name, version string) error
	// Delete destroys every version; none is no error.
	Delete(ctx context.Context, name string) error
}
