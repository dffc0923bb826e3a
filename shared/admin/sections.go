package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// ScopeInput is a scope as an administrator writes it: paths and addresses.
type ScopeInput struct {
	OrgUnits     []OrgUnitInput `json:"orgUnits"`
	AccessGroups []string       `json:"accessGroups"`
	Groups       []string       `json:"groups"`
	Domains      []string       `json:"domains"`
}

// OrgUnitInput turns the app on or off for an org unit.
type OrgUnitInput struct {
	Path string `json:"path"`
	On   bool   `json:"on"`
}

// Proposal is sections of a configuration that an administrator may set or
// preview; nil ones stay as they are.
type Proposal struct {
	Mapping        []provision.MappedAttribute `json:"mapping,omitempty"`
	Scope          *ScopeInput                 `json:"scope,omitempty"`
	Deprovisioning *provision.Deprovisioning   `json:"deprovisioning,omitempty"`
	Protected      *[]string                   `json:"protected,omitempty"`
	Guard          *provision.Guard            `json:"guard,omitempty"`
	Connection     *provision.Connection       `json:"connection,omitempty"`
}

// resolveScope finds what a scope names in the directory. What a scope that is
// set already calls by the same name, and what has another name by now, is found
// by its id and stays as it is.
func (s *Service) resolveScope(ctx context.Context, in ScopeInput, set *provision.Scope) (provision.Scope, error) {
	if set == nil {
		set = &provision.Scope{}
	}
	out := provision.Scope{Domains: []string{}}
	units, err := s.Directory.OrgUnits(ctx)
	if err != nil {
		return out, fmt.Errorf("reading the org units: %w", err)
	}
	domains, err := s.Directory.Domains(ctx)
	if err != nil {
		return out, fmt.Errorf("reading the domains: %w", err)
	}
	var errs []error
	out.OrgUnits, err = resolveOrgUnits(units, in.OrgUnits, set.OrgUnits)
	errs = append(errs, err)
	for i, d := range in.Domains {
		if !slices.ContainsFunc(domains, func(have directory.Domain) bool { return strings.EqualFold(have.Name, d) }) {
			errs = append(errs, fault.Field(fmt.Sprintf("domains[%d]", i), "%s is not a domain of your organization", d))
			continue
		}
		out.Domains = append(out.Domains, strings.ToLower(d))
	}
	for _, d := range domains {
		if d.Primary {
			out.PrimaryDomain = strings.ToLower(d.Name)
		}
	}
	out.AccessGroups, err = s.resolveGroups(ctx, "accessGroups", in.AccessGroups, set.AccessGroups)
	errs = append(errs, err)
	out.Groups, err = s.resolveGroups(ctx, "groups", in.Groups, set.Groups)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	page, err := s.Directory.ListUsers(ctx, "")
	if err != nil {
		return out, fmt.Errorf("reading the users: %w", err)
	}
	if len(page.Users) > 0 {
		out.CustomerID = page.Users[0].CustomerID
	}
	return out, nil
}

func resolveOrgUnits(units []directory.OrgUnit, in []OrgUnitInput, set []provision.OrgUnitState) ([]provision.OrgUnitState, error) {
	states := []provision.OrgUnitState{}
	var errs []error
	for i, unit := range in {
		field := fmt.Sprintf("orgUnits[%d].path", i)
		at := slices.IndexFunc(units, func(u directory.OrgUnit) bool { return u.Path == unit.Path })
		if at < 0 {
			at = slices.IndexFunc(units, func(u directory.OrgUnit) bool {
				return slices.ContainsFunc(set, func(o provision.OrgUnitState) bool { return o.ID == u.ID && o.Path == unit.Path })
			})
		}
		switch {
		case at < 0:
			errs = append(errs, fault.Field(field, "the directory has no org unit %q: write its full path, such as /Sales, with / for the whole company", unit.Path))
		case slices.ContainsFunc(states, func(o provision.OrgUnitState) bool { return o.ID == units[at].ID }):
			errs = append(errs, fault.Field(field, "the org unit %s is listed twice", unit.Path))
		default:
			states = append(states, provision.OrgUnitState{ID: units[at].ID, Path: unit.Path, On: unit.On})
		}
	}
	return states, errors.Join(errs...)
}

