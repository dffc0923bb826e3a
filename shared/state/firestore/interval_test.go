package firestore

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state/stored"
)

// TestIntervalsAgreeWithTheLink sees that what is stored for the counts says
// the same of every time as provision.Link does, for every order of the times.
func TestIntervalsAgreeWithTheLink(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	moments := []time.Time{{}, start, start.Add(1), start.Add(2), start.Add(3), start.Add(4)}
	says := func(i interval, at time.Time) bool {
		f := fields{}
		i.put(f, "from", "until")
		from, ok := f["from"].(int64)
		until, _ := f["until"].(int64)
		return ok && from <= stored.Nanos(at) && stored.Nanos(at) < until
	}
	check := func(l provision.Link) {
		m, a := managed(l), active(l)
		for _, at := range moments {
			if got, want := says(m, at), l.ManagedAt(at); got != want {
				t.Fatalf("managed at %v: stored says %v, the link %v: %+v", at, got, want, l)
			}
			if got, want := says(a, at), l.ActiveAt(at); got != want {
				t.Fatalf("active at %v: stored says %v, the link %v: %+v", at, got, want, l)
			}
		}
	}
	for _, state := range []provision.AccountState{provision.AccountNone, provision.AccountActive, provision.AccountSuspended, ""} {
		for _, linked := range moments {
			for _, since := range moments {
				for _, suspended := range moments {
					for _, removed := range moments {
						check(provision.Link{State: state, LinkedAt: linked, ActiveSince: since, SuspendedAt: suspended, RemovedAt: removed})
					}
				}
			}
		}
	}
}
