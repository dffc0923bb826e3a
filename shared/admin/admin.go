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
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
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
			// Another base URL is another app: its links are void (R10), and the token is not for it (R15).
			c.Connection.BaseURL = s.Connection.BaseURL
			c.On, c.Authorization = false, provision.Authorization{State: provision.AuthorizationNone}
			c.Revision++
		default:
			return nil, state.ErrUnchanged
		}
		return nil, nil
	})
	return err
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

// Authorize verifies a token with the app and then stores it. It authorizes
// and reauthorizes: what was on goes on with a sweep (R11).
func (s *Service) Authorize(ctx context.Context, token secrets.Value) error {
	if strings.TrimSpace(token.Reveal()) == "" {
		return fault.Field("accessToken", "paste the access token from the app")
	}
	token = secrets.NewValue(strings.TrimSpace(token.Reveal()))
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if c.Connection.BaseURL == "" {
		return fault.New(fault.Unready, "", "set the app's base URL in the connection settings first")
	}
	switch err := s.Apps.Verify(ctx, c.Connection, token); {
	case fault.Is(err, fault.Unauthorized, fault.Forbidden):
		return fault.Field("accessToken", "the app refuses this token: copy it again from the app, whole and without spaces")
	case err != nil:
		return fault.New(fault.Unready, "", "the token could not be verified with the app, so it was not stored: %s", words(err))
	}
	version, err := s.Secrets.Put(ctx, secrets.AppToken, token)
	if err != nil {
		return err
	}
	c, err = s.store(ctx, func(c *provision.Configuration) (what string, err error) {
		if _, latest, err := s.Secrets.Latest(ctx, secrets.AppToken); err != nil || latest != version {
			return "", fault.New(fault.Conflict, "", "another token was stored at the same time: authorize again")
		}
		c.Authorization = provision.Authorization{State: provision.AuthorizationOK, VerifiedAt: s.Business(), SecretVersion: version}
		return "app authorized", nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(s.settle(ctx, c.Revision), s.resweep(ctx, c, "reauthorize"), s.Secrets.DestroyBefore(ctx, secrets.AppToken, version))
}

// TurnOn begins provisioning with a sweep (R8). Turning on what is on changes
// nothing. confirmed is the id of a preview whose removals are released (R12);
// empty for none.
func (s *Service) TurnOn(ctx context.Context, confirmed string) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	preview, err := s.confirmed(ctx, confirmed, c, nil)
	if err != nil {
		return err
	}
	if c.Stripping { // deleted, and interrupted
		if err := s.finishDelete(ctx); err != nil {
			return err
		}
	}
	c, err = s.edit(ctx, "turned on", func(c *provision.Configuration) error {
		if c.On {
			return state.ErrUnchanged
		}
		if c.Stripping {
			return fault.New(fault.Conflict, "", "the configuration is being deleted: turn on again in a moment")
		}
		if preview != nil && c.Revision != preview.Revision+1 {
			return errMoved
		}
		if err := ready(*c); err != nil {
			return err
		}
		c.On, c.TurnedOnAt = true, s.Business()
		return nil
	})
	if errors.Is(err, state.ErrUnchanged) { // but who turned it on may not have come to ask for the sweep
		return s.Sweeper.CatchUp(context.WithoutCancel(ctx), c, "turnOn")
	}
	if err != nil {
		return err
	}
	if err := s.release(ctx, preview, c.TurnedOnAt); err != nil {
		return err
	}
	if err := s.Push.Open(context.WithoutCancel(ctx)); err != nil { // seconds become a sweep interval, and nothing is lost
		s.Log.WarnContext(ctx, "no push channel: changes are seen by the next sweep", "error", err.Error())
	}
	return s.resweep(ctx, c, "turnOn")
}

// ready says what is missing before autoprovisioning can be turned on.
func ready(c provision.Configuration) error {
	var missing []string
	if c.Authorization.State == provision.AuthorizationNone || c.Authorization.State == "" {
		missing = append(missing, "the access token")
	}
	if c.Scope == nil {
		missing = append(missing, "the scope")
	}
	if len(c.Policies) == 0 {
		missing = append(missing, "the deprovisioning time frames")
	}
	if len(missing) > 0 {
		return fault.New(fault.Unready, "", "not ready to be turned on; set first: %s", strings.Join(missing, ", "))
	}
	if c.Authorization.State != provision.AuthorizationOK {
		return fault.New(fault.Unready, "", "the app refuses the stored access token: reauthorize first")
	}
	return nil
}

// TurnOff stops provisioning and keeps the configuration (R8). When it
// returns, no operation can start any more.
func (s *Service) TurnOff(ctx context.Context) error {
	_, err := s.edit(ctx, "turned off", func(c *provision.Configuration) error {
		if !c.On {
			return state.ErrUnchanged
		}
		c.On = false
		return nil
	})
	if errors.Is(err, state.ErrUnchanged) {
		c, err := s.Store.Configuration(ctx)
		if err != nil {
			return err
		}
		return s.settle(ctx, c.Revision) // it may have been turned off this moment
	}
	if err != nil {
		return err
	}
	s.closePush(ctx)
	return nil
}

func (s *Service) closePush(ctx context.Context) {
	if err := s.Push.Close(context.WithoutCancel(ctx)); err != nil {
		s.Log.WarnContext(ctx, "the push channel could not be stopped; it ends by itself", "error", err.Error())
	}
}

// Sweep asks for a sweep now.
func (s *Service) Sweep(ctx context.Context) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if !c.On {
		return fault.New(fault.Unready, "", "autoprovisioning is off: turn it on first, which sweeps")
	}
	if !c.Runs() {
		return fault.New(fault.Unready, "", "the app refuses the stored access token: reauthorize first, which sweeps")
	}
	_, err = s.Sweeper.Request(ctx, "button")
	return err
}

