package gcp

import (
	"hash/fnv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parts are deploy.sh's, in its order.
var parts = []string{"services", "accounts", "database", "secrets", "queues", "topics", "roles", "functions", "triggers", "sink", "metrics", "alerts"}

// wantUnbreakable breaks apply at its changes, one after another, and runs it again
// each time, until there is nothing left to do. Half of the broken changes were
// made all the same, and only their answer was lost. In the end everything is as
// if nothing had been broken.
func wantUnbreakable(t *testing.T, complete []string) {
	broken := newCloud(t)
	tried := map[string]bool{}
	var news int
	broken.fault = func(change string) outcome {
		if tried[change] || !breaks(change) {
			return done
		}
		tried[change] = true
		news++
		if hash(change)%2 == 0 {
			return lost
		}
		return refused
	}
	for _, part := range parts {
		args := append([]string{"apply", part}, given...)
		for n := 0; ; n++ {
			news = 0
			r := broken.deploy(t, args...)
			if r.code == 0 && news == 0 {
				break
			}
			if r.code == 0 || !strings.Contains(r.err, "the test breaks this") || !strings.Contains(r.err, "could not ") {
				t.Fatalf("%v ended with %d after %d breaks:\n%s\n%s", part, r.code, news, r.out, r.err)
			}
			if n == 20 {
				t.Fatalf("%v does not come to its end:\n%s", part, r.err)
			}
		}
	}
	t.Logf("%d changes were broken", len(tried))
	if len(tried) < 60 {
		t.Errorf("only %d changes were broken: %v", len(tried), tried)
	}
	if diff := cmp.Diff(complete, broken.essence()); diff != "" {
		t.Errorf("never broken - and broken +:\n%s", diff)
	}
}

// breaks leaves out most of the indexes, which are many of a kind and go one after
// another: only those of the events are broken.
func breaks(change string) bool {
	return !strings.Contains(change, "/collectionGroups/") || strings.Contains(change, "/collectionGroups/events/")
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32() / 3
}
