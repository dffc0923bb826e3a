package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain serves the simulated services when the bench under test starts itself for that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveCommand {
		if err := start(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The calls of every phase keep their bounds also for a few people. How long it
// takes says nothing beside other tests.
func TestCallsKeepTheirBounds(t *testing.T) {
	t.Parallel()
	all, err := measure(t.Context(), settings{people: 250, latency: 2 * time.Millisecond, concurrency: 10})
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	for _, f := range all {
		phases = append(phases, f.phase)
		if wrong := slices.DeleteFunc(f.wrong, func(what string) bool { return what == tooSlow }); len(wrong) > 0 {
			t.Errorf("%s: %s", f.phase, f.result())
		}
	}
	want := []string{"first sync", "nothing to do", "1 % changed", "one look", "group without members", "group really empty"}
	if diff := cmp.Diff(want, phases); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

func TestGivenServices(t *testing.T) {
	t.Parallel()
	services, err := startServices(settings{people: 120})
	if err != nil {
		t.Fatal(err)
	}
	defer services.stop()
	all, err := measure(t.Context(), settings{people: 1, latency: time.Millisecond, concurrency: 10,
		directoryURL: services.DirectoryURL, scimURL: services.SCIMURL, appToken: services.AppToken, group: services.Group})
	if err != nil {
		t.Fatal(err)
	}
	c, err := services.count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || c.effects["created"] != 120 || c.appWrites != 120 {
		t.Fatalf("%d phases, counts %+v, want 2 and 120 accounts created", len(all), c)
	}
	if first := all[0]; first.floor != 12*time.Millisecond || first.appWrites != nil || first.directoryCalls != nil {
		t.Errorf("first sync = %+v, want the floor of 120 writes and no counts", first)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	given := []string{"-directory-url=http://127.0.0.1:1", "-scim-url=http://127.0.0.1:2", "-app-token=x", "-group=all@example.com"}
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{nil, true}, {[]string{"-people=5", "-latency=1ms", "-concurrency=3"}, true}, {given, true},
		{given[:3], false}, {given[1:], false}, {[]string{"-group=all@example.com"}, false},
		{[]string{"-people=0"}, false}, {[]string{"-concurrency=65"}, false}, {[]string{"-latency=-1s"}, false}, {[]string{"more"}, false},
	} {
		if _, err := readSettings(tt.args, io.Discard); (err == nil) != tt.ok {
			t.Errorf("%q: error %v, want ok = %v", tt.args, err, tt.ok)
		}
	}
}

// The figures that are to be reached, at the size for which they are stated.
func TestBounds(t *testing.T) {
	t.Parallel()
	b := bounds{people: 10_000, accounts: 10_000, latency: 20 * time.Millisecond, concurrency: 10}
	type figure struct {
		first, nothing, changed time.Duration
		reads, calls            int
		memory                  int64
	}
	of := func(b bounds) figure {
		return figure{b.firstFloor(), b.sweepMost(false), b.sweepMost(true), b.appReads(), b.directoryCalls(), b.memory()}
	}
	want := figure{20 * time.Second, 2500 * time.Millisecond, 3 * time.Second, 102, 80, 100 << 20}
	if got := of(b); got != want {
		t.Errorf("at 10,000: %+v, want %+v", got, want)
	}
	b.people, b.accounts = 100_000, 100_000
	want = figure{200 * time.Second, 25 * time.Second, 30 * time.Second, 1002, 710, 250 << 20}
	if got := of(b); got != want {
		t.Errorf("at 100,000: %+v, want %+v", got, want)
	}
}

func TestJudgement(t *testing.T) {
	t.Parallel()
	good := figures{phase: "good", took: time.Second, most: 2 * time.Second, floor: 800 * time.Millisecond,
		appWrites: &limit{got: 5, most: 5, exactly: true}, appReads: &limit{got: 2, most: 3}, directoryCalls: &limit{got: 3, most: 3},
		memory: memory{peak: 99 << 20, now: 50 << 20}, memoryMost: 100 << 20}
	bad := func(phase string, change func(*figures)) *figures {
		f := good
		f.phase = phase
		change(&f)
		return &f
	}
	all := []*figures{&good,
		bad("slow", func(f *figures) { f.took = 3 * time.Second }),
		bad("few writes", func(f *figures) { f.appWrites = &limit{got: 4, most: 5, exactly: true} }),
		bad("reads", func(f *figures) { f.appReads = &limit{got: 4, most: 3} }),
		bad("directory", func(f *figures) { f.directoryCalls = &limit{got: 4, most: 3} }),
		bad("memory", func(f *figures) { f.memory.peak = 100 << 20 }),
		bad("said before", func(f *figures) { f.wrong = []string{"somebody removed"} }),
	}
	var out bytes.Buffer
	for i, f := range all {
		f.judge()
		if ok := print(&out, all[:i+1]); ok != (i == 0) {
			t.Errorf("after %s: ok = %v", f.phase, ok)
		}
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := rows[len(rows)-len(all):]
	for i, want := range []string{"ok", "NOT OK: too slow", "NOT OK: app writes", "NOT OK: app reads", "NOT OK: directory calls",
		"NOT OK: memory", "NOT OK: somebody removed"} {
		if !strings.HasSuffix(last[i], "  "+want) {
			t.Errorf("row %q, want the result %q", last[i], want)
		}
	}
	if want := strings.Fields("good 1.00 2.00 0.80 1.25 5 of 5 2 ≤ 3 3 ≤ 3 99 < 100 50 ok"); !slices.Equal(strings.Fields(last[0]), want) {
		t.Errorf("row %q, want %q", last[0], want)
	}
}

func TestParseMemory(t *testing.T) {
	t.Parallel()
	got, err := parseMemory("Name:\tlocal\nVmHWM:\t   61440 kB\nVmRSS:\t   51200 kB\nThreads:\t9\n")
	if want := (memory{peak: 60 << 20, now: 50 << 20}); err != nil || got != want {
		t.Errorf("memory = %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseMemory("VmHWM:\tmuch\n"); err == nil {
		t.Error("what is no number was taken for one")
	}
}
