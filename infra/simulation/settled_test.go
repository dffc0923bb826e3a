package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// lastPolicy ends every life: after some quiet days nothing is pending.
var lastPolicy = provision.Deprovisioning{
	AppOff:    provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "2d"},
	Suspended: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "3d"},
	Deleted:   provision.TimeFrames{SuspendAfter: "within24h", DeleteAfter: "1d"},
}

// end brings a life to rest: nothing goes wrong any more, nobody does anything
// by hand, an administrator confirms what is held, and days pass with a sweep
// in each. Then everything must be as the rules demand.
func (w *world) end() {
	clear(w.hidden)
	w.app.downUntil = time.Time{}
	for _, g := range w.company.groups {
		g.gone = false
	}
	for _, acc := range w.app.accounts {
		acc.refuses = false
	}
	w.turn(false)
	w.run(time.Now().Add(time.Hour))
	w.clearConflicts()
	w.insist("init", func(ctx context.Context, in *instance) error { return in.admin.Init(ctx) })
	w.authorize(w.newToken())
	w.insist("last edit", func(ctx context.Context, in *instance) error {
		policy, nobody := lastPolicy, []string{}
		return in.admin.Put(ctx, admin.Proposal{Scope: &everybodyInScope, Deprovisioning: &policy, Protected: &nobody}, "")
	})
	w.insist("turn on", func(ctx context.Context, in *instance) error { return in.admin.TurnOn(ctx, "") })
	w.quietSince = time.Now()
	w.rest()
	if w.anyBroken() {
		for _, wrong := range unstopped(w) {
			w.accuse(unstoppable, "%s", wrong)
		}
		for _, acc := range w.app.accounts {
			acc.unreadable, acc.unwritable = false, false
		}
		w.quietSince = time.Now()
		w.rest()
	}
	if len(w.broken) > 0 {
		return
	}
	for _, s := range settled {
		for _, wrong := range s.check(w) {
			w.accuse(s.rule, "%s", wrong)
		}
	}
}

// rest lets days pass, each of 25 hours, so that no deadline of whole days falls on a sweep.
func (w *world) rest() {
	for range 8 {
		w.apply(step{kind: "scheduled sweep"})
		w.run(time.Now().Add(13 * time.Hour))
		if sw := w.memory.sweeps.Current; sw == nil || sw.State != provision.SweepDone {
			w.accuse(unstoppable, "the sweep is not done: %+v", sw)
		}
		w.decideHeld(true)
		w.run(time.Now().Add(12 * time.Hour))
	}
}

const unstoppable = "R2: one person's failure never stops another's"

func (w *world) anyBroken() bool { return slices.ContainsFunc(w.app.accounts, (*account).broken) }

// unstopped says what is wrong with everybody over whom the app does not fail,
// and whose name is held by nobody over whom it does.
func unstopped(w *world) []string {
	var wrong []string
	for _, p := range w.company.people {
		if !slices.ContainsFunc(w.app.accounts, func(acc *account) bool {
			return acc.broken() && (acc.owner == p.id || strings.EqualFold(acc.UserName, p.email))
		}) {
			wrong = append(wrong, w.demanded(p)...)
		}
	}
	return wrong
}

// clearConflicts does what an administrator of the app would do about accounts
// that stand in somebody's way: removes those that are nobody's of ours, and
// renames those to which we do nothing: of archived people (R6), and of people
// whose removal was dismissed (R12).
func (w *world) clearConflicts() {
	for _, acc := range slices.Clone(w.app.accounts) {
		holder := w.company.named(acc.UserName)
		if owner := w.company.person(acc.owner); owner != nil && (owner.archived && !owner.deleted || w.dismissed[owner.id]) && holder != nil && holder != owner {
			acc.UserName = "renamed-" + acc.UserName
			acc.Attributes["userName"] = acc.UserName
			w.note("hand", "%s renamed", acc.ID)
		}
		if acc.owner == "" && (holder != nil || acc.ExternalID != "") {
			w.note("hand", "%s deleted", acc.ID)
			w.app.remove(acc)
		}
	}
	w.count()
}

// settled is the checkers at rest: what is wrong, one line for each.
var settled = []struct {
	rule  string
	check func(*world) []string
}{
	{"R2, R4, R5, R6, R16, R17: the app is as the rules demand", asDemanded},
	{"§3: no lease, intent, hold or retry is left", nothingLeft},
	{"R14: every operation is one event", oneEventEach},
	{"R15: tokens are in the secret store only", noTokenStored},
}

