package pages

import (
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/health"
)

// TestSources: every state of every source has its word, and what it means.
func TestSources(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		report health.Report
		want   []string // state and a part of the detail, for push, audit, sweep and work
	}{
		"all is well": {health.Report{Now: now,
			Push:  health.Push{State: health.Alive, LastAt: now, Channels: 1, ExpiresAt: now.Add(6 * time.Hour)},
			Audit: health.Audit{State: health.Alive, LastAt: now}, Sweep: health.Sweep{State: health.Alive, LastAt: now},
			Work: health.Work{Known: true, Waiting: 3, OldestDueAt: now.Add(-time.Second)}},
			[]string{"Alive|Google tells of changes as they happen. This is renewed by itself before it ends, in 6 hours.", "Alive|", "Alive|", "Up to date|3 checks wait for their time or their turn."}},
		"all is not": {health.Report{Now: now,
			Push: health.Push{State: health.Down}, Audit: health.Audit{State: health.Silent, Unknown: 2}, Sweep: health.Sweep{State: health.Silent},
			Work: health.Work{Known: true, Waiting: 1, OldestDueAt: now.Add(-2 * time.Hour)}},
			[]string{"Down|Google does not tell of all changes now.", "Silent|2 events with an unknown name so far. You need to do nothing", "Silent|Press Sweep now", "Behind|was due 2 hours ago"}},
		"an open channel is silent": {health.Report{Now: now,
			Push:  health.Push{State: health.Silent, Channels: 1, ExpiresAt: now.Add(6 * time.Hour)},
			Audit: health.Audit{State: health.Alive, LastAt: now}, Sweep: health.Sweep{State: health.Alive, LastAt: now}},
			[]string{"Silent|nothing has come through it", "Alive|", "Alive|"}},
		"just turned on": {health.Report{Now: now, OnSince: now.Add(-time.Second), Push: health.Push{State: health.Off},
			Audit: health.Audit{State: health.Silent}, Sweep: health.Sweep{State: health.Alive, LastAt: now.Add(-time.Hour)}},
			[]string{"Off|", "Not heard yet|Nothing has come so far", "Under way|has not ended yet"}},
		"refused": {health.Report{Now: now, OnSince: now.Add(-30 * 24 * time.Hour), Push: health.Push{State: health.Off},
			Audit: health.Audit{State: health.Silent}, Sweep: health.Sweep{State: health.Down}}, []string{"Off|", "Silent|export to Pub/Sub", "Down|until the access token is renewed"}},
		"in the cloud nothing is late": {health.Report{Now: now,
			Push: health.Push{State: health.Alive}, Audit: health.Audit{State: health.Alive}, Sweep: health.Sweep{State: health.Alive},
			Work: health.Work{Known: true, Deadlines: true}},
			[]string{"Alive|", "Alive|", "Alive|", "Kept|No suspend or hard delete is late."}},
		"in the cloud something is late": {health.Report{Now: now,
			Push: health.Push{State: health.Alive}, Audit: health.Audit{State: health.Alive}, Sweep: health.Sweep{State: health.Alive},
			Work: health.Work{Known: true, Deadlines: true, Waiting: 2, OldestDueAt: now.Add(-2 * time.Hour)}},
			[]string{"Alive|", "Alive|", "Alive|", "Late|At least 2 suspends or hard deletes are late. The oldest was due 2 hours ago."}},
		"off": {health.Report{Now: now, Push: health.Push{State: health.Off}, Audit: health.Audit{State: health.Silent}, Sweep: health.Sweep{State: health.Off}},
			[]string{"Off|sweeps see every change", "Off|when it is turned on", "Off|"}},
	} {
		rows := sources(test.report, now)
		if len(rows) != len(test.want) {
			t.Fatalf("%s: %d rows", name, len(rows))
		}
		for i, want := range test.want {
			state, detail, _ := strings.Cut(want, "|")
			if rows[i].State.Text != state || !strings.Contains(rows[i].Detail, detail) {
				t.Errorf("%s: %s is %q: %q, want %q", name, rows[i].Name, rows[i].State.Text, rows[i].Detail, want)
			}
		}
	}
}
