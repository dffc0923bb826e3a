package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/infra/simworkspace"
)

// patience bounds a whole run.
const patience = 30 * time.Minute

// run is one run of all phases.
type run struct {
	settings
	endpoints endpoints
	services  *services // nil for given ones
	directory directory
	// members are people of the given group, in whose directory somebody may edit.
	members []string
	program *program
	bounds  bounds
	// binary is the program, data the folder of its state.
	binary, data string
	// active accounts are in the app once everybody was changed.
	active int
}

// measure starts the program and, unless they are given, the services, and runs
// the phases; for a large company it takes a while, so progress says when each ends.
func measure(ctx context.Context, s settings, progress io.Writer) (all []*figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	folder, err := os.MkdirTemp("", "autoprovision-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	r := &run{settings: s, bounds: bounds{people: s.people, latency: s.latency, concurrency: s.concurrency, appLimit: s.appLimit},
		endpoints: endpoints{DirectoryURL: s.directoryURL, SCIMURL: s.scimURL, AppToken: s.appToken, Group: s.group}}
	if s.simulated() {
		if r.services, err = startServices(s); err != nil {
			return nil, err
		}
		defer r.services.stop()
		r.endpoints = r.services.endpoints
	}
	r.directory = directory{r.endpoints.DirectoryURL, s.editToken}
	if r.binary, err = buildProgram(ctx, folder); err != nil {
		return nil, err
	}
	r.data = filepath.Join(folder, "data")
	if r.program, err = startProgram(r.binary, r.data, s, r.endpoints); err != nil {
		return nil, err
	}
	defer func() { r.program.stop() }()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nthe end of the program's log:\n%s", err, r.program.log.text())
		}
	}()
	if err := r.program.configure(ctx, s, r.endpoints); err != nil {
		return nil, err
	}
	phases, restore, err := r.phases(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, restore(context.WithoutCancel(ctx))) }()
	for _, phase := range phases {
		f, err := phase(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "%s: %s s\n", f.phase, seconds(f.took))
		all = append(all, f)
	}
	return all, nil
}

type phase func(context.Context) (*figures, error)

// phases are those that the services allow, and what puts right afterwards what they changed.
func (r *run) phases(ctx context.Context) (phases []phase, restore func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	switch {
	case r.services != nil:
		return []phase{r.slowed, r.nothingToDo, r.changed, r.oneLook, r.burst, r.atRest, r.unheard,
			func(ctx context.Context) (*figures, error) { return r.emptied(ctx, false) },
			func(ctx context.Context) (*figures, error) { return r.emptied(ctx, true) },
		}, nothing, nil
	case r.editToken == "":
		return []phase{r.firstSync, r.nothingToDo}, nothing, nil
	}
	if r.members, err = r.directory.members(ctx, r.group, max(r.changes, restMany)); err != nil {
		return nil, nil, err
	}
	if r.people = len(r.members); r.people == 0 {
		return nil, nil, fmt.Errorf("nobody is a member of %s: give a group with people in it", r.group)
	}
	restore, err = r.remember(ctx)
	return []phase{r.firstSync, r.nothingToDo, r.changed, r.burst, r.atRest}, restore, err
}

// remember reads the names of the given directory's people, and returns what gives them back.
func (r *run) remember(ctx context.Context) (restore func(context.Context) error, err error) {
	names := make([]string, len(r.members))
	for i, address := range r.members {
		if names[i], err = r.directory.familyName(ctx, address); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		var failed []error
		for i, address := range r.members {
			if _, err := r.directory.rename(ctx, address, names[i]); err != nil {
				failed = append(failed, fmt.Errorf("%s is still to be called %q again: %w", address, names[i], err))
			}
		}
		_, _, err := r.program.sweep(ctx, "sweep") // no notification may reach the program
		return errors.Join(append(failed, err)...)
	}, nil
}

// slowed is the first sync, from when the latency is on.
func (r *run) slowed(ctx context.Context) (*figures, error) {
	if err := r.services.slow(ctx); err != nil {
		return nil, err
	}
	return r.firstSync(ctx)
}

// count reads the counters of the services and sets them to zero; given ones have none.
func (r *run) count(ctx context.Context) (counts, error) {
	if r.services == nil {
		return counts{}, nil
	}
	return r.services.count(ctx)
}

