package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/tasks"
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

// kinds is everything that can happen, with how often it does.
var kinds = []struct {
	kind  string
	often int
	do    func(w *world, n uint64)
}{
	{"hire", 6, func(w *world, n uint64) {
		p := w.company.hire(int(n % 1000))
		w.change(p, "hired", func(*person) {})
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
			w.change(gone[n%uint64(len(gone))], "restored", func(p *person) { p.deleted = false })
		}
	}},
	{"group member", 8, func(w *world, n uint64) {
		g, p := w.company.groups[n/100%2], w.pick(n)
		name := "ADD_GROUP_MEMBER"
		if g.members[p.id] {
			delete(g.members, p.id)
			name = "REMOVE_GROUP_MEMBER"
		} else {
			g.members[p.id] = true
		}
		defer w.audit(name, map[string]string{"USER_EMAIL": p.email, "GROUP_EMAIL": g.email})
		w.note("company", "%s in %s: %t", p.id, g.email, g.members[p.id])
		w.turn(false)
	}},
	{"group goes or comes back", 1, func(w *world, n uint64) {
		g := w.company.groups[n%2]
		g.gone = !g.gone
		w.note("company", "%s gone: %t", g.email, g.gone)
		w.turn(false)
	}},
	{"org unit renamed", 1, func(w *world, n uint64) {
		w.company.units[3].path = fmt.Sprintf("/Eng%d", n%10)
	}},
	{"edit scope", 3, func(w *world, n uint64) {
		scopes := w.scopes()
		scope := scopes[n%uint64(len(scopes))]
		w.put("edit scope", admin.Proposal{Scope: &scope}, n)
	}},
	{"edit time frames", 4, func(w *world, n uint64) {
		policy := policies[n%uint64(len(policies))]
		w.put("edit time frames", admin.Proposal{Deprovisioning: &policy}, n)
	}},
	{"edit protected", 2, func(w *world, n uint64) {
		list := []string{}
		for i := range n % 3 {
			if p := w.pick(n + 7*i); !p.deleted {
				list = append(list, p.email)
			}
		}
		w.put("edit protected", admin.Proposal{Protected: &list}, n)
	}},
	{"edit guard", 1, func(w *world, n uint64) {
		guard := provision.Guard{MaxShare: []float64{0, 0.05, 0.1, 0.5}[n%4], MinUsers: int(n / 4 % 6)}
		w.put("edit guard", admin.Proposal{Guard: &guard}, n)
	}},
	{"edit mapping", 1, func(w *world, n uint64) {
		w.put("edit mapping", admin.Proposal{Mapping: mappings[n%uint64(len(mappings))]}, n)
	}},
	{"turn off", 1, func(w *world, _ uint64) {
		w.administer("turn off", func(ctx context.Context, in *instance) error { return in.admin.TurnOff(ctx) }, nil)
	}},
	{"turn on", 4, func(w *world, _ uint64) {
		w.administer("turn on", func(ctx context.Context, in *instance) error { return in.admin.TurnOn(ctx, "") }, nil)
	}},
	{"token refused", 1, func(w *world, _ uint64) { w.app.tokens = map[string]bool{} }},
	{"new token", 4, func(w *world, _ uint64) {
		token := w.newToken()
		w.administer("authorize", func(ctx context.Context, in *instance) error {
			return in.admin.Authorize(ctx, secrets.NewValue(token))
		}, nil)
	}},
	{"delete configuration", 1, func(w *world, n uint64) {
		if n%3 != 0 {
			return
		}
		links := w.memory.links()
		w.administer("delete configuration", func(ctx context.Context, in *instance) error { return in.admin.Delete(ctx) }, func(err error) {
			if err == nil {
				clear(w.holds)
				w.deleted(links)
			}
		})
	}},
	{"set up anew", 4, func(w *world, _ uint64) {
		if w.memory.config.Ready() {
			return
		}
		token := w.newToken()
		w.administer("set up anew", func(ctx context.Context, in *instance) error {
			if err := in.admin.Authorize(ctx, secrets.NewValue(token)); err != nil {
				return err
			}
			policy := policies[1]
			return in.admin.Put(ctx, admin.Proposal{Scope: &everybodyInScope, Deprovisioning: &policy}, "")
		}, nil)
	}},
	{"confirm held", 4, func(w *world, _ uint64) { w.decideHeld(true) }},
	{"dismiss held", 1, func(w *world, _ uint64) { w.decideHeld(false) }},
	{"look now", 4, func(w *world, n uint64) {
		p := w.pick(n)
		w.administer("look now", func(ctx context.Context, in *instance) error { return in.lookNow(ctx, p.id) }, nil)
	}},
	{"sweep now", 2, func(w *world, _ uint64) {
		w.administer("sweep now", func(ctx context.Context, in *instance) error { return in.admin.Sweep(ctx) }, nil)
	}},
	{"renew channels", 2, func(w *world, _ uint64) {
		w.administer("renew channels", func(ctx context.Context, in *instance) error { return in.push.Renew(ctx) }, nil)
	}},
	{"suspended by hand", 3, onAccount("suspended by hand", func(w *world, acc *account, _ uint64) {
		if acc.Active {
			w.handle(acc)
			acc.Active, acc.suspendedAt = false, time.Now()
			w.owed[acc.owner+" "+provision.EventSuspend]++ // may be taken for ours after a lost answer
		}
	})},
	{"unsuspended by hand", 2, onAccount("unsuspended by hand", func(w *world, acc *account, _ uint64) {
		if !acc.Active {
			acc.Active, acc.reopenedAt = true, time.Now()
			w.owed[acc.owner+" "+provision.EventUnsuspend]++
		}
	})},
	{"deleted by hand", 2, onAccount("deleted by hand", func(w *world, acc *account, _ uint64) { w.vanish(acc) })},
	{"many deleted by hand", 1, func(w *world, n uint64) {
		for range n % 8 {
			if n /= 8; len(w.app.accounts) > 0 {
				w.vanish(w.app.accounts[n%uint64(len(w.app.accounts))])
			}
		}
		w.count()
	}},
	{"edited by hand", 4, onAccount("edited by hand", func(_ *world, acc *account, n uint64) {
		if n/10%3 == 0 && acc.owner != "" { // by another provisioner
			acc.ExternalID = []string{"", "another"}[n%2]
			return
		}
		acc.Attributes["name.givenName"] = fmt.Sprint("Hand", n%10)
	})},
	{"made by hand", 3, func(w *world, n uint64) {
		p := w.pick(n)
		email := p.email
		if n/100%3 == 0 {
			email = fmt.Sprintf("stranger%d@elsewhere.example", n%1000)
		}
		if w.app.holder(email) != nil {
			return
		}
		external := ""
		if n/1000%3 == 0 {
			external = w.pick(n / 10000).id
			if w.hasAccount(external) {
				external = ""
			}
		}
		if external != "" {
			w.owed[external+" "+provision.EventCreate]++ // may be taken for ours after a crash
		}
		acc := w.app.add(external, provision.Attributes{"userName": email}, "")
		w.note("hand", "%s made, external id %q, name %s", acc.ID, external, email)
	}},
	{"open roles", 2, onAccount("has open roles or none", func(w *world, acc *account, _ uint64) { acc.refuses = !acc.refuses })},
	{"account breaks", 0, onAccount("is broken or whole", func(_ *world, acc *account, n uint64) {
		acc.unreadable, acc.unwritable = n%4 == 1 || n%4 == 2, n%4 == 2 || n%4 == 3
	})},
	{"app down", 2, func(w *world, n uint64) { w.app.downUntil = time.Now().Add(time.Duration(1+n%20) * time.Minute) }},
	{"listing leaves out", 3, func(w *world, n uint64) {
		clear(w.hidden)
		for i := range n % 4 {
			w.hidden[w.pick(n/100+i).id] = true
		}
	}},
	{"crash", 2, func(w *world, n uint64) { w.instances[n%2].die() }},
	{"scheduled sweep", 0, func(w *world, _ uint64) {
		w.queue.add(&delivery{queue: tasks.Sweep, at: time.Now(), path: "/sweep"})
	}},
}

