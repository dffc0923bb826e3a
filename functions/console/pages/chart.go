package pages

import (
	"strconv"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// usageDays is how long the log goes back.
const usageDays = 30

// usageView is the operations of the last days, as a drawing and as a table.
type usageView struct {
	Legend []label
	Bars   []usageBar
	// Empty is true when nothing has happened yet.
	Empty bool
	// Height is the drawing's, in pixels; Base is the line that bars stand on.
	Height, Base int
	// Top is the number that the highest bar may stand for.
	Top int
	// Ticks are days along the drawing: the first, the middle one and today.
	Ticks  []string
	Totals []usageTotal
}

type usageTotal struct {
	Label label
	Count int
}

type usageBar struct {
	Day    string
	Parts  []usagePart
	Counts []int // in the order of the legend
	place  int
}

type usagePart struct {
	Class string
	// X and Width are parts of the drawing's width, so that it fits any window.
	X, Width  string
	Y, Height int
	Title     string
}

const (
	chartHeight = 150
	// A day's width is divided between what was done, failures and a gap.
	dayWidth     = 100.0 / usageDays
	barWidth     = dayWidth * 0.55
	failureWidth = dayWidth * 0.22
)

// usageKind is what one colour stands for; failures have no one event.
type usageKind struct {
	Event string
	Label label
}

// usageKinds are the names of the log that the help page lists, in its order; failures come last.
func usageKinds() []usageKind {
	var kinds []usageKind
	for _, k := range []provision.OperationKind{provision.Create, provision.Update, provision.Suspend, provision.Unsuspend, provision.HardDelete} {
		name := provision.EventName(k)
		kinds = append(kinds, usageKind{name, label{name, operationLabel(k).Class}})
	}
	return append(kinds, usageKind{"", label{"Failures", "failure"}})
}

// viewUsage draws the counts: for each day one stacked bar of what was done,
// and beside it a thinner one of failures.
func viewUsage(counts []state.DayCount, now time.Time) usageView {
	kinds := usageKinds()
	v := usageView{Height: chartHeight + 2, Base: chartHeight}
	place := map[string]int{}
	for i := range usageDays {
		day := now.UTC().AddDate(0, 0, i+1-usageDays)
		place[day.Format(time.DateOnly)] = i
		bar := usageBar{Day: day.Format("2 Jan"), place: i, Counts: make([]int, len(kinds))}
		if i == 0 || i == usageDays/2 || i == usageDays-1 {
			v.Ticks = append(v.Ticks, bar.Day)
		}
		v.Bars = append(v.Bars, bar)
	}
	totals := make([]int, len(kinds))
	for _, c := range counts {
		i, ok := place[c.Day]
		if !ok {
			continue
		}
		for k, kind := range kinds {
			failed := c.Outcome != provision.OutcomeDone
			if failed && kind.Event == "" || !failed && kind.Event == c.Name {
				v.Bars[i].Counts[k] += c.Count
				totals[k] += c.Count
			}
		}
	}
	sum := 0
	for k, kind := range kinds {
		v.Legend = append(v.Legend, kind.Label)
		v.Totals = append(v.Totals, usageTotal{kind.Label, totals[k]})
		sum += totals[k]
	}
	v.Empty = sum == 0
	v.Top = 1
	for _, bar := range v.Bars {
		done := 0
		for _, n := range bar.Counts[:len(kinds)-1] {
			done += n
		}
		v.Top = max(v.Top, done, bar.Counts[len(kinds)-1])
	}
	for i := range v.Bars {
		v.Bars[i].draw(kinds[len(kinds)-1].Label.Class, v)
	}
	return v
}

// draw lays out one day.
func (b *usageBar) draw(failureClass string, v usageView) {
	top := float64(v.Top)
	height := func(n int) int { return max(2, int(float64(n)/top*float64(chartHeight-1))) }
	y, left := v.Base, float64(b.place)*dayWidth
	last := len(b.Counts) - 1
	for k, n := range b.Counts[:last] {
		if n == 0 {
			continue
		}
		h := height(n)
		y -= h
		b.Parts = append(b.Parts, usagePart{Class: v.Legend[k].Class, X: share(left), Y: y, Width: share(barWidth), Height: h,
			Title: b.Day + ": " + strconv.Itoa(n) + " × " + v.Legend[k].Text})
	}
	if n := b.Counts[last]; n > 0 {
		h := height(n)
		b.Parts = append(b.Parts, usagePart{Class: failureClass, X: share(left + barWidth), Y: v.Base - h, Width: share(failureWidth), Height: h,
			Title: b.Day + ": " + plural(n, "failure", "failures")})
	}
}

// share is a part of a drawing's width, of a hundred.
func share(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }
