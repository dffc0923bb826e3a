package admin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
	"example.com/autoprovision/shared/scope"
	"example.com/autoprovision/shared/state"
)

// Sample is what a mapping, saved or not, makes of one person given by id or
// address. Errors: fault.Invalid, joined, with fields of the mapping or of an
// attribute that cannot be computed; fault.NotFound for an unknown person.
func (s *Service) Sample(ctx context.Context, mapping []provision.MappedAttribute, key string) (provision.Attributes, error) {
	if err := s.Mapper.Check(mapping); err != nil {
		return nil, err
	}
	id, err := s.UserID(ctx, strings.TrimSpace(key))
	if err != nil {
		return nil, err
	}
	u, err := s.Directory.User(ctx, id)
	if fault.Is(err, fault.Invalid) {
		return nil, fault.New(fault.NotFound, "", "there is no user with this id or address")
	}
	if err != nil {
		return nil, err
	}
	return s.Mapper.Apply(provision.Configuration{Mapping: mapping}, u)
}

// Reach is whom a scope covers.
type Reach struct {
	// In counts active people in scope; Out all others, Unknown among them.
	In, Out, Unknown int
	// Reasons says why people are out, the most frequent first.
	Reasons []ReachReason
	// Partial is true when the directory holds more people than were counted.
	Partial bool
}

// ReachReason is how many people one reason leaves out.
type ReachReason struct {
	Why    string
	People int
}

const (
	// reachPages is how many pages of 500 people are read: a company of 5,000
	// is answered within seconds, and a larger one learns the proportions.
	reachPages = 10
	// memberPages is how many pages of 200 members are read of all groups
	// together, beyond the first of each: the same company twice.
	memberPages = 50
)

// errLargeGroup says why it is not known whether somebody is in a group.
var errLargeGroup = errors.New("the group has more members than are read to count people")

// Reach counts whom a scope would cover, saved or not. It decides nothing.
func (s *Service) Reach(ctx context.Context, in ScopeInput) (Reach, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return Reach{}, err
	}
	resolved, err := s.resolveScope(ctx, in, c.Scope)
	if err != nil {
		return Reach{}, err
	}
	var reach Reach
	reasons := map[string]int{}
	reach.Partial, err = s.visit(ctx, resolved, func(u provision.User, v scope.Verdict) (bool, error) {
		reach.add(reasons, u, v)
		return true, nil
	})
	if err != nil {
		return Reach{}, err
	}
	for why, n := range reasons {
		reach.Reasons = append(reach.Reasons, ReachReason{Why: why, People: n})
	}
	slices.SortFunc(reach.Reasons, func(a, b ReachReason) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Why, b.Why))
	})
	return reach, nil
}

// visit shows people of the directory, a bounded number, and what a scope says of
// each, until look returns false. partial is true when there are more. Of large
// groups a bounded part is read: whoever may be in the rest is unknown.
func (s *Service) visit(ctx context.Context, of provision.Scope, look func(u provision.User, v scope.Verdict) (more bool, err error)) (partial bool, err error) {
	people := roster.New(s.Directory, s.Real)
	org, err := people.Organization(ctx, roster.CacheAge)
	if err != nil {
		return false, err
	}
	members := roster.NewMembers()
	if err := people.ReadSome(ctx, members, memberPages, slices.Concat(of.AccessGroups, of.Groups)...); err != nil {
		return false, err
	}
	has := func(groupID, userID string) (bool, error) {
		in, err := members.Has(groupID, userID)
		if !in && err == nil && !members.Whole(groupID) {
			err = errLargeGroup
		}
		return in, err
	}
	token := ""
	for range reachPages {
		page, err := s.Directory.ListUsers(ctx, token)
		if err != nil {
			return false, err
		}
		for i, u := range page.Users {
			more, err := look(u, scope.Evaluate(of, org, u, func(groupID string) (bool, error) { return has(groupID, u.ID) }))
			if err != nil || !more {
				return page.Next != "" || i+1 < len(page.Users), err
			}
		}
		if token = page.Next; token == "" {
			break
		}
	}
	return token != "", nil
}

func (r *Reach) add(reasons map[string]int, u provision.User, v scope.Verdict) {
	switch {
	case u.Lifecycle != provision.Active:
		r.Out++
		reasons["they are "+string(u.Lifecycle)+" in Google Workspace"]++
	case v.Known && v.In:
		r.In++
	default:
		r.Out++
		if !v.Known {
			r.Unknown++
		}
		reasons[strings.Join(v.Reasons, "; ")]++
	}
}

// searchScan is how many records one search goes through at most.
const searchScan = 5000

// Search is people whom we have a record of and whose address or name contains
// text, by address: at least limit of them, or all that a bounded part of the
// records holds. next, when not empty, goes on from there, also after an empty page.
func (s *Service) Search(ctx context.Context, text, token string, limit int) (people []Person, next string, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return nil, "", err
	}
	next = token
	for seen := 0; seen < searchScan && len(people) < limit; {
		var page []provision.Record
		page, next, err = s.Store.Select(ctx, state.Selection{Kind: state.SelectByAddress, Token: next, Limit: limit})
		if err != nil {
			return nil, "", err
		}
		for _, rec := range page {
			if strings.Contains(strings.ToLower(rec.Email), text) || strings.Contains(strings.ToLower(rec.Account.Name()), text) {
				people = append(people, s.fromRecord(c, rec))
			}
		}
		if seen += len(page); next == "" {
			break
		}
	}
	return people, next, nil
}

// Find asks the directory for people whose address or name begins with text:
// also of those of whom we have no record.
func (s *Service) Find(ctx context.Context, text string) ([]Person, error) {
	users, err := s.Directory.SearchUsers(ctx, text)
	if err != nil {
		return nil, err
	}
	if strings.Contains(text, "@") { // a whole address finds also whom the search does not know yet
		u, err := s.Directory.UserByEmail(ctx, text)
		switch {
		case err == nil && !slices.ContainsFunc(users, func(other provision.User) bool { return other.ID == u.ID }):
			users = append(users, u)
		case err != nil && !fault.Is(err, fault.NotFound, fault.Invalid):
			return nil, err
		}
	}
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	records, err := s.Store.RecordsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	people := make([]Person, len(users))
	for i, u := range users {
		rec, known := records[u.ID]
		if people[i] = s.fromRecord(c, rec); !known {
			people[i] = Person{ID: u.ID, Email: u.Email, Directory: u.Lifecycle}
		}
		people[i].Name = cmp.Or(directory.NameOf(u), people[i].Name)
	}
	return people, nil
}
