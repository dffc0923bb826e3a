package playground

import (
	"context"
	"net/http"
	"slices"

	directory "google.golang.org/api/admin/directory/v1"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/fault"
)

// deed is something that an administrator of Google Workspace does to a person.
type deed struct {
	name, label, slot string
	// said completes "Maya Cohen …".
	said string
	do   func(ctx context.Context, api *directory.Service, id string) error
}

func deeds() []deed {
	change := func(u directory.User) func(context.Context, *directory.Service, string) error {
		return func(ctx context.Context, api *directory.Service, id string) error {
			_, err := api.Users.Patch(id, &u).Context(ctx).Do()
			return err
		}
	}
	return []deed{
		{"suspend", "Suspend", "s", "is suspended", change(directory.User{Suspended: true})},
		{"unsuspend", "Unsuspend", "s", "is active again", change(directory.User{ForceSendFields: []string{"Suspended"}})},
		{"archive", "Archive", "a", "is archived", change(directory.User{Archived: true})},
		{"unarchive", "Unarchive", "a", "is not archived any more", change(directory.User{ForceSendFields: []string{"Archived"}})},
		{"delete", "Delete", "d", "is deleted", func(ctx context.Context, api *directory.Service, id string) error {
			return api.Users.Delete(id).Context(ctx).Do()
		}},
		{"restore", "Restore", "d", "is restored", func(ctx context.Context, api *directory.Service, id string) error {
			return api.Users.Undelete(id, &directory.UserUndelete{}).Context(ctx).Do()
		}},
	}
}

// deedsFor are the buttons that make sense for somebody.
func deedsFor(p simworkspace.PersonView) []button {
	possible := map[string]bool{"suspend": !p.Suspended, "unsuspend": p.Suspended, "archive": !p.Archived, "unarchive": p.Archived, "delete": true}
	if !p.DeletedAt.IsZero() {
		possible = map[string]bool{"restore": true}
	}
	var list []button
	for _, d := range deeds() {
		if possible[d.name] {
			list = append(list, button{d.name, d.label, d.slot})
		}
	}
	return list
}

// act does one deed to one person.
func (g *playground) act(w http.ResponseWriter, r *http.Request) error {
	p, err := g.personOf(r)
	if err != nil {
		return err
	}
	all := deeds()
	i := slices.IndexFunc(all, func(d deed) bool { return d.name == r.PathValue("deed") })
	if i < 0 {
		return fault.New(fault.NotFound, "", "there is no such thing to do to somebody")
	}
	err = all[i].do(r.Context(), g.directory, p.ID)
	return g.said(w, r, fullName(p)+" "+all[i].said+" in Google Workspace.", err)
}

func (g *playground) personOf(r *http.Request) (simworkspace.PersonView, error) {
	people := g.Workspace.People()
	i := slices.IndexFunc(people, func(p simworkspace.PersonView) bool { return p.ID == r.PathValue("id") })
	if i < 0 {
		return simworkspace.PersonView{}, fault.New(fault.NotFound, "", "there is no such person: who was deleted more than 20 days ago cannot be restored any more")
	}
	return people[i], nil
}
