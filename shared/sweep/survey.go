package sweep

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/scope"
	"example.com/autoprovision/shared/state"
)

// survey is one reading of both sides: the app's accounts and the scope's
// groups as whole lists, read beside each other, then the directory's users
// page by page.
type survey struct {
	*Sweeper
	c        provision.Configuration
	accounts app.Accounts

	org     scope.Organization
	members *roster.Members
	lost    map[string]error // groups that no longer exist, by id
	scoped  chan struct{}    // closed when org and members are read

	app    *appView
	listed chan struct{} // closed when the app is listed
	// listing names what of this app's listing is stored, so that a later delivery
	// goes on with it. from is the index to list from, 0 when all of it was stored.
	listing string
	from    int
	until   time.Time     // see begin
	further chan struct{} // holds a value when more was stored, and there is more to come
	links   []link        // what our records were linked to before anything was listed
	began   time.Time     // business time before anything was listed
	readAt  time.Time     // real time then
	// replaced are the groups of the scope that an edit would replace: one that is
	// gone, or may not be read, leaves that scope unknown, and stops nothing.
	replaced []provision.GroupRef
	// foreign says why the directory may be another customer's; empty while it is not.
	foreign string

	group  *errgroup.Group
	ctx    context.Context
	cancel context.CancelFunc
}

// link is a record's link to an account.
type link struct {
	userID, accountID string
	deleted           bool // the user, as far as we know, and deciding again would change nothing
}

// finding is what the survey makes of one listed user.
type finding struct {
	user     provision.User
	verdict  scope.Verdict
	record   provision.Record
	desired  provision.Attributes
	decision decide.Decision
	// at is when it was decided.
	at time.Time
}

// begin starts reading the scope and the app for the sweep or preview with an
// id, or goes on where an earlier delivery of its task stopped. until is the real
// time at which it stops itself; zero when it does not.
func (s *Sweeper) begin(ctx context.Context, c provision.Configuration, id string, until time.Time, replaced ...provision.GroupRef) (*survey, error) {
	accounts, err := s.Apps.Accounts(ctx, c)
	if fault.Is(err, fault.Unauthorized) {
		return nil, errUnauthorized
	}
	if err != nil {
		return nil, err
	}
	v := &survey{Sweeper: s, c: c, accounts: accounts, app: newAppView(), began: s.Business(), readAt: s.Real(),
		members: roster.NewMembers(), scoped: make(chan struct{}), listed: make(chan struct{}), lost: make(map[string]error),
		listing: id + "/app " + c.Connection.BaseURL, from: 1, until: until, further: make(chan struct{}, 1), replaced: replaced}
	if err := v.resume(ctx); err != nil {
		return nil, err
	}
	ctx, v.cancel = context.WithCancel(ctx)
	v.group, v.ctx = errgroup.WithContext(ctx)
	v.group.Go(func() error { return v.whole(v.readScope, v.scoped) })
	v.group.Go(func() error { return v.whole(v.listApp, v.listed) })
	return v, nil
}

// stop ends what is still being read, after err has ended the comparison, and
// returns the cause: what failed first.
func (v *survey) stop(err error) error {
	failed := v.ctx.Err() != nil
	v.cancel()
	if cause := v.group.Wait(); failed && cause != nil {
		return cause
	}
	return err
}

// whole reads a part of the survey and says that it is there, if it is: a part
// that is not whole must never look like one (R13).
func (v *survey) whole(read func(context.Context) error, part chan struct{}) error {
	err := read(v.ctx)
	if err == nil {
		close(part)
	}
	return err
}

// await waits for a part of the survey; it fails when any part has failed.
func (v *survey) await(part chan struct{}) error {
	select {
	case <-part:
		return nil
	default:
	}
	select {
	case <-part:
		return nil
	case <-v.ctx.Done():
		return v.group.Wait()
	}
}

