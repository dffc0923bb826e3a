package audit

import (
	"fmt"
	"testing"
	"time"
)

// A company whose log is full of events that nobody has given a meaning is not
// swept without end, and what the last of them told is seen too.
func TestManyUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 60 { // an hour of them
		w.must(w.Receive(t.Context(), message(admin("CHANGE_APPLICATION_SETTING", "ORG_UNIT_NAME", "Sales", "APPLICATION_NAME", fmt.Sprint(i)))))
		w.at = w.at.Add(time.Minute)
	}
	last := time.Time{}
	for _, task := range w.queue.byName {
		if task.At.After(last) {
			last = task.At
		}
	}
	if n := len(w.queue.byName); n != 8 || last.Before(w.at) { // the first of each quarter of an hour, and its end
		t.Errorf("%d sweeps in an hour, the last at %v", n, last)
	}
}
