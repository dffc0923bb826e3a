package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	mebi    = 1 << 20
	tooSlow = "too slow"
)

// limit is a count with its bound.
type limit struct {
	got, most int
	// exactly asks for most, no less.
	exactly bool
}

func (l *limit) ok() bool { return l == nil || l.got <= l.most && !(l.exactly && l.got < l.most) }

func (l *limit) String() string {
	switch {
	case l == nil:
		return "-"
	case l.exactly:
		return fmt.Sprintf("%d of %d", l.got, l.most)
	}
	return fmt.Sprintf("%d ≤ %d", l.got, l.most)
}

// figures are what was measured of one phase. What is nil or 0 was not measured
// or has no bound.
type figures struct {
	phase string
	// took may be most; floor is what the latency alone makes it cost.
	took, most, floor                   time.Duration
	appWrites, appReads, directoryCalls *limit
	memory                              memory
	memoryMost                          int64
	// waits is where the time of changes went; nil where there were none.
	waits *waits
	// seen is what happened, in words; wrong what should not have.
	seen, wrong []string
}

// judge adds to wrong what passes its bound.
func (f *figures) judge() {
	fail := func(bad bool, what string) {
		if bad {
			f.wrong = append(f.wrong, what)
		}
	}
	fail(f.most > 0 && f.took > f.most, tooSlow)
	fail(!f.appWrites.ok(), "app writes")
	fail(!f.appReads.ok(), "app reads")
	fail(!f.directoryCalls.ok(), "directory calls")
	fail(f.memoryMost > 0 && f.memory.peak >= f.memoryMost, "memory")
}

func (f *figures) result() string {
	if len(f.wrong) > 0 {
		return strings.Join(append([]string{"NOT OK: " + strings.Join(f.wrong, ", ")}, f.seen...), "; ")
	}
	return strings.Join(append([]string{"ok"}, f.seen...), "; ")
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func seconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

func (f *figures) ratio() string {
	if f.floor == 0 || f.took == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", f.took.Seconds()/f.floor.Seconds())
}

func (f *figures) peak() string {
	switch {
	case f.memory.peak == 0:
		return "-"
	case f.memoryMost == 0:
		return fmt.Sprint(f.memory.peak / mebi)
	}
	return fmt.Sprintf("%d < %d", f.memory.peak/mebi, f.memoryMost/mebi)
}

func (f *figures) now() string {
	if f.memory.now == 0 {
		return "-"
	}
	return fmt.Sprint(f.memory.now / mebi)
}

// print writes the table, and reports whether every figure is within its bound.
func print(out io.Writer, all []*figures) (ok bool) {
	ok = true
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "phase\tseconds\tat most\tfloor\tratio\tapp writes\tapp reads\tdirectory calls\tpeak MiB\tMiB now\tresult")
	for _, f := range all {
		ok = ok && len(f.wrong) == 0
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%v\t%v\t%v\t%s\t%s\t%s\n", f.phase, seconds(f.took), seconds(f.most), seconds(f.floor), f.ratio(),
			f.appWrites, f.appReads, f.directoryCalls, f.peak(), f.now(), f.result())
	}
	t.Flush() //nolint:errcheck // nobody is left to tell
	return ok
}

// printWaits writes where the time of changes went, if there were any.
func printWaits(out io.Writer, all []*figures) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	some := false
	for _, f := range all {
		w := f.waits
		if w == nil {
			continue
		}
		if !some {
			fmt.Fprintln(t, "\nfrom change to write, ms\tp50\tp99\tmean\tgathering\tqueue\tlimiter\tdirectory\tapp\tours\tshare of others\t")
			some = true
		}
		total := w.total()
		others := float64(total-w.ours) / float64(max(total, 1))
		fmt.Fprintf(t, "%s", f.phase)
		for _, d := range []time.Duration{w.p50, w.p99, total, w.gathering, w.queue, w.limiter, w.directory, w.app, w.ours} {
			fmt.Fprintf(t, "\t%s", milliseconds(d))
		}
		fmt.Fprintf(t, "\t%.1f %%\t\n", 100*others)
	}
	t.Flush() //nolint:errcheck // nobody is left to tell
}

// pages is how many pages n rows make.
func pages(n, size int) int { return (n + size - 1) / size }

// The sizes of pages: of the app's listing by the default settings, of the
// directory's users and members as the most that it gives.
const (
	appPage    = 100
	userPage   = 500
	memberPage = 200
)

// bounds are the bounds of a run. The latency's share: the app's pages are
// read one after another, since index paging shifts, and writes as many at a
// time as the settings allow.
type bounds struct {
	people, accounts int
	latency          time.Duration
	concurrency      int
	appLimit         float64 // calls a second; 0 for none
}

func (b bounds) firstFloor() time.Duration { return b.appFloor(b.people) }

func (b bounds) sweepFloor() time.Duration {
	n := pages(b.accounts, appPage)
	return max(time.Duration(n)*b.latency, b.limitFloor(n))
}

// sweepMost is 2.5 s, and with changes 3 s, at 10,000 people and 20 ms, where the
// floor is 2 s; it grows with the floor.
func (b bounds) sweepMost(changes bool) time.Duration {
	if changes {
		return max(3*time.Second, b.sweepFloor()*3/2)
	}
	return max(2500*time.Millisecond, b.sweepFloor()*5/4)
}

// readFloor and appFloor are what n changed people cost by the directory's quota
// and by the app's latency and limit; burstFloor is the longer of them.
func (b bounds) readFloor(n int) time.Duration {
	return time.Duration(n*readsForChange) * time.Minute / perMinute
}

func (b bounds) appFloor(n int) time.Duration {
	return max(time.Duration(n)*b.latency/time.Duration(b.concurrency), b.limitFloor(n))
}

// limitFloor is what n calls on the app cost by its limit.
func (b bounds) limitFloor(n int) time.Duration {
	if b.appLimit == 0 {
		return 0
	}
	return time.Duration(float64(n) / b.appLimit * float64(time.Second))
}

func (b bounds) burstFloor(n int) time.Duration { return max(b.readFloor(n), b.appFloor(n)) }

// restMost is 2 s for services that take 20 ms; what they take more is theirs.
func (b bounds) restMost() time.Duration {
	return 2*time.Second + (readsForChange+1)*max(0, b.latency-20*time.Millisecond)
}

func (b bounds) appReads() int { return pages(b.accounts, appPage) + 2 }

func (b bounds) directoryCalls() int {
	return pages(b.people, userPage) + pages(b.people, memberPage) + 10
}

// memory is the most bytes for a number of people; 0 for no bound.
func (b bounds) memory() int64 {
	switch {
	case b.people <= 10_000:
		return 100 * mebi
	case b.people <= 100_000:
		return 250 * mebi
	}
	return 0
}
