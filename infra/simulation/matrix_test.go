package simulation

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/require"
)

// fate is what becomes of a write at a port.
type fate int

const (
	well    fate = iota
	refused      // it fails and is not made
	unheard      // it is made, and reported to have failed
)

func (f fate) String() string {
	return [...]string{"well", "failed and not stored", "failed yet stored"}[f]
}

// plan gives one write of a life a fate, instead of chance.
type plan struct {
	// write is by whom what is written, and nth which one of those, from 1.
	write string
	nth   int
	fate  fate
	// seen counts the writes of each kind.
	seen map[string]int
}

// fate draws what becomes of a write, or takes it from the plan.
func (w *world) fate(worker *worker, key string, rate float64) fate {
	switch {
	case w.plan != nil:
		write := kindOf(worker.name) + " > " + kindOf(key)
		if w.plan.seen[write]++; w.plan.write == write && w.plan.seen[write] == w.plan.nth {
			w.note("fate", "%s: %s", write, w.plan.fate)
			return w.plan.fate
		}
	case w.chance(rate):
		if w.chance(0.5) {
			return refused
		}
		return unheard
	}
	return well
}

// kindOf is the name of a piece of work or of a call without whom it is about.
func kindOf(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		if strings.ContainsAny(word, "0123456789") {
			words = words[:i]
			break
		}
	}
	return strings.Join(words, " ")
}

// ordinary is a life in which everything that writes does so, and nothing goes
// wrong but what the plan says.
func ordinary(p *plan) life {
	day := func(n float64) time.Duration { return time.Duration(n * float64(24*time.Hour)) }
	l := life{seed: 1, people: 8, plan: p, steps: []step{
		{day(0.3), "hire", 8}, {day(0.3), "rename", 3}, {day(0.4), "edited by hand", 104}, {day(0.4), "deleted by hand", 5},
		{day(0.5), "suspended by hand", 6}, {day(1), "scheduled sweep", 0},
		{day(1.2), "suspend", 0}, {day(1.2), "delete", 1}, {day(1.3), "archive", 2}, {day(1.5), "made by hand", 3008},
		{day(2), "scheduled sweep", 0}, {day(2.1), "edit scope", 1}, {day(2.6), "edit protected", 1001}, {day(3), "scheduled sweep", 0},
		{day(3.2), "new token", 0}, {day(3.4), "edit guard", 1004}, {day(3.5), "suspend", 4}, {day(3.5), "suspend", 5}, {day(3.5), "suspend", 6},
		{day(4), "scheduled sweep", 0}, {day(4.2), "confirm held", 0}, {day(4.5), "unsuspend", 0}, {day(4.6), "edit time frames", 2},
		{day(5), "scheduled sweep", 0}, {day(5.1), "preview", 3}, {day(5.2), "turn off", 0}, {day(5.3), "turn on", 3}, {day(5.6), "token refused", 0},
		{day(5.7), "change", 7}, {day(5.8), "new token", 0}, {day(6), "scheduled sweep", 0}, {day(6.2), "look now", 3}, {day(6.3), "renew channels", 0},
		{day(6.5), "suspend", 3}, {day(6.5), "suspend", 7}, {day(7), "scheduled sweep", 0}, {day(7.2), "dismiss held", 0},
		{day(7.5), "delete configuration", 0}, {day(7.6), "set up anew", 0}, {day(7.7), "turn on", 1}, {day(8), "scheduled sweep", 0},
	}}
	return l
}

// TestFaultMatrix: whichever write at whichever port fails, stored or not, all
// rules hold, and everything comes to rest.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	all := &plan{seen: map[string]int{}}
	if w := live(t, ordinary(all)); len(w.broken) > 0 {
		t.Fatalf("with no fault: %s", w.broken[0])
	}
	for _, port := range []string{"state: ", "tasks: ", "secrets: ", "app: ", "directory: "} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(all.seen)), func(write string) bool { return strings.Contains(write, "> "+port) }) {
			t.Errorf("nothing is written through the port %s", port)
		}
	}
	// Of many writes of a kind some are tried: each is preceded by others.
	times := []int{1, 2, 5}
	if os.Getenv(require.Variable) == "all" {
		times = []int{1, 2, 3, 4, 5, 7, 10, 14, 20, 30}
	}
	lives := 0
	begin := time.Now()
	for _, write := range slices.Sorted(maps.Keys(all.seen)) {
		for _, nth := range times {
			for _, f := range []fate{refused, unheard} {
				if nth > all.seen[write] {
					continue
				}
				lives++
				w := live(t, ordinary(&plan{write: write, nth: nth, fate: f, seen: map[string]int{}}))
				if len(w.broken) > 0 {
					t.Errorf("%s, no. %d, %s: %s\n%s", write, nth, f, w.broken[0], strings.Join(w.trace[max(0, len(w.trace)-40):], "\n"))
				}
			}
		}
	}
	t.Logf("%d kinds of writes, %d lives in %v", len(all.seen), lives, time.Since(begin).Round(time.Second))
	if testing.Verbose() {
		for _, write := range slices.Sorted(maps.Keys(all.seen)) {
			t.Logf("%5d %s", all.seen[write], write)
		}
	}
}
