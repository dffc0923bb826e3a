package simulation

import (
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/tasks"
)

// handKinds is what somebody does in the app by hand, and what happens to the app.
var handKinds = []kind{
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
	{"edited by hand", 4, onAccount("edited by hand", func(w *world, acc *account, n uint64) {
		name := fmt.Sprintf("hand%d@elsewhere.example", n%1000)
		if n/30%2 == 0 {
			name = w.pick(n / 100).email
		}
		switch {
		case n/10%3 == 0 && acc.owner != "": // by another provisioner
			acc.ExternalID = []string{"", "another"}[n%2]
			if link := w.memory.records[acc.owner].Account; link.ID != acc.ID || !link.Exists() {
				acc.owner = "" // made again, and nobody has seen yet that it was ours
			}
		case n/10%3 == 1 && acc.owner != "" && w.app.holder(name) == nil:
			acc.UserName, acc.Attributes["userName"] = name, name
		default:
			acc.Attributes["name.givenName"] = fmt.Sprint("Hand", n%10)
		}
	})},
	{"made again by hand", 3, func(w *world, n uint64) {
		if len(w.app.removed) == 0 {
			return
		}
		acc := w.app.removed[n%uint64(len(w.app.removed))]
		if acc.owner == "" || w.app.get(acc.ID) != nil || w.hasAccount(acc.owner) || w.app.holder(acc.UserName) != nil {
			return
		}
		w.owed[acc.owner+" "+provision.EventCreate]++ // may be taken for ours after a crash
		w.owed[acc.owner+" "+provision.EventUpdate]++ // or for adopted
		if n/100%2 == 0 {                             // the same, undeleted
			w.app.accounts = append(w.app.accounts, acc)
			delete(w.lost, acc.owner)
			if link := w.memory.records[acc.owner].Account; link.ID != acc.ID || !link.Exists() && acc.ExternalID != acc.owner {
				acc.owner = "" // nothing tells that it was ours
			}
		} else {
			acc = w.app.add(acc.owner, acc.Attributes, "")
		}
		w.touched[acc.ID] = time.Now()
		w.blur(acc)
		w.note("hand", "%s made again, external id %q, name %s", acc.ID, acc.ExternalID, acc.UserName)
		w.count()
	}},
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
