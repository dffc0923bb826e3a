package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

// coming is what is to come for Ana, as a story tells it; what is overdue comes now.
func (w *world) coming() string {
	var list []string
	suspend, remove := decide.Coming(w.cfg, w.find("ana").record, w.now)
	say := func(m *provision.Pending) {
		if m.At.Before(w.now) {
			m.At = w.now
		}
		list = append(list, action{at: m.At, kind: m.Operation}.short())
	}
	if suspend != nil && (remove == nil || suspend.At.Before(w.now) || !remove.At.Before(suspend.At)) {
		say(suspend)
	}
	if remove != nil {
		say(remove)
	}
	return strings.Join(list, "; ")
}

// TestComingIsWhatComes: when nothing else happens, what is to come comes.
func TestComingIsWhatComes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newOracle(t).w
		w.onOperation, w.onDone = nil, nil // it is not told what is done
		do := func(step string) {
			if err := w.do(step); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			step := rapid.SampledFrom([]string{"suspend ana", "restore ana", "archive ana", "unarchive ana", "delete ana", "out ana", "in ana",
				"edit out ana", "confirmed edit ana", "protect ana", "unprotect ana", "frames", "confirmed frames", "hours", "days"}).Draw(t, "step")
			switch step {
			case "frames", "confirmed frames":
				suspend, remove := frames(t)
				step = fmt.Sprintf("%s %s %s %s", step, rapid.SampledFrom(conditionNames).Draw(t, "condition"), spelled(suspend), spelled(remove))
			case "hours":
				step = "advance 7h"
			case "days":
				step = "advance 3d"
			}
			do(step)
			do("advance 1m")
		}
		want := w.coming()
		w.log = nil
		do("advance 400d")
		var got []string
		for _, a := range w.log {
			got = append(got, a.short())
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("came %q, said %q", got, want)
		}
	})
}

// TestComing is what comes only after an administrator's word, or never.
func TestComing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sentence, frames, steps, want string }{
		{"a held suspend is to come, and its hard delete after it", "suspended 1d 2d", "guard holds; suspend ana; advance 1d", "1d suspend; 2d hardDelete"},
		{"a hard delete held up with its suspend comes a day after it", "suspended 1d 2d", "guard holds; suspend ana; advance 5d", "5d suspend; 6d hardDelete"},
		{"a dismissed suspend never comes, nor the hard delete that waits for it", "suspended 1d 2d", "guard holds; suspend ana; advance 1d; dismiss ana", ""},
		{"a dismissed hard delete never comes", "suspended never 2d", "guard holds; suspend ana; advance 2d; dismiss ana", ""},
		{"nothing comes for a protected person", "suspended 1d 2d", "protect ana; suspend ana", ""},
		{"nothing comes for an archived person", "suspended 1d 2d", "suspend ana; archive ana", ""},
		{"nothing comes for whom nothing is ordered", "suspended 1d 2d", "out ana", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			if err := w.configure("frames " + c.frames); err != nil {
				t.Fatal(err)
			}
			for _, step := range slices.Concat([]string{"hire ana"}, split(c.steps)) {
				if err := w.do(step); err != nil {
					t.Fatalf("%s: %v", step, err)
				}
			}
			if got := w.coming(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