func (w *world) hasAccount(id string) bool {
	return slices.ContainsFunc(w.app.accounts, func(a *account) bool { return a.owner == id || a.ExternalID == id })
}

func onPerson(what string, edit func(*person, uint64)) func(*world, uint64) {
	return func(w *world, n uint64) {
		if p := w.pick(n); !p.deleted {
			w.change(p, what, func(p *person) { edit(p, n) })
		}
	}
}

func onAccount(what string, edit func(*world, *account, uint64)) func(*world, uint64) {
	return func(w *world, n uint64) {
		if len(w.app.accounts) > 0 {
			acc := w.app.accounts[n%uint64(len(w.app.accounts))]
			edit(w, acc, n/100)
			w.note("hand", "%s %s", acc.ID, what)
			w.count()
			w.blur(acc)
			w.touched[acc.ID] = time.Now()
		}
	}
}

// blur forgets what was done to an account and not logged yet: once somebody
// has changed it by hand, an operation whose answer was lost may not show any more.
func (w *world) blur(acc *account) {
	w.effects = slices.DeleteFunc(w.effects, func(e done) bool {
		_, logged := w.events[e.intent]
		return e.account == acc.ID && !logged
	})
}

// vanish deletes an account by hand.
func (w *world) vanish(acc *account) {
	w.note("hand", "%s deleted", acc.ID)
	w.handle(acc)
	w.blur(acc)
	w.touched[acc.ID] = time.Now()
	if acc.owner != "" {
		w.lost[acc.owner] = time.Now()
		w.owed[acc.owner+" "+provision.EventHardDelete]++ // may be taken for ours after a lost answer
	}
	w.app.remove(acc)
}

