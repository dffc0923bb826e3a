package admin

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"example.com/autoprovision/shared/provision"
)

// change is what one section of a proposal does to a configuration. It reports
// false, and does nothing, where the section is set already: a revision of the
// section would bring retries forward (R2), and a time of saving move deadlines (R9).
// That time is taken where the section is set: what was checked before may have taken long.
type change struct {
	// section is its name on the page of settings, by which the log calls it.
	section string
	apply   func(*provision.Configuration) (changed bool, err error)
}

// resolve checks a proposal against the directory and the app, and returns what
// applies it and tells the sections that were not set already. Nothing is
// changed when anything is wrong.
func (s *Service) resolve(ctx context.Context, p Proposal, c provision.Configuration) (apply func(*provision.Configuration) (edited []string, err error), err error) {
	var changes []change
	var errs []error
	add := func(change change, err error) {
		changes, errs = append(changes, change), append(errs, err)
	}
	if p.Mapping != nil {
		add(s.changeMapping(p.Mapping))
	}
	if p.Scope != nil {
		add(s.changeScope(ctx, *p.Scope, c))
	}
	if p.Deprovisioning != nil {
		add(s.changeDeprovisioning(*p.Deprovisioning))
	}
	if p.Protected != nil {
		add(s.changeProtected(ctx, *p.Protected, c))
	}
	if p.Guard != nil {
		add(changeGuard(*p.Guard))
	}
	if p.Connection != nil {
		add(s.changeConnection(*p.Connection, c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return func(c *provision.Configuration) (edited []string, err error) {
		for _, change := range changes {
			changed, err := change.apply(c)
			if err != nil {
				return nil, err
			}
			if changed {
				edited = append(edited, change.section)
			}
		}
		slices.Sort(edited)
		return slices.Compact(edited), nil
	}, nil
}

func (s *Service) changeMapping(attributes []provision.MappedAttribute) (change, error) {
	return change{"attributes", func(c *provision.Configuration) (bool, error) {
		if slices.Equal(c.Mapping, attributes) {
			return false, nil
		}
		c.Mapping, c.Revisions.Mapping = attributes, c.Revision
		return true, nil
	}}, s.Mapper.Check(attributes)
}

func (s *Service) changeScope(ctx context.Context, in ScopeInput, before provision.Configuration) (change, error) {
	scope, err := s.resolveScope(ctx, in, before.Scope)
	return change{"provisioning scope", func(c *provision.Configuration) (bool, error) {
		if c.Scope != nil && sameScope(*c.Scope, scope) {
			return false, nil
		}
		c.Scope, c.ScopeSavedAt, c.Revisions.Scope, c.Faults = &scope, s.Business(), c.Revision, nil
		return true, nil
	}}, err
}

// sameScope also takes a list that is not there for an empty one.
func sameScope(a, b provision.Scope) bool {
	return slices.Equal(a.OrgUnits, b.OrgUnits) && slices.Equal(a.AccessGroups, b.AccessGroups) && slices.Equal(a.Groups, b.Groups) &&
		slices.Equal(a.Domains, b.Domains) && a.PrimaryDomain == b.PrimaryDomain && a.CustomerID == b.CustomerID
}

// meansTheSame reports whether two configurations mean the same org units, groups
// and protected people: an address may have passed to another since a preview.
func meansTheSame(a, b provision.Configuration) bool {
	same := a.Scope == nil && b.Scope == nil || a.Scope != nil && b.Scope != nil && sameScope(*a.Scope, *b.Scope)
	return same && slices.EqualFunc(a.Protected, b.Protected, func(x, y provision.Protected) bool { return x.UserID == y.UserID && x.Email == y.Email })
}

func (s *Service) changeDeprovisioning(d provision.Deprovisioning) (change, error) {
	return change{"deprovisioning time frames", func(c *provision.Configuration) (bool, error) {
		if policy, ok := c.Policy(); ok && reflect.DeepEqual(policy, d) {
			return false, nil
		}
		edit := provision.PolicyEdit{Policy: d, SavedAt: s.Business(), Revision: c.Revision}
		c.Policies, c.Revisions.Deprovisioning = withPolicy(c.Policies, edit), c.Revision
		return true, nil
	}}, checkDeprovisioning(d)
}

func (s *Service) changeProtected(ctx context.Context, emails []string, before provision.Configuration) (change, error) {
	protected, err := s.resolveProtected(ctx, emails, before)
	linked, linkErr := s.usersOf(ctx, before.Protected)
	return change{"safety", func(c *provision.Configuration) (bool, error) {
		if slices.Equal(c.Protected, protected) {
			return false, nil
		}
		protect(c, protected, linked, s.Business())
		return true, nil
	}}, errors.Join(err, linkErr)
}

func changeGuard(g provision.Guard) (change, error) {
	return change{"safety", func(c *provision.Configuration) (bool, error) {
		changed := c.Guard != g
		c.Guard = g
		return changed, nil
	}}, checkGuard(g)
}