// sweep measures one sweep and what it cost.
func (r *run) sweep(ctx context.Context, phase, ask string) (*figures, status, counts, error) {
	c, err := r.count(ctx)
	if err != nil {
		return nil, status{}, c, err
	}
	st, took, err := r.program.sweep(ctx, ask)
	if err != nil {
		return nil, st, c, err
	}
	f := &figures{phase: phase, took: took, memoryMost: r.bounds.memory()}
	if f.memory, err = r.program.memory(); err != nil {
		return nil, st, c, err
	}
	if r.services == nil {
		return f, st, c, nil
	}
	if c, err = r.count(ctx); err != nil {
		return nil, st, c, err
	}
	f.appReads = &limit{got: c.appReads, most: r.bounds.appReads()}
	f.directoryCalls = &limit{got: c.directory, most: r.bounds.directoryCalls()}
	accused, err := r.services.accusations(ctx)
	if len(accused) > 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("%d accusations by the app, first %s: %s", len(accused), accused[0].Rule, accused[0].Text))
	}
	return f, st, c, err
}

// mustBeDone notes a sweep that failed.
func (f *figures) mustBeDone(st status) {
	if st.Sweep.State != "done" {
		f.wrong = append(f.wrong, "the sweep "+st.Sweep.State+": "+st.Sweep.Reason)
	}
}

func (r *run) firstSync(ctx context.Context) (*figures, error) {
	r.program.journal.open()
	f, st, c, err := r.sweep(ctx, "first sync", "turnOn")
	if err != nil {
		return nil, err
	}
	each := mean(r.program.journal.close())
	f.mustBeDone(st)
	if r.services == nil {
		if r.bounds.people, err = r.written(ctx); err != nil {
			return nil, err
		}
	} else {
		f.appWrites = &limit{got: c.appWrites, most: r.people, exactly: true}
		if created := c.effects["created"]; created != r.people {
			f.wrong = append(f.wrong, fmt.Sprintf("%d accounts created", created))
		}
	}
	f.floor = r.bounds.firstFloor()
	f.most = f.floor * 11 / 10
	f.memoryMost = r.bounds.memory()
	f.seen = append(f.seen, fmt.Sprintf("%d writes, each %s ms for the app, %s ms for its turn, %s ms of ours", r.bounds.people,
		milliseconds(each.App), milliseconds(each.Limiter), milliseconds(each.Took-each.App-each.Limiter-each.Directory)))
	f.judge()
	r.bounds.accounts = r.bounds.people
	return f, nil
}

// written is how many accounts the program says that it created or adopted.
func (r *run) written(ctx context.Context) (n int, err error) {
	var usage struct {
		Items []struct {
			Counts map[string]int `json:"counts"`
		} `json:"items"`
	}
	if err := r.program.call(ctx, http.MethodGet, "/usage", nil, &usage); err != nil {
		return 0, err
	}
	for _, day := range usage.Items {
		n += day.Counts["Create User By Auto Provisioning"] + day.Counts["Update Auto Provisioned User"]
	}
	return n, nil
}

func (r *run) nothingToDo(ctx context.Context) (*figures, error) {
	f, st, c, err := r.sweep(ctx, "nothing to do", "sweep")
	if err != nil {
		return nil, err
	}
	f.mustBeDone(st)
	f.floor, f.most = r.bounds.sweepFloor(), r.bounds.sweepMost(false)
	if r.services != nil {
		f.appWrites = &limit{got: c.appWrites, exactly: true}
	}
	f.judge()
	return f, nil
}

