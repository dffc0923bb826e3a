package playground

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

const (
	// mostPeople is how many records are read for the page; the simulated company is far smaller.
	mostPeople = 500
	// newsRows is how many of the last events, and of the next removals, are shown.
	newsRows = 4
)

// label is for the part "label".
type label struct{ Text, Class string }

type view struct {
	App    string
	Now    string
	Status string
	// Seen names what the live parts show.
	Seen     string
	Manners  []manner
	Moves    []move
	Units    []string
	Happened []happening
	Due      []due
	MoreDue  bool
	People   []row
	// Strangers are accounts that none of these people stand behind.
	Strangers []stranger
}

// row is a person on the left and their account on the right.
type row struct {
	ID, Name, Email, About string
	State                  label
	Deeds                  []button
	Deleted                bool
	Account                label
	// As is what the account says of them, such as "Maya Cohen, Recruiter";
	// UserName its name.
	As, UserName string
	Next         *due
}

// button is a deed on one person. Slot stays while what it does changes, so
// that the focus does too.
type button struct{ Deed, Label, Slot string }

// due is a coming suspend or hard delete.
type due struct {
	Name, Path string
	Operation  any
	At         any
	Waits      string
}

type happening struct {
	When any
	// Path is of the person's page in the console, empty for none; Name theirs.
	Path, Name, Text string
	Bad              bool
}

type stranger struct {
	Name, ID string
	Account  label
}

// Style is for pages.Frame.
func (view) Style() string { return stylePath }

func (g *playground) view(ctx context.Context) (view, error) {
	st, err := g.Service.Status(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{App: g.Service.Profile.Name, Now: st.Now.UTC().Format("Monday, 2 Jan 2006, 15:04 UTC"), Status: st.Status,
		Manners: manners(g.Comeet.Faults()), Moves: moves(), Units: g.Workspace.OrgUnits()}
	people := g.Workspace.People()
	names := map[string]string{}
	for _, p := range people {
		names[p.ID] = fullName(p)
	}
	records, _, err := g.Service.Search(ctx, "", "", mostPeople)
	if err != nil {
		return v, err
	}
	v.rows(people, records, g.Comeet.Accounts(), st.Now)
	if v.Due, v.MoreDue, err = g.due(ctx, names, st.Now); err != nil {
		return v, err
	}
	v.Happened, err = g.happened(ctx, names, st.Now)
	return v, err
}

// rows puts each person beside the account that carries their id.
func (v *view) rows(people []simworkspace.PersonView, records []admin.Person, accounts []simcomeet.Account, now time.Time) {
	known := map[string]admin.Person{}
	for _, r := range records {
		known[r.ID] = r
	}
	theirs := map[string]simcomeet.Account{}
	for _, a := range accounts {
		theirs[a.ExternalID] = a
	}
	for _, p := range people {
		r := row{ID: p.ID, Name: fullName(p), Email: p.Email, About: about(p), State: stateOf(p), Deeds: deedsFor(p), Deleted: !p.DeletedAt.IsZero(),
			Account: label{"No account", "quiet"}}
		if a, ok := theirs[p.ID]; ok {
			r.Account, r.As, r.UserName = accountLabel(a), described(a), a.UserName
			delete(theirs, p.ID)
		}
		if next := known[p.ID].Next; next != nil {
			r.Next = dueView(v.App, known[p.ID], r.Name, now)
		}
		v.People = append(v.People, r)
	}
	for _, a := range accounts {
		if left, ok := theirs[a.ExternalID]; ok && left.ID == a.ID || a.ExternalID == "" {
			v.Strangers = append(v.Strangers, stranger{a.UserName, a.ID, accountLabel(a)})
		}
	}
}

func dueView(app string, p admin.Person, name string, now time.Time) *due {
	return &due{Name: name, Path: personPath(p.ID), Operation: pages.OperationLabel(p.Next.Operation), At: pages.Moment(p.Next.At, now), Waits: pages.Waits(app, p.HeldBy)}
}

func personPath(id string) string { return "/people/" + url.PathEscape(id) }

func (g *playground) due(ctx context.Context, names map[string]string, now time.Time) (list []due, more bool, err error) {
	pending, next, err := g.Service.PendingPage(ctx, "", newsRows)
	for _, p := range pending {
		list = append(list, *dueView(g.Service.Profile.Name, p, cmp.Or(names[p.ID], p.Email), now))
	}
	return list, next != "", err
}

func (g *playground) happened(ctx context.Context, names map[string]string, now time.Time) ([]happening, error) {
	events, _, err := g.Service.Events(ctx, state.EventFilter{Limit: newsRows})
	list := make([]happening, len(events))
	for i, e := range events {
		app := g.Service.Profile.Name
		e.Cause.Text, e.Error = pages.Readable(app, e.Cause.Text, now, names), pages.Readable(app, e.Error, now, names)
		list[i] = happening{When: pages.Moment(e.Time, now), Text: sentence(app, e), Bad: e.Outcome != provision.OutcomeDone}
		if e.UserID != "" {
			list[i].Path, list[i].Name = personPath(e.UserID), cmp.Or(names[e.UserID], e.Email, "user "+e.UserID)
		}
	}
	return list, err
}

func fullName(p simworkspace.PersonView) string {
	return strings.TrimSpace(p.GivenName + " " + p.FamilyName)
}

func about(p simworkspace.PersonView) string {
	return strings.Join(slices.DeleteFunc([]string{p.Title, p.OrgUnit}, func(s string) bool { return s == "" || s == "/" }), " · ")
}

func stateOf(p simworkspace.PersonView) label {
	switch {
	case !p.DeletedAt.IsZero():
		return label{"Deleted", "bad"}
	case p.Archived:
		return label{"Archived", "quiet"}
	case p.Suspended:
		return label{"Suspended", "warn"}
	}
	return label{"Active", "good"}
}

func accountLabel(a simcomeet.Account) label {
	if a.Active {
		return label{"Active", "good"}
	}
	return label{"Suspended", "warn"}
}

// described is the name and title that an account has.
func described(a simcomeet.Account) string {
	var r struct {
		Name struct {
			Given  string `json:"givenName"`
			Family string `json:"familyName"`
		} `json:"name"`
		Title string `json:"title"`
	}
	if json.Unmarshal(a.Resource, &r) != nil {
		return ""
	}
	return strings.Join(slices.DeleteFunc([]string{strings.TrimSpace(r.Name.Given + " " + r.Name.Family), r.Title},
		func(s string) bool { return s == "" }), ", ")
}
