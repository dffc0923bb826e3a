package pages

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// failureGroup is the failures of one cause.
type failureGroup struct {
	Name    string
	Outcome label
	// Error is as it was logged, until it is made readable.
	Error string
	Todo  string
	// Act leads to where it is done; empty where there is no such page.
	Act    link
	Count  int
	Last   moment
	People []personLink
	More   int
	// users are the ids of all of them.
	users []string
}

type failuresView struct {
	Groups []failureGroup
	// Whole is false when there are more failures than were read.
	Whole bool
	Read  int
	// Next is the place of the first group of the next page; empty on the last.
	Next string
}

// failuresRead is how many of the last failures and refusals each are grouped.
const failuresRead = 500

func (p *Pages) failuresPage(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), p.service.Business()
	v := failuresView{Whole: true}
	var all []provision.Event
	for _, outcome := range []provision.Outcome{provision.OutcomeFailed, provision.OutcomeRefused} {
		events, next, err := p.service.Events(ctx, state.EventFilter{Outcome: outcome, Limit: failuresRead})
		if err != nil {
			return err
		}
		all = append(all, events...)
		v.Whole = v.Whole && next == ""
	}
	v.Read = len(all)
	groups := groupFailures(all, now)
	from, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "0"))
	if err != nil || from < 0 || from > len(groups) {
		from = 0
	}
	to := min(from+pageRows, len(groups))
	if v.Groups = groups[from:to]; to < len(groups) {
		v.Next = strconv.Itoa(to)
	}
	if err := p.advise(ctx, v.Groups, now); err != nil {
		return err
	}
	return p.render(w, r, "failures", "Failures by cause", v)
}

func groupFailures(events []provision.Event, now time.Time) []failureGroup {
	type key struct {
		name    string
		outcome provision.Outcome
		text    string
	}
	groups := map[key]*failureGroup{}
	for _, e := range events {
		k := key{e.Name, e.Outcome, e.Error}
		g := groups[k]
		if g == nil {
			g = &failureGroup{Name: e.Name, Outcome: outcomeLabel(e.Outcome), Error: e.Error}
			groups[k] = g
		}
		g.Count++
		if e.Time.After(g.Last.At) {
			g.Last = momentAt(e.Time, now)
		}
		if e.UserID == "" || slices.Contains(g.users, e.UserID) {
			continue
		}
		if g.users = append(g.users, e.UserID); len(g.People) < named {
			g.People = append(g.People, personLink{e.UserID, e.Email})
		} else {
			g.More++
		}
	}
	list := make([]failureGroup, 0, len(groups))
	for _, g := range groups {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b failureGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.At.Compare(a.Last.At), cmp.Compare(a.Name+a.Error, b.Name+b.Error))
	})
	return list
}

// advise says for each group what to do, and makes its text readable.
func (p *Pages) advise(ctx context.Context, groups []failureGroup, now time.Time) error {
	c, err := p.service.Configuration(ctx)
	if err != nil {
		return err
	}
	var texts, users []string
	for _, g := range groups {
		texts, users = append(texts, g.Error), append(users, g.users...)
	}
	texter, err := p.reader(ctx, now, texts...)
	if err != nil {
		return err
	}
	records, err := p.service.Records(ctx, users)
	if err != nil {
		return err
	}
	for i, g := range groups {
		groups[i].Todo, groups[i].Act = p.todo(g, c, records)
		groups[i].Error = texter.read(p.byLabel(g.Error))
	}
	return nil
}

// todo says what an administrator can do about a group now.
func (p *Pages) todo(g failureGroup, c provision.Configuration, records map[string]provision.Record) (string, link) {
	app := p.service.Profile.Name
	switch {
	case g.Name == provision.EventNotice && len(g.users) == 0 && c.Authorization.State == provision.NeedsReauthorizing:
		return "Get an access token from " + app + ", and reauthorize.", link{Label: "Reauthorize", Path: "/settings/token"}
	case g.Name == provision.EventNotice && len(g.users) == 0:
		return "Nothing any more: " + app + " accepts the access token that is stored now.", link{}
	case g.Name == provision.EventNotice:
		return "Nothing for now: the next sweep checks them again. If it still fails tomorrow, send the error text from the Log to " + app + "'s support.", link{}
	}
	for _, id := range g.users {
		if todo := stillTodo(records[id], g); todo != "" {
			return withApp(app, todo), link{}
		}
	}
	return "Nothing any more: it is in nobody's way now.", link{}
}

// stillTodo is what to do about a failure that somebody still has; empty for one that is over.
func stillTodo(rec provision.Record, g failureGroup) string {
	for _, retry := range rec.Retries {
		if provision.EventName(retry.Operation) != g.Name || retry.Error != g.Error {
			continue
		}
		for _, item := range rec.Attention {
			if strings.Contains(item.Why, strings.TrimSuffix(retry.Error, ".")) {
				return item.Todo
			}
		}
	}
	return ""
}
