// Package wiring builds the system from its adapters: the one place that knows
// how the parts fit together.
//
// It promises that the embedded and the cloud system are the same but for what
// Parts names. It owns no behaviour.
package wiring

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/connect"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/push"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

// Directory is the whole of the directory's port.
type Directory interface {
	directory.Users
	directory.Organization
	directory.Picker
	directory.Watcher
}

// Parts are what differs from one system to the next; all but Egress, Events, PushAddress and what follows it are required.
type Parts struct {
	Profile   app.Profile
	Store     state.Store
	Tasks     tasks.Queue
	Secrets   secrets.Store
	Directory Directory
	Business  clock.Business
	Real      clock.Real
	Log       *slog.Logger
	// Connection is in place until an administrator sets another; its base URL
	// cannot be edited when FixedBaseURL.
	Connection   provision.Connection
	FixedBaseURL bool
	// Egress says where the app may be; anything but egress.Public is for the local program and for tests.
	Egress egress.Policy
	// Events says what follows from the audit log's events; audit.DefaultTable when nil.
	Events audit.Table
	// PushAddress is where the directory's notifications come in; empty when it cannot reach us.
	PushAddress string
	// Backlog and Deadlines are health's; nil when nothing can tell what waits.
	Backlog   func(ctx context.Context) (waiting int, oldestDue time.Time, err error)
	Deadlines bool
	// SweepEvery is the time between two sweeps of the schedule, in business time.
	SweepEvery time.Duration
	// PollEvery is the sweeper's, and Limit the use cases'.
	PollEvery time.Duration
	Limit     func(ctx context.Context, c provision.Connection) error
}

// System is the parts put together.
type System struct {
	Admin      *admin.Service
	Reconciler *reconcile.Reconciler
	Sweeper    *sweep.Sweeper
	Push       *push.Channels
	Audit      *audit.Reader
	Health     *health.Health
	Apps       *connect.Apps
	Store      state.Store
	Secrets    secrets.Store
}

// Build puts the parts together. It makes no call.
func Build(p Parts) *System {
	apps := connect.New(p.Secrets, &scim.Options{Transport: p.Egress.Transport()})
	p.Profile.CheckConnection = checked(p.Profile.CheckConnection, p.Egress)
	mapper := mapping.NewCompiled(p.Profile)
	people := roster.New(p.Directory, p.Real)
	s := &System{Apps: apps, Store: p.Store, Secrets: p.Secrets}
	s.Reconciler = reconcile.New(reconcile.Ports{
		Store: p.Store, Directory: p.Directory, Roster: people, Apps: apps, Mapper: mapper, Tasks: p.Tasks,
		Business: p.Business, Real: p.Real, Sleep: sleep, SweepEvery: p.SweepEvery, NewID: newID, Log: p.Log,
	}, newID())
	s.Sweeper = sweep.New(sweep.Ports{
		Store: p.Store, Directory: p.Directory, Roster: people, Apps: apps, Mapper: mapper, Tasks: p.Tasks,
		Business: p.Business, Real: p.Real, Sleep: sleep, NewID: newID, Log: p.Log, PollEvery: p.PollEvery,
	})
	s.Health = health.New(health.Ports{
		Store: p.Store, Business: p.Business, Real: p.Real, Log: p.Log, Pushed: p.PushAddress != "", SweepEvery: p.SweepEvery,
		Backlog: p.Backlog, Deadlines: p.Deadlines,
	})
	hints := hint.New(p.Tasks, p.Business, newID())
	s.Push = push.New(push.Ports{
		Watcher: p.Directory, Store: p.Store, Secrets: p.Secrets, Hints: hints, Heard: s.Health.Push,
		Real: p.Real, NewID: newID, Log: p.Log, Address: p.PushAddress,
	})
	events := p.Events
	if events == nil {
		events = audit.DefaultTable()
	}
	s.Audit = audit.New(audit.Ports{
		Store: p.Store, Directory: p.Directory, Hints: hints, Health: s.Health, Business: p.Business, Log: p.Log, AppName: p.Profile.Name,
	}, events)
	s.Admin = admin.New(admin.Ports{
		Profile: p.Profile, Store: p.Store, Secrets: p.Secrets, Directory: p.Directory, Apps: apps, Mapper: mapper,
		Push: s.Push, Health: s.Health, Reconciler: s.Reconciler, Sweeper: s.Sweeper, Tasks: p.Tasks,
		Business: p.Business, Real: p.Real, Sleep: sleep, NewID: newID, Log: p.Log,
		Connection: p.Connection, FixedBaseURL: p.FixedBaseURL, Limit: p.Limit,
	})
	return s
}

// checked refuses a base URL outside of the policy after all that the profile refuses.
func checked(profile func(provision.Connection) error, policy egress.Policy) func(provision.Connection) error {
	return func(c provision.Connection) error {
		if err := profile(c); err != nil {
			return err
		}
		return policy.CheckBaseURL(c.BaseURL)
	}
}

// newID is a UUID of version 7 (RFC 9562), so that ids sort by the time of their making.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
