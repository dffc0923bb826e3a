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

// company is whose directory answers.
func (d workspace) company() *company { return d.world.directory() }

func (d workspace) User(ctx context.Context, id string) (provision.User, error) {
	return ask(ctx, d, "user "+id, func() (provision.User, error) {
		p := d.company().person(id)
		if p == nil || p.seen().deleted || d.world.chance(d.world.faults.absent) {
			return provision.User{}, notFound("user")
		}
		return d.company().user(p.seen()), nil
	})
}

func (d workspace) UserByEmail(ctx context.Context, email string) (provision.User, error) {
	return ask(ctx, d, "user by address "+email, func() (provision.User, error) {
		p := d.company().named(email)
		if p == nil {
			return provision.User{}, notFound("user")
		}
		return d.company().user(p), nil
	})
}

func (d workspace) ListUsers(ctx context.Context, token string) (directory.UserPage, error) {
	return ask(ctx, d, "list users "+token, func() (directory.UserPage, error) {
		var present []*person
		for _, p := range d.company().people {
			if !p.seen().deleted && !d.world.hidden[p.id] {
				present = append(present, p.seen())
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
		for _, p := range d.company().people {
			if s := p.seen(); s.deleted && time.Since(s.deletedAt) < 20*24*time.Hour {
				gone = append(gone, s)
			}
		}
		return d.page(gone, token), nil
	})
}

// page is one page of people; now and then it leaves one out.
func (d workspace) page(people []*person, token string) directory.UserPage {
	from, _ := strconv.Atoi(token)
	to := min(from+pageOfUsers, len(people))
	var page directory.UserPage
	for _, p := range leaveOut(d.world, people[min(from, to):to]) {
		page.Users = append(page.Users, d.company().user(p))
	}
	if to < len(people) {
		page.Next = strconv.Itoa(to)
	}
	return page
}

// leaveOut is a list without one of its rows, now and then: partial, and nothing says so.
func leaveOut[T any](w *world, list []T) []T {
	if len(list) == 0 || !w.chance(w.faults.partial) {
		return list
	}
	i := w.rng.IntN(len(list))
	return slices.Delete(slices.Clone(list), i, i+1)
}

func (d workspace) Domains(ctx context.Context) ([]directory.Domain, error) {
	return ask(ctx, d, "domains", func() ([]directory.Domain, error) {
		c := d.company()
		domains := []directory.Domain{{Name: c.primary, Primary: true}}
		for _, name := range c.domains {
			if name != c.primary && !d.world.chance(d.world.faults.partial) {
				domains = append(domains, directory.Domain{Name: name})
			}
		}
		return domains, nil
	})
}

func (d workspace) OrgUnits(ctx context.Context) ([]directory.OrgUnit, error) {
	return ask(ctx, d, "org units", func() ([]directory.OrgUnit, error) {
		var list []directory.OrgUnit
		for _, u := range d.company().seenUnits() {
			if !u.gone {
				list = append(list, directory.OrgUnit{ID: u.id, Path: u.path, Name: u.path[strings.LastIndex(u.path, "/")+1:], ParentID: u.parent})
			}
		}
		return append(list[:1:1], leaveOut(d.world, list[1:])...), nil
	})
}

func (d workspace) Group(ctx context.Context, key string) (directory.Group, error) {
	return ask(ctx, d, "group "+key, func() (directory.Group, error) {
		g := d.company().present(key)
		if g == nil {
			return directory.Group{}, notFound("group")
		}
		return directory.Group{ID: g.id, Email: g.email, Name: g.email, DirectMembers: int64(len(g.members))}, nil
	})
}

// pageOfMembers is small, so that a group has several pages.
const pageOfMembers = 16

func (d workspace) ListMembers(ctx context.Context, groupID, token string) (directory.MemberPage, error) {
	return ask(ctx, d, "members "+groupID+" "+token, func() (page directory.MemberPage, err error) {
		g := d.company().present(groupID)
		switch {
		case g == nil:
			return page, notFound("group")
		case g.hidden:
			return page, errHidden
		}
		g = g.seen()
		from, _ := strconv.Atoi(token)
		all := g.sorted()
		to := min(from+pageOfMembers, len(all))
		page.UserIDs, page.Everyone = leaveOut(d.world, all[min(from, to):to]), g.everyone
		if g.inner != nil && from == 0 {
			page.Groups = []provision.GroupRef{{ID: g.inner.id, Email: g.inner.email}}
		}
		if to < len(all) {
			page.Next = strconv.Itoa(to)
		}
		return page, nil
	})
}

var errHidden = fault.New(fault.Forbidden, "directory: members", "403")

func (d workspace) HasMember(ctx context.Context, groupID, userID string, _ time.Duration) (bool, error) {
	return ask(ctx, d, "has member "+groupID+" "+userID, func() (bool, error) {
		g := d.company().present(groupID)
		if g == nil {
			return false, notFound("group")
		}
		is := g.seen().membership(userID)
		if is == unknown {
			inner := g.seen().inner
			return false, &directory.HiddenGroup{GroupRef: provision.GroupRef{ID: inner.id, Email: inner.email}, Err: errHidden}
		}
		return is == in, nil
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
	return change(ctx, d, "watch", func() (directory.Channel, error) {
		d.world.watched = append(d.world.watched, channel{id: id, token: token})
		return directory.Channel{ID: id, ResourceID: "resource-" + id, Expiration: time.Now().Add(7 * 24 * time.Hour)}, nil
	})
}

func (d workspace) Stop(ctx context.Context, ch directory.Channel) error {
	_, err := change(ctx, d, "stop "+ch.ID, func() (none, error) {
		d.world.watched = slices.DeleteFunc(d.world.watched, func(c channel) bool { return c.id == ch.ID })
		return none{}, nil
	})
	return err
}

// change opens or closes a channel: the directory is changed by nothing else.
func change[T any](ctx context.Context, d workspace, key string, make func() (T, error)) (T, error) {
	return answer(ctx, &d.world.scheduler, "directory: "+key, func(worker *worker) (T, error) {
		failure := fault.New(fault.Unavailable, "directory: "+key, "no answer")
		return fated(d.world.fate(worker, "directory: "+key, d.world.faults.directory), failure, make)
	})
}