func asDemanded(w *world) []string {
	var wrong []string
	for _, p := range w.company.people {
		wrong = append(wrong, w.demanded(p)...)
	}
	return wrong
}

// demanded says in which the app is not as the rules demand about one person.
func (w *world) demanded(p *person) []string {
	var own []*account
	for _, acc := range w.app.accounts {
		if acc.owner == p.id {
			own = append(own, acc)
		}
	}
	now := p.past[len(p.past)-1]
	switch {
	case len(own) > 1:
		return []string{p.id + " has more than one account"}
	case now.lifecycle == provision.Archived:
	case now.active() && len(own) == 0 && w.dismissed[p.id]: // nor its new account (R17)
	case now.active() && len(own) == 0:
		return []string{p.id + " is active and in scope, and has no account: " + w.memory.why(p.id)}
	case now.active():
		return w.unlike(p, own[0])
	case len(own) > 0 && !w.dismissed[p.id]:
		return []string{fmt.Sprintf("%s is %s and %s, and has the account %s: %s", p.id, now.lifecycle, now.scope, own[0].ID, w.memory.why(p.id))}
	}
	return nil
}

// unlike says in which the account of somebody active and in scope is not as it must be.
func (w *world) unlike(p *person, acc *account) []string {
	var wrong []string
	rec := w.memory.records[p.id]
	if !acc.Active {
		wrong = append(wrong, p.id+" is active and in scope, and the account is suspended: "+w.memory.why(p.id))
	}
	if acc.ExternalID != p.id {
		wrong = append(wrong, p.id+" has an account with another external id")
	}
	if rec.Account.ID != acc.ID {
		wrong = append(wrong, p.id+" is linked to another account")
	}
	want := map[string]string{"userName": p.email, "name.givenName": p.given, "name.familyName": p.family, `emails[type eq "work"].value`: p.email}
	if len(w.memory.config.Mapping) > len(mappings[0]) {
		want["title"] = p.family
	}
	for _, given := range rec.Left {
		delete(want, given)
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if value := want[path]; acc.Attributes[path] != value {
			wrong = append(wrong, fmt.Sprintf("%s has %s = %v, want %s: %s", p.id, path, acc.Attributes[path], value, w.memory.why(p.id)))
		}
	}
	return wrong
}

// why says what a record waits for.
func (m *memory) why(id string) string {
	rec := m.records[id]
	return fmt.Sprintf("account %q %s, conditions %v, next %v, retries %v, verdicts %v, gone %v", rec.Account.ID, rec.Account.State, rec.Conditions, rec.Next, rec.Retries, rec.Verdicts, rec.GoneAt)
}

func nothingLeft(w *world) []string {
	var wrong []string
	for _, rec := range w.memory.sorted() {
		switch {
		case rec.Intent != nil || rec.Lease != nil:
			wrong = append(wrong, rec.UserID+" has an intent or a lease")
		case rec.Lifecycle == provision.Archived: // theirs waits (R6)
		case rec.Hold != nil:
			wrong = append(wrong, rec.UserID+" is held")
		case len(rec.Retries) > 0:
			wrong = append(wrong, rec.UserID+" waits: "+rec.Retries[0].Error)
		case rec.Next != nil:
			wrong = append(wrong, fmt.Sprintf("%s has a pending %s at %s", rec.UserID, rec.Next.Operation, stamp(rec.Next.At)))
		}
	}
	if sw := w.memory.sweeps.Current; sw == nil || sw.State != provision.SweepDone {
		wrong = append(wrong, fmt.Sprintf("the last sweep is not done: %+v", sw))
	}
	if n := len(w.overdue()); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d deliveries wait: %v", n, w.overdue()))
	}
	return wrong
}

func oneEventEach(w *world) []string {
	var wrong []string
	for _, e := range w.effects {
		if _, logged := w.events[e.intent]; !logged {
			wrong = append(wrong, fmt.Sprintf("%s of %s for %s has no event %s", e.kind, e.account, e.person, e.intent))
		}
	}
	return wrong
}

func noTokenStored(w *world) []string {
	if text := fmt.Sprintf("%+v %+v %+v", w.memory.config, w.memory.sorted(), w.memory.events); strings.Contains(text, tokenMark) {
		return []string{"the state holds a token"}
	}
	return nil
}