// Delete turns off and removes the configuration, pending work and the token.
// Accounts in the app stay as they are, and so do the links to them (R10).
func (s *Service) Delete(ctx context.Context) error {
	_, err := s.edit(ctx, "configuration deleted", func(c *provision.Configuration) error {
		fresh := s.defaults()
		fresh.Version, fresh.Revision, fresh.Stripping = c.Version, c.Revision, true
		*c = fresh
		return nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	s.closePush(ctx)
	if err := s.Secrets.Delete(ctx, secrets.AppToken); err != nil {
		return err
	}
	if err := s.Store.PutOrphans(ctx, nil); err != nil {
		return err
	}
	return s.finishDelete(ctx)
}

// finishDelete strips the records and says that it is done; interrupted, it is
// done over by the next turn-on, so that no old condition takes access away.
func (s *Service) finishDelete(ctx context.Context) error {
	if err := s.stripRecords(ctx); err != nil {
		return err
	}
	_, err := state.EditConfiguration(ctx, s.Store, func(c *provision.Configuration) ([]provision.Event, error) {
		if !c.Stripping {
			return nil, state.ErrUnchanged
		}
		c.Stripping = false
		return nil, nil
	})
	return err
}

// stripRecords leaves of each record only the link to its account.
func (s *Service) stripRecords(ctx context.Context) error {
	sel := state.Selection{Kind: state.SelectAll, Limit: 500}
	for {
		page, next, err := s.Store.Select(ctx, sel)
		if err != nil {
			return err
		}
		for _, rec := range page {
			if !reconcile.Changed(rec, bare(rec)) {
				continue
			}
			// A look that was under way may have changed the record since.
			err := s.decideFor(ctx, rec.UserID, func(rec *provision.Record) bool {
				*rec = bare(*rec)
				return true
			})
			if err != nil {
				return fmt.Errorf("removing pending work: %w", err)
			}
		}
		if sel.Token = next; next == "" {
			return nil
		}
	}
}

// bare is a record without conditions, deadlines and whatever else is pending (R10).
func bare(rec provision.Record) provision.Record {
	return provision.Record{UserID: rec.UserID, Version: rec.Version, Email: rec.Email, Lifecycle: rec.Lifecycle,
		LookedAt: rec.LookedAt, LookedUnder: rec.LookedUnder, Account: rec.Account, SuspendDoneAt: rec.SuspendDoneAt, DeleteDoneAt: rec.DeleteDoneAt}
}

// words are what an error says to an administrator.
func words(err error) string {
	var f *fault.Error
	for errors.As(err, &f) {
		if f.Detail != "" || f.Err == nil {
			return cmp.Or(f.Detail, f.Kind.String())
		}
		err = f.Err
	}
	return err.Error()
}
