// Package scope owns rule R1: who should have an account, and why not.
//
// It promises a pure verdict, of which every "no" carries its reason in
// words, and that what it cannot know it does not guess (R13): the verdict is
// then unknown and decides nothing. It never reads anything itself; group
// membership is asked of the caller, and only when it decides.
package scope

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/autoprovision/shared/provision"
)

// Verdict says whether a user is in scope. Being archived is not part of it:
// package decide puts that above everything (R6).
type Verdict struct {
	// Known is false when the directory did not say enough to decide (R13); In is then meaningless.
	Known bool
	In    bool
	// Reasons says in sentences why not, or what is not known; empty when in scope.
	Reasons []string
}

// Unit is one org unit of the directory's tree; the root has path "/" and no parent.
type Unit struct {
	ID       string
	Path     string
	ParentID string
}

// Organization is what the directory says of the customer as a whole.
type Organization struct {
	byPath, byID  map[string]Unit
	domains       []string
	primaryDomain string
}

// NewOrganization takes the whole tree, and all domains of the customer.
func NewOrganization(units []Unit, domains []string, primaryDomain string) Organization {
	org := Organization{
		byPath: make(map[string]Unit, len(units)), byID: make(map[string]Unit, len(units)),
		domains: domains, primaryDomain: primaryDomain,
	}
	for _, u := range units {
		org.byPath[u.Path], org.byID[u.ID] = u, u
	}
	return org
}

// Faults says in sentences what of the configuration does not fit the directory
// any more: its primary domain, and org units that no longer exist (R13).
func (org Organization) Faults(s provision.Scope) []string {
	var faults []string
	if fault := changed(s, org, provision.User{}); fault != "" {
		faults = append(faults, fault)
	}
	for _, state := range s.OrgUnits {
		if !org.has(state) {
			faults = append(faults, gone(state))
		}
	}
	return faults
}

func (org Organization) has(state provision.OrgUnitState) bool {
	_, ok := org.byID[state.ID]
	return ok
}

func gone(state provision.OrgUnitState) string {
	return fmt.Sprintf("the org unit %s, turned %s in the scope, no longer exists: edit the scope", state.Path, onOff(state.On))
}

// Members answers whether a user is a direct or nested member of a group. An
// error makes the verdict unknown.
type Members func(groupID string) (bool, error)

// Evaluate gives the verdict of R1 on one user. It asks members only for what
// decides: never about a person who is out for another reason, and not at all
// when no group is configured.
func Evaluate(s provision.Scope, org Organization, u provision.User, members Members) Verdict {
	if fault := changed(s, org, u); fault != "" {
		return unknown(fault)
	}
	if u.Guest {
		return out("they are a guest from outside your organization; guests never get an account")
	}
	if d := u.Domain(); !org.hasDomain(d) {
		// The directory names them among the customer's own people, so it is the
		// list of domains that is not whole (R13).
		return unknown(fmt.Sprintf("their domain %s is not in the list of your organization's domains, which may be incomplete", d))
	}
	if reason := domain(s, org, u); reason != "" {
		return out(reason)
	}
	on, reason, err := appOn(s, org, u, members)
	switch {
	case err != nil:
		return unknown(err.Error())
	case !on:
		return out(reason)
	case len(s.Groups) == 0:
		return Verdict{Known: true, In: true}
	}
	in, err := anyMember(s.Groups, members)
	switch {
	case err != nil:
		return unknown(err.Error())
	case !in:
		return out("they are not a member, direct or nested, of " + list(s.Groups))
	}
	return Verdict{Known: true, In: true}
}

func (org Organization) hasDomain(d string) bool {
	return slices.ContainsFunc(org.domains, func(x string) bool { return strings.EqualFold(x, d) })
}

// changed reports a fault of configuration that makes every verdict unknown (R13).
func changed(s provision.Scope, org Organization, u provision.User) string {
	switch {
	case org.primaryDomain == "" || !org.hasDomain(org.primaryDomain):
		return "the directory's domains are not known"
	case org.moved(s):
		return otherDomain
	}
	return org.Foreign(s, u)
}

