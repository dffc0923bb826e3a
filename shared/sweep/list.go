package sweep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// list compares page by page, from where an earlier turn stopped, and then
// looks for what the listing did not show.
func (r *run) list(ctx context.Context) error {
	sources, err := r.Store.Sources(ctx)
	if err != nil {
		return err
	}
	v, err := r.begin(ctx, r.c, r.sw.ID, r.until)
	if err != nil {
		return err
	}
	defer v.cancel()
	v.group.Go(func() error { return v.readLinks(v.ctx) })
	v.group.Go(func() error { return v.keepGroups(v.ctx, sources.NewGroups) })
	if r.sw.Stage == stageList {
		if err := r.pages(ctx, v); err != nil {
			return v.stop(err)
		}
	}
	if err := r.await(ctx, v, v.listed); err != nil {
		return v.stop(err)
	}
	if err := v.group.Wait(); err != nil {
		return err
	}
	if err := r.faults(ctx, v); err != nil {
		return err
	}
	if err := r.unlisted(ctx, v); err != nil {
		return err
	}
	if err := r.orphans(ctx, v); err != nil {
		return err
	}
	r.sw.Stage = stagePlan
	return r.save(ctx)
}

// await waits for a part of the survey, and stores meanwhile that it gets
// further: a listing of the app may take longer than a sweep may stand still.
func (r *run) await(ctx context.Context, v *survey, part chan struct{}) error {
	for {
		select {
		case <-part: // whatever was stored of it before
			return nil
		default:
		}
		select {
		case <-v.further:
			if err := r.save(ctx); err != nil {
				return err
			}
		case <-part:
			return nil
		case <-v.ctx.Done():
			return v.group.Wait()
		}
	}
}

// turnPages is more than the pages of a turn.
const turnPages = 1_000_000

// page is the number of the next page that is stored, which no other turn uses:
// when a turn repeats what a crash cut short, time has passed and people have
// changed, so that others may be asked for, who are owed too.
func (r *run) page() int {
	r.stored++
	return int(r.sw.Turn)*turnPages + r.stored
}

// claimedSet names the list of the accounts that match a person in scope, each
// after how the person is.
func (r *run) claimedSet() string { return r.sw.ID + "/claimed" }

// claim notes that accounts match a person in scope.
func (r *run) claim(v *survey, u provision.User, accounts []provision.Account) {
	for _, a := range accounts {
		if v.app.claim(a.ID, u.Lifecycle) {
			r.claims = append(r.claims, string(u.Lifecycle)+" "+a.ID)
		}
	}
}

// orphans stores who is an orphan, from what the pages of all turns claimed.
func (r *run) orphans(ctx context.Context, v *survey) error {
	claimed, err := r.Store.Rows(ctx, r.claimedSet())
	if err != nil {
		return err
	}
	for _, claim := range claimed {
		is, id, _ := strings.Cut(claim, " ")
		v.app.claim(id, provision.Lifecycle(is))
	}
	return r.Store.PutOrphans(ctx, v.app.orphans())
}

// pages goes through the directory's users.
func (r *run) pages(ctx context.Context, v *survey) error {
	for {
		at, readAt := r.Business(), r.Real()
		page, err := r.Directory.ListUsers(v.ctx, r.sw.PageToken)
		if err != nil {
			return fault.New(fault.Incomplete, "sweep: list users", "the directory's users could not be listed: %s", fault.Words(err))
		}
		rest, err := r.early(ctx, v, page.Users, at, readAt)
		if err != nil {
			return err
		}
		found, err := v.page(v.ctx, rest, v.member)
		if err != nil {
			return err
		}
		r.sw.Foreign = cmp.Or(v.foreign, r.sw.Foreign)
		ids := make([]string, len(page.Users))
		for i, u := range page.Users {
			ids[i] = u.ID
		}
		looks, err := r.needed(ctx, v, found, at, readAt)
		if err != nil {
			return err
		}
		if err := r.ask(ctx, ids, looks); err != nil {
			return err
		}
		r.sw.Listed += len(ids)
		if r.sw.PageToken = page.Next; page.Next == "" {
			r.sw.Stage = stageRest
		}
		if err := r.countLooked(ctx); err != nil {
			return err
		}
		if err := r.save(ctx); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		if r.Real().After(r.until) {
			return errHandOver
		}
	}
}

// needed gives the looks that the findings of a page need now. Those that wait
// for another's rename are kept for later.
func (r *run) needed(ctx context.Context, v *survey, found []finding, at, readAt time.Time) (looks []reconcile.Request, err error) {
	var late []string
	for _, f := range found {
		req, needed, err := r.need(ctx, v, f, at, readAt)
		if err != nil {
			return nil, err
		}
		switch {
		case !needed:
		case v.takenByRename(f):
			late = append(late, f.user.ID)
		default:
			looks = append(looks, req)
		}
	}
	if len(late) == 0 {
		return looks, nil
	}
	return looks, r.Store.AddPage(ctx, r.lateSet(), r.page(), late, nil)
}

