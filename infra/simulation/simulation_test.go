package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/infra/require"
)

var (
	oneSeed = flag.Uint64("seed", 0, "live this one seed, and print its trace")
	seeds   = flag.Uint64("seeds", 0, "how many seeds to live; 0 for 40, or 1,000 when everything is required")
	first   = flag.Uint64("first", 1, "the first seed to live")
	rule    = flag.String("rule", "", "let only a break of this rule count, and tell no story")
	calls   = flag.Bool("calls", false, "put every call of a port into the trace")
	brief   = flag.Bool("brief", false, "tell no story of what breaks")
	minutes = flag.Float64("minutes", 0, "live new seeds for so long")
)

const (
	days   = 60
	people = 30
)

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

// court lives seeds and says what is wrong with them.
type court struct {
	mu   sync.Mutex
	told map[string]bool // the rules of which a story has been told
}

// judge lives a seed, twice now and then. The first break of each rule fails
// with its minimal story.
func (c *court) judge(t *testing.T, seed uint64) {
	l := dream(seed, days, people)
	twice := seed%20 == 1
	l.mute = !twice
	w := live(t, l)
	l.mute = false
	if twice {
		if again := live(t, l); !slices.Equal(w.trace, again.trace) {
			t.Errorf("seed %d: two runs differ: %s", seed, difference(w.trace, again.trace))
		}
	}
	if *rule != "" {
		for _, broken := range w.broken {
			if strings.HasPrefix(broken, *rule) {
				t.Errorf("seed %d: %s", seed, broken)
			}
		}
		return
	}
	if len(w.broken) == 0 {
		return
	}
	name, _, _ := strings.Cut(w.broken[0], ":")
	c.mu.Lock()
	told := c.told[name]
	c.told[name] = true
	c.mu.Unlock()
	if told || *brief {
		t.Errorf("seed %d: %s", seed, w.broken[0])
	} else {
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

// howMany is the number of seeds when no flag says: more before a release.
func howMany() uint64 {
	switch {
	case *seeds > 0:
		return *seeds
	case os.Getenv(require.Variable) == "all":
		return 1000
	}
	return 40
}

func TestSeeds(t *testing.T) {
	c := &court{told: map[string]bool{}}
	if *oneSeed != 0 {
		t.Log(strings.Join(live(t, dream(*oneSeed, days, people)).trace, "\n"))
		c.judge(t, *oneSeed)
		return
	}
	begin, n := time.Now(), howMany()
	var next, lived atomic.Uint64
	from := *first
	if *minutes > 0 {
		from = uint64(begin.Unix()) << 12 // nobody has lived these
	}
	t.Cleanup(func() {
		t.Logf("%d seeds, %d user-days in %v", lived.Load(), lived.Load()*days*people, time.Since(begin).Round(time.Second))
	})
	failed := t.Failed // by either worker
	for worker := range 2 {
		t.Run(fmt.Sprint("worker", worker), func(t *testing.T) {
			t.Parallel()
			for {
				done := next.Add(1) - 1
				if *minutes > 0 && time.Since(begin).Minutes() > *minutes || *minutes == 0 && done >= n {
					return
				}
				if c.judge(t, from+done); *rule != "" && failed() {
					return // it bites
				}
				lived.Add(1)
			}
		})
	}
}
