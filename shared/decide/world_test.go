package decide_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
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

func setFrames(policy *provision.Deprovisioning, condition, suspend, remove string) error {
	delay := func(s string) provision.Delay {
		if s == "never" {
			return provision.Never
		}
		return provision.Delay(s)
	}
	frames := provision.TimeFrames{SuspendAfter: delay(suspend), DeleteAfter: delay(remove)}
	if !frames.SuspendAfter.Valid() || !frames.DeleteAfter.Valid() {
		return fmt.Errorf("no time frames: %q %q", suspend, remove)
	}
	switch provision.ConditionName(condition) {
	case provision.ConditionAppOff:
		policy.AppOff = frames
	case provision.ConditionSuspended:
		policy.Suspended = frames
	case provision.ConditionDeleted:
		policy.Deleted = frames
	case provision.ConditionArchived:
		policy.Archived = &frames
	default:
		return fmt.Errorf("no condition: %q", condition)
	}
	return nil
}

// do runs one step of a story.
func (w *world) do(step string) error {
	if rest, ok := strings.CutPrefix(step, "unnoticed "); ok {
		w.quiet = true
		defer func() { w.quiet = false }()
		return w.do(rest)
	}
	f := strings.Fields(step)
	verb, args := f[0], f[1:]
	if len(f) > 1 {
		switch two := f[0] + " " + f[1]; two {
		case "turn on", "turn off", "app refuses", "app accepts", "guard holds", "guard allows",
			"edit out", "edit in", "confirmed edit", "confirmed frames", "hand suspend", "hand activate", "hand title", "hand delete", "frames archived":
			verb, args = two, f[2:]
		}
	}
	if run, ok := companyVerbs[verb]; ok {
		return run(w, args)
	}
	run, ok := personVerbs[verb]
	if !ok || len(args) == 0 {
		return fmt.Errorf("no such step: %q", step)
	}
	p := w.find(args[0])
	if p == nil {
		return fmt.Errorf("nobody is called %q", args[0])
	}
	run(w, p, args[1:])
	return w.noticed(p)
}

// companyVerbs are the steps that are about the company, the configuration or the app.
var companyVerbs = map[string]func(w *world, args []string) error{
	"hire": func(w *world, args []string) error {
		p := &person{email: args[0], verdict: scope.Verdict{Known: true, In: true}}
		p.record = provision.Record{UserID: fmt.Sprintf("u%d", len(w.people)+1), Account: provision.Link{State: provision.AccountNone}}
		w.people = append(w.people, p)
		return w.noticed(p)
	},
	"advance": func(w *world, args []string) error {
		d, err := duration(args[0])
		if err != nil {
			return err
		}
		return w.advance(w.now.Add(d))
	},
	"turn off": func(w *world, _ []string) error {
		w.cfg.On = false
		return w.lookAtAll(false)
	},
	"turn on": func(w *world, _ []string) error {
		if !w.cfg.On {
			w.cfg.On, w.cfg.TurnedOnAt = true, w.now
		}
		return w.sweep()
	},
	"sweep":           func(w *world, _ []string) error { return w.sweep() },
	"frames":          func(w *world, args []string) error { return w.edit(args, false) },
	"frames archived": func(w *world, args []string) error { return w.edit(append([]string{"archived"}, args...), false) },
	"confirmed frames": func(w *world, args []string) error {
		return w.edit(args, true)
	},
	"app refuses":  func(w *world, args []string) error { w.refuses[provision.OperationKind(args[0])] = true; return nil },
	"app accepts":  func(w *world, _ []string) error { clear(w.refuses); return nil },
	"guard holds":  func(w *world, _ []string) error { w.holds = true; return nil },
	"guard allows": func(w *world, _ []string) error { w.holds = false; return nil },
}

