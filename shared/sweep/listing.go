package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// A listing of the app stores how far it has come after so many accounts, few
// enough for one document of any store, or so much real time. One that takes
// less of both stores nothing.
const (
	storeRows  = 500
	storeEvery = 10 * time.Second
)

// appView is what the app's listing says, reduced to what the comparison needs.
type appView struct {
	// unlinked accounts, by lower-cased user name and by external id.
	byName, byExternal map[string][]provision.Account
	// linkedNames are the lower-cased user names of linked accounts, with the user they are linked to.
	linkedNames map[string]string
	seen        map[string]struct{}
	// differing are the users whose linked account is not as we left it.
	differing []string
	// ended are the users whose link to an unlinked account has ended, by its id:
	// it is there again.
	ended map[string]string
	// behind is how the person in scope is who matches an unlinked account, by its id.
	behind map[string]provision.Lifecycle
}

func newAppView() *appView {
	return &appView{byName: map[string][]provision.Account{}, byExternal: map[string][]provision.Account{},
		linkedNames: map[string]string{}, seen: map[string]struct{}{}, ended: map[string]string{}, behind: map[string]provision.Lifecycle{}}
}

// row is what is kept of a listed account.
type row struct {
	ID         string `json:"id"`
	UserName   string `json:"userName"`
	ExternalID string `json:"externalId,omitempty"`
	Active     bool   `json:"active,omitempty"`
	// UserID is whom our records link it to; empty for nobody.
	UserID string `json:"userId,omitempty"`
	// Differs means that it is not as we left it.
	Differs bool `json:"differs,omitempty"`
	// Ended is whom our records linked it to, before it was not in the app any more.
	Ended string `json:"ended,omitempty"`
}

// add takes in an account, once.
func (a *appView) add(r row) {
	if _, again := a.seen[r.ID]; again {
		return
	}
	a.seen[r.ID] = struct{}{}
	name := strings.ToLower(r.UserName)
	if r.UserID != "" {
		a.linkedNames[name] = r.UserID
		if r.Differs {
			a.differing = append(a.differing, r.UserID)
		}
		return
	}
	account := provision.Account{ID: r.ID, UserName: r.UserName, ExternalID: r.ExternalID, Active: r.Active}
	a.byName[name] = append(a.byName[name], account)
	if r.Ended != "" {
		a.ended[r.ID] = r.Ended
	}
	if r.ExternalID != "" {
		a.byExternal[r.ExternalID] = append(a.byExternal[r.ExternalID], account)
	}
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

// claim notes how somebody in scope is who matches an account, and reports
// whether that is news: of several people an active one counts.
func (a *appView) claim(accountID string, is provision.Lifecycle) (news bool) {
	if was := a.behind[accountID]; was == is || was == provision.Active {
		return false
	}
	a.behind[accountID] = is
	return true
}

// orphans are the unlinked accounts that no person in scope stands behind: none
// who would adopt it, so that people who are suspended or archived are none (R17).
func (a *appView) orphans() []provision.Orphan {
	var list []provision.Orphan
	for _, accounts := range a.byName {
		for _, account := range accounts {
			if a.ended[account.ID] != "" {
				continue // it becomes its person's again
			}
			why := "no person in scope has this account's external id or user name, and autoprovisioning neither created nor adopted it"
			switch is := a.behind[account.ID]; is {
			case "":
			case provision.Active:
				continue
			default:
				why = "the person who has this account's external id or user name is " + string(is) +
					" in the directory: it is adopted when they are active again, and nothing is done to it until then"
			}
			list = append(list, provision.Orphan{AccountID: account.ID, UserName: account.UserName, ExternalID: account.ExternalID,
				Active: account.Active, Why: why})
		}
	}
	return list
}

// stretch is a part of the app's listing, as it is stored: the rows from one
// 1-based index up to the next; Next is 0 for the end of the listing.
type stretch struct {
	From int       `json:"from"`
	Next int       `json:"next"`
	At   time.Time `json:"at"` // business time at which it was asked for
	Real time.Time `json:"real"`
	Rows []row     `json:"rows"`
}

// listedPage is one page of the app's listing.
type listedPage struct {
	accounts []provision.Account
	from     int
	next     int
	at       time.Time // when it was asked for, in business time
	real     time.Time // the same in real time
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
		var part stretch
		for page := range pages {
			rows, err := v.compare(ctx, page.accounts, page.at)
			if err != nil {
				return err
			}
			if part.From == 0 {
				part = stretch{From: page.from, At: page.at, Real: page.real}
			}
			part.Next, part.Rows = page.next, append(part.Rows, rows...)
			if v.worthStoring(part) {
				if err := v.storeStretch(ctx, part); err != nil {
					return err
				}
				part = stretch{}
			}
		}
		return nil
	})
	return g.Wait()
}