const (
	otherDomain   = "your organization's primary domain has changed since the scope was saved: check the scope and save it again"
	otherCustomer = "the directory answers for another organization than the one the scope was saved for"
)

// Foreign says in a sentence why the directory that named a user may be another
// customer's than the scope's; empty when it is not. What another customer's
// directory says of anybody decides nothing (R13). A customer keeps its id when
// its primary domain changes, so that the domain tells where an id is not
// known: in an answer that names nobody, too, which the zero User stands for.
func (org Organization) Foreign(s provision.Scope, u provision.User) string {
	switch known := s.CustomerID != "" && u.CustomerID != ""; {
	case known && s.CustomerID != u.CustomerID:
		return otherCustomer
	case !known && org.moved(s):
		return otherDomain
	}
	return ""
}

func (org Organization) moved(s provision.Scope) bool {
	return s.PrimaryDomain != "" && !strings.EqualFold(s.PrimaryDomain, org.primaryDomain)
}

// domain gives the reason why a user's domain is not allowed; empty when it is.
func domain(s provision.Scope, org Organization, u provision.User) string {
	d := u.Domain()
	is := func(x string) bool { return strings.EqualFold(x, d) }
	switch {
	case slices.ContainsFunc(s.Domains, is):
		return ""
	case len(s.Groups) > 0 && is(org.primaryDomain):
		return ""
	case len(s.Groups) > 0:
		return fmt.Sprintf("their domain %s is not allowed: when groups are set, only %s and the domains you tick are", d, org.primaryDomain)
	case len(s.Domains) > 0:
		return fmt.Sprintf("their domain %s is not allowed: only the domains you tick are", d)
	}
	return ""
}

// appOn reports whether the app is on for a user, by org unit or by access group.
func appOn(s provision.Scope, org Organization, u provision.User, members Members) (on bool, reason string, err error) {
	on, where, err := unitOn(s, org, u.OrgUnitPath)
	if err != nil || on {
		return on, "", err
	}
	in, err := anyMember(s.AccessGroups, members)
	if err != nil || in {
		return in, "", err
	}
	// R13: nobody is out because a unit that was turned on has gone, perhaps to be made anew.
	for _, state := range s.OrgUnits {
		if state.On && !org.has(state) {
			return false, "", errors.New(gone(state))
		}
	}
	if len(s.AccessGroups) == 0 {
		return false, "the app is off for their org unit, because " + where, nil
	}
	return false, fmt.Sprintf("the app is off for their org unit, because %s, and no access group turns it on for them", where), nil
}

// unitOn finds the nearest ancestor with an explicit state; the root is off until set.
func unitOn(s provision.Scope, org Organization, path string) (on bool, where string, err error) {
	unit, ok := org.byPath[path]
	if !ok {
		return false, "", fmt.Errorf("their org unit %s is not in the directory's tree", path)
	}
	for range len(org.byID) {
		for _, state := range s.OrgUnits {
			if state.ID == unit.ID {
				return state.On, fmt.Sprintf("%s is set to %s", unit.Path, onOff(state.On)), nil
			}
		}
		if unit.ParentID == "" {
			return false, "neither it nor any unit above it is turned on", nil
		}
		parent, ok := org.byID[unit.ParentID]
		if !ok {
			return false, "", fmt.Errorf("an org unit above %s is not in the directory's tree", path)
		}
		unit = parent
	}
	return false, "", fmt.Errorf("the org units above %s form a circle", path)
}

func anyMember(groups []provision.GroupRef, members Members) (bool, error) {
	var firstErr error
	for _, g := range groups {
		in, err := members(g.ID)
		if err != nil && firstErr == nil {
			firstErr = fmt.Errorf("membership of %s is not known: %w", g.Email, err)
		}
		if err == nil && in {
			return true, nil
		}
	}
	return false, firstErr
}

func list(groups []provision.GroupRef) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Email
	}
	return strings.Join(names, " or ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func out(reason string) Verdict     { return Verdict{Known: true, Reasons: []string{reason}} }
func unknown(reason string) Verdict { return Verdict{Reasons: []string{reason}} }
