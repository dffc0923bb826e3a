package simulation

import (
	"fmt"
	"slices"
	"time"
)

// step is one thing that somebody does, at a time after the beginning. n says
// to whom and how; what does not apply any more does nothing.
type step struct {
	at   time.Duration
	kind string
	n    uint64
}

func (s step) String() string {
	return fmt.Sprintf("%10v %s %d", s.at.Truncate(time.Second), s.kind, s.n)
}

// kind is one kind of step, with how often it comes.
type kind struct {
	name  string
	often int
	do    func(w *world, n uint64)
}

// kinds is everything that can happen.
var kinds = slices.Concat(peopleKinds, organizationKinds, settingKinds, handKinds)

// peopleKinds is what happens to people.
var peopleKinds = []kind{
	{"hire", 6, func(w *world, n uint64) {
		p := w.company.hire(int(n % 1000))
		if p.deleted = true; w.company.unit(p.unit).gone { // not there yet, as a stale read says
			p.unit = "ou-root"
		}
		w.change(p, "hired", func(p *person) { p.deleted = false })
	}},
	{"suspend", 14, onPerson("suspended", func(p *person, _ uint64) { p.suspended, p.suspendedAt = true, time.Now() })},
	{"unsuspend", 10, onPerson("unsuspended", func(p *person, _ uint64) { p.suspended = false })},
	{"archive", 5, onPerson("archived", func(p *person, _ uint64) { p.archived = true })},
	{"unarchive", 6, onPerson("unarchived", func(p *person, _ uint64) { p.archived = false })},
	{"move", 10, func(w *world, n uint64) {
		unit := w.company.units[n/100%uint64(len(w.company.units))]
		if p := w.pick(n); !p.deleted && !unit.gone {
			w.change(p, "moved to "+unit.path, func(p *person) { p.unit = unit.id })
		}
	}},
	{"change", 6, onPerson("changed their name", func(p *person, n uint64) { p.given = fmt.Sprint("Given", n%997) })},
	{"title", 4, onPerson("changed their title", func(p *person, n uint64) {
		if p.title = ""; n/100%3 != 0 {
			p.title = fmt.Sprint("Title", n%97)
		}
	})},
	{"rename", 4, func(w *world, n uint64) { w.rename(w.pick(n), fmt.Sprintf("new%d@%s", n%100000, primaryDomain)) }},
	{"take over an address", 5, func(w *world, n uint64) {
		from, to := w.pick(n), w.pick(n/100)
		if from == to || from.deleted || to.deleted {
			return
		}
		freed := from.email
		w.rename(from, fmt.Sprintf("was%d@%s", n%100000, primaryDomain))
		w.rename(to, freed)
	}},
	{"delete", 8, onPerson("deleted", func(p *person, _ uint64) { p.deleted, p.deletedAt = true, time.Now() })},
	{"restore", 6, func(w *world, n uint64) {
		var gone []*person
		for _, p := range w.company.people {
			if p.deleted && time.Since(p.deletedAt) < 20*24*time.Hour && w.company.named(p.email) == nil {
				gone = append(gone, p)
			}
		}
		if len(gone) > 0 {
			w.change(gone[n%uint64(len(gone))], "restored", func(p *person) {
				for p.deleted = false; w.company.unit(p.unit).gone; {
					p.unit = w.company.unit(p.unit).parent
				}
			})
		}
	}},
}

func onPerson(what string, edit func(*person, uint64)) func(*world, uint64) {
	return func(w *world, n uint64) {
		if p := w.pick(n); !p.deleted {
			w.change(p, what, func(p *person) { edit(p, n) })
		}
	}
}

func (w *world) pick(n uint64) *person { return w.company.people[n%uint64(len(w.company.people))] }

func (w *world) rename(p *person, email string) {
	if !p.deleted && w.company.named(email) == nil {
		w.change(p, "renamed to "+email, func(p *person) { p.email = email })
	}
}

func (w *world) apply(s step) {
	for _, k := range kinds {
		if k.name == s.kind {
			k.do(w, s.n)
			return
		}
	}
	panic("simulation: there is no step " + s.kind)
}
