package admin

import (
	"context"
	"slices"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// Trial is what a mapping, saved or not, makes of people in scope.
type Trial struct {
	// People were tried, Failed among them: whose attributes cannot be computed.
	People, Failed int
	// Read is how many people of the directory were read to find them.
	Read int
	// Scoped is false before a scope is set: then every active person is tried.
	Scoped bool
	// Partial is true when the directory holds more people than were tried.
	Partial bool
	// Sample are some of them: those who fail first, then others from all over the list.
	Sample []Tried
}

// Tried is what a mapping makes of one person: values, or why there are none.
type Tried struct {
	Email  string
	Values provision.Attributes
	// Err holds one fault.Invalid for each attribute that cannot be computed, joined.
	Err error
}

const (
	// trialPeople is how many people a mapping is tried out on at least, if there are as many.
	trialPeople = 500
	// trialSample is how many of them are shown.
	trialSample = 10
)

// Try tries a mapping out on people in scope, by the stored scope. It changes
// nothing. Errors: fault.Invalid, joined, with fields of the mapping.
func (s *Service) Try(ctx context.Context, mapping []provision.MappedAttribute) (Trial, error) {
	if err := s.Mapper.Check(mapping); err != nil {
		return Trial{}, err
	}
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Scoped: c.Scope != nil}
	of := provision.Scope{}
	if c.Scope != nil {
		of = *c.Scope
	}
	var fails, works []Tried
	t.Partial, err = s.visit(ctx, of, func(u provision.User, v scope.Verdict) (bool, error) {
		t.Read++
		if u.Lifecycle != provision.Active || t.Scoped && !(v.Known && v.In) {
			return true, nil
		}
		values, err := s.Mapper.Apply(provision.Configuration{Mapping: mapping}, u)
		if err != nil && !fault.Is(err, fault.Invalid) {
			return false, err
		}
		if tried := (Tried{u.Email, values, err}); err == nil {
			works = append(works, tried)
		} else {
			fails = append(fails, tried)
		}
		return len(fails)+len(works) < trialPeople, nil
	})
	t.People, t.Failed = len(fails)+len(works), len(fails)
	t.Sample = slices.Concat(fails[:min(len(fails), trialSample)], spread(works, trialSample-len(fails)))
	return t, err
}

// spread takes n from all over a list; none when n is negative.
func spread[T any](list []T, n int) (taken []T) {
	n = min(n, len(list))
	for i := range max(n, 0) {
		taken = append(taken, list[i*len(list)/n])
	}
	return taken
}
