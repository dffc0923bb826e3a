package cloud

import (
	"os"
	"regexp"
	"strconv"
)

// costs holds what was spent since earlier counts against the row of
// infra/docs/functions.md that says so: a half more, and a few, allow for a task
// that is delivered twice and for a look that another one has made needless.
func (w *world) costs(t teller, row string, began counts) {
	t.Helper()
	page, err := os.ReadFile("../../docs/functions.md")
	w.must(err)
	stands := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(row) + `[^|]* \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$`).FindSubmatch(page)
	if stands == nil {
		t.Fatalf("functions.md says nothing of what %s costs", row)
	}
	now, calls := w.counts(), 0
	for name, n := range now.calls {
		calls += n - began.calls[name]
	}
	for i, got := range []int{now.reads - began.reads, now.writes - began.writes, now.deletes - began.deletes, now.created - began.created, calls} {
		what := []string{"reads", "writes", "deletes", "tasks", "invocations"}[i]
		if said, _ := strconv.Atoi(string(stands[i+1])); got > said+said/2+4 || got < said/2-4 {
			t.Errorf("%s: %d %s, and functions.md says %d", row, got, what, said)
		}
	}
	t.Logf("%s. %s", row, now.since(began))
}
