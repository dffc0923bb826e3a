package simulation

import (
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// rest is how a life ends: a scope, time frames and protected people drawn
// from its seed, and what happens in the quiet days to a few people, of whom it
// is therefore known when they lose access.
type rest struct {
	scope     admin.ScopeInput
	policy    provision.Deprovisioning
	edited    *provision.Deprovisioning // put in the middle of the quiet days; nil for none
	guard     provision.Guard
	mapping   []provision.MappedAttribute
	protected map[string]bool
	leavers   []*leaver
}

// restPolicies take the access of everybody who should have none within a few
// days: with archived chosen, and with deleted people left to what was recorded before.
func restPolicies() []provision.Deprovisioning {
	chosen, kept := lastPolicy, lastPolicy
	chosen.Archived = &provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "3d"}
	kept.Deleted = provision.TimeFrames{}
	return []provision.Deprovisioning{lastPolicy, chosen, kept}
}

func (w *world) drawRest() rest {
	scopes, policies := w.scopes(), restPolicies()
	r := rest{scope: scopes[w.rng.IntN(len(scopes))], policy: policies[w.rng.IntN(len(policies))], protected: map[string]bool{},
		mapping: mappings[w.rng.IntN(len(mappings))]}
	for range w.rng.IntN(3) {
		if p := w.pick(w.rng.Uint64()); !p.deleted {
			r.protected[p.id] = true
		}
	}
	if r.guard = provision.DefaultGuard; w.rng.IntN(2) == 0 { // nobody is held, so that it is known when they lose access
		r.guard = provision.Guard{MaxShare: 1, MinUsers: 1000}
	}
	if w.rng.IntN(2) == 0 {
		longer := r.policy
		longer.AppOff.SuspendAfter, longer.Suspended.SuspendAfter = "2d", "2d"
		longer.AppOff.DeleteAfter = "3d"
		r.edited = &longer
	}
	return r
}

// protectedAddresses are as an administrator types them. An address that was on
// the list before goes on to protect whom it meant then (R18).
func (w *world) protectedAddresses() []string {
	list := []string{}
	for _, p := range w.company.people {
		if w.rest.protected[p.id] {
			list = append(list, p.email)
		}
	}
	for _, before := range w.memory.config.Protected {
		if slices.Contains(list, before.Email) && before.UserID != "" {
			w.rest.protected[before.UserID] = true
		}
	}
	return list
}

// addressesProtect: an address on the list means whoever has it.
func addressesProtect(w *world) []string {
	var wrong []string
	for _, p := range w.company.people {
		if w.rest.protected[p.id] && !w.memory.config.Protects(p.id, "") {
			wrong = append(wrong, p.id+" is not")
		}
	}
	return wrong
}

// leaver is somebody who stops being active and in scope in the quiet days.
type leaver struct {
	person    *person
	condition provision.ConditionName
	// at is when, and seen the latest time at which the system looks: at once, or
	// with the next sweep when no message told of it.
	at, seen time.Time
	silent   bool
}

// leaveQuietly lets a few people leave: everybody is told of it, or nobody is.
func (w *world) leaveQuietly(nextSweep time.Time) {
	if w.rest.guard.MaxShare < 1 {
		return
	}
	lost := w.faults.lost
	defer func() { w.faults.lost = lost }()
	for range 4 {
		p := w.pick(w.rng.Uint64())
		l := &leaver{person: p, at: time.Now(), silent: w.rng.IntN(2) == 0}
		if w.faults.lost = 0; l.silent {
			w.faults.lost = 1
		}
		if !p.past[len(p.past)-1].active() || w.rest.protected[p.id] || !w.hasAccount(p.id) {
			continue
		}
		l.seen = nextSweep // channels and messages are only ever a help
		w.depart(l)
		if now := p.past[len(p.past)-1]; !now.active() {
			w.rest.leavers = append(w.rest.leavers, l)
		}
	}
}

func (w *world) depart(l *leaver) {
	now := time.Now()
	switch n := w.rng.IntN(5); {
	case n == 0:
		l.condition = provision.ConditionSuspended
		w.change(l.person, "suspended", func(p *person) { p.suspended, p.suspendedAt = true, now })
	case n == 1 && w.rest.policy.Deleted.SuspendAfter != provision.Never:
		l.condition = provision.ConditionDeleted
		w.change(l.person, "deleted", func(p *person) { p.deleted, p.deletedAt = true, now })
	case n == 2 && w.rest.policy.Archived != nil:
		l.condition = provision.ConditionArchived
		w.change(l.person, "archived", func(p *person) { p.archived = true })
	default:
		l.condition = provision.ConditionAppOff
		for _, g := range w.company.groups {
			delete(g.members, l.person.id)
		}
		unit := "ou-root"
		if ops := w.company.unit("ou-ops"); n%2 == 0 && !ops.gone {
			unit = ops.id
		}
		w.change(l.person, "moved", func(p *person) { p.unit = unit })
	}
}

