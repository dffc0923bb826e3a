package pages

import (
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// timelineView draws conditions and their deadlines on a time axis.
type timelineView struct {
	// Height and Axis are in pixels; what lies across is parts of the width, so that it fits any window.
	Height, Axis    int
	NowX, NowAnchor string
	From, To        string
	Rows            []timelineRow
}

type timelineRow struct {
	Label string
	Y     int
	// Since is where the condition began; X is where its line begins, Length how long it is.
	Since     moment
	X, Length string
	Marks     []timelineMark
}

type timelineMark struct {
	X         string
	Class     string
	Text, Day string
	At        moment
	// TextY is where its text stands, and Anchor the class that says on which side.
	TextY  int
	Anchor string
	// Past is true for what was due already.
	Past bool
}

const (
	timelineMargin = 2.5 // on each side, of a hundred
	timelineTop    = 52
	timelineRowGap = 84
)

// viewTimeline is nil for who has no condition.
func viewTimeline(person admin.Person, now time.Time) *timelineView {
	if len(person.Deadlines) == 0 {
		return nil
	}
	from, to := now, now
	widen := func(t time.Time) {
		if t.IsZero() {
			return
		}
		if t.Before(from) {
			from = t
		}
		if t.After(to) {
			to = t
		}
	}
	for _, d := range person.Deadlines {
		widen(d.Condition.Since)
		widen(d.Suspend)
		widen(d.Delete)
	}
	if to.Sub(from) < 24*time.Hour {
		to = from.Add(24 * time.Hour)
	}
	v := &timelineView{From: dayOf(from), To: dayOf(to)}
	x := func(t time.Time) float64 {
		return timelineMargin + float64(t.Sub(from))/float64(to.Sub(from))*(100-2*timelineMargin)
	}
	v.NowX, v.NowAnchor = share(x(now)), anchor(x(now))
	for i, d := range person.Deadlines {
		row := timelineRow{Label: sentence(condition(d.Condition.Name)), Y: timelineTop + i*timelineRowGap, Since: momentAt(d.Condition.Since, now), X: share(x(d.Condition.Since))}
		end := d.Condition.Since
		for _, mark := range []struct {
			at   time.Time
			kind provision.OperationKind
		}{{d.Suspend, provision.Suspend}, {d.Delete, provision.HardDelete}} {
			if mark.at.IsZero() {
				continue
			}
			l := operationLabel(mark.kind)
			row.Marks = append(row.Marks, timelineMark{X: share(x(mark.at)), Class: l.Class, Text: l.Text, Day: dayOf(mark.at), At: momentAt(mark.at, now),
				TextY: row.Y + 24 + 16*len(row.Marks), Anchor: anchor(x(mark.at)), Past: mark.at.Before(now)})
			end = later(end, mark.at)
		}
		row.Length = share(x(later(end, now)) - x(d.Condition.Since))
		v.Rows = append(v.Rows, row)
	}
	v.Axis = timelineTop + len(v.Rows)*timelineRowGap - 22
	v.Height = v.Axis + 24
	return v
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dayOf is a day as the axis shows it.
func dayOf(t time.Time) string { return t.UTC().Format("2 Jan") }

// anchor is the class that keeps a text at x, of a hundred, within the drawing.
func anchor(x float64) string {
	switch {
	case x < 20:
		return "to-right"
	case x > 80:
		return "to-left"
	}
	return "middle"
}
