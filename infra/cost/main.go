// Command cost reckons what running autoprovision in Google Cloud costs a
// month, for companies of three sizes, and prints it as a table.
//
// It owns the prices and what a company is taken to do. What each thing costs in
// reads, writes, tasks and requests it takes from the table of
// infra/docs/functions.md, which infra/e2e/cloud counts. It promises nothing
// about a bill: prices are the public ones of single regions, and what the free
// part of each service covers is taken off first.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

const (
	days = 30.0
	// sweepsADay and renewalsADay are those of infra/gcp/jobs.txt.
	sweepsADay, renewalsADay = 6, 144
	// changes are how often somebody's data, groups or state change in a month.
	changes = 2.0
	// readsEach is how often a sweep reads one record: to know the links, beside
	// the app's listing, and beside the directory's.
	readsEach = 3.0
	// appRate and appPage are the connection's until somebody changes them: a sweep
	// lasts as long as listing the app does.
	appRate, appPage = 2.0, 100.0
	// lookSeconds and renewalSeconds are more than what the functions were seen to
	// take; Cloud Run bills started tenths of a second.
	lookSeconds, renewalSeconds = 0.4, 1.0
)

// Public prices in dollars (cloud.google.com/firestore/pricing, /tasks/pricing and
// /run/pricing, tier 1 regions), and what a month has free.
const (
	read, write, remove                = 0.03 / 1e5, 0.09 / 1e5, 0.01 / 1e5
	freeReads, freeWrites, freeRemoves = 50_000 * days, 20_000 * days, 20_000 * days
	operation, freeOperations          = 0.40 / 1e6, 1e6
	request, freeRequests              = 0.40 / 1e6, 2e6
	cpuSecond, freeCPU                 = 0.000024, 180_000.0
	gibSecond, freeGiB                 = 0.0000025, 360_000.0
)

// use is what something takes of the services.
type use struct{ reads, writes, removes, tasks, requests float64 }

func (u use) times(n float64) use {
	return use{u.reads * n, u.writes * n, u.removes * n, u.tasks * n, u.requests * n}
}

func (u use) plus(v use) use {
	return use{u.reads + v.reads, u.writes + v.writes, u.removes + v.removes, u.tasks + v.tasks, u.requests + v.requests}
}

// counts are the rows of the counted table, by how they begin.
type counts map[string]use

// counted reads the table.
func counted(page []byte) (counts, error) {
	rows := counts{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+?) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$`).FindAllSubmatch(page, -1) {
		var n [5]float64
		for i := range n {
			n[i], _ = strconv.ParseFloat(string(row[i+2]), 64) // they are digits
		}
		rows[string(row[1])] = use{n[0], n[1], n[2], n[3], n[4]}
	}
	for _, name := range []string{change, sweep, renewal} {
		if _, ok := rows[name]; !ok {
			return nil, fmt.Errorf("the table has no row %q: name it so again", name)
		}
	}
	return rows, nil
}

// The rows that are reckoned with; the sweep's is of so many people.
const (
	change, sweep, renewal = "somebody's name changes", "a sweep with nothing to do", "a renewal with nothing to do, every ten minutes"
	sweptPeople            = 38
)

// month is what a company of so many people takes in a month.
type month struct {
	people         float64
	use            use
	cpu, gib       float64 // seconds
	dollars, sweep float64 // sweep in seconds
}

func reckon(c counts, people float64) month {
	one := c[sweep]
	one.reads += readsEach * (people - sweptPeople)
	one.writes += 2 * people / 500 // a page of the directory, and the progress
	all := one.times(sweepsADay * days).plus(c[renewal].times(renewalsADay * days)).plus(c[change].times(changes * people))
	m := month{people: people, use: all, sweep: people/appPage/appRate + 5}
	m.cpu = m.sweep*sweepsADay*days + renewalSeconds*renewalsADay*days + c[change].requests*lookSeconds*changes*people
	m.gib = m.sweep*sweepsADay*days + (m.cpu-m.sweep*sweepsADay*days)/2 // the sweep has 1 GiB, the others half at most
	over := func(n, free float64) float64 { return max(0, n-free) }
	m.dollars = over(all.reads, freeReads)*read + over(all.writes, freeWrites)*write + over(all.removes, freeRemoves)*remove +
		over(2*all.tasks, freeOperations)*operation + over(all.requests, freeRequests)*request +
		over(m.cpu, freeCPU)*cpuSecond + over(m.gib, freeGiB)*gibSecond
	return m
}

// table writes what each size costs.
func table(w io.Writer, c counts) {
	fmt.Fprintln(w, "| people | reads | writes | tasks | requests | CPU-seconds | a sweep lasts | dollars a month |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, people := range []float64{100, 5_000, 100_000} {
		m := reckon(c, people)
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %.0f s | %.2f |\n", thousands(people), thousands(m.use.reads), thousands(m.use.writes),
			thousands(m.use.tasks), thousands(m.use.requests), thousands(m.cpu), m.sweep, m.dollars)
	}
}

// thousands writes a whole number with commas.
func thousands(n float64) string {
	text := strconv.FormatFloat(n, 'f', 0, 64)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func main() {
	page, err := os.ReadFile("infra/docs/functions.md")
	if err == nil {
		var c counts
		if c, err = counted(page); err == nil {
			var out bytes.Buffer
			table(&out, c)
			_, err = out.WriteTo(os.Stdout)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cost: run it in the root of the repository:", err)
		os.Exit(1)
	}
}
