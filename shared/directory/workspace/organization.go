package workspace

import (
	"context"
	"strings"

	"example.com/autoprovision/shared/directory"
)

// RootID is the id of the root org unit.
const RootID = "/"

// Domains implements directory.Organization. Names are in lower case.
func (c *Client) Domains(ctx context.Context) ([]directory.Domain, error) {
	const op = "workspace: list domains"
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Domains.List(customer).Fields("domains(domainName,isPrimary)").Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	var list struct {
		Domains []struct {
			DomainName string `json:"domainName"`
			IsPrimary  bool   `json:"isPrimary"`
		} `json:"domains"`
	}
	if err := decode(op, body, &list); err != nil {
		return nil, err
	}
	domains := make([]directory.Domain, 0, len(list.Domains))
	primaries := 0
	for _, d := range list.Domains {
		if d.DomainName == "" {
			return nil, incomplete(op, "a domain has no name")
		}
		if d.IsPrimary {
			primaries++
		}
		domains = append(domains, directory.Domain{Name: strings.ToLower(d.DomainName), Primary: d.IsPrimary})
	}
	if primaries != 1 {
		return nil, incomplete(op, "the list has %d primary domains, not one", primaries)
	}
	return domains, nil
}

type unit struct {
	ID         string `json:"orgUnitId"`
	Path       string `json:"orgUnitPath"`
	Name       string `json:"name"`
	ParentID   string `json:"parentOrgUnitId"`
	ParentPath string `json:"parentOrgUnitPath"`
}

// OrgUnits implements directory.Organization. The root comes first, with
// RootID; an answer without any org unit is the root alone. A unit without its
// parent in the list is fault.Incomplete: the nearest one with an explicit on
// or off could be the one that is missing.
func (c *Client) OrgUnits(ctx context.Context) ([]directory.OrgUnit, error) {
	const op = "workspace: list org units"
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Orgunits.List(customer).Type("all").
			Fields("organizationUnits(orgUnitId,orgUnitPath,name,parentOrgUnitId,parentOrgUnitPath)").Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	var list struct {
		Units []unit `json:"organizationUnits"`
	}
	if err := decode(op, body, &list); err != nil {
		return nil, err
	}
	ids := map[string]string{"/": RootID} // by path
	for i, u := range list.Units {
		u.Path = unitPath(u.Path)
		if u.ID == "" || u.Path == "" {
			return nil, incomplete(op, "an org unit has no id or no path")
		}
		if u.Path != "/" { // a server that lists the root too
			if _, twice := ids[u.Path]; twice {
				return nil, incomplete(op, "two org units have the same path")
			}
			ids[u.Path] = u.ID
		}
		list.Units[i] = u
	}
	tree := []directory.OrgUnit{{ID: RootID, Path: "/", Name: "/"}}
	for _, u := range list.Units {
		if u.Path == "/" {
			continue
		}
		parent, ok := ids[u.parentPath()]
		if !ok {
			return nil, incomplete(op, "an org unit's parent is not in the list")
		}
		tree = append(tree, directory.OrgUnit{ID: u.ID, Path: u.Path, Name: u.Name, ParentID: parent})
	}
	return tree, nil
}

// parentPath is the directory's own where it gives one: a name may hold a slash.
func (u unit) parentPath() string {
	if u.ParentPath != "" {
		return unitPath(u.ParentPath)
	}
	return unitPath("/" + u.Path[:strings.LastIndexByte(u.Path, '/')])
}

// unitPath gives a path its leading slash, which Google's guide lacks in one
// place, and no slash at the end; an absent path stays absent.
func unitPath(path string) string {
	if path == "" {
		return ""
	}
	return "/" + strings.Trim(path, "/")
}
