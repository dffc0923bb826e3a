package simulation

import (
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// verdict is whether somebody is in scope (R1); unknown decides nothing (R13).
type verdict string

const (
	in      verdict = "in scope"
	out     verdict = "out of scope"
	unknown verdict = "in a scope that is not known"
)

// segment is what a person was from a time until the next segment's.
type segment struct {
	from      time.Time
	lifecycle provision.Lifecycle
	scope     verdict
	// edit is true when an edit of the configuration began it, and nothing in the directory.
	edit bool
}

func (s segment) active() bool { return s.lifecycle == provision.Active && s.scope == in }

// turn brings everybody's past up to date after something changed.
func (w *world) turn(edit bool) {
	now := time.Now()
	for _, p := range w.company.people {
		s := segment{from: now, lifecycle: p.lifecycle(), scope: w.scopeOf(p, w.memory.config.Scope), edit: edit}
		if n := len(p.past); n == 0 || p.past[n-1].lifecycle != s.lifecycle || p.past[n-1].scope != s.scope {
			p.past = append(p.past, s)
		}
	}
}

// scopeOf is rule R1, being archived apart.
func (w *world) scopeOf(p *person, s *provision.Scope) verdict {
	if s == nil || s.PrimaryDomain != w.company.primary {
		return unknown
	}
	_, domain, _ := strings.Cut(p.email, "@")
	listed := slices.Contains(s.Domains, domain)
	if len(s.Groups) > 0 && domain != w.company.primary && !listed || len(s.Groups) == 0 && len(s.Domains) > 0 && !listed {
		return out
	}
	on := w.unitOn(p, s)
	if on != in {
		if by := w.member(p, s.AccessGroups); by != out {
			on = by
		}
	}
	if on != in || len(s.Groups) == 0 {
		return on
	}
	return w.member(p, s.Groups)
}

// unitOn is the nearest explicit on or off. Nobody is out while a unit that was
// turned on has gone: it may be theirs, and be made anew (R13).
func (w *world) unitOn(p *person, s *provision.Scope) verdict {
	for id := p.unit; id != ""; id = w.company.unit(id).parent {
		for _, state := range s.OrgUnits {
			if state.ID == id && state.On {
				return in
			}
			if state.ID == id {
				return w.unlessGone(s)
			}
		}
	}
	return w.unlessGone(s)
}

func (w *world) unlessGone(s *provision.Scope) verdict {
	for _, state := range s.OrgUnits {
		if state.On && w.company.unit(state.ID).gone {
			return unknown
		}
	}
	return out
}

func (w *world) member(p *person, groups []provision.GroupRef) verdict {
	answer := out
	for _, ref := range groups {
		is := unknown // a group that has gone decides nothing
		if g := w.company.present(ref.ID); g != nil {
			is = g.membership(p.id)
		}
		if is == in {
			return in
		}
		if is == unknown {
			answer = unknown
		}
	}
	return answer
}

// between lists the places in a person's past that overlap a stretch of time.
func (p *person) between(from, to time.Time) []int {
	var places []int
	for i, s := range p.past {
		if !s.from.After(to) && (i+1 == len(p.past) || p.past[i+1].from.After(from)) {
			places = append(places, i)
		}
	}
	return places
}

// unseen is how long something may have been otherwise while the system ran, and
// no look must have seen it: sweeps come daily, and some fail.
const unseen = 3 * 24 * time.Hour

// began is the earliest time at which something may have begun that holds at a
// place in a person's past: back to where it last did not hold for long enough
// to be seen. edit is true when an edit began it.
func (w *world) began(p *person, place int, holds func(segment) bool) (at time.Time, edit bool) {
	at, edit = p.past[place].from, p.past[place].edit
	until := at // the end of the stretch that is looked at
	for i := place - 1; i >= 0; i-- {
		s := p.past[i]
		switch {
		case holds(s):
			at, edit, until = s.from, s.edit, s.from
		case w.running(s.from, until) >= unseen:
			return at, edit
		}
	}
	return at, edit
}

// condition gives the earliest time since when a condition may hold at a place in
// somebody's past (R3, R6); false when it cannot hold there. Lasting is what
// keeps it once it has begun.
func (w *world) condition(p *person, name provision.ConditionName, place int) (since time.Time, edit, ok bool) {
	s := p.past[place]
	var begins, lasting func(segment) bool
	switch name {
	case provision.ConditionDeleted:
		begins = func(s segment) bool { return s.lifecycle == provision.Deleted }
		lasting = begins
	case provision.ConditionArchived: // where it was chosen, which the policies in force tell
		begins = func(s segment) bool { return s.lifecycle == provision.Archived }
		lasting = func(s segment) bool { return s.lifecycle == provision.Archived || s.lifecycle == provision.Deleted }
	case provision.ConditionSuspended:
		begins = func(s segment) bool { return s.lifecycle == provision.Suspended }
		lasting = func(s segment) bool { return s.lifecycle != provision.Active }
	case provision.ConditionAppOff:
		begins = func(s segment) bool { return s.lifecycle == provision.Active && s.scope == out }
		lasting = func(s segment) bool { // archived and deleted people keep what was recorded before
			return s.lifecycle == provision.Deleted || s.lifecycle == provision.Archived || s.scope != in
		}
	}
	if begins == nil || !lasting(s) {
		return since, false, false
	}
	since, _ = w.began(p, place, lasting)
	for i := range place + 1 {
		if p.past[i].from.Before(since) { // but not what lasted no time at all, which a stale read shows for long
			continue
		}
		if begins(p.past[i]) || name == provision.ConditionAppOff && p.past[i].scope == out && p.justActive(i) {
			if at, hidden := w.unseenArchiving(p, i); hidden && name == provision.ConditionSuspended {
				return at, false, true
			}
			return p.past[i].from, p.past[i].edit, true
		}
	}
	return since, false, false
}

// unseenArchiving is the beginning of an archiving that ended at a place in
// somebody's past, and that no look need have seen since records were last
// wiped: what it hid is dated by the directory alone.
func (w *world) unseenArchiving(p *person, place int) (at time.Time, is bool) {
	if place == 0 || p.past[place-1].lifecycle != provision.Archived {
		return at, false
	}
	at = p.past[place-1].from
	return at, w.running(latest(at, w.wipedAt), p.past[place].from) < unseen
}

// justActive reports whether a read at a place in a person's past, which may be
// stale, can still say that they are active.
func (p *person) justActive(place int) bool {
	for j := range place {
		if p.past[j].lifecycle == provision.Active && p.past[place].from.Sub(p.past[j+1].from) < staleFor {
			return true
		}
	}
	return false
}

// setting is a configuration and the time from which it was stored.
type setting struct {
	at time.Time
	c  provision.Configuration
}

// configured notes that a configuration was stored.
func (w *world) configured(c provision.Configuration) {
	last := provision.Configuration{}
	if n := len(w.settings); n > 0 {
		last = w.settings[n-1].c
	}
	if last.Revision == c.Revision && last.Authorization == c.Authorization {
		return
	}
	now := time.Now()
	if c.On && !last.On {
		w.turnedOn = now
	}
	if c.Authorization.State == provision.NeedsReauthorizing && last.Authorization.State == provision.AuthorizationOK {
		for _, s := range w.safe[secrets.AppToken] {
			if s.version == c.Authorization.SecretVersion && w.app.tokens[s.value.Reveal()] {
				w.accuse("R11: only a refused token needs to be replaced", "the app accepts version %s", s.version)
			}
		}
	}
	for _, p := range last.Protected {
		if !slices.ContainsFunc(c.Protected, func(q provision.Protected) bool { return q.UserID == p.UserID && q.AccountID == p.AccountID }) {
			w.unprotected[p.UserID] = now
		}
	}
	w.settings = append(w.settings, setting{now, c})
	w.note("configuration", "revision %d, on %t, %s", c.Revision, c.On, c.Authorization.State)
	w.turn(true)
}

// during lists the configurations in force at any moment of a stretch of time.
func (w *world) during(from, to time.Time) []setting {
	var list []setting
	for i, s := range w.settings {
		if !s.at.After(to) && (i+1 == len(w.settings) || !w.settings[i+1].at.Before(from)) { // much happens at one moment
			list = append(list, s)
		}
	}
	return list
}

// running is for how long of a stretch of time the system was on and authorized,
// and the directory was the company's own.
func (w *world) running(from, to time.Time) (total time.Duration) {
	for i, s := range w.settings {
		end := to
		if i+1 < len(w.settings) {
			end = earliest(to, w.settings[i+1].at)
		}
		if begin := latest(from, s.at); s.c.Runs() && end.After(begin) {
			total += end.Sub(begin)
			for _, f := range w.foreign {
				if a, b := latest(begin, f.from), earliest(end, f.to); b.After(a) {
					total -= b.Sub(a)
				}
			}
		}
	}
	return total
}