func (v *survey) readApp(ctx context.Context, pages chan<- listedPage) error {
	for start := v.from; start != 0; {
		p := listedPage{from: start, at: v.Business(), real: v.Real()}
		if !v.until.IsZero() && p.real.After(v.until) {
			return errHandOver
		}
		page, err := v.accounts.List(ctx, start)
		if err != nil {
			return v.listingError(ctx, err)
		}
		p.accounts, p.next = page.Accounts, page.Next
		select {
		case pages <- p:
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
func (v *survey) compare(ctx context.Context, accounts []provision.Account, at time.Time) ([]row, error) {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	linked := map[string]provision.Record{}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		some, err := v.Store.RecordsByAccount(ctx, ids[:n])
		if err != nil {
			return nil, err
		}
		for id, rec := range some {
			linked[id] = rec
		}
		ids = ids[n:]
	}
	rows := make([]row, len(accounts))
	for i, a := range accounts {
		rows[i] = row{ID: a.ID, UserName: a.UserName, ExternalID: a.ExternalID, Active: a.Active}
		if rec, ok := linked[a.ID]; ok && rec.Account.App == v.c.Connection.BaseURL {
			differs := a.Active != (rec.Account.State == provision.AccountActive) || len(decide.Drift(rec, a)) > 0
			rows[i].UserID, rows[i].Differs = rec.UserID, differs && !rec.LookedAt.After(at)
		}
	}
	if err := v.findEnded(ctx, rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		v.app.add(r)
	}
	return rows, nil
}

// findEnded notes which accounts of a page we were linked to, until we deleted
// them or they were not in the app any more.
func (v *survey) findEnded(ctx context.Context, rows []row) error {
	var ids []string
	for _, r := range rows {
		if r.UserID == "" && r.ExternalID != "" {
			ids = append(ids, r.ExternalID) // of ours it is the directory id (R2)
		}
	}
	records := map[string]provision.Record{}
	for some := range slices.Chunk(ids, 500) {
		found, err := v.Store.RecordsByID(ctx, some)
		if err != nil {
			return err
		}
		maps.Copy(records, found)
	}
	for i, r := range rows {
		link := records[r.ExternalID].Account
		if r.UserID == "" && link.ID == r.ID && !link.Exists() && link.App == v.c.Connection.BaseURL {
			rows[i].Ended = r.ExternalID
		}
	}
	return nil
}

// worthStoring reports whether a part is to be stored: when there is much of it,
// and the end of what began to be.
func (v *survey) worthStoring(part stretch) bool {
	much := len(part.Rows) >= storeRows || v.Real().Sub(part.Real) >= storeEvery
	return much || part.Next == 0 && part.From > 1
}

// storeStretch stores a part of the listing under the index that it begins
// with, so that a second worker that lists the same stores no other.
func (v *survey) storeStretch(ctx context.Context, part stretch) error {
	data, err := json.Marshal(part)
	if err != nil {
		return fault.Wrap(fault.Internal, "sweep: store listing", err)
	}
	if err := v.Store.AddPage(ctx, v.listing, part.From, []string{string(data)}, nil); err != nil {
		return err
	}
	if part.Next == 0 {
		return nil // the end says so itself
	}
	select {
	case v.further <- struct{}{}:
	default: // the last word of this was not heard yet
	}
	return nil
}

// resume takes in what an earlier delivery has stored of the app's listing, up
// to the first gap, and sets where to go on. A gap there is when a sweep that
// ended meanwhile has tidied up behind a preview.
func (v *survey) resume(ctx context.Context) error {
	stored, err := v.Store.Rows(ctx, v.listing)
	if err != nil {
		return err
	}
	for i, data := range stored {
		var part stretch
		if err := json.Unmarshal([]byte(data), &part); err != nil {
			return fault.Wrap(fault.Internal, "sweep: read stored listing", err)
		}
		if part.From > v.from {
			return nil
		}
		if i == 0 {
			v.began, v.readAt = part.At, part.Real
		}
		for _, r := range part.Rows {
			v.app.add(r)
		}
		if part.Next == 0 {
			v.from = 0
			return nil
		}
		v.from = max(v.from, part.Next)
	}
	return nil
}
