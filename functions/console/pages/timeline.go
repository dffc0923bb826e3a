package pages

import (
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

// timelineView draws conditions and their deadlines on a time axis.
type timelineView struct {
	// Height and Axis are in pixels; what lies across is parts of the width, so that it fits any window.
	Height, Axis    int
	NowX, NowAnchor string
	// NowLines are the pieces of the line that stands at now; it leaves out the texts.
	NowLines []verticalLine
	From, To string
	Rows     []timelineRow
}

type verticalLine struct{ Top, End int }

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
	// Is completes "Suspend …": done, due or was due.
	Is string
	// Not says why it does not come, although the time frames order it; empty when it does.
	Not string
}

const (
	timelineMargin = 2.5 // on each side, of a hundred
	timelineTop    = 52
	timelineRowGap = 84
)

// event is what a condition orders, with when it was done, or is due.
type event struct {
	kind provision.OperationKind
	at   time.Time
	is   string
	not  string
}

// events are what a condition orders, in order.
func (s standing) events(d decide.Deadline) []event {
	var list []event
	add := func(kind provision.OperationKind, due time.Time) {
		done := s.doneAt(kind)
		switch {
		case due.IsZero():
		case !done.IsZero():
			list = append(list, event{kind, done, "done", ""})
		case due.Before(s.now):
			list = append(list, event{kind, due, "was due", s.not(kind, d.Condition)})
		default:
			list = append(list, event{kind, due, "due", s.not(kind, d.Condition)})
		}
	}
	add(provision.Suspend, d.Suspend)
	add(provision.HardDelete, d.Delete)
	return list
}

// doneAt is when a removal was done to the account as it is; zero when it was not.
func (s standing) doneAt(kind provision.OperationKind) time.Time {
	account := s.person.Account
	switch {
	case !account.Exists() && kind == provision.HardDelete:
		return account.RemovedAt
	case account.State != provision.AccountActive && kind == provision.Suspend:
		return account.SuspendedAt
	}
	return time.Time{}
}

// not says why a removal does not come when a condition's time frame orders it; empty when it does.
func (s standing) not(kind provision.OperationKind, c provision.Condition) string {
	_, dismissed := dismissal(s.person.Record, kind, c)
	_, suspendDismissed := dismissal(s.person.Record, provision.Suspend, c)
	switch {
	case s.frozen(), s.person.Directory == provision.Archived && c.Name != provision.ConditionArchived:
		return "waits until they are unarchived"
	case s.protected():
		return "does not come: they are protected"
	case !s.c.On:
		return "does not come while autoprovisioning is off"
	case dismissed:
		return "does not come: an administrator dismissed it"
	case suspendDismissed && s.person.Account.State == provision.AccountActive:
		return "does not come: an administrator dismissed the suspend before it"
	}
	return ""
}

// timeline is nil for who has no condition.
func (s standing) timeline() *timelineView {
	if len(s.person.Deadlines) == 0 {
		return nil
	}
	from, to := s.now, s.now
	widen := func(t time.Time) {
		if t.Before(from) {
			from = t
		}
		if t.After(to) {
			to = t
		}
	}
	for _, d := range s.person.Deadlines {
		widen(d.Condition.Since)
		for _, e := range s.events(d) {
			widen(e.at)
		}
	}
	if to.Sub(from) < 24*time.Hour {
		to = from.Add(24 * time.Hour)
	}
	x := func(t time.Time) float64 {
		return timelineMargin + float64(t.Sub(from))/float64(to.Sub(from))*(100-2*timelineMargin)
	}
	v := &timelineView{From: dayOf(from), To: dayOf(to), NowX: share(x(s.now)), NowAnchor: anchor(x(s.now)), NowLines: []verticalLine{{16, timelineTop - 24}}}
	for i, d := range s.person.Deadlines {
		y := timelineTop + i*timelineRowGap
		v.Rows = append(v.Rows, s.timelineRow(d, y, x))
		v.NowLines = append(v.NowLines, verticalLine{y - 6, y + 12}, verticalLine{y + 46, y + 60})
	}
	v.Axis = timelineTop + len(v.Rows)*timelineRowGap - 22
	v.Height = v.Axis + 24
	return v
}

func (s standing) timelineRow(d decide.Deadline, y int, x func(time.Time) float64) timelineRow {
	since := d.Condition.Since
	row := timelineRow{Label: sentence(condition(s.app, d.Condition.Name)), Y: y, Since: momentAt(since, s.now), X: share(x(since))}
	end := s.now
	for _, e := range s.events(d) {
		l := operationLabel(e.kind)
		mark := timelineMark{X: share(x(e.at)), Class: l.Class, Text: l.Text, Day: dayOf(e.at), At: momentAt(e.at, s.now),
			TextY: y + 24 + 16*len(row.Marks), Anchor: anchor(x(e.at)), Is: e.is, Not: e.not}
		row.Marks = append(row.Marks, mark)
		end = later(end, e.at)
	}
	row.Length = share(x(end) - x(since))
	return row
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
