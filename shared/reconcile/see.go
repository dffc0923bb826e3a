package reconcile

import (
	"context"
	"errors"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/scope"
)

// sighting is what one pass has read.
type sighting struct {
	look decide.Look
	// record is the stored one, with what the reading itself changes in it.
	record provision.Record
	// at is when the directory was read, in business time, and under the revision
	// of the configuration that the look knew.
	at    time.Time
	under int64
	// listed is true when the user comes from a sweep's listing, not from a reading by id.
	listed bool
	// orgAge is how old the org units and domains may be.
	orgAge time.Duration
	// unread is why the scope is not known, when that may pass; nil otherwise.
	unread error
	// unreadable says in words why the account could not be read, when that is this
	// one account's fault; empty otherwise.
	unreadable string
	// gone is true when the account that the record links to is not in the app any more.
	gone bool
	// back is the account that the record was linked to, and that is there again; nil for none.
	back *provision.Account
}

// stamp dates the record by this look, if the look saw all that a look can see:
// what it did not see may have begun before the next one (R3, R9).
func (s sighting) stamp(rec *provision.Record) {
	if s.whole() {
		rec.LookedAt, rec.LookedUnder = s.at, s.under
	}
}

// settled says that nothing is left to do of what this look saw. A listing may
// be older than a reading by id, and says nothing of what came before it.
func (s sighting) settled(rec *provision.Record) {
	if s.whole() && !s.listed {
		rec.SettledAt = s.at
	}
}

func (s sighting) whole() bool {
	switch s.look.User.Lifecycle {
	case provision.Active, provision.Suspended:
		return s.look.Scope.Known
	}
	return s.look.User.Lifecycle != provision.Unknown
}

// errTokenRefused says that the app refused the token when it was read from.
var errTokenRefused = errors.New("the app refuses the access token")

// see reads the directory.
func (r *Reconciler) see(ctx context.Context, c provision.Configuration, req Request, rec provision.Record, orgAge time.Duration) (sighting, error) {
	s := sighting{record: rec, at: r.Business(), under: c.Revision, orgAge: orgAge}
	s.look.Forced = req.Forced
	listing := req.Listing
	if listing != nil && (r.Real().Sub(listing.ReadAt) > listingAge || rec.LookedAt.After(listing.At)) {
		listing = nil
	}
	if listing != nil {
		s.listed, s.at = true, listing.At
		s.look.User, s.look.Scope = listing.User, listing.Scope
	} else if err := r.readUser(ctx, c, req, &s); err != nil {
		return s, err
	}
	if s.look.User.Lifecycle == provision.Active && s.look.Scope.Known && s.look.Scope.In {
		desired, err := r.Mapper.Apply(c, s.look.User)
		switch {
		case fault.Is(err, fault.Invalid):
			s.look.MappingError = fault.Words(err)
		case err != nil:
			return s, err
		}
		s.look.Desired = desired
	}
	return s, nil
}

// seeBoth reads the directory, and the account in the app where that is called for.
func (r *Reconciler) seeBoth(ctx context.Context, c provision.Configuration, req Request, rec provision.Record, orgAge time.Duration) (sighting, error) {
	s, err := r.see(ctx, c, req, rec, orgAge)
	if err == nil {
		err = r.checkAccount(ctx, c, req, &s)
	}
	return s, err
}

// checkAccount reads the linked account where the request asks for that, or an
// update that went wrong is due: only the account shows whether it is called for.
func (r *Reconciler) checkAccount(ctx context.Context, c provision.Configuration, req Request, s *sighting) error {
	rec := s.record
	asked := req.CheckAccount && rec.Account.ID != "" || updateDue(rec, r.Business())
	inVain := rec.Intent != nil // it has just been read for that
	if !asked || inVain || !c.Runs() {
		return nil
	}
	return r.readLinked(ctx, c, req, s)
}

// relinks is true when the record is not linked as it should be: that comes before any decision.
func (s sighting) relinks() bool { return s.gone || s.back != nil }

// updateDue reports whether an update that went wrong is to be tried again: only
// the account shows whether it is still called for (R17). So it is with an account
// that could not be read, which may be one that was removed and is there again.
func updateDue(rec provision.Record, now time.Time) bool {
	retry, waits := rec.Retry(provision.Update)
	return waits && !retry.At.After(now) && (rec.Account.Exists() || retry.Reason == provision.RetryUnread)
}

// waitsToRead reports whether the account could not be read before, and is not to be read yet.
func waitsToRead(rec provision.Record, now time.Time) bool {
	retry, waits := rec.Retry(provision.Update)
	return waits && retry.Reason == provision.RetryUnread && retry.At.After(now)
}

// readUser reads the user by id, and what decides their scope.
func (r *Reconciler) readUser(ctx context.Context, c provision.Configuration, req Request, s *sighting) error {
	u, err := r.Directory.User(ctx, req.UserID)
	if fault.Is(err, fault.NotFound) || err == nil && u.Lifecycle == provision.Deleted {
		return r.readDeleted(ctx, c, req, u, s)
	}
	if err != nil {
		return err
	}
	if foreign, err := r.foreign(ctx, c, u, s, s.orgAge); foreign || err != nil {
		return err
	}
	s.look.User = u
	if u.Lifecycle == provision.Active || u.Lifecycle == provision.Suspended {
		if c.Scope == nil {
			s.look.Scope.Reasons = []string{"no scope is set yet"}
			return nil
		}
		s.look.Scope, s.unread = r.Roster.Verdict(ctx, *c.Scope, u, s.orgAge)
	}
	return nil
}

