package roster_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/roster"
)

// groups is a directory of groups of three pages, each with one member named
// after the group and the page; a page takes a second.
type groups struct {
	directory.Organization
	missing string

	mu    sync.Mutex
	calls []string
}

func (g *groups) ListMembers(ctx context.Context, id, token string) (directory.MemberPage, error) {
	g.mu.Lock()
	g.calls = append(g.calls, id)
	g.mu.Unlock()
	if id == g.missing {
		return directory.MemberPage{}, fault.New(fault.NotFound, "test: members", "no such group")
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return directory.MemberPage{}, fault.Wrap(fault.Unavailable, "test: members", ctx.Err())
	}
	n, _ := strconv.Atoi(token)
	page := directory.MemberPage{UserIDs: []string{id + strconv.Itoa(n)}}
	if n < 2 {
		page.Next = strconv.Itoa(n + 1)
	}
	return page, nil
}

func refs(ids ...string) (list []provision.GroupRef) {
	for _, id := range ids {
		list = append(list, provision.GroupRef{ID: id, Email: id + "@example.com"})
	}
	return list
}

// TestReadBesideEachOther: groups are read beside each other, each once.
func TestReadBesideEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m, begun := &groups{}, roster.NewMembers(), time.Now()
		r := roster.New(d, clock.System)
		if err := r.Read(t.Context(), m, refs("a", "b", "c", "d", "a", "e")...); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 6*time.Second || len(d.calls) != 15 {
			t.Errorf("five groups of three pages took %v and %d calls", took, len(d.calls))
		}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			for n := range 3 {
				in, err := m.Has(id, id+strconv.Itoa(n))
				other, _ := m.Has(id, "x")
				if !in || err != nil || other {
					t.Errorf("the members of %s are not right", id)
				}
			}
		}
		if err := r.Read(t.Context(), m, refs("a", "e")...); err != nil || len(d.calls) != 15 {
			t.Errorf("what was known whole was read again: %v, %d calls", err, len(d.calls))
		}
	})
}

// nested is a directory whose listings name nested groups without their members.
type nested struct {
	directory.Organization
	pages map[string]directory.MemberPage
}

func (n nested) ListMembers(_ context.Context, id, token string) (directory.MemberPage, error) {
	page, ok := n.pages[id+token]
	switch {
	case ok:
		return page, nil
	case id == "gone":
		return page, fault.New(fault.NotFound, "test: members", "no such group")
	}
	return page, fault.New(fault.Forbidden, "test: members", "not for these credentials")
}

// TestNestedGroups: members of nested groups are members (R1), also where the
// listing does not expand them; groups in a circle end, and a group that has gone
// since it was listed lets nobody in.
func TestNestedGroups(t *testing.T) {
	t.Parallel()
	d := nested{pages: map[string]directory.MemberPage{
		"top":   {UserIDs: []string{"1"}, Groups: refs("sub", "gone"), Next: "2"},
		"top2":  {UserIDs: []string{"2"}},
		"sub":   {UserIDs: []string{"3"}, Groups: refs("top"), Next: "2"},
		"sub2":  {Groups: refs("lower")},
		"lower": {UserIDs: []string{"4"}},
	}}
	m, r := roster.NewMembers(), roster.New(d, clock.System)
	if err := r.Read(t.Context(), m, refs("top")...); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"1": true, "2": true, "3": true, "4": true, "5": false} {
		if in, err := m.Has("top", id); in != want || err != nil {
			t.Errorf("%s is a member: %v, %v, want %v", id, in, err, want)
		}
	}
	if got, want := m.Groups(), refs("gone", "lower", "sub", "top"); !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
}

// TestR13HiddenGroup: of a group that holds another which may not be read it is
// known who is in it, and of nobody that they are not.
func TestR13HiddenGroup(t *testing.T) {
	t.Parallel()
	d := nested{pages: map[string]directory.MemberPage{
		"top":   {UserIDs: []string{"1"}, Groups: refs("sub")},
		"sub":   {UserIDs: []string{"2"}, Groups: refs("hidden")},
		"other": {UserIDs: []string{"3"}},
	}}
	m, r := roster.NewMembers(), roster.New(d, clock.System)
	if err := r.Read(t.Context(), m, refs("top", "other")...); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"1": true, "2": true, "3": false} {
		in, err := m.Has("top", id)
		var hidden *directory.HiddenGroup
		if in != want || errors.As(err, &hidden) == want {
			t.Errorf("%s is a member: %v, %v", id, in, err)
		}
	}
	if in, err := m.Has("other", "1"); in || err != nil {
		t.Errorf("a group beside it: %v, %v", in, err)
	}
	if hidden := m.Hidden("top"); hidden == nil || hidden.Email != "hidden@example.com" || m.Hidden("other") != nil {
		t.Errorf("hidden are %v and %v", hidden, m.Hidden("other"))
	}
}

// TestMissingGroup: a group that does not exist is named, and the others can be read after it.
func TestMissingGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, m := &groups{missing: "b"}, roster.NewMembers()
		r := roster.New(d, clock.System)
		err := r.Read(t.Context(), m, refs("a", "b", "c")...)
		var missing *roster.MissingGroup
		if !errors.As(err, &missing) || missing.ID != "b" {
			t.Fatalf("error %v, want that b is missing", err)
		}
		if err := r.Read(t.Context(), m, refs("a", "c")...); err != nil {
			t.Fatal(err)
		}
		a, errA := m.Has("a", "a2")
		c, errC := m.Has("c", "c2")
		if !a || !c || errA != nil || errC != nil || slices.Contains(d.calls[len(d.calls)-6:], "b") {
			t.Errorf("the others were not read: %v", d.calls)
		}
	})
}
