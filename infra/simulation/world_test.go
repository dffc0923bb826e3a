package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// epoch is how far business time is ahead of real time, so that one mistaken
// for the other is noticed. The simulation's own times are real ones.
const epoch = 9497 * 24 * time.Hour // from 2000 to 2026

// faults is how likely each thing goes wrong, at each occasion.
type faults struct {
	state, directory, throttle, missingKeys, partial, stale float64
	absent, stall                                           float64
	app, refuse, forbid, timeout, slow, ineffective         float64
	lost, doubled, delayed, crash                           float64
	skew                                                    time.Duration
}

// world is one company with its app and the system between them.
type world struct {
	scheduler
	faults  faults
	plan    *plan
	memory  *memory
	company *company
	app     *application
	queue   *queue
	safe    safe
	logs    logs

	instances      []*instance
	booted         int
	secretVersions int
	tokens         int
	audited        int
	watched        []channel
	hidden         map[string]bool // people whom listings leave out
	stranger       *company
	foreign        []stretch // when the directory was another customer's
	editing        int       // how many administrators' actions are under way

	// What happened, for the checkers.
	sight
	rest        rest
	settings    []setting
	turnedOn    time.Time
	unprotected map[string]time.Time
	decisions   []decision
	settled     int64 // the revision of the last edit that was answered
	holds       map[string]provision.Hold
	wasHeld     map[string]bool      // people who have ever been held
	lost        map[string]time.Time // people whose account somebody deleted by hand, and who have no other yet
	touched     map[string]time.Time // accounts, and when somebody last changed them by hand
	owed        map[string]int       // by person and event: how often it happened, less how often an event says so
	effected    map[string]bool      // intents that had an effect
	wipedAt     time.Time            // when the configuration was last deleted, and with it what records knew
	quietSince  time.Time            // when everything was right at last; zero before
	stalls      bool                 // workers stopped for minutes
	lossy       bool                 // tasks were lost or late before that
	removals    []removed
	counts      []count
	byHand      []handed
	effects     []done
	events      map[string]provision.Event

	hour   time.Time // of which calls and failures are counted
	calls  int
	failed map[string]int // by person and event
	trace  []string
	mute   bool // no trace is kept
	broken []string
}

// logs takes what the product logs, and notes a token in it.
type logs struct {
	mu   sync.Mutex
	leak string
}

func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(string(line), tokenMark) {
		l.leak = "a log line holds a token"
	}
	return len(line), nil
}

func newWorld(seed uint64, f faults, people int) *world {
	w := &world{scheduler: scheduler{rng: rand.New(rand.NewPCG(seed, 1))}, faults: f, memory: newMemory(), company: newCompany(people),
		app: &application{tokens: map[string]bool{}}, safe: safe{}, instances: make([]*instance, 2), hidden: map[string]bool{}, stranger: newStranger(),
		unprotected: map[string]time.Time{}, holds: map[string]provision.Hold{}, wasHeld: map[string]bool{},
		lost: map[string]time.Time{}, touched: map[string]time.Time{}, effected: map[string]bool{}, owed: map[string]int{}, events: map[string]provision.Event{}, sight: newSight()}
	w.queue = newQueue(w)
	w.crash = func(*call) (before, after bool) {
		if w.faults.crash == 0 || w.rng.Float64() >= w.faults.crash {
			return false, false
		}
		before = w.rng.IntN(2) == 0
		return before, !before
	}
	w.stall = func() time.Duration {
		if !w.chance(w.faults.stall) {
			return 0
		}
		return time.Duration(w.rng.Int64N(int64(longestStall)))
	}
	for i := range w.instances {
		w.boot(i)
	}
	w.turn(false)
	w.count()
	return w
}

// longestStall is longer than a lease.
const longestStall = 6 * time.Minute

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// note writes a line of the trace.
func (w *world) note(what, format string, args ...any) {
	if w.mute {
		return
	}
	w.trace = append(w.trace, stamp(time.Now())+" "+what+": "+fmt.Sprintf(format, args...))
}

// accuse says which rule was broken, and how.
func (w *world) accuse(rule, format string, args ...any) {
	text := rule + ": " + fmt.Sprintf(format, args...)
	w.note("BROKEN", "%s", text)
	w.broken = append(w.broken, text)
}

// maxCalls is four times the port calls and deliveries of the busiest hour: past it, something goes round in circles.
const maxCalls = 50_000

// run lets everything happen until a time, or until a rule is broken.
func (w *world) run(until time.Time) {
	w.runWhile(until, func() bool { return true })
}

