package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/autoprovision/infra/simworkspace"
)

const (
	// perMinute is the directory's quota (developers.google.com/workspace/admin/directory/v1/limits).
	perMinute = 2400
	// readsForChange is what a look costs: the user, and whether they are in the one group.
	readsForChange = 2
	// restEvery is the time between changes at rest; restMany how many there are.
	restEvery = 200 * time.Millisecond
	restMany  = 200
	// aheadOf is how many edits are on their way to the directory at a time.
	aheadOf = 16
)

// waits is where the time of changes went, on average.
type waits struct {
	p50, p99 time.Duration
	// gathering is from the change until its look was due: delivering the
	// notification, and waiting for others about the same person.
	gathering, queue, limiter, directory, app time.Duration
	// ours is what remains.
	ours time.Duration
}

func (w waits) total() time.Duration {
	return w.gathering + w.queue + w.limiter + w.directory + w.app + w.ours
}

// waitsOf sums up changes that were applied, by what the program said of each.
func waitsOf(list []change, said map[string]operation) waits {
	var w waits
	var all []time.Duration
	for _, c := range list {
		total, op := c.Applied.Sub(c.At), said[c.User]
		all = append(all, total)
		known := op.Limiter + op.Directory + op.App
		w.queue += op.Queue
		w.limiter += op.Limiter
		w.directory += op.Directory
		w.app += op.App
		w.ours += max(op.Took-known, 0)
		w.gathering += max(total-op.Queue-op.Took, 0)
	}
	n := time.Duration(max(len(list), 1))
	for _, sum := range []*time.Duration{&w.gathering, &w.queue, &w.limiter, &w.directory, &w.app, &w.ours} {
		*sum /= n
	}
	w.p50, w.p99 = percentile(all, 50), percentile(all, 99)
	return w
}

// percentile is the smallest of which p in a hundred are not larger.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)*p+99)/100-1]
}

// reads are the calls on the directory that count against the program's quota;
// the edits are somebody else's.
func reads() []string {
	return []string{"users.get", "users.list", "members.list", "members.hasMember", "groups.get", "orgunits.list", "domains.list"}
}

// hear starts the program again within the directory's quota, which the
// directory now keeps to itself, waits for the sweep that follows, since there
// was no push channel for a moment, and makes both sources of changes tell of each.
func (r *run) hear(ctx context.Context) error {
	before, err := r.program.status(ctx)
	if err != nil {
		return err
	}
	r.program.stop()
	again, err := startProgram(r.binary, r.data, r.settings, r.services.endpoints, fmt.Sprintf("-directory-limit=%d", perMinute))
	if err != nil {
		return err
	}
	r.program = again
	if _, err := r.program.swept(ctx, before); err != nil {
		return err
	}
	if err := r.services.directoryFaults(ctx, simworkspace.Faults{Methods: reads(), PerMinute: perMinute}); err != nil {
		return err
	}
	return r.services.sendAudit(ctx, r.program.host+"/audit-event")
}

// follow makes changes, and waits until all are in the app.
func (r *run) follow(ctx context.Context, n int, start func(ctx context.Context) error) ([]change, map[string]operation, counts, error) {
	var c counts
	if err := r.services.forgetChanges(ctx); err != nil {
		return nil, nil, c, err
	}
	if _, err := r.services.count(ctx); err != nil {
		return nil, nil, c, err
	}
	r.program.journal.open()
	if err := start(ctx); err != nil {
		return nil, nil, c, err
	}
	limit := time.After(time.Minute + 3*r.bounds.burstFloor(n))
	for tick := time.NewTicker(4 * pollEvery); ; {
		list, err := r.services.changes(ctx)
		if err != nil {
			return nil, nil, c, err
		}
		left := n - len(list)
		for _, one := range list {
			if one.Applied.IsZero() {
				left++
			}
		}
		if left == 0 {
			tick.Stop()
			if c, err = r.services.count(ctx); err != nil {
				return nil, nil, c, err
			}
			return list, r.program.journal.close(), c, nil
		}
		select {
		case <-tick.C:
		case <-limit:
			return nil, nil, c, fmt.Errorf("%d of %d changes never came to the app", left, n)
		case <-ctx.Done():
			return nil, nil, c, ctx.Err()
		}
	}
}

// burst changes many people at once.
func (r *run) burst(ctx context.Context) (*figures, error) {
	if err := r.hear(ctx); err != nil {
		return nil, err
	}
	n := min(r.changes, r.people)
	list, said, c, err := r.follow(ctx, n, func(ctx context.Context) error {
		var g errgroup.Group
		g.SetLimit(aheadOf)
		for i := range n {
			g.Go(func() error { return r.services.rename(ctx, r.address(i), fmt.Sprintf("Burst-%d", i)) })
		}
		return g.Wait()
	})
	if err != nil {
		return nil, err
	}
	first, last := list[0].At, list[0].Applied
	for _, one := range list {
		if one.At.Before(first) {
			first = one.At
		}
		if one.Applied.After(last) {
			last = one.Applied
		}
	}
	f := &figures{phase: fmt.Sprintf("burst of %d", n), took: last.Sub(first), floor: r.bounds.burstFloor(n)}
	f.most = f.floor * 12 / 10
	f.appWrites = &limit{got: c.appWrites, most: n, exactly: true}
	bound := "directory reads"
	if r.bounds.appFloor(n) > r.bounds.readFloor(n) {
		bound = "app calls"
	}
	f.seen = append(f.seen, fmt.Sprintf("bound by %s: %d directory reads at %d a minute take %s s, %d app calls %s s; %d directory reads were made",
		bound, readsForChange*n, perMinute, seconds(r.bounds.readFloor(n)), n, seconds(r.bounds.appFloor(n)), c.directory-c.directoryBy["users.patch"]))
	return r.judged(f, list, said)
}

// atRest changes people one after the other; of a hundred the slowest but one counts.
func (r *run) atRest(ctx context.Context) (*figures, error) {
	n := min(restMany, max(1, r.people/8))
	list, said, c, err := r.follow(ctx, n, func(ctx context.Context) error {
		tick := time.NewTicker(restEvery)
		defer tick.Stop()
		for i := range n {
			if err := r.services.rename(ctx, r.address(i), fmt.Sprintf("Rest-%d", i)); err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f := &figures{phase: "at rest, p99", took: waitsOf(list, said).p99, most: r.bounds.restMost(), floor: (readsForChange + 1) * r.latency}
	f.appWrites = &limit{got: c.appWrites, most: n, exactly: true}
	f.seen = append(f.seen, fmt.Sprintf("%d changes, one each %v", n, restEvery))
	return r.judged(f, list, said)
}

func (r *run) judged(f *figures, list []change, said map[string]operation) (_ *figures, err error) {
	w := waitsOf(list, said)
	f.waits = &w
	f.memoryMost = r.bounds.memory()
	if f.memory, err = r.program.memory(); err != nil {
		return nil, err
	}
	f.judge()
	return f, nil
}
