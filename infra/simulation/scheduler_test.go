package simulation

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
)

// scheduler runs port calls of any number of goroutines one at a time, in an
// order drawn from its random numbers.
type scheduler struct {
	rng *rand.Rand
	// crash draws whether the instance dies at this call, and whether its effect still happens.
	crash func(c *call) (before, after bool)
	// stall draws for how long the goroutine is held up before this call; mostly not at all.
	stall func() time.Duration

	mu      sync.Mutex
	parked  []*call
	ended   []*worker
	workers int
}

// call is a port call that waits to be let go.
type call struct {
	worker *worker
	// key is the method with its arguments; it orders calls that one worker makes at the same time.
	key string
	// at is the earliest time to let it go.
	at time.Time
	// slow says that the app works on it and has not answered yet.
	slow bool
	body func()
	done chan struct{}
}

// worker is one task, push or action of an administrator, on one instance.
type worker struct {
	id       int
	name     string
	instance *instance
	// queue that its task came from; empty for none.
	queue string
	// user is the person that the work is about; empty for none.
	user      string
	startedAt time.Time
	// read says that it has read that person by id.
	read bool
	// revision is that of the last configuration that it read, and runs whether it said on and authorized.
	revision int64
	runs     bool
	// wrote is the revision that it last stored itself.
	wrote int64
	// edit is what it saves with a confirmed preview; nil for anything else.
	edit *admin.Proposal
	// turnsOn says that it turns on with a confirmed preview.
	turnsOn bool
	// looksOnly says that it makes a preview or a probe, which change nothing.
	looksOnly bool
	// finish runs on the scheduler's goroutine when the work has ended; died when its instance crashed.
	finish func(died bool)
	over   bool
}

// slowly ends the key of a call on the app that is under way.
const slowly = " (slow)"

type workerKey struct{}

// start begins work on its own goroutine.
func (s *scheduler) start(w *worker, work func(ctx context.Context)) {
	s.workers++
	w.id, w.startedAt = s.workers, time.Now()
	ctx := context.WithValue(w.instance.ctx, workerKey{}, w)
	w.instance.working = append(w.instance.working, w)
	go func() {
		work(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = append(s.ended, w)
	}()
}

// errGone is what a port answers to a worker that cannot be heard any more.
var errGone = fault.New(fault.Unavailable, "simulation: call", "the caller gave up or its process ended")

// park waits until the scheduler has run body, not before a time. It returns
// an error when the caller's context ends first, and body has not run then.
func (s *scheduler) park(ctx context.Context, key string, at time.Time, body func(*worker)) error {
	w, _ := ctx.Value(workerKey{}).(*worker)
	if w == nil {
		panic("simulation: a port was called outside of a worker: " + key)
	}
	if ctx.Err() != nil || w.instance.dead.Load() {
		return errGone
	}
	c := &call{worker: w, key: key, at: at, slow: strings.HasSuffix(key, slowly), body: func() { body(w) }, done: make(chan struct{})}
	s.wait(c)
	select {
	case <-c.done:
		if w.instance.dead.Load() {
			return errGone
		}
		return nil
	case <-ctx.Done():
		s.unwait(c)
	}
	// Many may give up at one moment: they too go on one at a time.
	if !w.instance.dead.Load() {
		c = &call{worker: w, key: key + " given up", body: func() {}, done: make(chan struct{})}
		s.wait(c)
		<-c.done
	}
	return errGone
}

func (s *scheduler) wait(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = append(s.parked, c)
}

func (s *scheduler) unwait(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = slices.DeleteFunc(s.parked, func(other *call) bool { return other == c })
}

// settle waits until every goroutine waits for the scheduler, and ends the work that has ended.
func (s *scheduler) settle() {
	synctest.Wait()
	s.mu.Lock()
	ended := s.ended
	s.ended = nil
	slices.SortFunc(ended, func(a, b *worker) int { return cmp.Compare(a.id, b.id) })
	s.mu.Unlock()
	for _, w := range ended {
		w.end(false)
	}
}

func (w *worker) end(died bool) {
	if w.over {
		return
	}
	w.over = true
	w.instance.working = slices.DeleteFunc(w.instance.working, func(other *worker) bool { return other == w })
	w.finish(died)
}

// ready lists the calls that can be let go now, in an order that does not
// depend on the order in which they came, and the earliest time of the others.
func (s *scheduler) ready() (list []*call, next time.Time) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.parked {
		if !c.at.After(now) {
			list = append(list, c)
		} else if next.IsZero() || c.at.Before(next) {
			next = c.at
		}
	}
	slices.SortStableFunc(list, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.worker.id, b.worker.id), cmp.Compare(a.key, b.key))
	})
	return list, next
}

// let lets one call go.
func (s *scheduler) let(c *call) {
	if pause := s.stall(); pause > 0 {
		c.at = time.Now().Add(pause)
		return
	}
	s.unwait(c)
	if *calls {
		c.worker.instance.world.note("call", "%s of %s %d: %s", c.worker.name, c.worker.instance.owner, c.worker.id, c.key)
	}
	before, after := s.crash(c)
	if !before {
		c.body()
	}
	if before || after {
		c.worker.instance.die()
	}
	close(c.done)
}

// drop lets go of all calls of an instance that died, without their effect.
func (s *scheduler) drop(in *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = slices.DeleteFunc(s.parked, func(c *call) bool {
		if c.worker.instance == in {
			close(c.done)
		}
		return c.worker.instance == in
	})
}

// flying reports whether another worker's call on the app is under way for a user.
func (s *scheduler) flying(w *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.parked, func(c *call) bool {
		return c.slow && c.worker != w && c.worker.user == w.user
	})
}

// answer parks a call and hands over what its body returns.
func answer[T any](ctx context.Context, s *scheduler, key string, body func(*worker) (T, error)) (T, error) {
	var out T
	var err error
	if gone := s.park(ctx, key, time.Time{}, func(w *worker) { out, err = body(w) }); gone != nil {
		var none T
		return none, gone
	}
	return out, err
}
