package simulation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// story shrinks a life that breaks a rule to the fewest steps and faults that
// still break it, and tells it.
func story(t *testing.T, l life, broken string) string {
	rule, _, _ := strings.Cut(broken, ":")
	tries := 0
	breaks := func(l life) bool {
		tries++
		w := live(t, l)
		return len(w.broken) > 0 && strings.HasPrefix(w.broken[0], rule)
	}
	for _, calm := range []func(*faults){
		func(f *faults) { *f = faults{} },
		func(f *faults) { f.state, f.crash = 0, 0 },
		func(f *faults) { f.directory, f.throttle, f.missingKeys, f.partial, f.absent = 0, 0, 0, 0, 0 },
		func(f *faults) { f.stale, f.skew = 0, 0 },
		func(f *faults) { f.app, f.refuse, f.forbid, f.ineffective = 0, 0, 0, 0 },
		func(f *faults) { f.timeout, f.slow = 0, 0 },
		func(f *faults) { f.lost, f.doubled, f.delayed, f.stall = 0, 0, 0, 0 },
	} {
		calmer := l
		if calm(&calmer.faults); breaks(calmer) {
			l = calmer
		}
	}
	for size := len(l.steps) / 2; size > 0 && tries < 400; size /= 2 {
		for at := 0; at < len(l.steps) && tries < 400; {
			shorter := l
			shorter.steps = slices.Delete(slices.Clone(l.steps), at, min(at+size, len(l.steps)))
			if breaks(shorter) {
				l = shorter
			} else {
				at += size
			}
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "with faults %+v, after %d tries these steps are left:\n", l.faults, tries)
	for _, s := range l.steps {
		fmt.Fprintln(&text, s)
	}
	trace := live(t, l).trace
	fmt.Fprintf(&text, "which end like this:\n%s\n", strings.Join(trace[max(0, len(trace)-60):], "\n"))
	return text.String()
}
