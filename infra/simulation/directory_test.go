package simulation

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// workspace is the directory as one instance reaches it.
type workspace struct{ *instance }

var (
	_ directory.Users        = workspace{}
	_ directory.Organization = workspace{}
	_ directory.Picker       = workspace{}
	_ directory.Watcher      = workspace{}
)

// pageOfUsers is small, so that a listing has several pages.
const pageOfUsers = 12

func ask[T any](ctx context.Context, d workspace, key string, get func() (T, error)) (T, error) {
	return answer(ctx, &d.world.scheduler, "directory: "+key, func(worker *worker) (out T, err error) {
		f := d.world.faults
		switch {
		case d.world.chance(f.throttle):
			return out, fault.New(fault.Throttled, "directory: "+key, "too many requests")
		case d.world.chance(f.directory):
			return out, fault.New(fault.Unavailable, "directory: "+key, "no answer")
		case d.world.chance(f.missingKeys):
			return out, fault.New(fault.Incomplete, "directory: "+key, "the answer lacks a key")
		}
		out, err = get()
		d.world.asked(worker, key, err)
		return out, err
	})
}

func notFound(what string) error {
	return fault.New(fault.NotFound, "directory: read", "there is no such %s", what)
}

func (d workspace) User(ctx context.Context, id string) (provision.User, error) {
	return ask(ctx, d, "user "+id, func() (provision.User, error) {
		p := d.world.company.person(id)
		if p == nil || p.seen().deleted || d.world.chance(d.world.faults.absent) {
			return provision.User{}, notFound("user")
		}
		return d.world.company.user(p.seen()), nil
	})
}

func (d workspace) UserByEmail(ctx context.Context, email string) (provision.User, error) {
	return ask(ctx, d, "user by address "+email, func() (provision.User, error) {
		p := d.world.company.named(email)
		if p == nil {
			return provision.User{}, notFound("user")
		}
		return d.world.company.user(p), nil
	})
}

func (d workspace) ListUsers(ctx context.Context, token string) (directory.UserPage, error) {
	return ask(ctx, d, "list users "+token, func() (directory.UserPage, error) {
		var present []*person
		for _, p := range d.world.company.people {
			if !p.deleted && !d.world.hidden[p.id] {
				present = append(present, p)
			}
		}
		slices.SortFunc(present, func(a, b *person) int { return cmp.Compare(a.email, b.email) })
		page := d.page(present, token)
		d.world.pageListed(token, page.Next)
		return page, nil
	})
}

func (d workspace) ListDeleted(ctx context.Context, token string) (directory.UserPage, error) {
	return ask(ctx, d, "list deleted "+token, func() (directory.UserPage, error) {
		var gone []*person
		for _, p := range d.world.company.people {
			if p.deleted && time.Since(p.deletedAt) < 20*24*time.Hour {
				gone = append(gone, p)
			}
		}
		return d.page(gone, token), nil
	})
}

func (d workspace) page(people []*person, token string) directory.UserPage {
	from, _ := strconv.Atoi(token)
	to := min(from+pageOfUsers, len(people))
	var page directory.UserPage
	for _, p := range people[min(from, to):to] {
		page.Users = append(page.Users, d.world.company.user(p))
	}
	if to < len(people) {
		page.Next = strconv.Itoa(to)
	}
	return page
}

func (d workspace) Domains(ctx context.Context) ([]directory.Domain, error) {
	return ask(ctx, d, "domains", func() ([]directory.Domain, error) {
		domains := []directory.Domain{{Name: primaryDomain, Primary: true}, {Name: secondDomain}}
		if d.world.chance(d.world.faults.partial) {
			domains = domains[:1]
		}
		return domains, nil
	})
}

func (d workspace) OrgUnits(ctx context.Context) ([]directory.OrgUnit, error) {
	return ask(ctx, d, "org units", func() ([]directory.OrgUnit, error) {
		var list []directory.OrgUnit
		for _, u := range d.world.company.units {
			if !u.gone {
				list = append(list, directory.OrgUnit{ID: u.id, Path: u.path, Name: u.path[strings.LastIndex(u.path, "/")+1:], ParentID: u.parent})
			}
		}
		if d.world.chance(d.world.faults.partial) {
			list = slices.Delete(list, len(list)-1, len(list))
		}
		return list, nil
	})
}

func (d workspace) Group(ctx context.Context, key string) (directory.Group, error) {
	return ask(ctx, d, "group "+key, func() (directory.Group, error) {
		for _, g := range d.world.company.groups {
			if !g.gone && (g.id == key || g.email == key) {
				return directory.Group{ID: g.id, Email: g.email, Name: g.email, DirectMembers: int64(len(g.members))}, nil
			}
		}
		return directory.Group{}, notFound("group")
	})
}

func (d workspace) ListMembers(ctx context.Context, groupID, token string) (directory.MemberPage, error) {
	return ask(ctx, d, "members "+groupID+" "+token, func() (page directory.MemberPage, err error) {
		for _, g := range d.world.company.groups {
			if g.id == groupID && !g.gone {
				return directory.MemberPage{UserIDs: g.sorted()}, nil
			}
		}
		return page, notFound("group")
	})
}

func (d workspace) HasMember(ctx context.Context, groupID, userID string, _ time.Duration) (bool, error) {
	return ask(ctx, d, "has member "+groupID+" "+userID, func() (bool, error) {
		in, known := d.world.company.isMember(groupID, userID)
		if !known {
			return false, notFound("group")
		}
		return in, nil
	})
}

func (d workspace) SearchGroups(context.Context, string) ([]directory.Group, error) {
	return nil, fault.New(fault.Internal, "directory: search", "no use case of the simulation searches")
}

func (d workspace) SearchUsers(context.Context, string) ([]provision.User, error) {
	return nil, nil
}

func (d workspace) Attributes(context.Context) ([]directory.Attribute, error) {
	return nil, fault.New(fault.Internal, "directory: attributes", "no use case of the simulation lists them")
}

func (d workspace) Watch(ctx context.Context, id, _, _, token string) (directory.Channel, error) {
	return ask(ctx, d, "watch", func() (directory.Channel, error) {
		d.world.watched = append(d.world.watched, channel{id: id, token: token})
		return directory.Channel{ID: id, ResourceID: "resource-" + id, Expiration: time.Now().Add(7 * 24 * time.Hour)}, nil
	})
}

func (d workspace) Stop(ctx context.Context, ch directory.Channel) error {
	_, err := ask(ctx, d, "stop "+ch.ID, func() (none, error) {
		d.world.watched = slices.DeleteFunc(d.world.watched, func(c channel) bool { return c.id == ch.ID })
		return none{}, nil
	})
	return err
}
