package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// Preview goes through both sides as a sweep does, under the configuration
// that the stored preview proposes, as if it were on, and stores person by
// person what it would do. It changes nothing else.
func (s *Sweeper) Preview(ctx context.Context, id string) error {
	p, err := s.Store.Preview(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && p.State != provision.PreviewRunning {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.Business()
	w := &previewer{Sweeper: s, p: p, without: without(p, now), theirs: map[int]string{}}
	w.p.Counts, w.p.Listed, w.p.Confirms, w.p.Held, w.p.Impossible = map[provision.OperationKind]int{}, 0, 0, 0, 0
	w.p.Lists, w.p.Adopted, w.p.Conflicts, w.p.Moved = map[provision.PreviewKind]int{}, 0, 0, 0
	if p.Storing {
		err = errors.New("it was interrupted: ask for another")
	} else {
		err = w.run(ctx, asIfOn(p.Proposed, now))
	}
	if ctx.Err() != nil {
		return ctx.Err() // stopped from outside: the task comes again
	}
	if err == nil {
		err = w.storeRows(ctx)
	}
	w.p.State = provision.PreviewDone
	if err != nil {
		w.p.State, w.p.Reason = provision.PreviewFailed, fault.Words(err)
	}
	return w.store(ctx, nil)
}

// asIfOn is the configuration as it would be once turned on, with its sweep done.
func asIfOn(c provision.Configuration, now time.Time) provision.Configuration {
	c = c.Clone()
	if !c.On {
		c.On, c.TurnedOnAt = true, now
	}
	c.Authorization.State = provision.AuthorizationOK
	c.PlannedAt = latest(c.PlannedAt, c.TurnedOnAt)
	return c
}

// without is the configuration under which everything goes on without what the
// preview is of, as if it were on; nil where nothing goes on at all.
func without(p provision.Preview, now time.Time) *provision.Configuration {
	c := p.Proposed
	switch {
	case p.Present != nil:
		c = *p.Present
	case !c.On:
		return nil
	}
	if c.Scope == nil {
		return nil
	}
	c = asIfOn(c, now)
	return &c
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

type previewer struct {
	*Sweeper
	p provision.Preview
	// without is what is compared with; nil where nothing is done otherwise.
	without *provision.Configuration
	rows    []provision.PreviewRow
	// theirs are the directory ids of whom an account carries that matches
	// somebody else, by the row that says so.
	theirs map[int]string
}

func (w *previewer) store(ctx context.Context, rows []provision.PreviewRow) error {
	version, err := w.Store.PutPreview(ctx, w.p, rows)
	w.p.Version = version
	return err
}

func (w *previewer) storeRows(ctx context.Context) error {
	w.p.Storing = true
	// What takes away comes first, and of what is done to everybody nothing before the rest.
	slices.SortStableFunc(w.rows, func(a, b provision.PreviewRow) int { return weight(b) - weight(a) })
	for _, row := range w.rows {
		w.p.Lists[row.Kind]++
		if row.Kind == provision.PreviewOperations && row.Moves() {
			w.p.Moved++
		}
	}
	for chunk := range slices.Chunk(w.rows, 500) {
		if err := w.store(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// weight orders the rows of a preview, the heaviest first.
func weight(row provision.PreviewRow) int {
	switch {
	case row.Kind != provision.PreviewOperations:
		return 0
	case row.Operation.Removes():
		return 5
	case row.Impossible || row.Conflict:
		return 4
	case row.Adopts || row.Operation == provision.Unsuspend:
		return 3
	case row.Operation == provision.Create:
		return 2
	}
	return 1
}

func (w *previewer) run(ctx context.Context, c provision.Configuration) error {
	var replaced []provision.GroupRef
	if w.without != nil {
		replaced = slices.Concat(w.without.Scope.Groups, w.without.Scope.AccessGroups)
	}
	v, err := w.begin(ctx, c, w.p.ID, time.Time{}, replaced...)
	if err != nil {
		return err
	}
	defer v.cancel()
	present := map[string]string{}
	if err := w.pages(ctx, v, present); err != nil {
		return v.stop(err)
	}
	if err := v.group.Wait(); err != nil {
		return err
	}
	if err := w.unlisted(ctx, v, present); err != nil {
		return err
	}
	for i, id := range w.theirs {
		if email := present[id]; email != "" {
			w.rows[i].Why = strings.Replace(w.rows[i].Why, "has another person's directory id as its external id: "+id,
				"carries the directory id of another person, "+email, 1)
		}
	}
	orphans := v.app.orphans()
	slices.SortFunc(orphans, func(a, b provision.Orphan) int { return strings.Compare(a.AccountID, b.AccountID) })
	for _, o := range orphans {
		w.rows = append(w.rows, provision.PreviewRow{Kind: provision.PreviewOrphans, AccountID: o.AccountID, UserName: o.UserName, Why: o.Why})
	}
	return nil
}

// pages goes through the directory's listing; present gets the address of each
// user, by id.
func (w *previewer) pages(ctx context.Context, v *survey, present map[string]string) error {
	for token := ""; ; {
		page, err := w.Directory.ListUsers(v.ctx, token)
		if err != nil {
			return fmt.Errorf("the directory's users could not be listed: %w", err)
		}
		if err := v.await(v.scoped); err != nil {
			return err
		}
		if err := v.await(v.listed); err != nil {
			return err
		}
		found, err := v.page(v.ctx, page.Users, v.member)
		if err != nil {
			return err
		}
		for _, f := range found {
			present[f.user.ID] = f.user.Email
			w.add(v, f)
		}
		w.p.Listed += len(found)
		if err := w.store(ctx, nil); err != nil {
			return err
		}
		if token = page.Next; token == "" {
			return nil
		}
	}
}

// unlisted covers people with an account whom no page showed: deleted ones
// decide as a look would, by the directory's own word; others decide nothing.
func (w *previewer) unlisted(ctx context.Context, v *survey, present map[string]string) error {
	deleted, err := w.deleted(ctx)
	if err != nil {
		return err
	}
	return w.each(ctx, state.Selection{Kind: state.SelectLinked}, func(rec provision.Record) {
		rec = rec.In(v.c.Connection.BaseURL)
		u, isDeleted := deleted[rec.UserID]
		if _, listed := present[rec.UserID]; listed || !isDeleted || !rec.Account.Exists() || v.org.Foreign(*v.c.Scope, u) != "" {
			return
		}
		u.Lifecycle = provision.Deleted
		now := w.Business()
		w.add(v, finding{user: u, record: rec, decision: decide.Decide(v.c, decide.Look{User: u}, rec, now), at: now})
	})
}

func (w *previewer) deleted(ctx context.Context) (map[string]provision.User, error) {
	users := map[string]provision.User{}
	for token := ""; ; {
		page, err := w.Directory.ListDeleted(ctx, token)
		if err != nil {
			return nil, fmt.Errorf("the deleted users could not be listed: %w", err)
		}
		for _, u := range page.Users {
			users[u.ID] = u
		}
		if token = page.Next; token == "" {
			return users, nil
		}
	}
}

// add writes the rows of one person: what would be done now, and what would be taken away, now or later.
func (w *previewer) add(v *survey, f finding) {
	now, d := f.at, f.decision
	row := provision.PreviewRow{Kind: provision.PreviewOperations, UserID: f.user.ID, Email: f.user.Email, AccountID: f.record.Account.ID, DueAt: now}
	inScope := f.verdict.Known && f.verdict.In
	var matches []provision.Account
	if inScope && !f.record.Account.Exists() {
		matches = v.app.matches(f.user, f.userName())
		for _, a := range matches {
			v.app.claim(a.ID, f.user.Lifecycle)
		}
	}
	op := d.Operation
	switch {
	case op == nil || op.Kind.Removes():
	case op.Impossible != "":
		impossible := row
		impossible.Operation, impossible.Impossible, impossible.Why = op.Kind, true, "the mapping fails: "+op.Impossible
		w.rows = append(w.rows, impossible)
		w.p.Impossible++
	case op.Kind == provision.Create && len(matches) > 0:
		w.addAdoption(f, row, matches)
	default:
		row.Operation, row.Why = op.Kind, op.Cause.Text
		w.rows = append(w.rows, row)
		w.count(op.Kind)
	}
	w.addRemovals(v, f, row)
}

// addAdoption writes the accounts that match a person, and what that means for
// them: one is adopted, of more none is.
func (w *previewer) addAdoption(f finding, row provision.PreviewRow, matches []provision.Account) {
	for _, a := range matches {
		w.rows = append(w.rows, provision.PreviewRow{Kind: provision.PreviewAdopt, UserID: f.user.ID, Email: f.user.Email,
			AccountID: a.ID, UserName: a.UserName, DueAt: row.DueAt, Why: adoptWhy(f, a, len(matches))})
	}
	row.Operation = provision.Update
	theirs := matches[0].ExternalID
	switch {
	case len(matches) > 1:
		row.Conflict, row.Why = true, fmt.Sprintf("%d accounts match this person: a conflict for you to settle", len(matches))
	case theirs != f.user.ID && reconcile.LikeDirectoryID(theirs):
		w.theirs[len(w.rows)] = theirs
		row.Conflict, row.Why = true, fmt.Sprintf("the account %q has another person's directory id as its external id: %s: a conflict for you to settle", matches[0].UserName, theirs)
	default:
		w.p.Adopted++
		w.count(provision.Update)
		row.Adopts, row.AccountID, row.UserName = true, matches[0].ID, matches[0].UserName
		row.Why = fmt.Sprintf("the account %q exists already: it %s", matches[0].UserName, adoptWhy(f, matches[0], 1))
	}
	if row.Conflict {
		w.p.Conflicts++
	}
	w.rows = append(w.rows, row)
}

func (w *previewer) count(kind provision.OperationKind) { w.p.Counts[kind]++ }

func adoptWhy(f finding, a provision.Account, matches int) string {
	switch {
	case matches > 1:
		return "more than one account matches: a conflict for you to settle"
	case a.ExternalID != f.user.ID && reconcile.LikeDirectoryID(a.ExternalID):
		return "has another person's directory id as its external id: a conflict for you to settle"
	case a.ExternalID == f.user.ID:
		return "has this person's directory id as its external id"
	}
	return "has this person's address as its user name"
}