// changed is a sweep after one in a hundred people has another name; of the
// simulated ones no notification told.
func (r *run) changed(ctx context.Context) (*figures, error) {
	n := max(1, min(r.bounds.people/100, r.people))
	if r.services != nil {
		if err := r.services.directoryFaults(ctx, simworkspace.Faults{DropPushes: r.people}); err != nil {
			return nil, err
		}
	}
	var (
		f  *figures
		st status
		c  counts
	)
	_, err := r.follow(ctx, n, func(ctx context.Context, record func(change)) error {
		var g errgroup.Group
		g.SetLimit(aheadOf)
		for i := range n {
			g.Go(func() error {
				c, err := r.directory.rename(ctx, r.address(i*r.people/n), fmt.Sprintf("Changed-%d", i))
				record(c)
				return err
			})
		}
		err := g.Wait()
		if err == nil {
			f, st, c, err = r.sweep(ctx, "1 % changed", "sweep")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	f.mustBeDone(st)
	f.floor, f.most = r.bounds.sweepFloor(), r.bounds.sweepMost(true)
	if r.services != nil {
		f.appWrites = &limit{got: c.appWrites, most: n, exactly: true}
		if updated := c.effects["updated"]; updated != n {
			f.wrong = append(f.wrong, fmt.Sprintf("%d accounts updated", updated))
		}
	}
	f.judge()
	return f, nil
}

// address is that of one of the people.
func (r *run) address(i int) string {
	if r.members != nil {
		return r.members[i]
	}
	return fmt.Sprintf("user-%06d@example.com", i)
}

// oneLook counts what one look with nothing to do costs. The call that looks
// explains the person before and after, so two explanations are taken away.
func (r *run) oneLook(ctx context.Context) (*figures, error) {
	person := "/users/" + r.address(0)
	look := func() error { return r.program.call(ctx, http.MethodPost, person+"/reconcile", nil, nil) }
	explain := func() error { return r.program.call(ctx, http.MethodGet, person, nil, nil) }
	if err := look(); err != nil { // so that org units and domains are in the cache
		return nil, err
	}
	if _, err := r.services.count(ctx); err != nil {
		return nil, err
	}
	if err := explain(); err != nil {
		return nil, err
	}
	once, err := r.services.count(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.program.stored()
	if err != nil {
		return nil, err
	}
	if err := look(); err != nil {
		return nil, err
	}
	after, err := r.program.stored()
	if err != nil {
		return nil, err
	}
	all, err := r.services.count(ctx)
	if err != nil {
		return nil, err
	}
	f := &figures{phase: "one look"}
	// The address is looked up once, in the explanation as in the look.
	resolved := 1
	reads := all.directoryBy["users.get"] - resolved - 2*(once.directoryBy["users.get"]-resolved)
	memberships := all.directoryBy["members.hasMember"] - 2*once.directoryBy["members.hasMember"]
	others := all.directory - all.directoryBy["users.get"] - all.directoryBy["members.hasMember"]
	f.appWrites = &limit{got: all.appWrites, exactly: true}
	f.appReads = &limit{got: all.appReads, exactly: true}
	f.directoryCalls = &limit{got: reads + others, most: 1, exactly: true}
	f.seen = []string{fmt.Sprintf("memberships asked: %d", memberships), "state not written"}
	if before != after {
		f.seen[1], f.wrong = "state written", append(f.wrong, "state written")
	}
	f.judge()
	return f, nil
}

// emptied is a sweep when the group answers 200 and no members: by an error of
// the directory, which still counts them, or because it is really empty. Either
// way nobody may lose access without an administrator.
//
// Before somebody gets out of scope they are asked about by id, which for
// everybody at once would take the directory's quota minutes: it does not bind here.
func (r *run) emptied(ctx context.Context, really bool) (*figures, error) {
	if err := r.restart(ctx); err != nil {
		return nil, err
	}
	faults, phase := simworkspace.Faults{EmptyGroups: []string{r.services.Group}}, "group without members"
	if really {
		faults.DirectMembersCount, phase = "0", "group really empty"
	}
	if err := r.services.directoryFaults(ctx, faults); err != nil {
		return nil, err
	}
	f, st, c, err := r.sweep(ctx, phase, "sweep")
	if err != nil {
		return nil, err
	}
	removed := c.effects["suspended"] + c.effects["deleted"]
	f.appWrites = &limit{got: c.appWrites, exactly: true}
	// The second looks at those who were changed may fall into it.
	f.directoryCalls.got -= c.directoryBy["users.get"] + c.directoryBy["members.hasMember"]
	f.seen = append(f.seen, fmt.Sprintf("%d removed", removed))
	if really {
		f.mustBeDone(st)
		held := 0
		if st.Held != nil {
			held = st.Held.People
		}
		f.seen = append(f.seen, fmt.Sprintf("%d held for confirmation", held))
		if st.Status != "held" || held != r.active {
			f.wrong = append(f.wrong, "not everybody held, status "+st.Status)
		}
	} else {
		f.seen = append(f.seen, "sweep "+st.Sweep.State+": "+st.Sweep.Reason)
		if st.Sweep.State != "failed" || st.Sweep.Reason == "" || st.Held != nil {
			f.wrong = append(f.wrong, "it was taken for an answer")
		}
	}
	f.judge()
	return f, nil
}