// foreign reports whether the directory that named a user, or nobody, may be
// another customer's. The look then sees nothing of the user, and says why (R13).
func (r *Reconciler) foreign(ctx context.Context, c provision.Configuration, u provision.User, s *sighting, maxAge time.Duration) (bool, error) {
	if c.Scope == nil {
		return false, nil
	}
	var org scope.Organization
	if c.Scope.CustomerID == "" || u.CustomerID == "" {
		var err error
		if org, err = r.Roster.Organization(ctx, maxAge); err != nil {
			return false, err
		}
	}
	why := org.Foreign(*c.Scope, u)
	if why != "" {
		s.look.User, s.look.Scope.Reasons = provision.User{ID: s.record.UserID, Lifecycle: provision.Unknown}, []string{why}
	}
	return why != "", nil
}

// readDeleted finds out whether a user whose id gave a 404 or a deletion mark is
// deleted: by the listing of deleted users, or by a second 404 after another
// complete sweep, as far from the first as the schedule's sweeps are. Anything
// less decides nothing (R13). marked is the user of a deletion mark.
func (r *Reconciler) readDeleted(ctx context.Context, c provision.Configuration, req Request, marked provision.User, s *sighting) error {
	if _, known := s.record.Condition(provision.ConditionDeleted); known {
		if foreign, err := r.foreign(ctx, c, marked, s, s.orgAge); foreign || err != nil {
			return err
		}
		// The directory has said so before, and gives the id to nobody else; the
		// listing forgets after 20 days.
		s.look.User = provision.User{ID: req.UserID, Lifecycle: provision.Deleted}
		return nil
	}
	listed, err := r.listedDeleted(ctx, req)
	if err != nil {
		return err
	}
	if listed.ID != "" {
		if foreign, err := r.foreign(ctx, c, listed, s, s.orgAge); foreign || err != nil {
			return err
		}
		s.look.User = listed
		return nil
	}
	s.look.User = provision.User{ID: req.UserID, Lifecycle: provision.Unknown}
	if !req.Absent { // only a look after a complete listing counts
		return nil
	}
	if foreign, err := r.foreign(ctx, c, marked, s, roster.Fresh); foreign || err != nil {
		return err
	}
	switch {
	case s.record.MissingSweep == "":
		s.record.MissingSweep, s.record.MissingAt = req.SweepID, s.at
	case s.record.MissingSweep != req.SweepID && s.at.Sub(s.record.MissingAt) >= r.SweepEvery*9/10: // sweeps take unequally long
		s.look.User.Lifecycle = provision.Deleted
	}
	return nil
}

// reading is the operation's name in the log when none is under way.
const reading = "read"

// readLinked reads the linked account, or the one that was linked last, by its id (R17).
func (r *Reconciler) readLinked(ctx context.Context, c provision.Configuration, req Request, s *sighting) error {
	if pause := r.breaker.pause(req.UserID); pause > 0 {
		return paused(pause)
	}
	accounts, err := r.Apps.Accounts(ctx, c)
	if fault.Is(err, fault.Unauthorized) {
		return errTokenRefused
	}
	if err != nil {
		return err
	}
	linked := s.record.Account.Exists()
	account, err := accounts.Get(ctx, refOf(s.record, s.record.Account.ID, nil))
	switch {
	case fault.Is(err, fault.NotFound):
		s.gone = linked
		if !linked { // and nothing is to be read again
			s.record.Retries = decide.WithoutRetry(s.record, provision.Update)
		}
		return nil
	case fault.Is(err, fault.Unauthorized, fault.Forbidden):
		switch verified := accounts.Verify(ctx); {
		case fault.Is(verified, fault.Unauthorized, fault.Forbidden):
			return errTokenRefused
		case verified != nil:
			return r.leaveAlone(ctx, req, theApp, reading, fault.Words(verified), fault.RetryAfter(verified))
		}
		s.unreadable = fault.Words(err)
		return nil
	case err != nil:
		if fault.Is(err, fault.Throttled) || r.whose(ctx, c, accounts, req.UserID, true) != thePerson {
			return r.leaveAlone(ctx, req, theApp, reading, fault.Words(err), fault.RetryAfter(err))
		}
		s.unreadable = fault.Words(err)
		return nil
	}
	r.breaker.read(req.UserID)
	switch {
	case linked:
		s.look.Account = &account
	case account.ExternalID == req.UserID:
		s.back = &account
	}
	return nil
}

// recordBack takes up the link to an account again that was not in the app, as
// far as we knew. Its person has an account from now on, so that conditions begin
// now too (R3).
func (r *Reconciler) recordBack(ctx context.Context, rec provision.Record, account provision.Account) error {
	now := r.Business()
	link := &rec.Account
	link.State, link.LinkedAt, link.ActiveSince, link.RemovedAt = provision.AccountActive, now, now, time.Time{}
	if !account.Active {
		link.State, link.SuspendedAt = provision.AccountSuspended, now
	}
	rec.GoneAt, rec.Conditions = time.Time{}, nil
	notice := provision.Event{ID: r.NewID(), Time: now, Name: provision.EventNotice, UserID: rec.UserID, Email: rec.Email, AccountID: account.ID,
		Outcome: provision.OutcomeDone, Cause: provision.Cause{Text: "the account is in the app again"}}
	if err := r.keep(ctx, &rec, notice); err != nil {
		return err
	}
	r.logEvents(ctx, []provision.Event{notice})
	return nil
}

// recordGone ends the link to an account that is not in the app any more. No
// event says that the person lost it (R7).
func (r *Reconciler) recordGone(ctx context.Context, rec provision.Record) error {
	endAccount(&rec, r.Business())
	return r.keep(ctx, &rec)
}
