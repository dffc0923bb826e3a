package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/infra/simworkspace"
)

// accountState is what the app shows of an account.
type accountState struct {
	active bool
	family string
}

// edit is one kind of change in the directory.
type edit struct {
	do func(ctx context.Context, person string) error
	// leaves changes the app's accounts, by user name, to what they must be then.
	leaves func(accounts map[string]accountState, person string)
	// removes is true for what the guard counts: all accounts are of today, so
	// that it holds every removal but the first five (R12).
	removes bool
}

func (r *run) edits() []edit {
	s, d := r.services, r.directory
	patch := func(body map[string]any) func(context.Context, string) error {
		return func(ctx context.Context, person string) error {
			return d.call(ctx, http.MethodPatch, "/users/"+person, body, nil)
		}
	}
	remove := func(below string) func(context.Context, string) error {
		return func(ctx context.Context, person string) error {
			return d.call(ctx, http.MethodDelete, below+person, nil, nil)
		}
	}
	suspended := func(accounts map[string]accountState, person string) {
		accounts[person] = accountState{false, accounts[person].family}
	}
	rename := func(ctx context.Context, person string) error {
		return d.call(ctx, http.MethodPatch, "/users/"+person, map[string]any{"primaryEmail": "new-" + person}, nil)
	}
	hire := func(ctx context.Context, person string) error {
		user := map[string]any{"primaryEmail": "hired-" + person, "password": "correct horse",
			"name": map[string]any{"givenName": "Newly", "familyName": "Hired"}}
		return errors.Join(d.call(ctx, http.MethodPost, "/users", user, nil),
			d.call(ctx, http.MethodPost, "/groups/"+s.Group+"/members", map[string]any{"email": "hired-" + person}, nil))
	}
	return []edit{
		{patch(map[string]any{"name": map[string]any{"familyName": "Unheard"}}), func(accounts map[string]accountState, person string) {
			accounts[person] = accountState{true, "Unheard"}
		}, false},
		{rename, func(accounts map[string]accountState, person string) {
			accounts["new-"+person] = accounts[person]
			maps.DeleteFunc(accounts, func(name string, _ accountState) bool { return name == person })
		}, false},
		{hire, func(accounts map[string]accountState, person string) {
			accounts["hired-"+person] = accountState{true, "Hired"}
		}, false},
		{patch(map[string]any{"suspended": true}), suspended, true},
		{remove("/users/"), suspended, true},
		{remove("/groups/" + s.Group + "/members/"), suspended, true},
	}
}

// unheard changes people in every way while no notification and no entry of the
// audit log arrives; the next sweep alone puts everything right, and nothing else.
func (r *run) unheard(ctx context.Context) (*figures, error) {
	const all = 1 << 30
	if err := r.services.directoryFaults(ctx, simworkspace.Faults{DropPushes: all, DropAudits: all}); err != nil {
		return nil, err
	}
	want, err := r.services.accounts(ctx)
	if err != nil {
		return nil, err
	}
	edits := r.edits()
	each := max(1, r.people/500)
	var g errgroup.Group
	g.SetLimit(aheadOf)
	changed := 0
	for kind, edit := range edits {
		people := each
		if edit.removes {
			people = 1
		}
		for i := range people {
			changed++
			person := r.address(r.people - 1 - kind*each - i)
			edit.leaves(want, person)
			g.Go(func() error { return edit.do(ctx, person) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	f, st, c, err := r.sweep(ctx, "all messages lost", "sweep")
	if err != nil {
		return nil, err
	}
	f.mustBeDone(st)
	f.appWrites = &limit{got: c.appWrites, most: changed, exactly: true}
	f.appReads, f.directoryCalls = nil, nil // removals read the person again, and the account afterwards
	f.seen = append(f.seen, fmt.Sprintf("%d changes of %d kinds", changed, len(edits)))
	have, err := r.services.accounts(ctx)
	if err != nil {
		return nil, err
	}
	f.compare(want, have)
	for _, state := range have {
		if state.active {
			r.active++
		}
	}
	f.judge()
	return f, nil
}

// compare notes the accounts that are not as they should be, and names one.
func (f *figures) compare(want, have map[string]accountState) {
	wrong, one := 0, ""
	for name, state := range want {
		if got, exists := have[name]; got != state || !exists {
			wrong, one = wrong+1, fmt.Sprintf("%s is %+v, there is %v, and should be %+v", name, got, exists, state)
		}
	}
	for name := range have {
		if _, known := want[name]; !known {
			wrong, one = wrong+1, name+" should not be there"
		}
	}
	if wrong > 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("%d accounts not as they should be: %s", wrong, one))
	}
}
