package pages

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"example.com/autoprovision/shared/provision"
)

// pageRows is how many rows a page of a list has.
const pageRows = 50

// attentionView is one thing that needs a person.
type attentionView struct {
	Kind      label
	Why, Todo string
	Since     moment
	People    []personLink
	More      int
	AccountID string
	// Act leads to where it is settled; empty where there is no such page.
	Act link
}

type personLink struct{ ID, Email string }

// Path is the person's page.
func (l personLink) Path() string { return "/people/" + url.PathEscape(l.ID) }

// Name is what the person is called by: the address, else the id.
func (l personLink) Name() string {
	if l.Email == "" {
		return "user " + l.ID
	}
	return l.Email
}

// named is how many people one entry names.
const named = 5

func (p *Pages) attention(ctx context.Context, now time.Time, items []provision.Attention) ([]attentionView, error) {
	var ids, texts []string
	for _, item := range items {
		texts = append(texts, item.Why)
		ids = append(ids, item.UserIDs[:min(named, len(item.UserIDs))]...)
	}
	records, err := p.service.Records(ctx, ids)
	if err != nil {
		return nil, err
	}
	texter, err := p.reader(ctx, now, texts...)
	if err != nil {
		return nil, err
	}
	views := make([]attentionView, len(items))
	for i, item := range items {
		v := attentionView{Kind: attentionLabel(item.Kind), Why: texter.read(item.Why), Todo: sentence(item.Todo), Since: momentAt(item.Since, now), AccountID: item.AccountID}
		for _, id := range item.UserIDs[:min(named, len(item.UserIDs))] {
			v.People = append(v.People, personLink{ID: id, Email: records[id].Email})
		}
		v.More = len(item.UserIDs) - len(v.People)
		switch item.Kind {
		case provision.AttentionHeld:
			if item.AccountID != "" { // decided, and off the list
				v.Kind = label{"Dismissed, still has access", "warn"}
				break
			}
			v.Act = link{Label: "Look at the list", Path: "/held"}
		case provision.AttentionConfiguration:
			v.Act = link{Label: "Open the settings", Path: "/settings"}
		}
		views[i] = v
	}
	return views, nil
}

func attentionLabel(k provision.AttentionKind) label {
	switch k {
	case provision.AttentionConflict:
		return label{"Conflict", "bad"}
	case provision.AttentionRefused:
		return label{"Refused by the app", "warn"}
	case provision.AttentionFailed:
		return label{"Failed", "bad"}
	case provision.AttentionProtected:
		return label{"Protected", "quiet"}
	case provision.AttentionArchived:
		return label{"Archived", "quiet"}
	case provision.AttentionDrift:
		return label{"Changed by hand", "warn"}
	case provision.AttentionConfiguration:
		return label{"Configuration", "bad"}
	case provision.AttentionHeld:
		return label{"Held", "warn"}
	}
	return label{string(k), "quiet"}
}

type attentionPageView struct {
	Items []attentionView
	Next  string
}

func (p *Pages) attentionPage(w http.ResponseWriter, r *http.Request) error {
	items, next, err := p.service.AttentionPage(r.Context(), r.URL.Query().Get("page"), pageRows)
	if err != nil {
		return err
	}
	views, err := p.attention(r.Context(), p.service.Business(), items)
	if err != nil {
		return err
	}
	return p.render(w, r, "attention", "What needs a person", attentionPageView{Items: views, Next: next})
}
