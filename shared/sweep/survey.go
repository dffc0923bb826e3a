package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	links  []link        // what our records were linked to before anything was listed
	began  time.Time     // business time before anything was listed
	readAt time.Time     // real time then
	// foreign is true when somebody listed is of another customer than the scope.
	foreign bool

	group *errgroup.Group
	ctx   context.Context
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
}

// begin starts reading the scope and the app.
func (s *Sweeper) begin(ctx context.Context, c provision.Configuration) (*survey, error) {
	accounts, err := s.Apps.Accounts(ctx, c)
	if fault.Is(err, fault.Unauthorized) {
		return nil, errUnauthorized
	}
	if err != nil {
		return nil, err
	}
	v := &survey{Sweeper: s, c: c, accounts: accounts, app: newAppView(), began: s.Business(), readAt: s.Real(),
		members: roster.NewMembers(), scoped: make(chan struct{}), listed: make(chan struct{}), lost: make(map[string]error)}
	v.group, v.ctx = errgroup.WithContext(ctx)
	v.group.Go(func() error { return v.whole(v.readScope, v.scoped) })
	v.group.Go(func() error { return v.whole(v.listApp, v.listed) })
	return v, nil
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
		return fault.Wrap(fault.Incomplete, "the org units and domains could not be read", err)
	}
	v.org = org
	sc := *v.c.Scope
	present := slices.Concat(sc.Groups, sc.AccessGroups)
	for {
		err = v.Roster.Read(ctx, v.members, present...)
		var missing *roster.MissingGroup
		if !errors.As(err, &missing) {
			return fault.Wrap(fault.Incomplete, "the members of the groups could not be read", err)
		}
		v.lost[missing.ID] = err
		present = slices.DeleteFunc(present, func(g provision.GroupRef) bool { return g.ID == missing.ID })
	}
}

// member answers whether a listed user is in a group.
func (v *survey) member(userID string) scope.Members {
	return func(groupID string) (bool, error) {
		if err := v.lost[groupID]; err != nil {
			return false, err
		}
		return v.members.Has(groupID, userID), nil
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
		f := finding{user: u, record: rec}
		look := decide.Look{User: u}
		if u.Lifecycle != provision.Unknown {
			v.foreign = v.foreign || v.c.Scope.CustomerID != "" && u.CustomerID != "" && u.CustomerID != v.c.Scope.CustomerID
			f.verdict = scope.Evaluate(*v.c.Scope, v.org, u, member(u.ID))
			look.Scope = f.verdict
		}
		if u.Lifecycle == provision.Active && f.verdict.Known && f.verdict.In {
			look.Desired, err = v.Mapper.Apply(v.c, u)
			if fault.Is(err, fault.Invalid) {
				look.MappingError = err.Error()
			} else if err != nil {
				return nil, err
			}
		}
		f.desired = look.Desired
		f.decision = decide.Decide(v.c, look, rec, now)
		found = append(found, f)
	}
	return found, nil
}

// appView is what the app's listing says, reduced to what the comparison needs.
type appView struct {
	// unlinked accounts, by lower-cased user name and by external id.
	byName, byExternal map[string][]provision.Account
	// linkedNames are the lower-cased user names of linked accounts, with the user they are linked to.
	linkedNames map[string]string
	seen        map[string]struct{}
	// differing are the users whose linked account is not as we left it.
	differing []string
	// claimed unlinked accounts match a person in scope.
	claimed map[string]struct{}
}

func newAppView() *appView {
	return &appView{byName: map[string][]provision.Account{}, byExternal: map[string][]provision.Account{},
		linkedNames: map[string]string{}, seen: map[string]struct{}{}, claimed: map[string]struct{}{}}
}

// listedPage is one page of the app's listing, and when it was asked for.
type listedPage struct {
	accounts []provision.Account
	at       time.Time
}

// listApp lists the app page by page, one after the other since index paging
// shifts, and compares each page with our records while the next is on its way.
func (v *survey) listApp(ctx context.Context) error {
	pages := make(chan listedPage, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(pages)
		return v.readApp(ctx, pages)
	})
	g.Go(func() error {
		for page := range pages {
			if err := v.compare(ctx, page.accounts, page.at); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func (v *survey) readApp(ctx context.Context, pages chan<- listedPage) error {
	for start := 1; start != 0; {
		at := v.Business()
		page, err := v.accounts.List(ctx, start)
		if err != nil {
			return v.listingError(ctx, err)
		}
		select {
		case pages <- listedPage{page.Accounts, at}:
		case <-ctx.Done():
			return ctx.Err()
		}
		start = page.Next
	}
	return nil
}

// listingError finds out whether a refused listing is the token's fault (R11).
func (v *survey) listingError(ctx context.Context, err error) error {
	if fault.Is(err, fault.Unauthorized, fault.Forbidden) && fault.Is(v.accounts.Verify(ctx), fault.Unauthorized, fault.Forbidden) {
		return errUnauthorized
	}
	return fmt.Errorf("the app's accounts could not be listed: %w", err)
}

// compare compares one page of accounts, listed at a time, with our records.
// What was looked at since is newer than the page.
func (v *survey) compare(ctx context.Context, accounts []provision.Account, at time.Time) error {
	ids := make([]string, 0, len(accounts))
	for _, a := range accounts {
		if _, again := v.app.seen[a.ID]; !again {
			ids = append(ids, a.ID)
			v.app.seen[a.ID] = struct{}{}
		}
	}
	linked := map[string]provision.Record{}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		some, err := v.Store.RecordsByAccount(ctx, ids[:n])
		if err != nil {
			return err
		}
		for id, rec := range some {
			linked[id] = rec
		}
		ids = ids[n:]
	}
	for _, a := range accounts {
		name := strings.ToLower(a.UserName)
		rec, ok := linked[a.ID]
		if ok && rec.Account.App == v.c.Connection.BaseURL {
			v.app.linkedNames[name] = rec.UserID
			differs := a.Active != (rec.Account.State == provision.AccountActive) || len(decide.Drift(rec, a)) > 0
			if differs && !rec.LookedAt.After(at) {
				v.app.differing = append(v.app.differing, rec.UserID)
			}
			continue
		}
		a.Attributes = nil
		v.app.byName[name] = append(v.app.byName[name], a)
		if a.ExternalID != "" {
			v.app.byExternal[a.ExternalID] = append(v.app.byExternal[a.ExternalID], a)
		}
	}
	return nil
}

// matches are the unlinked accounts that could be a user's (R2).
func (a *appView) matches(u provision.User, userName string) []provision.Account {
	list := append([]provision.Account(nil), a.byExternal[u.ID]...)
	for _, account := range a.byName[strings.ToLower(userName)] {
		if account.ExternalID != u.ID {
			list = append(list, account)
		}
	}
	return list
}

// orphans are the unlinked accounts that no person in scope stands behind (R17).
func (a *appView) orphans() []provision.Orphan {
	var list []provision.Orphan
	for _, accounts := range a.byName {
		for _, account := range accounts {
			if _, ok := a.claimed[account.ID]; !ok {
				list = append(list, provision.Orphan{AccountID: account.ID, UserName: account.UserName, ExternalID: account.ExternalID,
					Active: account.Active, Why: "no person in scope has this account's external id or user name, and autoprovisioning neither created nor adopted it"})
			}
		}
	}
	return list
}
