package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	oneSeed = flag.Uint64("seed", 0, "live this one seed, and print its trace")
	seeds   = flag.Int("seeds", 0, "how many seeds to live; 0 for the default")
	rule    = flag.String("rule", "", "let only a break of this rule count, and tell no story")
	minutes = flag.Float64("minutes", 0, "live new seeds for so long")
)

const (
	days   = 60
	people = 30
)

func containsToken(text string) bool { return strings.Contains(text, tokenMark) }

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(800) // lives are short and make much garbage
	os.Exit(m.Run())
}

// live lives a life in a bubble of its own.
func live(t *testing.T, l life) (w *world) {
	synctest.Test(t, func(*testing.T) { w = l.live() })
	return w
}

// judge lives a seed, twice now and then, and fails with its minimal story.
func judge(t *testing.T, seed uint64) {
	l := dream(seed, days, people)
	w := live(t, l)
	if seed%20 == 1 {
		if again := live(t, l); !slices.Equal(w.trace, again.trace) {
			t.Errorf("seed %d: two runs differ: %s", seed, difference(w.trace, again.trace))
		}
	}
	switch {
	case *rule != "":
		for _, broken := range w.broken {
			if strings.HasPrefix(broken, *rule) {
				t.Errorf("seed %d: %s", seed, broken)
			}
		}
	case len(w.broken) > 0:
		t.Errorf("seed %d: %s\n%s", seed, w.broken[0], story(t, l, w.broken[0]))
	}
}

func difference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q and %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(a), len(b))
}

func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		w := live(t, dream(*oneSeed, days, people))
		t.Log(strings.Join(w.trace, "\n"))
		judge(t, *oneSeed)
		return
	}
	n := 60 // longer runs: -seeds
	if *seeds > 0 {
		n = *seeds
	}
	begin := time.Now()
	var next, lived atomic.Uint64
	t.Cleanup(func() {
		t.Logf("%d seeds, %d user-days in %v", lived.Load(), lived.Load()*days*people, time.Since(begin).Round(time.Second))
	})
	for worker := range 2 {
		t.Run(fmt.Sprint("worker", worker), func(t *testing.T) {
			t.Parallel()
			for !t.Failed() {
				seed := next.Add(1)
				if *minutes > 0 && time.Since(begin).Minutes() > *minutes || *minutes == 0 && seed > uint64(n) {
					return
				}
				judge(t, seed)
				lived.Add(1)
			}
		})
	}
}
