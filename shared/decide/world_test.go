package decide_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

// start is when every story begins: the app has just been turned on.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a company, its configuration and the app, as far as one decision
// after the other needs them. It does what a reconciler does with a decision,
// one look at a time, and nothing that a decision did not ask for.
type world struct {
	cfg     provision.Configuration
	now     time.Time
	people  []*person
	refuses map[provision.OperationKind]bool
	holds   bool // the guard holds every removal that nobody confirmed
	log     []action
	// quiet is true while what happens in the directory goes unnoticed.
	quiet bool
	// onOperation is called before an operation is sent; nil for nothing to check.
	onOperation func(p *person, r provision.Record, op decide.Operation) error
	// onDone is called after an operation has succeeded; nil for nothing to note.
	onDone func(op decide.Operation)
}

// person is somebody in the directory, with what we remember and what the app shows.
type person struct {
	email, title                       string
	suspendedAt, archivedAt, deletedAt time.Time
	unknown, forced                    bool
	verdict                            scope.Verdict
	record                             provision.Record
	app                                *provision.Account
	wake                               time.Time
}

// action is one thing that a look did.
type action struct {
	at      time.Time
	kind    provision.OperationKind
	email   string
	outcome string // empty for done
}

func (a action) String() string {
	s := fmt.Sprintf("%s %s %s", a.at.Format("2006-01-02T15:04Z"), a.kind, a.email)
	if a.outcome == "held" {
		return s + " held"
	}
	s += " (" + provision.EventName(a.kind) + ")"
	if a.outcome != "" {
		s += " " + a.outcome
	}
	return s
}