// personVerbs are the steps that are about one person; a look follows each.
var personVerbs = map[string]func(w *world, p *person, args []string){
	"suspend":   func(w *world, p *person, _ []string) { p.suspendedAt = w.now },
	"restore":   func(_ *world, p *person, _ []string) { p.suspendedAt = time.Time{} },
	"archive":   func(w *world, p *person, _ []string) { p.archivedAt = w.now },
	"unarchive": func(_ *world, p *person, _ []string) { p.archivedAt = time.Time{} },
	"delete":    func(w *world, p *person, _ []string) { p.deletedAt = w.now },
	"undelete":  func(_ *world, p *person, _ []string) { p.deletedAt = time.Time{} },
	"out":       func(_ *world, p *person, _ []string) { p.verdict = outOfScope },
	"in":        func(_ *world, p *person, _ []string) { p.verdict = scope.Verdict{Known: true, In: true} },
	"edit out":  func(w *world, p *person, _ []string) { p.verdict, w.cfg.ScopeSavedAt = outOfScope, w.now },
	"edit in": func(w *world, p *person, _ []string) {
		p.verdict, w.cfg.ScopeSavedAt = scope.Verdict{Known: true, In: true}, w.now
	},
	"confirmed edit": func(w *world, p *person, _ []string) { // "confirmed edit ana": out, by an edit whose preview named them
		p.verdict, w.cfg.ScopeSavedAt = outOfScope, w.now
		w.release(p, provision.ConditionAppOff)
	},
	"unclear":  func(_ *world, p *person, _ []string) { p.verdict = scope.Verdict{Reasons: []string{"not known"}} },
	"unknown":  func(_ *world, p *person, _ []string) { p.unknown = true },
	"known":    func(_ *world, p *person, _ []string) { p.unknown = false },
	"rename":   func(_ *world, p *person, args []string) { p.email = args[0] },
	"title":    func(_ *world, p *person, args []string) { p.title = args[0] },
	"look":     func(_ *world, _ *person, _ []string) {},
	"look-now": func(_ *world, p *person, _ []string) { p.forced = true },
	"confirm":  func(w *world, p *person, _ []string) { w.verdict(p, true) },
	"dismiss":  func(w *world, p *person, _ []string) { w.verdict(p, false) },
	"protect":  func(w *world, p *person, _ []string) { w.protect(p) },
	"unprotect": func(w *world, p *person, _ []string) {
		w.cfg.Protected = slices.DeleteFunc(w.cfg.Protected, func(x provision.Protected) bool { return x.UserID == p.record.UserID })
		w.cfg.Unprotected[p.record.UserID] = w.now
	},
	"hand suspend":  func(_ *world, p *person, _ []string) { p.app.Active = false },
	"hand activate": func(_ *world, p *person, _ []string) { p.app.Active = true },
	"hand title":    func(_ *world, p *person, args []string) { p.app.Attributes["title"] = args[0] },
	"hand delete":   func(_ *world, p *person, _ []string) { p.app = nil },
}

var outOfScope = scope.Verdict{Known: true, Reasons: []string{"the app is off for their org unit"}}

func (w *world) protect(p *person) {
	w.cfg.Protected = append(w.cfg.Protected, provision.Protected{Email: p.email, UserID: p.record.UserID, AccountID: p.record.Account.ID})
}

// verdict is what an administrator says of the operation that is held.
func (w *world) verdict(p *person, release bool) {
	if h := p.record.Hold; h != nil {
		p.record.Verdicts = append(slices.Clone(p.record.Verdicts), provision.Verdict{
			Operation: h.Operation, Condition: h.Condition, Since: h.Since, Release: release, At: w.now,
		})
	}
}

// release is what a confirmed preview leaves on a person whom it named.
func (w *world) release(p *person, name provision.ConditionName) {
	for _, kind := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
		p.record.Verdicts = append(slices.Clone(p.record.Verdicts), provision.Verdict{
			Operation: kind, Condition: name, Release: true, At: w.now,
		})
	}
}

// edit saves a policy with one row changed, and keeps the older ones as Configuration.Policies says.
func (w *world) edit(args []string, confirmed bool) error {
	policy, _ := w.cfg.Policy()
	if len(args) == 2 && args[1] == "unchosen" {
		policy.Archived = nil
	} else if err := setFrames(&policy, args[0], args[1], args[2]); err != nil {
		return err
	}
	var kept []provision.PolicyEdit
	for i, old := range w.cfg.Policies {
		replacedAt := w.now
		if i+1 < len(w.cfg.Policies) {
			replacedAt = w.cfg.Policies[i+1].SavedAt
		}
		if w.now.Sub(replacedAt) < 24*time.Hour {
			kept = append(kept, old)
		}
	}
	w.cfg.Policies = append(kept, provision.PolicyEdit{Policy: policy, SavedAt: w.now})
	w.cfg.Revisions.Deprovisioning++
	for _, p := range w.people {
		if confirmed {
			w.release(p, provision.ConditionName(args[0]))
		}
	}
	return w.lookAtAll(false)
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
	l.Desired = provision.Attributes{"userName": p.email}
	if p.title != "" {
		l.Desired["title"] = p.title
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
			if !cmp.Equal(d.Record, p.record) {
				d.Record.LookedAt = w.now
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
		p.record.LookedAt, withApp, p.forced = w.now, false, false
	}
	return fmt.Errorf("%s: looking at %s never ends", w.now, p.email)
}

// sane is what holds of every decision, whatever the rules say of this one.
func sane(c provision.Configuration, l decide.Look, before provision.Record, d decide.Decision, now time.Time) error {
	if !d.WakeAt.IsZero() && !d.WakeAt.After(now) {
		return fmt.Errorf("%s: asks to be woken in the past, at %s", now, d.WakeAt)
	}
	if l.User.Lifecycle == provision.Unknown && (d.Operation != nil || !cmp.Equal(before, d.Record)) {
		return fmt.Errorf("%s: decides something about an unknown person (R13)", now)
	}
	if again := decide.Decide(c, l, d.Record, now); !cmp.Equal(d, again) {
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
		r = decide.FailedTry(r, op, provision.Refused, "open roles", "", w.now)
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

func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}