func (w *world) runWhile(until time.Time, goOn func() bool) {
	for len(w.broken) == 0 && goOn() {
		w.settle()
		calls, nextCall := w.ready()
		due, nextDue := w.queue.due()
		if n := len(calls) + len(due); n > 0 {
			if hour := time.Now().Truncate(time.Hour); !hour.Equal(w.hour) {
				w.hour, w.calls, w.failed = hour, 0, map[string]int{}
			}
			if w.calls++; w.calls > maxCalls {
				w.accuse("R4: nothing goes round in circles", "%d calls in an hour", w.calls)
			}
			if i := w.rng.IntN(n); i < len(calls) {
				w.let(calls[i])
			} else {
				w.queue.deliver(due[i-len(calls)])
			}
			continue
		}
		next := until
		for _, at := range []time.Time{nextCall, nextDue} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if !nextCall.IsZero() { // somebody's time-out may end before
			next = earliest(next, time.Now().Add(10*time.Second))
		}
		if !next.After(time.Now()) {
			return
		}
		time.Sleep(time.Until(next))
	}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// administer starts an administrator's action on one of the instances; then
// runs when it has answered. Two at a time: a third is left out.
func (w *world) administer(what string, do func(ctx context.Context, in *instance) error, then func(err error)) {
	if w.editing == 2 {
		return
	}
	w.editing++
	in := w.instances[w.rng.IntN(len(w.instances))]
	var answered error
	worker := &worker{name: "admin: " + what, instance: in}
	worker.finish = func(died bool) {
		w.editing--
		var err error = errGone
		if !died {
			err = answered
		}
		w.note("admin", "%s answered %t", what, err == nil)
		if err == nil {
			w.settled = max(w.settled, worker.wrote)
		}
		if then != nil {
			then(err)
		}
	}
	w.start(worker, func(ctx context.Context) { answered = do(ctx, in) })
}

// insist has an administrator do something until it is done, while everything else goes on.
func (w *world) insist(what string, do func(ctx context.Context, in *instance) error) {
	for try := 0; len(w.broken) == 0; try++ {
		var failed error
		answered := false
		w.runWhile(time.Now().Add(time.Hour), func() bool { return w.editing > 0 })
		w.administer(what, do, func(err error) { failed, answered = err, true })
		w.runWhile(time.Now().Add(time.Hour), func() bool { return !answered })
		if answered && failed == nil {
			return
		}
		if try == 20 {
			w.accuse("an administrator's word counts", "%s: %v", what, failed)
		}
		w.run(time.Now().Add(time.Minute))
	}
}

// close ends all work, so that no goroutine is left.
func (w *world) close() {
	for i, in := range w.instances {
		in.dead.Store(true)
		in.cancel()
		w.drop(in)
		w.instances[i] = in
	}
	w.scheduler.settle()
}

func (w *world) newToken() string {
	w.tokens++
	token := fmt.Sprintf("%s%d", tokenMark, w.tokens)
	w.app.tokens = map[string]bool{token: true}
	return token
}

// everybodyInScope is a scope without groups.
var everybodyInScope = admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}}

// life is everything that one simulated life is made of.
type life struct {
	seed   uint64
	people int
	faults faults
	steps  []step
	plan   *plan // nil where chance decides
	mute   bool  // leaves no trace, which takes a part of the time
}

// live lives a life to its end, and returns the world as it then is.
func (l life) live() *world {
	w := newWorld(l.seed, faults{skew: l.faults.skew}, l.people)
	defer w.close()
	begin := time.Now()
	w.plan, w.mute = l.plan, l.mute
	w.found()
	w.faults, w.stalls = l.faults, l.faults.stall > 0
	w.lossy = l.faults.lost+l.faults.delayed+l.faults.crash+l.faults.state > 0 || l.crashes()
	for _, s := range l.steps {
		w.run(begin.Add(s.at))
		if len(w.broken) > 0 {
			return w
		}
		w.note("step", "%s %d", s.kind, s.n)
		w.apply(s)
	}
	w.faults, w.plan = faults{skew: l.faults.skew}, nil
	w.end()
	if w.logs.leak != "" {
		w.accuse("R15: tokens are in the secret store only", "%s", w.logs.leak)
	}
	return w
}

// crashes reports whether somebody crashes an instance.
func (l life) crashes() bool {
	return slices.ContainsFunc(l.steps, func(s step) bool { return s.kind == "crash" })
}

// found sets the system up.
func (w *world) found() {
	token := w.newToken()
	w.insist("init", func(ctx context.Context, in *instance) error { return in.admin.Init(ctx) })
	w.authorize(token)
	w.insist("set up", func(ctx context.Context, in *instance) error {
		policy := policies[0]
		return in.admin.Put(ctx, admin.Proposal{Scope: &everybodyInScope, Deprovisioning: &policy}, "")
	})
	w.insist("turn on", func(ctx context.Context, in *instance) error { return in.admin.TurnOn(ctx, "") })
	w.run(time.Now().Add(10 * time.Minute))
}

// overdue lists the deliveries that should have been made. A wake-up for a
// deadline that was cancelled may wait still: it carries no authority.
func (w *world) overdue() []string {
	var left []string
	for _, d := range w.queue.waiting {
		if !d.at.After(time.Now()) {
			left = append(left, d.path+" "+d.user)
		}
	}
	slices.Sort(left)
	return left
}