// short is the action with its time as an offset from the start.
func (a action) short() string {
	d := a.at.Sub(start)
	at := fmt.Sprintf("%dd", d/(24*time.Hour))
	if rest := d % (24 * time.Hour); rest != 0 {
		at += strings.TrimSuffix(rest.String(), "0s")
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", at, a.kind, a.outcome))
}

// newWorld is a company of nobody whose policy orders nothing yet.
func newWorld() *world {
	long := start.Add(-30 * 24 * time.Hour)
	return &world{
		now: start, refuses: make(map[provision.OperationKind]bool),
		cfg: provision.Configuration{
			On: true, TurnedOnAt: start, PlannedAt: start, SweptAt: start,
			Authorization: provision.Authorization{State: provision.AuthorizationOK, SecretVersion: "1"},
			Scope:         &provision.Scope{}, ScopeSavedAt: long,
			Policies:    []provision.PolicyEdit{{SavedAt: long}},
			Unprotected: make(map[string]time.Time),
		},
	}
}

// configure sets one row of the first policy: "frames suspended 7d 21d".
func (w *world) configure(line string) error {
	f := strings.Fields(line)
	if len(f) != 4 || f[0] != "frames" {
		return fmt.Errorf("no configuration: %q", line)
	}
	return setFrames(&w.cfg.Policies[0].Policy, f[1], f[2], f[3])
}

func (w *world) find(email string) *person {
	for _, p := range w.people {
		if p.email == email {
			return p
		}
	}
	return nil
}

// noticed is the look that follows what happened to a person.
func (w *world) noticed(p *person) error {
	if w.quiet {
		return nil
	}
	return w.look(p, false)
}

func (w *world) lookAtAll(withApp bool) error {
	for _, p := range w.people {
		if err := w.look(p, withApp); err != nil {
			return err
		}
	}
	return nil
}

// sweep looks at everybody and at their accounts, after it knows all that it will remove.
func (w *world) sweep() error {
	w.cfg.PlannedAt = w.now
	if err := w.lookAtAll(true); err != nil {
		return err
	}
	w.cfg.SweptAt = w.now
	return nil
}

// advance lets time pass. Nobody is looked at but when a decision asked for it.
func (w *world) advance(until time.Time) error {
	for {
		var next *person
		for _, p := range w.people {
			if !p.wake.IsZero() && !p.wake.After(until) && (next == nil || p.wake.Before(next.wake)) {
				next = p
			}
		}
		if next == nil {
			w.now = until
			return nil
		}
		w.now = next.wake
		if err := w.look(next, false); err != nil {
			return err
		}
	}
}

// sees is what one look sees of a person.
func (w *world) sees(p *person, withApp bool) decide.Look {
	l := decide.Look{User: provision.User{ID: p.record.UserID, Email: p.email, Lifecycle: provision.Active}, Scope: p.verdict, Forced: p.forced}
	switch {
	case p.unknown:
		l.User.Lifecycle, l.User.Email = provision.Unknown, ""
	case !p.deletedAt.IsZero():
		l.User.Lifecycle, l.User.Since, l.Scope = provision.Deleted, p.deletedAt, scope.Verdict{}
	case !p.archivedAt.IsZero():
		l.User.Lifecycle, l.User.Since, l.Scope = provision.Archived, p.archivedAt, scope.Verdict{}
	case !p.suspendedAt.IsZero():
		l.User.Lifecycle, l.User.Since = provision.Suspended, p.suspendedAt
	}
	if l.User.Lifecycle == provision.Active && l.Scope.In {
		l.Desired = provision.Attributes{"userName": p.email}
		if p.title != "" {
			l.Desired["title"] = p.title
		}
	}
	if withApp && p.app != nil {
		account := *p.app
		account.Attributes = maps.Clone(account.Attributes)
		l.Account = &account
	}
	return l
}

// look decides and acts until nothing more is to be done now.
func (w *world) look(p *person, withApp bool) error {
	if withApp && p.app == nil && p.record.Account.Exists() { // the sweep found it gone
		p.record.Account.State, p.record.Account.RemovedAt = provision.AccountNone, w.now
	}
	defer func() { p.forced = false }()
	for range 10 {
		l := w.sees(p, withApp)
		d := decide.Decide(w.cfg, l, p.record, w.now)
		if err := sane(w.cfg, l, p.record, d, w.now); err != nil {
			return err
		}
		if d.Operation == nil {
			if !reflect.DeepEqual(d.Record, p.record) {
				d.Record.LookedAt, d.Record.LookedUnder = w.now, w.cfg.Revision
			}
			p.record, p.wake = d.Record, d.WakeAt
			return nil
		}
		if w.onOperation != nil {
			if err := w.onOperation(p, d.Record, *d.Operation); err != nil {
				return err
			}
		}
		w.act(p, d)
		p.record.LookedAt, p.record.LookedUnder, withApp, p.forced = w.now, w.cfg.Revision, false, false
	}
	return fmt.Errorf("%s: looking at %s never ends", w.now, p.email)
}

// sane is what holds of every decision, whatever the rules say of this one.
func sane(c provision.Configuration, l decide.Look, before provision.Record, d decide.Decision, now time.Time) error {
	if !d.WakeAt.IsZero() && !d.WakeAt.After(now) {
		return fmt.Errorf("%s: asks to be woken in the past, at %s", now, d.WakeAt)
	}
	if l.User.Lifecycle == provision.Unknown && (d.Operation != nil || !reflect.DeepEqual(before, d.Record)) {
		return fmt.Errorf("%s: decides something about an unknown person (R13)", now)
	}
	if again := decide.Decide(c, l, d.Record, now); !reflect.DeepEqual(d, again) {
		return fmt.Errorf("%s: deciding twice differs:\n%s", now, cmp.Diff(d, again))
	}
	return nil
}

// act does with an operation what a reconciler does.
func (w *world) act(p *person, d decide.Decision) {
	op, r := *d.Operation, d.Record
	a := action{at: w.now, kind: op.Kind, email: p.email}
	switch {
	case op.Kind.Removes() && w.holds && !op.Released:
		a.outcome = "held"
		r.Hold = &provision.Hold{Operation: op.Kind, Condition: op.Cause.Condition, Since: op.Cause.Since, HeldAt: w.now}
	case w.refuses[op.Kind]:
		a.outcome = "refused"
		r = decide.FailedTry(r, op, provision.RetryRefused, "open roles", "", w.now)
	default:
		w.succeed(p, &r, op)
		r.Retries = decide.WithoutRetry(r, op.Kind)
		if w.onDone != nil {
			w.onDone(op)
		}
	}
	p.record = r
	w.log = append(w.log, a)
}

// succeed changes the app, and the record as a reconciler does on success.
func (w *world) succeed(p *person, r *provision.Record, op decide.Operation) {
	link := &r.Account
	switch op.Kind {
	case provision.Create:
		id := fmt.Sprintf("a%d", len(w.log)+1)
		*link = provision.Link{ID: id, State: provision.AccountActive, LinkedAt: w.now, ActiveSince: w.now, Applied: op.Attributes, Form: op.Attributes}
		p.app = &provision.Account{ID: id, Active: true, Attributes: maps.Clone(op.Attributes)}
	case provision.Update:
		applied := maps.Clone(op.Attributes)
		for _, path := range r.Left {
			applied[path] = link.Applied[path]
		}
		link.Applied, link.Form = applied, op.Attributes
		maps.Copy(p.app.Attributes, op.Attributes)
		for _, path := range op.Drifted {
			r.Repairs = maps.Clone(r.Repairs)
			if r.Repairs == nil {
				r.Repairs = make(map[string][]time.Time)
			}
			r.Repairs[path] = append(slices.Clone(r.Repairs[path]), w.now)
		}
	case provision.Suspend:
		link.State, link.SuspendedAt, p.app.Active = provision.AccountSuspended, w.now, false
	case provision.Unsuspend:
		link.State, link.ActiveSince, p.app.Active = provision.AccountActive, w.now, true
	case provision.HardDelete:
		link.State, link.RemovedAt, p.app = provision.AccountNone, w.now, nil
	}
}
