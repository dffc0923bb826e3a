package sweep

import (
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
)

func TestDue(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	sweep := func(queued time.Duration, state provision.SweepState) *provision.Sweep {
		return &provision.Sweep{QueuedAt: at(queued), State: state}
	}
	tests := []struct {
		name string
		conf provision.Configuration
		last *provision.Sweep
		now  time.Duration
		want string
	}{
		{"none yet", provision.Configuration{}, nil, 0, "schedule"},
		{"the last is young", provision.Configuration{}, sweep(0, provision.SweepDone), 3 * time.Hour, ""},
		{"the last is old", provision.Configuration{}, sweep(0, provision.SweepDone), 4 * time.Hour, "schedule"},
		{"the last failed just now", provision.Configuration{}, sweep(0, provision.SweepFailed), 9 * time.Minute, ""},
		{"the last failed ten minutes ago", provision.Configuration{}, sweep(0, provision.SweepFailed), 10 * time.Minute, "schedule"},
		{"the last stalled", provision.Configuration{}, sweep(0, provision.SweepRunning), 10 * time.Minute, "schedule"},
		{"an edit's sweep was lost", provision.Configuration{Revision: 1}, sweep(0, provision.SweepDone), time.Minute, "edit"},
		{"an edit's sweep failed", provision.Configuration{Revision: 1}, sweep(0, provision.SweepFailed), time.Minute, ""},
	}
	for _, test := range tests {
		if got := due(test.conf, test.last, 4*time.Hour, at(test.now)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
