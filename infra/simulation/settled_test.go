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
	w.foreign = nil
	for _, g := range w.company.groups {
		g.gone, g.hidden = g.replaced, false
	}
	for _, acc := range w.app.accounts {
		acc.refuses = false
	}
	w.mendMost()
	w.turn(false)
	w.run(time.Now().Add(time.Hour))
	w.rest = w.drawRest()
	w.clearConflicts()
	w.insist("init", func(ctx context.Context, in *instance) error { return in.admin.Init(ctx) })
	w.authorize(w.newToken())
	addresses := w.protectedAddresses()
	w.insist("last edit", func(ctx context.Context, in *instance) error {
		connection := in.admin.Connection
		return in.admin.Put(ctx, admin.Proposal{Scope: &w.rest.scope, Deprovisioning: &w.rest.policy, Protected: &addresses, Guard: &w.rest.guard,
			Mapping: w.rest.mapping, Connection: &connection}, "")
	})
	w.insist("turn on", func(ctx context.Context, in *instance) error { return in.admin.TurnOn(ctx, "") })
	w.quietSince = time.Now()
	w.quietDays(true)
	if w.anyBroken() {
		for _, b := range unstopped(w) {
			if !w.allBroken() {
				w.accuse(unstoppable, "%s", b.text)
			}
		}
		for _, acc := range w.app.accounts {
			acc.unreadable, acc.unwritable = false, false
		}
		w.quietSince = time.Now()
		w.quietDays(false)
	}
	if len(w.broken) > 0 {
		return
	}
	for _, p := range w.company.people {
		for _, b := range w.demanded(p) {
			w.accuse(b.rule, "%s", b.text)
		}
	}
	for _, s := range settled {
		for _, wrong := range s.check(w) {
			w.accuse(s.rule, "%s", wrong)
		}
	}
}

// mendMost leaves three accounts over which the app fails, and one that it fails
// to change: of more, with nobody else who has anything to do, nobody can tell
// that the app does not fail everybody, and it is asked until it answers (R2).
func (w *world) mendMost() {
	broken, unwritable := 3, 1
	for _, acc := range w.app.accounts {
		if acc.unwritable && unwritable == 0 || acc.broken() && broken == 0 {
			acc.unreadable, acc.unwritable = false, false
		}
		if acc.unwritable {
			unwritable--
		}
		if acc.broken() {
			broken--
		}
	}
}

// quietDays are 8 of 25 hours each, so that no deadline of whole days falls on
// a sweep. Where people leave, a few do on the second.
func (w *world) quietDays(leaving bool) {
	policy, edited := w.rest.policy, false
	leaveAt := 2 + w.rng.IntN(8)
	for day := range 8 {
		w.apply(step{kind: "scheduled sweep"})
		nextSweep := time.Now().Add(25 * time.Hour)
		for hour := range 25 {
			w.run(time.Now().Add(time.Hour))
			switch {
			case hour == 12:
				if sw := w.memory.sweeps.Current; (sw == nil || sw.State != provision.SweepDone) && !w.allBroken() {
					w.accuse(unstoppable, "the sweep is not done: %+v", sw)
				}
				w.decideHeld(true)
			case !leaving:
			case day == 1 && hour == leaveAt:
				w.leaveQuietly(nextSweep)
			case day == 1 && hour == 14 && w.rest.edited != nil:
				policy, edited = *w.rest.edited, true
				w.insist("edit time frames", func(ctx context.Context, in *instance) error {
					return in.admin.Put(ctx, admin.Proposal{Deprovisioning: &policy}, "")
				})
			case day == 2 && hour == 1:
				w.thenDeleted()
			}
			if leaving {
				w.judgeLeavers(policy, edited)
			}
		}
	}
}

const unstoppable = "R2: one person's failure never stops another's"

// allBroken reports whether the app fails over every account of ours: nothing tells
// then that it does not fail everybody, and a sweep fails with it.
func (w *world) allBroken() bool {
	return !slices.ContainsFunc(w.app.accounts, func(acc *account) bool { return acc.owner != "" && !acc.broken() })
}

