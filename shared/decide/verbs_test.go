package decide_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

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
	"suspend":   func(w *world, p *person, _ []string) { p.suspendedAt = earliest(p.suspendedAt, w.now) },
	"restore":   func(_ *world, p *person, _ []string) { p.suspendedAt = time.Time{} },
	"archive":   func(w *world, p *person, _ []string) { p.archivedAt = earliest(p.archivedAt, w.now) },
	"unarchive": func(_ *world, p *person, _ []string) { p.archivedAt = time.Time{} },
	"delete":    func(w *world, p *person, _ []string) { p.deletedAt = earliest(p.deletedAt, w.now) },
	"undelete":  func(_ *world, p *person, _ []string) { p.deletedAt = time.Time{} },
	"out":       func(_ *world, p *person, _ []string) { p.verdict = outOfScope },
	"in":        func(_ *world, p *person, _ []string) { p.verdict = scope.Verdict{Known: true, In: true} },
	"edit out":  func(w *world, p *person, _ []string) { w.editScope(p, outOfScope) },
	"edit in":   func(w *world, p *person, _ []string) { w.editScope(p, scope.Verdict{Known: true, In: true}) },
	"confirmed edit": func(w *world, p *person, _ []string) { // "confirmed edit ana": out, by an edit whose preview named them
		w.editScope(p, outOfScope)
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

// earliest keeps a time that is set already.
func earliest(set, now time.Time) time.Time {
	if set.IsZero() {
		return now
	}
	return set
}

var outOfScope = scope.Verdict{Known: true, Reasons: []string{"the app is off for their org unit"}}

// editScope saves a scope that a person has this verdict under.
func (w *world) editScope(p *person, v scope.Verdict) {
	w.cfg.Revision++
	p.verdict, w.cfg.ScopeSavedAt, w.cfg.Revisions.Scope = v, w.now, w.cfg.Revision
}

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
	w.cfg.Revision++
	w.cfg.Policies = append(kept, provision.PolicyEdit{Policy: policy, SavedAt: w.now, Revision: w.cfg.Revision})
	w.cfg.Revisions.Deprovisioning = w.cfg.Revision
	for _, p := range w.people {
		if confirmed {
			w.release(p, provision.ConditionName(args[0]))
		}
	}
	return w.lookAtAll(false)
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

func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}
