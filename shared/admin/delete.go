package admin

import (
	"context"
	"errors"
	"fmt"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// Delete turns off and removes the configuration, pending work and the token.
// Accounts in the app stay as they are, and so do the links to them (R10).
func (s *Service) Delete(ctx context.Context) error {
	c, err := s.store(ctx, func(c *provision.Configuration) (string, error) {
		fresh := s.defaults()
		fresh.Version, fresh.Revision, fresh.Stripping = c.Version, c.Revision, true
		*c = fresh
		return "configuration deleted", nil
	})
	if err != nil {
		return err
	}
	// It is deleted: each of these is tried, whatever becomes of the others.
	ctx = context.WithoutCancel(ctx)
	drained := s.drain(ctx, c.Revision)
	s.closePush(ctx)
	err = errors.Join(drained, s.Secrets.Delete(ctx, secrets.AppToken), s.Store.PutOrphans(ctx, nil))
	if err != nil {
		return err
	}
	return s.strip(ctx, "")
}

// strip clears the records of a configuration that is gone, and says that it is
// done; interrupted, it is done over by the next turn-on, so that no old condition
// takes access away. Links to accounts in other apps than the one at appURL are
// void then, so that they are not counted in it; all stay while that is empty,
// since it is not known which app is next.
func (s *Service) strip(ctx context.Context, appURL string) error {
	if err := s.stripRecords(ctx, appURL); err != nil {
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

// stripRecords leaves of each record only the link to its account in the app.
func (s *Service) stripRecords(ctx context.Context, appURL string) error {
	for page, err := range state.Pages(ctx, s.Store, state.Selection{Kind: state.SelectAll}) {
		if err != nil {
			return err
		}
		if err := together(ctx, page, func(ctx context.Context, rec provision.Record) error {
			if !reconcile.Changed(rec, bare(rec, appURL)) {
				return nil
			}
			// A look that was under way may have changed the record since.
			return s.decideFor(ctx, rec.UserID, func(rec *provision.Record) bool {
				*rec = bare(*rec, appURL)
				return true
			})
		}); err != nil {
			return fmt.Errorf("removing pending work: %w", err)
		}
	}
	return nil
}

// bare is a record without conditions, deadlines and whatever else is pending (R10).
func bare(rec provision.Record, appURL string) provision.Record {
	if appURL != "" {
		rec = rec.In(appURL)
	}
	return provision.Record{UserID: rec.UserID, Version: rec.Version, Email: rec.Email, Lifecycle: rec.Lifecycle,
		LookedAt: rec.LookedAt, LookedUnder: rec.LookedUnder, Account: rec.Account, SuspendDoneAt: rec.SuspendDoneAt, DeleteDoneAt: rec.DeleteDoneAt}
}
