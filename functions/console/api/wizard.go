package api

import (
	"context"
	"net/http"

	"example.com/autoprovision/shared/directory"
)

// DirectoryGroup is a group of the directory.
type DirectoryGroup struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

// DirectoryOrgUnit is an org unit of the directory; the root is "/".
type DirectoryOrgUnit struct {
	ID       string  `json:"id"`
	Path     string  `json:"path"`
	Name     string  `json:"name"`
	ParentID *string `json:"parentId"`
}

// DirectoryAttribute is what a mapping can read.
type DirectoryAttribute struct {
	Path   string `json:"path"`
	Label  string `json:"label"`
	Custom bool   `json:"custom" doc:"A field of the company's own schemas"`
}

type groupsInput struct {
	Query string `query:"query" doc:"What the name or the address begins with"`
	Paging
}

func (a *api) registerWizard() {
	get := func(what, id, summary, answers string) listing {
		return listing{a, "/directory/" + what, id, tagWizard, summary, answers}
	}
	groups := a.operation(http.MethodGet, a.app("/directory/groups"), "directoryGroups", tagWizard, "Find groups", "At most 50 groups")
	handle(a, groups, func(ctx context.Context, in *groupsInput) (*answer[Page[DirectoryGroup]], error) {
		found, err := a.service.Groups(ctx, in.Query)
		if err != nil {
			return nil, err
		}
		rows, next, err := cut(found, in.Paging)
		return newPage(rows, next, func(g directory.Group) DirectoryGroup {
			return DirectoryGroup{ID: g.ID, Email: g.Email, Name: g.Name}
		}), err
	})
	handleList(get("orgUnits", "directoryOrgUnits", "The org units", "The org units, the root among them"),
		whole(a.service.OrgUnits), func(u directory.OrgUnit) DirectoryOrgUnit {
			return DirectoryOrgUnit{ID: u.ID, Path: u.Path, Name: u.Name, ParentID: text(u.ParentID)}
		})
	handleList(get("attributes", "directoryAttributes", "What a mapping can read", "The attributes"),
		whole(a.service.Attributes), func(d directory.Attribute) DirectoryAttribute { return DirectoryAttribute(d) })
}

// whole reads a list page by page that the use case gives as a whole.
func whole[R any](read func(context.Context) ([]R, error)) func(context.Context, string, int) ([]R, string, error) {
	return func(ctx context.Context, token string, limit int) ([]R, string, error) {
		all, err := read(ctx)
		if err != nil {
			return nil, "", err
		}
		return cut(all, Paging{PageSize: limit, PageToken: token})
	}
}
