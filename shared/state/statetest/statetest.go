// Package statetest owns the conformance suite of the state port.
//
// It promises that an adapter which passes keeps the port's contract on
// compare-and-set, atomic changes, selections, counts, paging and the log. It
// never asks how an adapter stores; what an adapter cannot do, its harness says.
package statetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// Harness is one store, empty, for one test.
type Harness struct {
	Store state.Store
	// Reopen returns another store on the same data, after the first one's
	// process has ended; nil when nothing of the data is in this process.
	Reopen func() state.Store
}

// Open makes a harness and cleans it up when the test ends.
type Open func(t *testing.T) Harness

// Run holds an adapter to the port's contract.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"records: keep every field":               testRecordFields,
		"records: compare and set":                testRecordCompareAndSet,
		"records: one of many writers wins":       testRecordRace,
		"records: a change is whole or nothing":   testChangeAtomic,
		"records: by id, account and address":     testRecordsBy,
		"records: selections and their pages":     testSelections,
		"records: selections by time":             testSelectionsByTime,
		"records: selection by address":           testSelectionByAddress,
		"records: counts agree with the words":    testCounts,
		"records: the held list after a release":  testHeld,
		"records: counts see what has returned":   testCountsFresh,
		"records: a removal counts once":          testCountedOnce,
		"log: filters and pages, newest first":    testEvents,
		"log: an id is logged once":               testEventIDs,
		"log: usage and expiry":                   testUsage,
		"configuration: compare and set":          testConfiguration,
		"configuration and sources: many edits":   testEdits,
		"sweeps: compare and set":                 testSweeps,
		"sources: compare and set":                testSources,
		"sweeps: pages and looks":                 testLooks,
		"sweeps: orphans":                         testOrphans,
		"previews: rows and expiry":               testPreviews,
		"channels":                                testChannels,
		"refuses limits and tokens that are none": testPaging,
		"gives up with the caller's context":      testContext,
		"remembers after a restart":               testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// at is a moment of the suite's time, so many minutes after its beginning.
func at(minutes int) time.Time {
	return time.Date(2026, 4, 1, 12, 0, 0, 1, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// same fails unless got is want; an empty list or map is the same as none.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kind fails unless err is of that kind.
func kind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: got error %v, want one of kind %v", what, err, want)
	}
}

// commit stores a record and returns it with its new version.
func commit(t *testing.T, s state.Store, r provision.Record, events ...provision.Event) provision.Record {
	t.Helper()
	version, err := s.Commit(context.Background(), state.Change{Record: r, Events: events})
	must(t, err)
	if version <= r.Version {
		t.Fatalf("Commit returned version %d for a record of version %d", version, r.Version)
	}
	r.Version = version
	return r
}

// record reads one record.
func record(t *testing.T, s state.Store, id string) provision.Record {
	t.Helper()
	r, err := s.Record(context.Background(), id)
	must(t, err)
	return r
}

// allPages reads a list to its end, limit rows a page, and fails on a page that
// is longer, or empty before the end.
func allPages[T any](t *testing.T, limit int, read func(token string) ([]T, string, error)) []T {
	t.Helper()
	var all []T
	for token := ""; ; {
		page, next, err := read(token)
		must(t, err)
		if len(page) > limit || len(page) == 0 && next != "" {
			t.Fatalf("a page of %d rows for a limit of %d, with next %q", len(page), limit, next)
		}
		all = append(all, page...)
		if token = next; token == "" {
			return all
		}
	}
}

// event is a plain event.
func event(id string, when time.Time) provision.Event {
	return provision.Event{ID: id, Time: when, Name: provision.EventCreate, UserID: "u1", Outcome: provision.OutcomeDone}
}

// allEvents reads the log.
func allEvents(t *testing.T, s state.Store, f state.EventFilter) []provision.Event {
	t.Helper()
	f.Limit = 2
	return allPages(t, f.Limit, func(token string) ([]provision.Event, string, error) {
		f.Token = token
		return s.Events(context.Background(), f)
	})
}

// ids are the ids of events, in their order.
func ids(events []provision.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

// name is the nth of names that sort by their number.
func name(prefix string, n int) string { return fmt.Sprintf("%s%03d", prefix, n) }
