package admin

import (
	"context"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// PutPreviewed stores exactly what a preview proposed, and releases the
// removals that it named (R12). fault.Conflict when the preview is gone, not
// done, older than an hour, or of another revision; fault.Invalid when what it
// proposed no longer fits the directory.
func (s *Service) PutPreviewed(ctx context.Context, previewID string) error {
	preview, err := s.Store.Preview(ctx, previewID)
	if fault.Is(err, fault.NotFound) || err == nil && len(preview.Proposal) == 0 {
		return fault.New(fault.Conflict, "", "there is no such preview of an edit any more: make another")
	}
	if err != nil {
		return err
	}
	return s.put(ctx, Proposed(preview), previewID, preview.Proposal)
}

// Proposed is what a preview proposed, as an administrator would write it: the
// sections that the preview was asked for, with the addresses and paths of now.
func Proposed(preview provision.Preview) Proposal {
	var p Proposal
	c := preview.Proposed
	has := func(section string) bool { _, ok := preview.Proposal[section]; return ok }
	if has("mapping") {
		p.Mapping = c.Mapping
	}
	if has("scope") && c.Scope != nil {
		in := ScopeOf(*c.Scope)
		p.Scope = &in
	}
	if policy, ok := c.Policy(); ok && has("deprovisioning") {
		p.Deprovisioning = &policy
	}
	if has("protected") {
		emails := ProtectedOf(c)
		p.Protected = &emails
	}
	if has("guard") {
		p.Guard = &c.Guard
	}
	if has("connection") {
		p.Connection = &c.Connection
	}
	return p
}

// ScopeOf is a stored scope as an administrator would write it.
func ScopeOf(s provision.Scope) ScopeInput {
	in := ScopeInput{OrgUnits: []OrgUnitInput{}, AccessGroups: addresses(s.AccessGroups), Groups: addresses(s.Groups), Domains: []string{}}
	for _, o := range s.OrgUnits {
		in.OrgUnits = append(in.OrgUnits, OrgUnitInput{Path: o.Path, On: o.On})
	}
	in.Domains = append(in.Domains, s.Domains...)
	return in
}

// ProtectedOf are the addresses of the protected people, as they were written.
func ProtectedOf(c provision.Configuration) []string {
	emails := []string{}
	for _, p := range c.Protected {
		emails = append(emails, p.Email)
	}
	return emails
}

func addresses(groups []provision.GroupRef) []string {
	emails := []string{}
	for _, g := range groups {
		emails = append(emails, g.Email)
	}
	return emails
}
