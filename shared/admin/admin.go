// Package admin owns what an administrator can do and see: the use cases
// behind the API and the pages.
//
// It promises that an edit is checked as a whole before any of it is stored;
// that it answers only when no operation decided under what it replaced can
// still start; that every edit is one event; and that a token given to it goes
// to the secret store and nowhere else (R15). It never talks to the app's
// accounts itself, except to verify a token and to resolve an address, and
// knows nothing of HTTP.
package admin

import (
	"context"
	"log/slog"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

// Directory is what the use cases read of the directory.
type Directory interface {
	directory.Users
	directory.Organization
	directory.Picker
}

// Apps reaches the app.
type Apps interface {
	reconcile.Apps
	// Verify reads one row of the app with a token that is not stored yet.
	Verify(ctx context.Context, c provision.Connection, token secrets.Value) error
	// Prober finds out what the app supports, with the stored token.
	Prober(ctx context.Context, c provision.Configuration) (app.Prober, error)
}

// Mapper checks a mapping before it is saved, and shows what it makes of one user.
type Mapper interface {
	reconcile.Mapper
	// Check returns one or more fault.Field errors, joined, for what cannot be saved.
	Check(attributes []provision.MappedAttribute) error
}

// Pusher opens and closes the push channels.
type Pusher interface {
	// Open opens what is missing at a turn-on, whose sweep is asked for after it.
	Open(ctx context.Context) error
	Close(ctx context.Context) error
}

// Ports are what the use cases need; all but Limit are required.
type Ports struct {
	Profile    app.Profile
	Store      state.Store
	Secrets    secrets.Store
	Directory  Directory
	Apps       Apps
	Mapper     Mapper
	Push       Pusher
	Health     *health.Health
	Reconciler *reconcile.Reconciler
	Sweeper    *sweep.Sweeper
	Tasks      tasks.Queue
	Business   clock.Business
	Real       clock.Real
	// Sleep waits in real time, or until the context ends.
	Sleep func(ctx context.Context, d time.Duration) error
	NewID func() string
	Log   *slog.Logger
	// Connection is in place until an administrator sets another.
	Connection provision.Connection
	// FixedBaseURL is true when the base URL comes from outside and cannot be edited.
	FixedBaseURL bool
	// Limit tells the queues how fast the app may be called, each time that a
	// connection is saved; nil where the app's clients alone keep to it.
	Limit func(ctx context.Context, c provision.Connection) error
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ Ports }

// New returns the use cases.
func New(p Ports) *Service { return &Service{p} }

// Init puts the default configuration in place when there is none, and the
// base URL when that comes from outside.
func (s *Service) Init(ctx context.Context) error {
	_, err := state.EditConfiguration(ctx, s.Store, func(c *provision.Configuration) ([]provision.Event, error) {
		switch {
		case c.Version == 0:
			*c = s.defaults()
		case s.FixedBaseURL && c.Connection.BaseURL != s.Connection.BaseURL:
			moveTo(c, s.Connection.BaseURL)
			c.On = false
			c.Revision++
			return []provision.Event{s.event(ctx, "another app, by another base URL at the start: turned off")}, nil
		default:
			return nil, state.ErrUnchanged
		}
		return nil, nil
	})
	return err
}

// Configuration is everything that is set, as it is stored.
func (s *Service) Configuration(ctx context.Context) (provision.Configuration, error) {
	return s.Store.Configuration(ctx)
}

// defaults is the configuration before an administrator has set anything.
func (s *Service) defaults() provision.Configuration {
	return provision.Configuration{
		Connection:    s.Connection,
		Mapping:       s.Profile.Mapping,
		Guard:         provision.DefaultGuard,
		Authorization: provision.Authorization{State: provision.AuthorizationNone},
	}
}

// The statuses; the first that fits counts.
const (
	StatusNotConfigured        = "notConfigured"
	StatusOff                  = "off"
	StatusNeedsReauthorization = "needsReauthorization"
	StatusHeld                 = "held"
	StatusOn                   = "on"
)

// Status is how things stand at a glance.
type Status struct {
	Status        string
	Now           time.Time
	Configuration provision.Configuration
	// Held is the open list of held operations; nil when there is none.
	Held *HeldList
	// Sweep runs, or ran last; nil when there was none.
	Sweep *provision.Sweep
}

// Status tells how things stand.
func (s *Service) Status(ctx context.Context) (Status, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{Now: s.Business(), Configuration: c}
	if st.Held, err = s.Held(ctx); err != nil {
		return st, err
	}
	if st.Sweep, err = s.Sweeper.Current(ctx); err != nil {
		return st, err
	}
	switch {
	case !c.Ready():
		st.Status = StatusNotConfigured
	case !c.On:
		st.Status = StatusOff
	case c.Authorization.State == provision.NeedsReauthorizing:
		st.Status = StatusNeedsReauthorization
	case st.Held != nil:
		st.Status = StatusHeld
	default:
		st.Status = StatusOn
	}
	return st, nil
}
