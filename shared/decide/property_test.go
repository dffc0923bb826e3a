package decide_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

var conditionNames = []provision.ConditionName{
	provision.ConditionAppOff, provision.ConditionSuspended, provision.ConditionDeleted, provision.ConditionArchived,
}

// frames draws a row of the policy: a hard delete is later than the suspend beside it (R9).
func frames(t *rapid.T) (suspend, remove provision.Delay) {
	delays := []provision.Delay{provision.Within24h, "1d", "2d", "3d", "7d", "21d"}
	i := rapid.IntRange(-1, len(delays)-2).Draw(t, "suspend")
	if i >= 0 {
		suspend = delays[i]
	}
	if j := rapid.IntRange(i, len(delays)-1).Draw(t, "delete"); j > i {
		remove = delays[j]
	}
	return suspend, remove
}

func length(d provision.Delay) time.Duration {
	if d, ok := d.Duration(); ok {
		return d
	}
	return never
}

func spelled(d provision.Delay) string {
	if d == provision.Never {
		return "never"
	}
	return string(d)
}

// newOracle is a world with one person, a drawn policy, and the oracle that watches it.
func newOracle(t *rapid.T) *oracle {
	w := newWorld()
	o := &oracle{w: w, rows: make(map[provision.ConditionName][2]time.Duration), holds: make(map[provision.ConditionName]*holding), maybe: make(map[provision.ConditionName]time.Time)}
	for _, name := range conditionNames {
		if name == provision.ConditionArchived && rapid.Bool().Draw(t, "archived not chosen") {
			continue
		}
		suspend, remove := frames(t)
		o.rows[name] = [2]time.Duration{length(suspend), length(remove)}
		if err := w.configure(fmt.Sprintf("frames %s %s %s", name, spelled(suspend), spelled(remove))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.do("hire ana"); err != nil {
		t.Fatal(err)
	}
	o.p = w.find("ana")
	w.onOperation = func(_ *person, r provision.Record, op decide.Operation) error { return o.allows(r, op) }
	w.onDone = o.done
	return o
}

// step does one step in the world, a minute after the last, so that no two
// things happen at one moment, and tells the oracle first.
func (o *oracle) step(t *rapid.T, verb string) {
	o.must(t, "advance 1m")
	was, edited := o.lifecycle(), false
	switch verb {
	case "frames":
		name := rapid.SampledFrom(conditionNames).Draw(t, "condition")
		suspend, remove := frames(t)
		o.edit(name, length(suspend), length(remove))
		o.must(t, fmt.Sprintf("frames %s %s %s", name, spelled(suspend), spelled(remove)))
		return
	case "turn on":
		if !o.w.cfg.On {
			o.restart(time.Time{})
		}
	case "unprotect":
		if len(o.w.cfg.Protected) > 0 {
			o.unprotected = o.w.now
			o.restart(o.w.now.Add(day))
		} else {
			return
		}
	case "protect":
		if len(o.w.cfg.Protected) > 0 {
			return
		}
	case "app refuses suspend", "app refuses hardDelete", "guard holds":
		o.unhealthy = true
	case "suspend", "restore", "archive", "unarchive":
		if was == provision.Deleted {
			return // the directory does not change deleted people
		}
	case "edit out", "edit in":
		edited = true
		o.maybe[provision.ConditionAppOff] = o.w.now
	}
	if personVerbs[verb] == nil {
		o.must(t, verb)
		return
	}
	// The change itself, what the rules say of it, and then the look.
	personVerbs[verb](o.w, o.p, nil)
	if !o.p.unknown {
		o.happened(was, edited)
	}
	o.must(t, "look ana")
}

func (o *oracle) must(t *rapid.T, step string) {
	t.Helper()
	if err := o.w.do(step); err != nil {
		t.Fatalf("%s: %v", step, err)
	}
	if step == "guard allows" || step == "app accepts" {
		return
	}
	if err := o.overdue(); err != nil {
		t.Fatalf("after %s: %v\nconditions %+v\nactions %v", step, err, o.p.record.Conditions, o.w.log)
	}
}

// TestDecisionsKeepTheRules runs random lives of one person under random
// policies. What holds of every single operation is in oracle.allows; that
// nothing due is left undone, in oracle.overdue; that deciding twice changes
// nothing, that a wake-up is never in the past and that an unknown person is
// left alone, in sane; that it ends, in world.look. Time passes only from one
// asked-for wake-up to the next, so a late wake-up shows as something overdue.
func TestDecisionsKeepTheRules(t *testing.T) {
	t.Parallel()
	verbs := []string{
		"suspend", "restore", "archive", "unarchive", "delete", "undelete", "out", "in", "edit out", "edit in",
		"frames", "frames", "turn off", "turn on", "turn on", "protect", "unprotect", "unprotect", "sweep",
	}
	rapid.Check(t, func(t *rapid.T) {
		o := newOracle(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			o.step(t, rapid.SampledFrom(verbs).Draw(t, "verb"))
			o.must(t, fmt.Sprintf("advance %dh", rapid.SampledFrom([]int{0, 1, 11, 23, 24, 47, 72, 240}).Draw(t, "hours")))
		}
	})
}

// TestDecisionsUnderFailure is the same with an app that refuses, a guard that
// holds, administrators who decide, and a directory that does not answer: then
// nothing may come too soon, and everything must still end.
func TestDecisionsUnderFailure(t *testing.T) {
	t.Parallel()
	verbs := []string{
		"suspend", "restore", "archive", "unarchive", "delete", "undelete", "out", "in", "edit out",
		"frames", "frames", "turn off", "turn on", "sweep", "app refuses suspend", "app refuses hardDelete", "app accepts",
		"guard holds", "guard allows", "confirm", "dismiss", "look-now",
	}
	rapid.Check(t, func(t *rapid.T) {
		o := newOracle(t)
		o.unhealthy = true
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			o.step(t, rapid.SampledFrom(verbs).Draw(t, "verb"))
			o.must(t, fmt.Sprintf("advance %dh", rapid.SampledFrom([]int{0, 1, 11, 23, 24, 47, 72, 240}).Draw(t, "hours")))
		}
	})
}
