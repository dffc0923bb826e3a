package pages

import (
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// timelineView draws conditions and their deadlines on a time axis.
type timelineView struct {
	Width, Height int
	NowX, Axis    int
	From, To      moment
	Rows          []timelineRow
}

type timelineRow struct {
	Label string
	Y     int
	// Since is where the condition began; X is where its line begins, Length how long it is.
	Since     moment
	X, Length int
	Marks     []timelineMark
}

type timelineMark struct {
	X     int
	Class string
	Text  string
	At    moment
	// Past is true for what was due already.
	Past bool
}

const (
	timelineWidth  = 640
	timelineMargin = 16
	timelineRowGap = 46
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
	v := &timelineView{Width: timelineWidth, From: momentAt(from, now), To: momentAt(to, now)}
	x := func(t time.Time) int {
		return timelineMargin + int(float64(t.Sub(from))/float64(to.Sub(from))*float64(timelineWidth-2*timelineMargin))
	}
	v.NowX = x(now)
	for i, d := range person.Deadlines {
		row := timelineRow{Label: sentence(condition(d.Condition.Name)), Y: 40 + i*timelineRowGap, Since: momentAt(d.Condition.Since, now), X: x(d.Condition.Since)}
		end := d.Condition.Since
		for _, mark := range []struct {
			at   time.Time
			kind provision.OperationKind
		}{{d.Suspend, provision.Suspend}, {d.Delete, provision.HardDelete}} {
			if mark.at.IsZero() {
				continue
			}
			l := operationLabel(mark.kind)
			row.Marks = append(row.Marks, timelineMark{X: x(mark.at), Class: l.Class, Text: l.Text, At: momentAt(mark.at, now), Past: mark.at.Before(now)})
			end = later(end, mark.at)
		}
		row.Length = x(later(end, now)) - row.X
		v.Rows = append(v.Rows, row)
	}
	v.Axis = 40 + len(v.Rows)*timelineRowGap
	v.Height = v.Axis + 28
	return v
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sentence begins with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
