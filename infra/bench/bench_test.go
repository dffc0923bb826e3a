package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/require"
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
	require.Source(t, "../..")
	all, err := measure(t.Context(), settings{people: 80, changes: 40, latency: 2 * time.Millisecond, concurrency: 10}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	for _, f := range all {
		phases = append(phases, f.phase)
		if w := f.waits; w != nil && (w.p50 <= 0 || w.p99 < w.p50 || w.gathering <= 0 || w.queue <= 0 || w.directory <= 0 || w.app <= 0 || w.ours <= 0) {
			t.Errorf("%s: nobody waited: %+v", f.phase, w)
		}
		if wrong := slices.DeleteFunc(f.wrong, func(what string) bool { return what == tooSlow }); len(wrong) > 0 {
			t.Errorf("%s: %s", f.phase, f.result())
		}
	}
	want := []string{"first sync", "nothing to do", "1 % changed", "one look", "burst of 40", "at rest, p99", "all messages lost",
		"group without members", "group really empty"}
	if diff := cmp.Diff(want, phases); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

// Services that are given take no orders; the same figures are measured all the
// same, as far as somebody may edit the directory, whose people have their names
// back in the end.
func TestGivenServices(t *testing.T) {
	t.Parallel()
	require.Source(t, "../..")
	const people = 120
	services, err := startServices(settings{people: people})
	if err != nil {
		t.Fatal(err)
	}
	defer services.stop()
	given := settings{people: 1, changes: 10, latency: time.Millisecond, concurrency: 10,
		directoryURL: services.DirectoryURL, scimURL: services.SCIMURL, appToken: services.AppToken, group: services.Group}
	names := func() []string {
		var names []string
		d := directory{url: services.DirectoryURL}
		for i := range people {
			name, err := d.familyName(t.Context(), fmt.Sprintf("user-%06d@example.com", i))
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return names
	}
	before := names()
	for _, tt := range []struct {
		editToken string
		want      []string
		created   int
	}{
		{"", []string{"first sync", "nothing to do"}, people},
		{"anybody", []string{"first sync", "nothing to do", "1 % changed", "burst of 10", "at rest, p99"}, 0},
	} {
		if _, err := services.count(t.Context()); err != nil {
			t.Fatal(err)
		}
		given.editToken = tt.editToken
		all, err := measure(t.Context(), given, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var phases []string
		for _, f := range all {
			phases = append(phases, f.phase)
			if f.appWrites != nil || f.appReads != nil || f.directoryCalls != nil {
				t.Errorf("%s: calls are counted that nobody could count", f.phase)
			}
		}
		if diff := cmp.Diff(tt.want, phases); diff != "" {
			t.Errorf("phases (-want +got):\n%s", diff)
		}
		if all[0].floor != people*time.Millisecond/10 {
			t.Errorf("the floor of %d writes is %v", people, all[0].floor)
		}
		c, err := services.count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c.effects["created"] != tt.created {
			t.Errorf("%d accounts created, want %d: effects %v", c.effects["created"], tt.created, c.effects)
		}
	}
	if diff := cmp.Diff(before, names()); diff != "" {
		t.Errorf("names before and after (-before +after):\n%s", diff)
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
		{append(given, "-directory-edit-token=t"), true}, {[]string{"-directory-edit-token=t"}, false}, {[]string{"-app-limit=2.5"}, true},
		{[]string{"-app-limit=-1"}, false}, {given[:3], false}, {given[1:], false}, {[]string{"-group=all@example.com"}, false},
		{[]string{"-people=0"}, false}, {[]string{"-changes=0"}, false}, {[]string{"-changes=20000"}, true}, {[]string{"-concurrency=65"}, false}, {[]string{"-latency=-1s"}, false}, {[]string{"more"}, false},
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
	if reads, calls, burst := b.readFloor(1000), b.appFloor(1000), b.burstFloor(1000); reads != 50*time.Second || calls != 2*time.Second || burst != reads {
		t.Errorf("a thousand changes: %v of reads, %v of calls, floor %v", reads, calls, burst)
	}
	b.appLimit = 10
	if calls, burst, first := b.appFloor(1000), b.burstFloor(1000), b.firstFloor(); calls != 100*time.Second || burst != calls || first != 1000*time.Second {
		t.Errorf("at ten calls a second: %v for a thousand changes, floor %v, first sync %v", calls, burst, first)
	}
	b.appLimit = 0
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

func TestWaits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []change
	said := map[string]operation{}
	for i := range 100 {
		user := string(rune('a' + i))
		list = append(list, change{user, at})
		said[user] = operation{Time: at.Add(time.Duration(i+1) * time.Second), Took: 500 * time.Millisecond, Queue: 300 * time.Millisecond, Limiter: 200 * time.Millisecond,
			Directory: 40 * time.Millisecond, App: 20 * time.Millisecond}
	}
	got := waitsOf(list, said)
	want := waits{p50: 50 * time.Second, p99: 99 * time.Second, gathering: 49700 * time.Millisecond, queue: 300 * time.Millisecond,
		limiter: 200 * time.Millisecond, directory: 40 * time.Millisecond, app: 20 * time.Millisecond, ours: 240 * time.Millisecond}
	if got != want {
		t.Errorf("waits %+v, want %+v", got, want)
	}
	var out bytes.Buffer
	printWaits(&out, []*figures{{phase: "none"}, {phase: "burst", waits: &got}})
	last := strings.Fields(out.String()[strings.LastIndex(out.String(), "burst"):])
	if want := strings.Fields("burst 50000.0 99000.0 50500.0 49700.0 300.0 200.0 40.0 20.0 240.0 99.5 %"); !slices.Equal(last, want) {
		t.Errorf("row %q, want %q", last, want)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	var j journal
	write := func(text string) {
		if n, err := j.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	line := `{"time":"2026-01-02T03:04:05Z","msg":"operation","user":"1","outcome":"done","took":5000000,"queue":7000000}` + "\n"
	write(line)
	j.open()
	write("no JSON\n" + line[:20])
	write(line[20:] + `{"msg":"operation","user":"3","outcome":"failed"}` + "\n" + `{"msg":"operation","user":"2"`)
	want := map[string]operation{"1": {Message: "operation", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), User: "1", Outcome: "done", Took: 5 * time.Millisecond, Queue: 7 * time.Millisecond}}
	if diff := cmp.Diff(want, j.close()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	right := map[string]accountState{"a": {true, "A"}, "b": {false, "B"}}
	for _, wrong := range []map[string]accountState{{"a": {true, "A"}}, {"a": {true, "A"}, "b": {true, "B"}},
		{"a": {true, "A"}, "b": {false, "X"}}, {"a": {true, "A"}, "b": {false, "B"}, "c": {}}} {
		var f figures
		if f.compare(right, wrong); len(f.wrong) != 1 {
			t.Errorf("%v is taken for %v", wrong, right)
		}
	}
	var f figures
	if f.compare(right, right); len(f.wrong) != 0 {
		t.Errorf("the same is wrong: %v", f.wrong)
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