// readLinks reads which accounts the listing of the app should show. A younger
// account may have come after its page, and is not asked for.
func (v *survey) readLinks(ctx context.Context) error {
	return v.each(ctx, state.Selection{Kind: state.SelectLinked}, func(rec provision.Record) {
		rec = rec.In(v.c.Connection.BaseURL)
		if rec.Account.Exists() && rec.Account.LinkedAt.Before(v.began) {
			_, deleted := rec.Condition(provision.ConditionDeleted)
			if deleted { // no listing shows them, so this alone brings an edit of the time frames to them
				look := decide.Look{User: provision.User{ID: rec.UserID, Lifecycle: provision.Deleted}}
				deleted = !reconcile.Changed(rec, decide.Decide(v.c, look, rec, v.began).Record)
			}
			v.links = append(v.links, link{rec.UserID, rec.Account.ID, deleted})
		}
	})
}

func (v *survey) readScope(ctx context.Context) error {
	org, err := v.Roster.Organization(ctx, 0)
	if err != nil {
		return fault.New(fault.Incomplete, "sweep: read scope", "the org units and domains could not be read: %s", fault.Words(err))
	}
	v.org = org
	sc := *v.c.Scope
	present := slices.Concat(sc.Groups, sc.AccessGroups)
	for {
		err = v.Roster.Read(ctx, v.members, present...)
		var missing *roster.MissingGroup
		if !errors.As(err, &missing) {
			break
		}
		v.lost[missing.ID] = err
		present = slices.DeleteFunc(present, func(g provision.GroupRef) bool { return g.ID == missing.ID })
	}
	if err != nil {
		return unreadGroups(err)
	}
	for _, g := range v.replaced {
		switch err := v.Roster.Read(ctx, v.members, g); {
		case err == nil:
		case fault.Is(err, fault.Unavailable, fault.Throttled, fault.Incomplete): // else everybody would seem to lose their place by the edit
			return unreadGroups(err)
		default:
			v.lost[g.ID] = err
		}
	}
	return ctx.Err()
}

func unreadGroups(err error) error {
	return fault.New(fault.Incomplete, "sweep: read scope", "the members of the groups could not be read: %s", fault.Words(err))
}

// member answers whether a listed user is in a group.
func (v *survey) member(userID string) scope.Members {
	return func(groupID string) (bool, error) {
		if err := v.lost[groupID]; err != nil {
			return false, err
		}
		return v.members.Has(groupID, userID)
	}
}

// page decides about listed users, at most a page of them. The records that
// exist are read in one call.
func (v *survey) page(ctx context.Context, users []provision.User, member func(userID string) scope.Members) ([]finding, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	records, err := v.Store.RecordsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	now := v.Business()
	found := make([]finding, 0, len(users))
	for _, u := range users {
		rec, ok := records[u.ID]
		if !ok {
			rec = provision.Record{UserID: u.ID}
		}
		rec = rec.In(v.c.Connection.BaseURL)
		if why := v.org.Foreign(*v.c.Scope, u); why != "" {
			v.foreign, u.Lifecycle = why, provision.Unknown
		}
		f := finding{user: u, record: rec, at: now}
		look := decide.Look{User: u}
		if u.Lifecycle != provision.Unknown {
			f.verdict = scope.Evaluate(*v.c.Scope, v.org, u, member(u.ID))
			look.Scope = f.verdict
		}
		active := u.Lifecycle == provision.Active
		if f.verdict.Known && f.verdict.In && (active || !rec.Account.Exists()) { // or to know an account of theirs
			f.desired, err = v.Mapper.Apply(v.c, u)
			if err != nil && !fault.Is(err, fault.Invalid) {
				return nil, err
			}
			if active && err != nil {
				look.MappingError = fault.Words(err)
			} else if active {
				look.Desired = f.desired
			}
		}
		f.decision = decide.Decide(v.c, look, rec, now)
		found = append(found, f)
	}
	return found, nil
}
