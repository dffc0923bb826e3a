package admin

import (
	"context"
	"fmt"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

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
