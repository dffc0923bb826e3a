package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
)

// TestUsageOfAnOlderFile opens a file of the first version, and finds its events counted.
func TestUsageOfAnOlderFile(t *testing.T) {
	t.Parallel()
	path, ctx := filepath.Join(t.TempDir(), "state.db"), context.Background()
	now := sqlite.Schema()
	first := sqlitefile.Schema{Name: now.Name, Steps: now.Steps[:1]}
	event := provision.Event{ID: "1", Time: time.Date(2026, 4, 2, 8, 0, 0, 0, time.UTC), Name: provision.EventCreate, Outcome: provision.OutcomeDone}
	for _, schema := range []sqlitefile.Schema{first, now} {
		file, err := sqlitefile.Open(path, []sqlitefile.Schema{schema}, nil)
		if err != nil {
			t.Fatal(err)
		}
		store, err := sqlite.New(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Append(ctx, event); err != nil {
			t.Fatal(err)
		}
		if len(schema.Steps) == len(now.Steps) {
			usage, err := store.Usage(ctx, time.Time{})
			want := state.DayCount{Day: "2026-04-02", Name: event.Name, Outcome: event.Outcome, Count: 1}
			if err != nil || len(usage) != 1 || usage[0] != want {
				t.Errorf("usage is %v, %v, want %v", usage, err, want)
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