// handle notes that somebody takes an account away by hand.
func (w *world) handle(acc *account) {
	if acc.owner != "" {
		w.byHand = append(w.byHand, handed{time.Now(), acc.ID})
	}
}

func (w *world) pick(n uint64) *person { return w.company.people[n%uint64(len(w.company.people))] }

func (w *world) rename(p *person, email string) {
	if !p.deleted && w.company.named(email) == nil {
		w.change(p, "renamed to "+email, func(p *person) { p.email = email })
	}
}

func (w *world) authorize(token string) {
	w.insist("authorize", func(ctx context.Context, in *instance) error { return in.admin.Authorize(ctx, secrets.NewValue(token)) })
}

// put edits the configuration: in every fourth edit by confirming a preview of it first.
func (w *world) put(what string, p admin.Proposal, n uint64) {
	named := map[string]bool{}
	w.administer(what, func(ctx context.Context, in *instance) error {
		if n/1000%4 != 0 {
			return in.admin.Put(ctx, p, "")
		}
		preview, err := in.admin.Preview(ctx, p)
		if err != nil {
			return err
		}
		rows, _, err := in.admin.PreviewRows(ctx, preview.ID, provision.PreviewOperations, "", 500)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Confirms {
				named[row.UserID] = true
			}
		}
		worker, _ := ctx.Value(workerKey{}).(*worker)
		worker.edit = &p
		return w.deciding(ctx, w.released, named, func() error { return in.admin.Put(ctx, p, preview.ID) })
	}, nil)
}

// deciding marks people as decided about before the product can act on it.
func (w *world) deciding(ctx context.Context, marked, people map[string]bool, do func() error) error {
	if err := w.park(ctx, "harness: decide", time.Time{}, func(*worker) {
		maps.Copy(marked, people)
		for id := range people {
			w.stirred[id] = time.Now()
		}
	}); err != nil {
		return err
	}
	return do()
}

// decideHeld confirms or dismisses what is held now.
func (w *world) decideHeld(release bool) {
	w.administer("decide held", func(ctx context.Context, in *instance) error {
		list, err := in.admin.Held(ctx)
		if err != nil || list == nil {
			return err
		}
		page, _, err := in.admin.HeldPage(ctx, "", 500)
		if err != nil {
			return err
		}
		people := map[string]bool{}
		for _, rec := range page {
			people[rec.UserID] = true
		}
		marked := w.released
		if !release {
			marked = w.dismissed
		}
		return w.deciding(ctx, marked, people, func() error { return in.admin.Settle(ctx, list.ID, nil, release) })
	}, nil)
}

func (in *instance) lookNow(ctx context.Context, id string) error {
	// The look is about a person, so the worker is one of theirs.
	worker, _ := ctx.Value(workerKey{}).(*worker)
	worker.user = id
	in.world.stirred[id] = time.Now()
	_, _, err := in.admin.Reconcile(ctx, id)
	return err
}

func (w *world) apply(s step) {
	for _, k := range kinds {
		if k.kind == s.kind {
			k.do(w, s.n)
			return
		}
	}
	panic("simulation: there is no step " + s.kind)
}