func (s *Service) resolveGroups(ctx context.Context, field string, keys []string, set []provision.GroupRef) ([]provision.GroupRef, error) {
	groups := []provision.GroupRef{}
	var errs []error
	for i, key := range keys {
		at := fmt.Sprintf("%s[%d]", field, i)
		g, err := s.Directory.Group(ctx, key)
		named := slices.IndexFunc(set, func(have provision.GroupRef) bool { return strings.EqualFold(have.Email, key) })
		if named >= 0 && fault.Is(err, fault.NotFound, fault.Invalid) {
			g, err = s.Directory.Group(ctx, set[named].ID)
		}
		if named >= 0 && g.ID == set[named].ID {
			g.Email = set[named].Email
		}
		switch {
		case fault.Is(err, fault.NotFound, fault.Invalid):
			errs = append(errs, fault.Field(at, "the directory has no group %q: write its address", key))
		case err != nil:
			return groups, fmt.Errorf("reading a group: %w", err)
		case slices.ContainsFunc(groups, func(have provision.GroupRef) bool { return have.ID == g.ID }):
			errs = append(errs, fault.Field(at, "the group %s is listed twice", key))
		default:
			groups = append(groups, provision.GroupRef{ID: g.ID, Email: g.Email})
		}
	}
	return groups, errors.Join(errs...)
}

// checkDeprovisioning refuses impossible pairs of time frames (R9).
func checkDeprovisioning(d provision.Deprovisioning) error {
	rows := map[string]provision.TimeFrames{"appOff": d.AppOff, "suspended": d.Suspended, "deleted": d.Deleted}
	if d.Archived != nil {
		rows["archived"] = *d.Archived
	}
	var errs []error
	for _, name := range []string{"appOff", "suspended", "deleted", "archived"} {
		row := rows[name]
		for field, delay := range map[string]provision.Delay{"suspendAfter": row.SuspendAfter, "deleteAfter": row.DeleteAfter} {
			if !delay.Valid() {
				errs = append(errs, fault.Field(name+"."+field, "write within24h, a number of days from 1d to 365d, or leave it out for never"))
			}
		}
		suspend, suspends := row.SuspendAfter.Duration()
		remove, deletes := row.DeleteAfter.Duration()
		if suspends && deletes && remove <= suspend {
			errs = append(errs, fault.Field(name+".deleteAfter", "the hard delete must come later than the suspend beside it"))
		}
	}
	return errors.Join(errs...)
}

// withPolicy adds a policy, and drops those that were replaced more than a day
// before it: no edit of theirs can still move a deadline (R9).
func withPolicy(policies []provision.PolicyEdit, edit provision.PolicyEdit) []provision.PolicyEdit {
	edits := append(slices.Clone(policies), edit)
	for len(edits) > 1 && edit.SavedAt.Sub(edits[1].SavedAt) > 24*time.Hour {
		edits = edits[1:]
	}
	return edits
}

// resolveProtected finds each address in the directory and in the app; one
// found in neither is refused (R18). An address that is on the list already goes
// on to protect whom it was resolved to, who may have been renamed since, and
// protects whoever has it by now as well.
func (s *Service) resolveProtected(ctx context.Context, emails []string, c provision.Configuration) ([]provision.Protected, error) {
	list := []provision.Protected{}
	var errs []error
	for i, email := range emails {
		email = strings.TrimSpace(email)
		known := slices.DeleteFunc(slices.Clone(c.Protected), func(p provision.Protected) bool { return !strings.EqualFold(p.Email, email) })
		list = append(list, known...)
		found, err := s.findAnew(ctx, email, known, c)
		switch {
		case err != nil:
			return nil, err
		case found != (provision.Protected{}):
			list = slices.DeleteFunc(list, func(p provision.Protected) bool { return p.UserID == "" && p.AccountID == found.AccountID }) // by now it is somebody's
			list = append(list, found)
		case len(known) == 0:
			errs = append(errs, fault.Field(fmt.Sprintf("users[%d]", i), "neither the directory nor the app has anybody with the address %q", email))
		}
	}
	return once(list), errors.Join(errs...)
}

// once is a list without what it says again: an address may be sent as often as
// it protects people.
func once(list []provision.Protected) []provision.Protected {
	rest := []provision.Protected{}
	for _, p := range list {
		if !slices.Contains(rest, p) {
			rest = append(rest, p)
		}
	}
	return rest
}