func (w *world) anyBroken() bool { return slices.ContainsFunc(w.app.accounts, (*account).broken) }

// hindered reports whether the app fails over somebody's account, or over one that has their name.
func (w *world) hindered(p *person) bool {
	return slices.ContainsFunc(w.app.accounts, func(acc *account) bool {
		return acc.broken() && (acc.owner == p.id || strings.EqualFold(acc.UserName, p.email))
	})
}

// unstopped is what is wrong with everybody whom no failure of the app hinders.
func unstopped(w *world) []breach {
	var wrong []breach
	for _, p := range w.company.people {
		if !w.hindered(p) {
			wrong = append(wrong, w.demanded(p)...)
		}
	}
	return wrong
}

// clearConflicts does what an administrator of the app would do about accounts
// that stand in somebody's way: removes those that are nobody's of ours, and
// renames those to which we do nothing: of archived people (R6), of people whose
// removal was dismissed (R12), and of whom the name was given up (R17).
func (w *world) clearConflicts() {
	for _, acc := range slices.Clone(w.app.accounts) {
		holder := w.company.named(acc.UserName)
		if owner := w.company.person(acc.owner); owner != nil && (owner.archived && !owner.deleted || w.stays(owner) || w.givenUp(owner)) && holder != nil && holder != owner {
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

// givenUp reports whether somebody's user name is left to whoever changes it by hand.
func (w *world) givenUp(p *person) bool {
	return slices.Contains(w.memory.records[p.id].Left, "userName")
}

// settled is the checkers at rest: what is wrong, one line for each.
var settled = []struct {
	rule  string
	check func(*world) []string
}{
	{"R6: archived people with an active account are listed", attentionListed(provision.AttentionArchived)},
	{"R18: whoever has a listed address is protected", addressesProtect},
	{"R18: what would happen to protected people is listed", attentionListed(provision.AttentionProtected)},
	{"R2: whom the mapping fails for is listed", mappingErrorsListed},
	{"R5: a deadline ends with its condition", nothingPending},
	{"operations: no lease, intent, hold or retry is left", nothingLeft},
	{"R14: every operation is one event", oneEventEach},
	{"R14: every refusal is one event", refusalsTold},
	{"R15: tokens are in the secret store only", noTokenStored},
}

// breach is a rule that is broken, and how.
type breach struct{ rule, text string }

// demanded says in which the app is not as the rules demand about one person.
func (w *world) demanded(p *person) []breach {
	const rule = "R2, R4, R6: the app is as the rules demand"
	var own []*account
	for _, acc := range w.app.accounts {
		if acc.owner == p.id {
			own = append(own, acc)
		}
	}
	now := p.past[len(p.past)-1]
	switch {
	case len(own) > 1:
		return []breach{{rule, p.id + " has more than one account"}}
	case now.active() && len(own) == 0 && w.noNewAccount(p): // nor its new account (R17)
	case now.active() && w.inTheWay(p): // a conflict for an administrator (R2)
	case now.active() && w.unmappable(p): // what there is stays as it is
		if len(own) == 1 && !own[0].Active {
			return []breach{{"R5: who returns has access again", p.id + " is active and in scope, and the account is suspended: " + w.memory.why(p.id)}}
		}
	case now.active() && len(own) == 0:
		return []breach{{rule, p.id + " is active and in scope, and has no account: " + w.memory.why(p.id)}}
	case now.active():
		return w.unlike(p, own[0])
	case len(own) > 0 && !w.stays(p):
		return []breach{{rule, fmt.Sprintf("%s is %s and %s, and has the account %s: %s", p.id, now.lifecycle, now.scope, own[0].ID, w.memory.why(p.id))}}
	}
	return nil
}

// unlike says in which the account of somebody active and in scope is not as it must be.
func (w *world) unlike(p *person, acc *account) []breach {
	const byHand = "R17: what was changed by hand is put right"
	var wrong []breach
	rec := w.memory.records[p.id]
	if !acc.Active {
		wrong = append(wrong, breach{"R5: who returns has access again", p.id + " is active and in scope, and the account is suspended: " + w.memory.why(p.id)})
	}
	if rec.Account.ID != acc.ID {
		wrong = append(wrong, breach{"R2: the link is to their own account", p.id + " is linked to " + rec.Account.ID})
	}
	want := map[string]string{"userName": p.email, "name.givenName": p.given, "name.familyName": p.family, `emails[type eq "work"].value`: p.email}
	for _, m := range w.memory.config.Mapping {
		switch {
		case m.App == "title" && m.Expression != "":
			want["title"] = p.title
		case m.App == "title":
			want["title"] = p.family
		}
	}
	for _, given := range rec.Left {
		delete(want, given)
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		rule := byHand
		if path == "userName" {
			rule = "R16: a rename reaches the account"
		}
		if value := want[path]; acc.Attributes[path] != value {
			wrong = append(wrong, breach{rule, fmt.Sprintf("%s has %s = %v, want %s: %s", p.id, path, acc.Attributes[path], value, w.memory.why(p.id))})
		}
	}
	if acc.ExternalID != p.id && !slices.Contains(rec.Left, provision.ExternalID) {
		wrong = append(wrong, breach{byHand, fmt.Sprintf("%s has an account with the external id %q", p.id, acc.ExternalID)})
	}
	return wrong
}

// unmappable reports whether the mapping in force gives nothing for somebody.
func (w *world) unmappable(p *person) bool {
	return p.title == "" && slices.ContainsFunc(w.memory.config.Mapping, func(m provision.MappedAttribute) bool { return m.Expression != "" })
}

// inTheWay reports whether somebody's name is held by the account of another
// person, who was renamed and whose account stays as it is, since the mapping
// gives nothing for them or they are not active and in scope; or by that of one
// who waits for such an account in turn.
func (w *world) inTheWay(p *person) bool {
	for range len(w.company.people) {
		acc := w.app.holder(p.email)
		if acc == nil || acc.owner == "" || acc.owner == p.id {
			return false
		}
		if p = w.company.person(acc.owner); w.unmappable(p) || !p.past[len(p.past)-1].active() {
			return true
		}
	}
	return false
}

// mappingErrorsListed: whom the mapping gives nothing for is listed for attention (R2).
func mappingErrorsListed(w *world) []string {
	var wrong []string
	for _, p := range w.company.people {
		rec := w.memory.records[p.id]
		if now := p.past[len(p.past)-1]; !now.active() || !w.unmappable(p) || w.hindered(p) || now.from.After(w.quietSince) || w.noNewAccount(p) {
			continue
		}
		if !slices.ContainsFunc(rec.Attention, func(a provision.Attention) bool { return a.Kind == provision.AttentionFailed }) {
			wrong = append(wrong, p.id+" is not listed: "+w.memory.why(p.id))
		}
	}
	return wrong
}

// why says what a record waits for.
func (m *memory) why(id string) string {
	rec := m.records[id]
	return fmt.Sprintf("account %q %s, conditions %v, next %v, retries %v, verdicts %v, gone %v", rec.Account.ID, rec.Account.State, rec.Conditions, rec.Next, rec.Retries, rec.Verdicts, rec.GoneAt)
}

func nothingPending(w *world) []string {
	var wrong []string
	for _, rec := range w.memory.sorted() {
		if rec.Next != nil && rec.Lifecycle != provision.Archived {
			wrong = append(wrong, fmt.Sprintf("%s has a pending %s at %s", rec.UserID, rec.Next.Operation, stamp(rec.Next.At)))
		}
	}
	return wrong
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
		case len(rec.Retries) > 0 && !w.unmappable(w.company.person(rec.UserID)) && !w.inTheWay(w.company.person(rec.UserID)):
			wrong = append(wrong, rec.UserID+" waits: "+rec.Retries[0].Error)
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