// thenDeleted deletes whoever left otherwise and was seen, where deleted people
// are left to what was recorded before (R3).
func (w *world) thenDeleted() {
	if w.rest.policy.Deleted.SuspendAfter != provision.Never {
		return
	}
	for _, l := range w.rest.leavers {
		if l.condition == provision.ConditionSuspended || l.condition == provision.ConditionAppOff {
			w.change(l.person, "deleted", func(p *person) { p.deleted, p.deletedAt = true, time.Now() })
		}
	}
}

// by is the latest time at which a leaver loses access under time frames: the
// directory's own time counts, else the first look (R3).
func (l *leaver) by(policy provision.Deprovisioning) time.Time {
	since := l.at
	if l.condition == provision.ConditionAppOff || l.condition == provision.ConditionArchived {
		since = l.seen
	}
	days := map[provision.Delay]int{"within24h": 0, "1d": 1, "2d": 2}[policy.For(l.condition).SuspendAfter]
	return latest(since.Add(time.Duration(days)*24*time.Hour), l.seen).Add(2 * time.Hour)
}

// judgeLeavers accuses when somebody still has access who must not, though
// nothing hinders it.
func (w *world) judgeLeavers(policy provision.Deprovisioning, edited bool) {
	for _, l := range w.rest.leavers {
		if w.hindered(l.person) || !time.Now().After(l.by(policy)) {
			continue
		}
		rule := "R4: who leaves loses access in time"
		switch {
		case edited:
			rule = "R9: new time frames count from the same since"
		case l.silent && l.condition != provision.ConditionAppOff && l.condition != provision.ConditionArchived:
			rule = "R3: since is the directory's own time"
		}
		for _, acc := range w.app.accounts {
			if acc.owner == l.person.id && acc.Active {
				w.accuse(rule, "%s left at %s, %s, and has access: %s", l.person.id, stamp(l.at), l.condition, w.memory.why(l.person.id))
			}
		}
	}
}

// left reports whether somebody left in the quiet days.
func (r rest) left(p *person) bool {
	return slices.ContainsFunc(r.leavers, func(l *leaver) bool { return l.person == p })
}

// silent reports whether somebody left in the quiet days and no message told of it.
func (r rest) silent(p *person) bool {
	return slices.ContainsFunc(r.leavers, func(l *leaver) bool { return l.person == p && l.silent })
}

// stays reports whether nothing is demanded of the account of somebody who is
// not active and in scope.
func (w *world) stays(p *person) bool {
	now := p.past[len(p.past)-1]
	switch {
	case w.allDismissed(p) || w.rest.protected[p.id]:
		return true
	case now.lifecycle == provision.Archived:
		return w.rest.policy.Archived == nil
	case now.lifecycle == provision.Deleted && w.rest.policy.Deleted.SuspendAfter == provision.Never:
		return !w.rest.left(p)
	}
	return false
}

// attentionListed: protected people of whom something is due, and archived people who
// still have an active account, are listed for attention.
func attentionListed(kind provision.AttentionKind) func(*world) []string {
	return func(w *world) []string {
		var wrong []string
		for _, p := range w.company.people {
			now, rec := p.past[len(p.past)-1], w.memory.records[p.id]
			acc := w.app.get(rec.Account.ID)
			if acc == nil || acc.owner != p.id || now.active() || w.allDismissed(p) || now.from.After(w.quietSince) {
				continue
			}
			archived := now.lifecycle == provision.Archived && w.rest.policy.Archived == nil
			want := w.rest.protected[p.id] && !archived && !(now.lifecycle == provision.Deleted && w.rest.policy.Deleted.SuspendAfter == provision.Never)
			if kind == provision.AttentionArchived {
				want = archived && acc.Active
			}
			if want && !slices.ContainsFunc(rec.Attention, func(a provision.Attention) bool { return a.Kind == kind }) {
				wrong = append(wrong, fmt.Sprintf("%s is %s and %s, has the account %s, and is not listed: %s", p.id, now.lifecycle, now.scope, acc.ID, w.memory.why(p.id)))
			}
		}
		return wrong
	}
}
