package admin

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// HeldList is the open list of held operations, one row per person (R12).
type HeldList struct {
	// ID changes with the list's content.
	ID     string
	People int
	// Since is when the oldest of them was held.
	Since time.Time
}

// Held is the open list; nil when nothing is held.
func (s *Service) Held(ctx context.Context) (*HeldList, error) {
	h, err := s.Store.Held(ctx)
	if err != nil || h.People == 0 {
		return nil, err
	}
	return &HeldList{ID: heldID(h), People: h.People, Since: h.Since}, nil
}

func heldID(h state.Held) string { return fmt.Sprintf("held-%d-%x", h.People, h.Marks) }

func (s *Service) eachHeld(ctx context.Context, visit func(provision.Record) error) error {
	for page, err := range state.Pages(ctx, s.Store, state.Selection{Kind: state.SelectHeld}) {
		if err != nil {
			return err
		}
		for _, rec := range page {
			if err := visit(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// HeldPage is one page of the people on the open list, by user id.
func (s *Service) HeldPage(ctx context.Context, token string, limit int) ([]provision.Record, string, error) {
	return s.Store.Select(ctx, state.Selection{Kind: state.SelectHeld, Token: token, Limit: limit})
}

// DecideHeld confirms (release) or dismisses held operations: of the users named,
// or of all on the list when users is nil. Errors: fault.Conflict when the
// list is not the open one any more; fault.Invalid for a user who is not on it,
// and for a list of nobody. Cut off, it has decided for some: the others are the
// open list from then on, under its own id.
func (s *Service) DecideHeld(ctx context.Context, listID string, users []string, release bool) error {
	if users != nil && len(users) == 0 {
		return fault.Field("users", "name at least one person, or leave the field out for everybody on the list")
	}
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if !c.Runs() { // turning on begins every condition anew, so that what is on the list would not be what was decided on
		return fault.New(fault.Unready, "", "autoprovisioning is off or needs to be reauthorized: see to that first")
	}
	left := make(map[string]bool, len(users)) // those named who were not found on the list yet
	for _, id := range users {
		left[id] = true
	}
	var chosen []provision.Record
	var held state.Held
	if err := s.eachHeld(ctx, func(rec provision.Record) error {
		held.People++
		held.Marks += rec.HoldMark()
		if users == nil || left[rec.UserID] {
			chosen = append(chosen, provision.Record{UserID: rec.UserID, Hold: rec.Hold})
			delete(left, rec.UserID)
		}
		return nil
	}); err != nil {
		return err
	}
	if held.People == 0 || heldID(held) != listID {
		return fault.New(fault.Conflict, "", "the list of held operations has changed: look at it again, and send its present id")
	}
	for i, id := range users {
		if left[id] {
			return fault.Field(fmt.Sprintf("users[%d]", i), "%s is not on the list of held operations", id)
		}
	}
	what := "dismissed"
	if release {
		what = "confirmed"
	}
	if err := s.Store.Append(ctx, s.event(ctx, fmt.Sprintf("held operations of %s %s", peopleOf(len(chosen)), what))); err != nil {
		return err
	}
	return together(ctx, chosen, func(ctx context.Context, c provision.Record) error {
		return s.decideHeldOne(ctx, c.UserID, *c.Hold, release)
	})
}

// atATime is how many people's records are written beside each other.
const atATime = 32

// together does the same for each of many people, also for a caller who is gone,
// and begins with nobody more after an error. It may be cut off between any two:
// whoever uses it says what becomes of the rest.
func together[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	ctx = context.WithoutCancel(ctx)
	g, failed := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for _, one := range all {
		if failed.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, one) })
	}
	return g.Wait()
}

// peopleOf is a number of people in words.
func peopleOf(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// decideHeldOne gives the verdict on exactly the operation and cause that was on the list.
func (s *Service) decideHeldOne(ctx context.Context, userID string, hold provision.Hold, release bool) error {
	now := s.Business()
	err := s.decideFor(ctx, userID, func(rec *provision.Record) bool {
		if rec.Hold == nil || rec.Hold.Operation != hold.Operation || rec.Hold.Condition != hold.Condition || !rec.Hold.Since.Equal(hold.Since) {
			return false // the cause went away meanwhile
		}
		rec.Verdicts = append(rec.Verdicts, provision.Verdict{
			Operation: hold.Operation, Condition: hold.Condition, Since: hold.Since, Release: release, At: now})
		rec.Hold = nil
		return true
	})
	if err != nil {
		return err
	}
	return s.Tasks.Enqueue(ctx, reconcile.LookTask(reconcile.Request{UserID: userID}, "settled-"+now.Format(time.RFC3339Nano), time.Time{}))
}
