package audit

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/provision"
)

// Store is what is needed to find out who an event is about.
type Store interface {
	RecordsByEmail(ctx context.Context, email string) ([]provision.Record, error)
	Configuration(ctx context.Context) (provision.Configuration, error)
	// Sources and PutSources are for which groups bear on the scope.
	Sources(ctx context.Context) (provision.Sources, error)
	PutSources(ctx context.Context, s provision.Sources, events ...provision.Event) (version int64, err error)
}

// Directory is what is read of the directory for the same.
type Directory interface {
	UserByEmail(ctx context.Context, email string) (provision.User, error)
	Group(ctx context.Context, key string) (directory.Group, error)
	ListMembers(ctx context.Context, groupID, pageToken string) (directory.MemberPage, error)
}

// Ports are what a reader needs; all are required.
type Ports struct {
	Store     Store
	Directory Directory
	Hints     *hint.Hints
	Health    *health.Health
	Business  clock.Business
	Log       *slog.Logger
	// AppName is the app's name in the Admin console.
	AppName string
}

// Reader reads the audit log. It is safe for concurrent use.
type Reader struct {
	Ports
	table Table
}

// New returns a reader that acts by a table.
func New(p Ports, table Table) *Reader { return &Reader{p, table} }

// Receive reads one delivery, in any of the forms that Unwrap knows. Errors:
// fault.Invalid, with the reason, for what makes no sense and would not when
// sent again; fault.Unavailable when it must be sent again.
func (r *Reader) Receive(ctx context.Context, body []byte) error {
	data, err := Unwrap(body)
	if err != nil {
		return err
	}
	entry, err := Parse(data)
	if err != nil {
		return err
	}
	unknown, err := r.follow(ctx, entry)
	if err != nil {
		// Whatever its kind: only a message that makes no sense is not sent again.
		return &fault.Error{Kind: fault.Unavailable, Op: "audit: receive", RetryAfter: fault.RetryAfter(err), Err: err}
	}
	r.Health.Audit(ctx, unknown)
	return nil
}

// follow does what follows from each event.
func (r *Reader) follow(ctx context.Context, entry Entry) (unknown int, err error) {
	c, err := r.Store.Configuration(ctx)
	if err != nil {
		return 0, err
	}
	one := reading{Reader: r, c: c, key: entry.Key}
	var errs []error
	for _, event := range entry.Events {
		action, known := r.table[event.Name]
		one.suspect = !known
		if !known {
			unknown++
			action = guess(event)
			r.Log.InfoContext(ctx, "audit event without a meaning", "event", clip(event.Name), "takenFor", action)
		}
		errs = append(errs, one.do(ctx, action, event))
	}
	return unknown, errors.Join(errs...)
}

// guess takes what an unknown event names for what it changed.
func guess(e Event) Action {
	switch {
	case e.Member != "":
		return LookAtMember
	case len(e.Users) > 0:
		return LookAtUser
	case e.Group != "":
		return LookAtGroup
	case e.OrgUnit != "":
		return Sweep
	}
	return Ignore
}

// reading is the reading of one entry.
type reading struct {
	*Reader
	c   provision.Configuration
	key string
	// suspect is true for an event that nobody has given a meaning.
	suspect bool
}

// sweep asks for a sweep. An unknown event may be of any kind and number, such as
// one for each setting of each app in an org unit.
func (r reading) sweep(ctx context.Context) error {
	if r.suspect {
		return r.Hints.SweepSeldom(ctx)
	}
	return r.Hints.SweepTwice(ctx, r.key)
}

func (r reading) do(ctx context.Context, action Action, e Event) error {
	switch action {
	case ReviewService:
		return r.reviewService(ctx, e)
	case ReviewGoogle:
		return r.reviewGoogle(ctx, e)
	case Ignore:
		return nil
	}
	// While it is off a look does nothing, and a sweep begins each turn-on (R8).
	if !r.c.On || !r.c.Ready() {
		return nil
	}
	grouped := len(r.c.Scope.Groups)+len(r.c.Scope.AccessGroups) > 0
	switch action {
	case LookAtUser:
		return r.users(ctx, e.Users)
	case Sweep:
		return r.sweep(ctx)
	case LookAtMember, LookAtGroup, SweepGroups:
		if grouped {
			return r.groups(ctx, action, e)
		}
	}
	return nil
}

func (r reading) users(ctx context.Context, addresses []string) error {
	var ids []string
	for _, address := range addresses {
		found, err := r.people(ctx, address)
		if err != nil {
			return err
		}
		ids = append(ids, found...)
	}
	return r.look(ctx, ids)
}

// member looks at a member who may be a user, a group or somebody from outside:
// the Admin log does not say which.
func (r reading) member(ctx context.Context, e Event) error {
	ids, err := r.people(ctx, e.Member)
	if err != nil {
		return err
	}
	if len(ids) == 0 && e.MemberKind == "" {
		return r.nested(ctx, e.Member)
	}
	return r.look(ctx, ids)
}

// people are the ids behind an address: of everybody whose last known address
// it is and, unless one of them is there still, of whoever the directory says
// has it now. An address that has just changed hands may lead to the one who had
// it, for whom a look does no harm; the push that tells of every user by id, and
// the sweep, find the other.
func (r reading) people(ctx context.Context, address string) ([]string, error) {
	if address == "" {
		return nil, nil
	}
	records, err := r.Store.RecordsByEmail(ctx, address)
	if err != nil {
		return nil, err
	}
	var ids []string
	there := false
	for _, rec := range records {
		ids = append(ids, rec.UserID)
		there = there || rec.Lifecycle != provision.Deleted
	}
	if there {
		return ids, nil
	}
	u, err := r.Directory.UserByEmail(ctx, address)
	switch {
	case notOurs(err):
		return ids, nil
	case err != nil:
		return nil, err
	}
	return append(ids, u.ID), nil
}

func (r reading) look(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	return r.Hints.Users(ctx, slices.Compact(ids)...)
}
