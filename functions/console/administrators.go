package console

import (
	"context"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

// knownFor is how long the directory's word on an administrator counts, in real time.
const knownFor = 30 * time.Second

// administrators says who may use the console. It is safe for concurrent use.
type administrators struct {
	directory directory.Administrators
	// customer is the id of the customer whose people are provisioned; empty until
	// that is set.
	customer func(ctx context.Context) (string, error)
	// begin puts the default configuration in place, for the first administrator.
	begin func(ctx context.Context) error
	now   clock.Real

	mu    sync.Mutex
	begun bool
	known map[string]time.Time // when the directory said of an id that it is one
}

func newAdministrators(d directory.Administrators, customer func(context.Context) (string, error), begin func(context.Context) error, now clock.Real) *administrators {
	return &administrators{directory: d, customer: customer, begin: begin, now: now, known: map[string]time.Time{}}
}

// check returns nil for the directory id of a super administrator,
// fault.Unauthorized for anybody else, and fault.Unavailable when the directory
// does not say, which lets nobody in.
func (a *administrators) check(ctx context.Context, id string) error {
	const op = "console: administrator"
	if a.isKnown(id) {
		return nil
	}
	of, err := a.directory.SuperAdministrator(ctx, id)
	if err != nil {
		// Of whatever kind: it is not the visitor who is refused by the directory.
		return fault.Wrap(fault.Unavailable, op, err)
	}
	if of == "" {
		return a.refuse(op, id) // at the cost of nothing that is stored
	}
	ours, err := a.customer(ctx)
	if err != nil {
		return err
	}
	if ours != "" && ours != of { // a reseller's directory knows administrators of other customers too
		return a.refuse(op, id)
	}
	return a.remember(ctx, id)
}

func (a *administrators) refuse(op, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, id)
	return fault.New(fault.Unauthorized, op, "only super administrators of this Google Workspace may use the console: sign in as one, or have the role given to you")
}

func (a *administrators) isKnown(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.known[id]
	return ok && a.now().Sub(at) < knownFor
}

func (a *administrators) remember(ctx context.Context, id string) error {
	at := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.begun {
		if err := a.begin(ctx); err != nil {
			return err
		}
		a.begun = true
	}
	a.known[id] = at
	return nil
}
