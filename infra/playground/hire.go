package playground

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/googleapi"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/fault"
)

// namesakes is how many people of one name can be hired.
const namesakes = 20

// hire adds a person with an address made of their name.
func (g *playground) hire(w http.ResponseWriter, r *http.Request) error {
	u := directory.User{
		Name:        &directory.UserName{GivenName: field(r, "givenName"), FamilyName: field(r, "familyName")},
		OrgUnitPath: field(r, "orgUnit"),
	}
	local := localPart(u.Name.GivenName + "." + u.Name.FamilyName)
	if u.Name.GivenName == "" || u.Name.FamilyName == "" || strings.Trim(local, ".") == "" {
		return g.said(w, r, "", fault.New(fault.Invalid, "", "write a first name and a last name, with letters from a to z for the address."))
	}
	if title := field(r, "title"); title != "" {
		u.Organizations = []map[string]any{{"title": title, "primary": true}}
	}
	for n := 1; ; n++ {
		u.PrimaryEmail = local + "@" + g.Workspace.Domain()
		if n > 1 {
			u.PrimaryEmail = fmt.Sprintf("%s%d@%s", local, n, g.Workspace.Domain())
		}
		_, err := g.directory.Users.Insert(&u).Context(r.Context()).Do()
		if refusal, ok := errors.AsType[*googleapi.Error](err); ok && refusal.Code == http.StatusConflict && n < namesakes {
			continue
		}
		return g.said(w, r, fmt.Sprintf("%s %s is hired, as %s.", u.Name.GivenName, u.Name.FamilyName, u.PrimaryEmail), err)
	}
}

func field(r *http.Request, name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }

// localPart keeps what an address can have of a name.
func localPart(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return -1
	}, strings.ToLower(name))
}

// changeView is the page on which one person is changed.
type changeView struct {
	ID, Name                            string
	GivenName, FamilyName, Email, Title string
	OrgUnit                             string
	Units                               []string
	Groups                              []groupBox
	Error                               string
}

// Style is for pages.Frame.
func (changeView) Style() string { return stylePath }

type groupBox struct {
	simworkspace.GroupView
	In bool
}

func (g *playground) changePage(w http.ResponseWriter, r *http.Request) error {
	p, err := g.personOf(r)
	if err != nil {
		return err
	}
	return g.showChange(w, r, p, p, "")
}

// showChange shows the form for p with the values of filled.
func (g *playground) showChange(w http.ResponseWriter, r *http.Request, p, filled simworkspace.PersonView, problem string) error {
	v := changeView{ID: p.ID, Name: fullName(p), GivenName: filled.GivenName, FamilyName: filled.FamilyName, Email: filled.Email,
		Title: filled.Title, OrgUnit: filled.OrgUnit, Units: g.Workspace.OrgUnits(), Error: problem}
	for _, group := range g.Workspace.GroupList() {
		v.Groups = append(v.Groups, groupBox{group, slices.Contains(filled.Groups, group.Email)})
	}
	return g.Console.Frame(w, r, g.person, "Change "+v.Name, v)
}

// change makes of a person what the form says.
func (g *playground) change(w http.ResponseWriter, r *http.Request) error {
	p, err := g.personOf(r)
	if err != nil {
		return err
	}
	want := p
	want.GivenName, want.FamilyName, want.Email = field(r, "givenName"), field(r, "familyName"), strings.ToLower(field(r, "email"))
	want.Title, want.OrgUnit, want.Groups = field(r, "title"), field(r, "orgUnit"), r.PostForm["group"]
	if want.GivenName == "" || want.FamilyName == "" || want.Email == "" {
		return g.showChange(w, r, p, want, "A person has a first name, a last name and an address.")
	}
	if err := g.make(r.Context(), p, want); err != nil {
		return g.showChange(w, r, p, want, "That did not work: "+explain(g.Service.Profile.Name, err))
	}
	return g.said(w, r, fullName(want)+" is changed in Google Workspace.", nil)
}

// make changes the person first, in one call, and then the groups.
func (g *playground) make(ctx context.Context, p, want simworkspace.PersonView) error {
	u := directory.User{PrimaryEmail: want.Email, OrgUnitPath: want.OrgUnit,
		Name: &directory.UserName{GivenName: want.GivenName, FamilyName: want.FamilyName}}
	if want.Title != p.Title {
		organizations, err := g.retitled(ctx, p.ID, want.Title)
		if err != nil {
			return err
		}
		u.Organizations = organizations
	}
	if _, err := g.directory.Users.Patch(p.ID, &u).Context(ctx).Do(); err != nil {
		return err
	}
	for _, group := range g.Workspace.GroupList() {
		is, should := slices.Contains(p.Groups, group.Email), slices.Contains(want.Groups, group.Email)
		var err error
		switch {
		case should && !is:
			_, err = g.directory.Members.Insert(group.Email, &directory.Member{Id: p.ID}).Context(ctx).Do()
		case is && !should:
			err = g.directory.Members.Delete(group.Email, p.ID).Context(ctx).Do()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// retitled is a person's organizations, with another title in the first.
func (g *playground) retitled(ctx context.Context, id, title string) (any, error) {
	u, err := g.directory.Users.Get(id).Context(ctx).Do()
	if err != nil {
		return nil, err
	}
	list, _ := u.Organizations.([]any)
	if len(list) > 0 {
		if first, ok := list[0].(map[string]any); ok {
			first["title"] = title
			return list, nil
		}
	}
	return []any{map[string]any{"title": title, "primary": true}}, nil
}
