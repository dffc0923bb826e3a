package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// Put checks and stores the sections of a proposal. What is set already stays as
// it is; when that is all of it, nothing is stored, unless it is confirmed:
// confirmed is the id of a preview of exactly this proposal, whose removals are
// released (R12); empty for none. Errors: fault.Invalid naming the field;
// fault.Conflict when the preview is not of this proposal, or no longer of this
// revision.
func (s *Service) Put(ctx context.Context, p Proposal, confirmed string) error {
	return s.put(ctx, p, confirmed, p.fingerprints())
}

// PutWhole stores a proposal that holds everything that is set, as Put does, and
// refuses any other as CheckWhole does.
func (s *Service) PutWhole(ctx context.Context, p Proposal, confirmed string) error {
	if err := s.CheckWhole(ctx, p); err != nil {
		return err
	}
	return s.Put(ctx, p, confirmed)
}

// CheckWhole refuses by name a section that a proposal does not hold, since it
// would stay as it is, unless none was ever set.
func (s *Service) CheckWhole(ctx context.Context, p Proposal) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	_, policy := c.Policy()
	var missing []error
	need := func(section string, there, set bool) {
		if set && !there {
			missing = append(missing, fault.Field(section, "is missing: a configuration is replaced as a whole, so send every section that is set"))
		}
	}
	need("connection", p.Connection != nil, true)
	need("mapping", p.Mapping != nil, true)
	need("scope", p.Scope != nil, c.Scope != nil)
	need("deprovisioning", p.Deprovisioning != nil, policy)
	need("protected", p.Protected != nil, true)
	need("guard", p.Guard != nil, true)
	return errors.Join(missing...)
}

// put stores a proposal whose sections have these fingerprints.
func (s *Service) put(ctx context.Context, p Proposal, confirmed string, prints map[string]string) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	preview, err := s.confirmed(ctx, confirmed, c, prints)
	if err != nil {
		return err
	}
	apply, err := s.resolve(ctx, p, c)
	if err != nil {
		return err
	}
	at := s.Business()
	c, err = s.store(ctx, func(c *provision.Configuration) (what string, err error) {
		if preview != nil && c.Revision != preview.Revision+1 {
			return "", errMoved
		}
		before := c.Clone()
		edited, err := apply(c)
		if preview != nil && p.Scope != nil { // also a scope that stays as it is has been reviewed
			c.ScopeSavedAt = s.Business()
		}
		switch {
		case err != nil:
			return "", err
		case preview != nil && !meansTheSame(*c, preview.Proposed):
			return "", fault.New(fault.Conflict, "", "an address or a path means something else than when this preview was made: make another")
		case len(edited) > 0:
			return strings.Join(edited, ", ") + " edited" + s.replaced(before, *c), nil
		case preview == nil:
			return "", state.ErrUnchanged
		}
		return "preview confirmed", nil
	})
	if err != nil && !errors.Is(err, state.ErrUnchanged) {
		return err
	}
	// It is stored, now or by an earlier call that may have failed after that: each
	// of these is tried, whatever becomes of the others, also for a caller who is
	// gone. A release comes before the sweep that acts on it.
	ctx = context.WithoutCancel(ctx)
	sweep := s.Sweeper.CatchUp
	if preview != nil { // one that has begun since may have held people whom this releases
		sweep = s.resweep
	}
	return errors.Join(s.drain(ctx, c.Revision), s.release(ctx, preview, at), sweep(ctx, c, "edit"), s.limit(ctx, p, c))
}

// ErrStored is the cause of an error that came after an edit was stored. Its
// detail says so, and what is left to do.
var ErrStored = errors.New("the edit is stored")

// limit tells the queues how fast the app may be called, when that was sent.
func (s *Service) limit(ctx context.Context, p Proposal, c provision.Configuration) error {
	if p.Connection == nil || s.Limit == nil {
		return nil
	}
	if err := s.Limit(ctx, c.Connection); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Op: "admin: edit",
			Detail: "the connection is saved, but the queues could not be told its limits: save it again", Err: fmt.Errorf("%w: %w", ErrStored, err)}
	}
	return nil
}

// store changes the configuration under a new revision, by compare-and-set, with
// one event. change says what it did, or gives the error, also state.ErrUnchanged,
// with which nothing is stored.
func (s *Service) store(ctx context.Context, change func(*provision.Configuration) (what string, err error)) (provision.Configuration, error) {
	var (
		before, after provision.Configuration
		what          string
	)
	changed, err := state.EditConfiguration(ctx, s.Store, func(c *provision.Configuration) (_ []provision.Event, err error) {
		before = c.Clone()
		c.Revision++
		if what, err = change(c); err != nil {
			return nil, err
		}
		after = *c
		return []provision.Event{s.event(ctx, what)}, nil
	})
	switch {
	case err != nil:
		return before, err
	case !changed:
		return before, state.ErrUnchanged
	}
	s.Reconciler.Forget()
	s.Log.InfoContext(ctx, "configuration changed", "what", what, "revision", after.Revision)
	return after, nil
}

func (s *Service) event(ctx context.Context, what string) provision.Event {
	return provision.Event{ID: s.NewID(), Time: s.Business(), Name: provision.EventConfiguration,
		Outcome: provision.OutcomeDone, Cause: provision.Cause{Text: what + by(ctx)}}
}

// drainTime is the longest wait for operations under way, in real time: the
// life of a lease, after which none can start.
const drainTime = 4 * time.Minute

// drain waits until no operation decided under an earlier revision can still
// start. A worker commits its intent before it reads the configuration for the
// last time, and the new configuration is committed before intents are counted
// here: one of the two sees the other.
func (s *Service) drain(ctx context.Context, revision int64) error {
	deadline := s.Real().Add(drainTime)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		n, err := s.Store.Count(ctx, state.Count{Kind: state.CountOpenIntents, Revision: revision, Time: s.Real()})
		if err != nil || n == 0 {
			return err
		}
		if s.Real().After(deadline) {
			return &fault.Error{Kind: fault.Unavailable, Op: "admin: edit",
				Detail: fmt.Sprintf("the change is stored, but %d operations that began before it have not ended yet", n), Err: ErrStored}
		}
		if err := s.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// resweep asks for a sweep, if anything runs: unlike Sweeper.CatchUp also where
// one has begun since the configuration was stored, which what is done after
// that, a release or a token, may have come too late for.
func (s *Service) resweep(ctx context.Context, c provision.Configuration, cause string) error {
	if !c.Runs() {
		return nil
	}
	_, err := s.Sweeper.Request(ctx, cause)
	return err
}