// findAnew finds whom an address means besides those that it is known to have
// meant; the zero value for nobody else. For a known one the directory tells.
func (s *Service) findAnew(ctx context.Context, email string, known []provision.Protected, c provision.Configuration) (provision.Protected, error) {
	if len(known) > 0 {
		u, err := s.Directory.UserByEmail(ctx, email)
		switch {
		case fault.Is(err, fault.NotFound, fault.Invalid):
			return provision.Protected{}, nil
		case err != nil:
			return provision.Protected{}, fmt.Errorf("reading the directory: %w", err)
		case slices.ContainsFunc(known, func(p provision.Protected) bool { return p.UserID == u.ID }):
			return provision.Protected{}, nil
		}
	}
	p, err := s.findProtected(ctx, email, c)
	same := func(k provision.Protected) bool {
		return p.AccountID != "" && k.AccountID == p.AccountID && (p.UserID == "" || k.UserID == p.UserID)
	}
	if err != nil || p.UserID == "" && p.AccountID == "" || slices.ContainsFunc(known, same) {
		return provision.Protected{}, err
	}
	return p, nil
}

func (s *Service) findProtected(ctx context.Context, email string, c provision.Configuration) (provision.Protected, error) {
	p := provision.Protected{Email: email}
	u, err := s.Directory.UserByEmail(ctx, email)
	switch {
	case err == nil:
		p.UserID = u.ID
		rec, err := s.Store.Record(ctx, u.ID)
		if err != nil {
			return p, err
		}
		p.AccountID = rec.In(c.Connection.BaseURL).Account.ID
	case !fault.Is(err, fault.NotFound, fault.Invalid):
		return p, fmt.Errorf("reading the directory: %w", err)
	}
	if p.AccountID != "" || c.Authorization.State != provision.AuthorizationOK {
		return p, nil
	}
	accounts, err := s.Apps.Accounts(ctx, c)
	if err != nil {
		return p, fmt.Errorf("asking the app: %w", err)
	}
	found, err := accounts.Find(ctx, p.UserID, email)
	if err != nil {
		return p, fmt.Errorf("asking the app: %w", err)
	}
	ids := make([]string, len(found))
	for i, account := range found {
		ids[i] = account.ID
	}
	linked, err := s.Store.RecordsByAccount(ctx, ids)
	if err != nil {
		return p, err
	}
	for _, id := range ids {
		// One that bears the address only until its own person's rename reaches it stands for that person.
		if rec, ok := linked[id]; p.UserID == "" || !ok || rec.In(c.Connection.BaseURL).Account.ID != id {
			p.AccountID = id
			break
		}
	}
	return p, nil
}

// usersOf finds the users behind protected accounts that were found only in
// the app, and are linked to somebody by now.
func (s *Service) usersOf(ctx context.Context, list []provision.Protected) (map[string]string, error) {
	users := map[string]string{}
	for _, p := range list {
		if p.UserID != "" || p.AccountID == "" {
			continue
		}
		linked, err := s.Store.RecordsByAccount(ctx, []string{p.AccountID})
		if err != nil {
			return nil, err
		}
		if rec, ok := linked[p.AccountID]; ok {
			users[p.AccountID] = rec.UserID
		}
	}
	return users, nil
}

// protect replaces the list, and remembers when the protection of those who
// are not on it any more ended. linked are the users behind accounts that the
// list names without one.
func protect(c *provision.Configuration, list []provision.Protected, linked map[string]string, now time.Time) {
	ended := map[string]time.Time{}
	for id, at := range c.Unprotected {
		ended[id] = at
	}
	user := func(p provision.Protected) string {
		if p.UserID != "" {
			return p.UserID
		}
		return linked[p.AccountID]
	}
	for _, p := range c.Protected {
		if id := user(p); id != "" {
			ended[id] = now
		}
	}
	for _, p := range list {
		delete(ended, user(p))
	}
	c.Protected, c.Unprotected, c.Revisions.Protected = list, ended, c.Revision
}

func checkGuard(g provision.Guard) error {
	var errs []error
	if !(g.MaxShare >= 0 && g.MaxShare <= 1) {
		errs = append(errs, fault.Field("maxShare", "the share is a number from 0 to 1, such as 0.1 for 10 %%"))
	}
	if g.MinUsers < 0 {
		errs = append(errs, fault.Field("minUsers", "the number of people cannot be negative"))
	}
	return errors.Join(errs...)
}
