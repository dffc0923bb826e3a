package gcp

import (
	"hash/fnv"
	"regexp"
	"strings"
	"testing"
)

// parts are deploy.sh's, in its order.
var parts = []string{"services", "accounts", "database", "secrets", "queues", "topics", "roles", "functions", "triggers", "sink", "metrics", "alerts"}

// wantUnbreakable breaks apply at its changes, one after another, and runs it again
// each time, until there is nothing left to do. Half of the broken changes were
// made all the same, and only their answer was lost. It returns what there is in
// the end.
func wantUnbreakable(t *testing.T, gcloud string) []string {
	broken := newCloud(t)
	broken.gcloud = gcloud
	tried := map[string]bool{}
	var news int
	broken.fault = func(change string) outcome {
		change = oneOfAKind(change)
		if tried[change] {
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
	if len(tried) < 80 {
		t.Errorf("only %d changes were broken: %v", len(tried), tried)
	}
	return broken.essence()
}

// oneOfAKind makes the same of the database's indexes that go the same way: they
// are many, and one after another.
func oneOfAKind(change string) string { return indexed.ReplaceAllString(change, "$1 $2") }

var indexed = regexp.MustCompile(`/collectionGroups/\w+/(indexes|fields).*?(updateMask=\w+)?$`)

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32() / 3
}
