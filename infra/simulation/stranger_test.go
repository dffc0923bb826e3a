package simulation

import (
	"fmt"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/tasks"
)

// stretch is a stretch of time.
type stretch struct{ from, to time.Time }

// newStranger is another customer's directory, which answers instead while the
// credentials are wrong: none of its people is one of ours.
func newStranger() *company {
	c := &company{primary: "stranger.example", domains: []string{"stranger.example"}, customer: "C02", units: []*unit{{id: "ou-other", path: "/"}}}
	for i := range 8 {
		c.people = append(c.people, &person{id: fmt.Sprintf("20000000000000000%04d", i), email: fmt.Sprintf("q%d@stranger.example", i), unit: "ou-other"})
	}
	return c
}

// directory is the company that the directory answers for.
func (w *world) directory() *company {
	if w.estranged(time.Now(), time.Now()) {
		return w.stranger
	}
	return w.company
}

// estranged reports whether the directory was another customer's during the
// whole of a stretch of time.
func (w *world) estranged(from, to time.Time) bool {
	for _, s := range w.foreign {
		if !s.from.After(from) && s.to.After(to) {
			return true
		}
	}
	return false
}

// ownDirectory: nothing is done on the word of another customer's directory.
func ownDirectory(a attempt) string {
	// By the domains, which may be that old, whose directory it is gets noticed.
	if a.estranged(a.knows().Add(-justNow), a.at) {
		return "the directory is another customer's"
	}
	return ""
}

// knows is the earliest time of which the worker can know anything of the
// directory: a look for a sweep may act on what the listing said.
func (a attempt) knows() time.Time {
	if (a.kind == provision.Create || a.kind == provision.Update) && a.worker.queue == tasks.Bulk {
		return a.at.Add(-listingLasts - a.tolerance())
	}
	return a.worker.startedAt
}
