package scim

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Verify reads one row. A 403 is fault.Unauthorized here, since a token that
// may not read accounts is of no use.
func (c *Client) Verify(ctx context.Context) error {
	const op = "scim: verify token"
	_, err := c.query(ctx, op, url.Values{"count": {"1"}})
	if fault.Is(err, fault.Forbidden) {
		return fault.Wrap(fault.Unauthorized, op, err)
	}
	return err
}

// Get reads one account by the app's id.
func (c *Client) Get(ctx context.Context, ref app.Ref) (provision.Account, error) {
	const op = "scim: get account"
	r, err := c.get(ctx, op, ref.ID)
	if err != nil {
		return provision.Account{}, c.gone(ctx, op, ref, r, err)
	}
	return toAccount(op, r.object)
}

// get is Get without reading the resource. One under another id is no answer.
func (c *Client) get(ctx context.Context, op, id string) (reply, error) {
	path, err := userPath(op, id)
	if err != nil {
		return reply{}, err
	}
	r, err := c.do(ctx, request{op: op, method: http.MethodGet, path: path})
	if err != nil {
		return r, err
	}
	if got := text(lookup(r.object, "id")); got != id {
		return r, fault.New(fault.Incomplete, op, "the app answered with another account, or none")
	}
	return r, nil
}

// gone finds out what a failed call about an account says of it. A 404 in SCIM
// form is the app's own word that it is not there. In any other form it may come
// from something before the app, which knows of no accounts, and may do so for
// the addresses of accounts alone: then the app's list decides, asked by what
// the account is known by. Only a list that is answered and does not show the
// account means that it is not there.
func (c *Client) gone(ctx context.Context, op string, ref app.Ref, r reply, err error) error {
	if r.status != http.StatusNotFound || r.scim || ref.ExternalID == "" && ref.UserName == "" {
		return err
	}
	found, listErr := c.Find(ctx, ref.ExternalID, ref.UserName)
	if listErr != nil {
		kind := fault.Unavailable
		if fault.Is(listErr, fault.Unauthorized, fault.Forbidden, fault.Throttled) {
			kind = fault.KindOf(listErr)
		}
		return &fault.Error{Kind: kind, Op: op, Detail: "status 404 that is no SCIM answer, and the app's list says no more",
			RetryAfter: fault.RetryAfter(listErr), Err: listErr}
	}
	for _, account := range found {
		if account.ID == ref.ID {
			return fault.New(fault.Unavailable, op, "status 404 that is no SCIM answer, though the app's list shows the account; something before the app may have answered")
		}
	}
	return fault.New(fault.NotFound, op, "status 404, and the app's list does not show the account")
}

// List reads one page. A page that begins like the first one again means that
// the app ignores startIndex: fault.Incomplete.
func (c *Client) List(ctx context.Context, start int) (app.Page, error) {
	const op = "scim: list accounts"
	start = max(1, start)
	p, err := c.query(ctx, op, c.window(start))
	if err != nil {
		return app.Page{}, err
	}
	if p.rows > 0 {
		first := p.accounts[0].ID
		if start == 1 {
			c.firstListed.Store(&first)
		} else if seen := c.firstListed.Load(); seen != nil && *seen == first {
			return app.Page{}, errRepeated(op)
		}
	}
	next, err := p.next(op, start)
	if err != nil {
		return app.Page{}, err
	}
	return app.Page{Accounts: p.accounts, Next: next, Total: p.total}, nil
}

func errRepeated(op string) error {
	return fault.New(fault.Incomplete, op, "the app repeats its first page: it ignores startIndex, so its list cannot be read in pages; set a page size that holds all accounts")
}

// Find asks by externalId and by userName. An app that refuses or ignores
// the filter is read as a whole instead.
func (c *Client) Find(ctx context.Context, externalID, userName string) ([]provision.Account, error) {
	const op = "scim: find account"
	m := match{externalID: externalID, userName: userName}
	if externalID == "" && userName == "" {
		return nil, nil
	}
	var filters []string
	if externalID != "" {
		filters = append(filters, filter("externalId", externalID))
	}
	if userName != "" {
		name := norm.NFC.String(userName)
		filters = append(filters, filter("userName", name))
		if lower := strings.ToLower(name); lower != name {
			// Some servers compare case although userName has none.
			filters = append(filters, filter("userName", lower))
		}
	}
	for _, text := range filters {
		honoured, err := c.each(ctx, op, url.Values{"filter": {text}}, m.take)
		if err != nil {
			return nil, err
		}
		if honoured {
			continue
		}
		if _, err := c.each(ctx, op, nil, func(a provision.Account) bool { m.take(a); return true }); err != nil {
			return nil, err
		}
		return m.found, nil
	}
	return m.found, nil
}

// match collects the accounts that fit, each once.
type match struct {
	externalID, userName string
	found                []provision.Account
}

// take keeps the account if it fits, and reports whether it does.
func (m *match) take(a provision.Account) bool {
	byID := m.externalID != "" && a.ExternalID == m.externalID
	byName := m.userName != "" && sameName(a.UserName, m.userName)
	if !byID && !byName {
		return false
	}
	for _, seen := range m.found {
		if seen.ID == a.ID {
			return true
		}
	}
	m.found = append(m.found, a)
	return true
}

// each hands every account of a query to take, page by page, until take
// returns false. honoured is false then, and when the app refuses the filter.
func (c *Client) each(ctx context.Context, op string, query url.Values, take func(provision.Account) bool) (honoured bool, err error) {
	var first string
	for start := 1; start != 0; {
		window := c.window(start)
		for key, values := range query {
			window[key] = values
		}
		p, err := c.query(ctx, op, window)
		if query.Has("filter") && fault.Is(err, fault.Invalid) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for i, a := range p.accounts {
			if i == 0 && start > 1 && a.ID == first {
				return false, errRepeated(op)
			}
			if i == 0 && start == 1 {
				first = a.ID
			}
			if !take(a) {
				return false, nil
			}
		}
		if start, err = p.next(op, start); err != nil {
			return false, err
		}
	}
	return true, nil
}

// query reads one list response. A 404 in SCIM form to a filter is an empty
// list, as some servers answer; any other 404 is no answer.
func (c *Client) query(ctx context.Context, op string, query url.Values) (page, error) {
	r, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/Users", query: query, page: !query.Has("filter")})
	if r.status == http.StatusNotFound && r.scim && query.Has("filter") {
		return page{}, nil
	}
	if fault.Is(err, fault.NotFound) {
		return page{}, fault.New(fault.Unavailable, op, "the base URL may be wrong: %s", fault.Words(err))
	}
	if err != nil {
		return page{}, err
	}
	return toPage(op, r.object)
}

func (c *Client) window(start int) url.Values {
	return url.Values{"startIndex": {strconv.Itoa(start)}, "count": {c.pageSize()}}
}
