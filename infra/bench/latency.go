package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
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
		op := said[c.user]
		total := op.Time.Sub(c.at)
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

// hear starts the program again within the directory's quota, and waits for the
// sweep that follows, since there was no push channel for a moment. The simulated
// directory now keeps to that quota itself, and both its sources tell of each change.
func (r *run) hear(ctx context.Context) error {
	if err := r.restart(ctx, fmt.Sprintf("-directory-limit=%d", perMinute)); err != nil {
		return err
	}
	if r.services == nil {
		return nil
	}
	if err := r.services.directoryFaults(ctx, simworkspace.Faults{Methods: reads(), PerMinute: perMinute}); err != nil {
		return err
	}
	return r.services.sendAudit(ctx, r.program.host+"/audit-event")
}

// restart starts the program again, and waits for the sweep that follows.
func (r *run) restart(ctx context.Context, flags ...string) error {
	before, err := r.program.status(ctx)
	if err != nil {
		return err
	}
	r.program.stop()
	again, err := startProgram(r.binary, r.data, r.settings, r.endpoints, flags...)
	if err != nil {
		return err
	}
	r.program = again
	_, err = r.program.swept(ctx, before)
	return err
}

// followed are changes, what the program said of the operation that each
// brought about, and what the services saw meanwhile.
type followed struct {
	changes []change
	said    map[string]operation
	counts  counts
}

// took is the time from the first change to the last write.
func (f followed) took() time.Duration {
	var first, last time.Time
	for _, c := range f.changes {
		if first.IsZero() || c.at.Before(first) {
			first = c.at
		}
		if applied := f.said[c.user].Time; applied.After(last) {
			last = applied
		}
	}
	return last.Sub(first)
}

// follow makes changes of different people, and waits until all are in the app.
func (r *run) follow(ctx context.Context, n int, edit func(ctx context.Context, record func(change)) error) (f followed, err error) {
	if _, err := r.count(ctx); err != nil {
		return f, err
	}
	r.program.journal.open()
	var mu sync.Mutex
	err = edit(ctx, func(c change) {
		mu.Lock()
		defer mu.Unlock()
		f.changes = append(f.changes, c)
	})
	if err != nil {
		return f, err
	}
	limit := time.After(time.Minute + 3*r.bounds.burstFloor(n))
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for done := 0; done < n; done = r.program.journal.done() {
		select {
		case <-tick.C:
		case <-limit:
			return f, fmt.Errorf("%d of %d changes never came to the app", n-done, n)
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
	f.said = r.program.journal.close()
	f.counts, err = r.count(ctx)
	return f, err
}

// burst changes many people at once.
func (r *run) burst(ctx context.Context) (*figures, error) {
	if err := r.hear(ctx); err != nil {
		return nil, err
	}
	n := min(r.changes, r.people)
	seen, err := r.follow(ctx, n, func(ctx context.Context, record func(change)) error {
		var g errgroup.Group
		g.SetLimit(aheadOf)
		for i := range n {
			g.Go(func() error {
				c, err := r.directory.rename(ctx, r.address(i), burstName(i))
				record(c)
				return err
			})
		}
		return g.Wait()
	})
	if err != nil {
		return nil, err
	}
	f := &figures{phase: fmt.Sprintf("burst of %d", n), took: seen.took(), floor: r.bounds.burstFloor(n)}
	f.most = f.floor * 12 / 10
	bound := "directory reads"
	if r.bounds.appFloor(n) > r.bounds.readFloor(n) {
		bound = "app calls"
	}
	f.seen = append(f.seen, fmt.Sprintf("bound by %s: %d directory reads at %d a minute take %s s, %d app calls %s s",
		bound, readsForChange*n, perMinute, seconds(r.bounds.readFloor(n)), n, seconds(r.bounds.appFloor(n))))
	if r.services != nil {
		f.appWrites = &limit{got: seen.counts.appWrites, most: n, exactly: true}
		f.seen = append(f.seen, fmt.Sprintf("%d directory reads were made", seen.counts.directory-seen.counts.directoryBy["users.patch"]))
		if err := r.checkNames(ctx, f, n); err != nil {
			return nil, err
		}
	}
	return r.judged(f, seen)
}

func burstName(i int) string { return fmt.Sprintf("Burst-%d", i) }

// checkNames notes how many of the first n people the app does not know by the
// name of the burst.
func (r *run) checkNames(ctx context.Context, f *figures, n int) error {
	accounts, err := r.services.accounts(ctx)
	wrong := 0
	for i := range n {
		if accounts[r.address(i)].family != burstName(i) {
			wrong++
		}
	}
	if wrong > 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("%d accounts not as they should be", wrong))
	}
	return err
}

// atRest changes people one after the other; of a hundred the slowest but one counts.
func (r *run) atRest(ctx context.Context) (*figures, error) {
	n := min(restMany, max(1, r.people/8))
	seen, err := r.follow(ctx, n, func(ctx context.Context, record func(change)) error {
		tick := time.NewTicker(restEvery)
		defer tick.Stop()
		for i := range n {
			c, err := r.directory.rename(ctx, r.address(i), fmt.Sprintf("Rest-%d", i))
			if err != nil {
				return err
			}
			record(c)
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
	f := &figures{phase: "at rest, p99", took: waitsOf(seen.changes, seen.said).p99, most: r.bounds.restMost(), floor: (readsForChange + 1) * r.latency}
	if r.services != nil {
		f.appWrites = &limit{got: seen.counts.appWrites, most: n, exactly: true}
	}
	f.seen = append(f.seen, fmt.Sprintf("%d changes, one each %v", n, restEvery))
	return r.judged(f, seen)
}

func (r *run) judged(f *figures, seen followed) (_ *figures, err error) {
	w := waitsOf(seen.changes, seen.said)
	f.waits = &w
	f.memoryMost = r.bounds.memory()
	if f.memory, err = r.program.memory(); err != nil {
		return nil, err
	}
	f.judge()
	return f, nil
}
