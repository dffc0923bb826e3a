package pages

import (
	"context"
	"net/http"
	"net/url"
	"strings"
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
		v := attentionView{Kind: attentionLabel(p.service.Profile.Name, item.Kind), Why: texter.read(p.labelled(item)), Todo: texter.read(item.Todo), Since: momentAt(item.Since, now)}
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
		case provision.AttentionArchived:
			v.Act = link{Label: "Open the time frames", Path: "/settings/time-frames"}
		case provision.AttentionConfiguration:
			v.Act = settledAt(item.About)
		case provision.AttentionConflict, provision.AttentionFailed, provision.AttentionRefused:
			v.AccountID = item.AccountID // whoever settles it looks for the account in the app
		}
		views[i] = v
	}
	return views, nil
}

// settledAt leads to where an entry about the whole is settled; nowhere for what is settled elsewhere.
func settledAt(about provision.AttentionAbout) link {
	switch about {
	case provision.AboutScope:
		return link{Label: "Open the provisioning scope", Path: "/settings/who"}
	case provision.AboutAuthorization:
		return link{Label: "Reauthorize", Path: "/settings/token"}
	case provision.AboutSweep:
		return link{Label: "Go to Home", Path: "/"}
	}
	return link{}
}

// labelled is why an entry needs a person, with the attributes in it by their labels.
func (p *Pages) labelled(item provision.Attention) string {
	what, why, found := strings.Cut(item.Why, ": ")
	if !found {
		return item.Why
	}
	if item.Kind != provision.AttentionDrift {
		return what + ": " + p.byLabel(why)
	}
	paths, rest, _ := strings.Cut(why, ". ")
	var labels []string
	for _, path := range strings.Split(paths, ", ") {
		labels = append(labels, strings.TrimSuffix(p.byLabel(path+": "), ": "))
	}
	return what + ": " + strings.Join(labels, ", ") + ". " + rest
}

func attentionLabel(app string, k provision.AttentionKind) label {
	switch k {
	case provision.AttentionConflict:
		return label{"Conflict", "bad"}
	case provision.AttentionRefused:
		return label{"Refused by " + app, "warn"}
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