// need says whether a listed user needs a look, and which.
func (r *run) need(ctx context.Context, v *survey, f finding, at, readAt time.Time) (reconcile.Request, bool, error) {
	req := reconcile.Request{UserID: f.user.ID, SweepID: r.sw.ID, Configuration: r.c.Version}
	if f.user.Lifecycle == provision.Unknown {
		return req, false, nil
	}
	inScope := f.verdict.Known && f.verdict.In
	var matches []provision.Account
	if inScope && !f.record.Account.Exists() {
		if err := r.await(ctx, v, v.listed); err != nil {
			return req, false, err
		}
		matches = v.app.matches(f.user, f.userName())
		r.claim(v, f.user, matches)
	}
	free, err := r.freed(ctx, v, f, matches)
	if err != nil {
		return req, false, err
	}
	op := f.decision.Operation
	changed := reconcile.Changed(f.record, f.decision.Record) && (f.record.Version != 0 || f.record.Account.Exists())
	if op == nil && !changed && !free && f.record.Intent == nil {
		return req, false, nil
	}
	req.Forced = free
	req.Listing = &reconcile.Listing{User: f.user, Scope: f.verdict, At: at, ReadAt: readAt}
	if inScope && !f.record.Account.Exists() {
		req.Listing.AppReadAt, req.Listing.Accounts = v.readAt, matches
		for _, account := range matches {
			req.Matches = append(req.Matches, account.ID)
		}
	}
	req.Plan = plans(f)
	return req, true, nil
}

// plans reports whether the look at somebody is part of the plan, for which the
// removals wait: all looks are but creates, and updates that free no name (R16).
func plans(f finding) bool {
	op := f.decision.Operation
	switch {
	case op == nil || !f.record.GoneAt.IsZero():
		return true
	case op.Kind == provision.Update:
		return f.record.Account.Applied["userName"] != op.Attributes["userName"]
	}
	return op.Kind != provision.Create
}

// userName is what the mapping makes of the user; their address when it makes nothing.
func (f finding) userName() string {
	if name, ok := f.desired["userName"].(string); ok {
		return name
	}
	return f.user.Email
}

// takenByRename reports whether the name of a new account is still held by the
// linked account of somebody else, whose own rename may be in this sweep (R16).
func (v *survey) takenByRename(f finding) bool {
	if op := f.decision.Operation; op == nil || op.Kind != provision.Create || !f.record.GoneAt.IsZero() {
		return false
	}
	holder, taken := v.app.linkedNames[strings.ToLower(f.userName())]
	return taken && holder != f.user.ID
}

// freed reports whether a conflict that a user waits for is gone from the app's listing (R2).
func (r *run) freed(ctx context.Context, v *survey, f finding, matches []provision.Account) (bool, error) {
	for _, retry := range f.record.Retries {
		if retry.Reason == provision.RetryConflict && retry.Operation == provision.Create && retry.AccountID == "" && len(matches) > 0 {
			return true, nil // the app said that their account exists, and only now shows which
		}
		if retry.Reason != provision.RetryConflict || retry.AccountID == "" {
			continue
		}
		if err := r.await(ctx, v, v.listed); err != nil {
			return false, err
		}
		name := strings.ToLower(f.userName())
		holder, taken := v.app.linkedNames[name]
		stands := taken && holder != f.user.ID
		for _, a := range slices.Concat(matches, v.app.byName[name]) {
			stands = stands || a.ID == retry.AccountID
		}
		if !stands {
			return true, nil
		}
	}
	return false, nil
}

// ask records that looks are owed, and then enqueues them.
func (r *run) ask(ctx context.Context, listed []string, looks []reconcile.Request) error {
	page := r.page()
	var plan, other []string
	list := make([]tasks.Task, len(looks))
	for i, req := range looks {
		if req.Plan {
			plan = append(plan, req.UserID)
		} else {
			other = append(other, req.UserID)
		}
		list[i] = reconcile.LookTask(req, fmt.Sprintf("sweep-%s-%d", req.Looks(), page), time.Time{})
	}
	if err := r.Store.AddPage(ctx, r.sw.ID, page, listed, other); err != nil {
		return err
	}
	if len(plan) > 0 {
		if err := r.Store.AddPage(ctx, reconcile.Request{SweepID: r.sw.ID, Plan: true}.Looks(), page, nil, plan); err != nil {
			return err
		}
	}
	if len(r.claims) > 0 {
		if err := r.Store.AddPage(ctx, r.claimedSet(), page, r.claims, nil); err != nil {
			return err
		}
		r.claims = nil
	}
	r.sw.ToLook += len(looks)
	if len(list) == 0 {
		return nil
	}
	return r.Tasks.Enqueue(ctx, list...)
}

// askAll asks for any number of looks.
func (r *run) askAll(ctx context.Context, looks []reconcile.Request) error {
	for chunk := range slices.Chunk(looks, 500) {
		if err := r.ask(ctx, nil, chunk); err != nil {
			return err
		}
	}
	return nil
}

// lateSet names the list of users whose new account waits for a rename.
func (r *run) lateSet() string { return r.sw.ID + "/late" }

// each goes through all records of a selection.
func (s *Sweeper) each(ctx context.Context, sel state.Selection, visit func(provision.Record)) error {
	for page, err := range state.Pages(ctx, s.Store, sel) {
		if err != nil {
			return err
		}
		for _, rec := range page {
			visit(rec)
		}
	}
	return nil
}
