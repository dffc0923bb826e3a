package simulation

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// happened notes the effect of an operation.
func (w *world) happened(worker *worker, kind provision.OperationKind, acc *account, changed bool) {
	w.note("app", "%s %s done, changed %t", kind, acc.ID, changed)
	rec := w.memory.records[worker.user]
	w.owed[worker.user+" "+provision.EventName(kind)]++
	if rec.Intent != nil {
		w.effected[rec.Intent.ID] = true
	}
	if acc.owner != "" && kind != provision.HardDelete {
		delete(w.lost, acc.owner)
	}
	if !changed {
		return
	}
	w.count()
	if kind.Removes() {
		a := attempt{world: w, kind: kind, person: w.company.person(worker.user), rec: rec}
		w.removals = append(w.removals, removed{time.Now(), kind, worker.user, a.released() != nil})
	}
	if rec.Intent != nil {
		w.effects = append(w.effects, done{intent: rec.Intent.ID, kind: kind, account: acc.ID, person: worker.user})
	}
}

// done is an effect on the app, which must be one event (R14).
type done struct {
	intent, account, person string
	kind                    provision.OperationKind
}

// committed notes what a commit of a record says.
func (w *world) committed(events []provision.Event, after provision.Record) {
	w.logged(events)
	id := after.UserID
	h, held := w.holds[id]
	switch {
	case after.Hold != nil:
		if !held {
			w.wasHeld[id] = true
			w.note("hold", "%s %s of %s", id, after.Hold.Operation, after.Hold.Condition)
			if wrong := w.needless(*after.Hold); wrong != "" {
				w.accuse("R12: within the limit nothing is held", "%s for %s", wrong, id)
			}
		}
		w.holds[id] = *after.Hold
	case held && w.leaves(h, after):
		w.note("hold", "%s released", id)
		delete(w.holds, id)
	case held:
		w.accuse("R12: nothing else releases what is held", "%s of %s for %s left the list, and its cause holds", h.Operation, h.Condition, id)
	}
}

// verdicts judges what an administrator decided about one person: the verdict
// and its event are stored together.
func (w *world) verdicts(events []provision.Event, before, after provision.Record) {
	told := 0
	for _, e := range events {
		if e.Name == provision.EventNotice && e.UserID == after.UserID && e.Outcome == provision.OutcomeDone &&
			slices.ContainsFunc(after.Verdicts, func(v provision.Verdict) bool {
				return v.Condition == e.Cause.Condition && strings.Contains(e.Cause.Text, map[bool]string{true: "confirmed", false: "dismissed"}[v.Release])
			}) {
			told++
		}
	}
	if more := len(after.Verdicts) - len(before.Verdicts); more > 0 && told != more {
		w.accuse("R14: every decision is one event of whom it is about", "%d verdicts on %s and %d events", more, after.UserID, told)
	}
}

// looking accuses who only previews or probes of changing something.
func (w *world) looking(worker *worker, what string) {
	if worker.looksOnly {
		w.accuse("R12: a preview changes nothing", "%s changed %s", worker.name, what)
	}
}

// edited judges what a stored configuration says of itself: each change of what an
// administrator sets, or of whether it runs, is one event that is stored with it.
func (w *world) edited(before, after provision.Configuration, events []provision.Event) {
	const rule = "R14: each change of the configuration is one event"
	told, lost := 0, 0
	for _, e := range events {
		switch {
		case e.Name == provision.EventConfiguration && e.Outcome == provision.OutcomeDone:
			told++
		case e.Name == provision.EventNotice && e.Outcome == provision.OutcomeFailed:
			lost++
		}
	}
	refused := after.Authorization.State == provision.NeedsReauthorizing && before.Authorization.State == provision.AuthorizationOK
	changed := before.On != after.On || before.Authorization.SecretVersion != after.Authorization.SecretVersion ||
		before.Connection != after.Connection || before.Guard != after.Guard || !reflect.DeepEqual(before.Scope, after.Scope) ||
		!slices.Equal(before.Mapping, after.Mapping) || !slices.Equal(before.Protected, after.Protected) ||
		!reflect.DeepEqual(policyOf(before), policyOf(after))
	switch {
	case before.Version == 0: // the one that is in place from the start
	case refused && (lost != 1 || told != 0), changed && told != 1, !changed && !refused && before.Revision == after.Revision && told+lost > 0, told > 1:
		w.accuse(rule, "changed %t, refused %t, and %d and %d events", changed, refused, told, lost)
	}
}

func policyOf(c provision.Configuration) provision.Deprovisioning {
	policy, _ := c.Policy()
	return policy
}

// logged notes events.
func (w *world) logged(events []provision.Event) {
	for _, e := range events {
		if _, known := w.events[e.ID]; known {
			continue
		}
		w.events[e.ID] = e
		w.note("event", "%s %s %s %s %s", e.Name, e.UserID, e.Outcome, e.Cause.Text, e.Error)
		if strings.Contains(fmt.Sprint(e), tokenMark) {
			w.accuse("R15: tokens are in the secret store only", "an event holds a token: %s", e.Name)
		}
		switch e.Outcome {
		case provision.OutcomeDone:
			w.claimed(e)
		case provision.OutcomeFailed:
			if key := e.UserID + " " + e.Name; w.failing(key) {
				w.accuse("R2: what failed waits for its next try", "%s failed %d times in an hour: %s", key, w.failed[key], e.Cause.Text)
			}
		}
		w.told(e)
	}
}

// maxFailures is how often at most something of one person is tried in an hour: two or
// three times by the schedule, and again whenever something changes that it depends on.
const maxFailures = 12

func (w *world) failing(key string) bool {
	w.failed[key]++
	return w.failed[key] > maxFailures
}

// claimed judges what an event says was done: the app shows it, unless
// somebody changed the account by hand just now.
func (w *world) claimed(e provision.Event) {
	acc := w.app.get(e.AccountID)
	touched, byHand := w.touched[e.AccountID]
	just := byHand && time.Since(touched) < 10*time.Minute
	switch e.Name {
	case provision.EventCreate, provision.EventUpdate, provision.EventSuspend, provision.EventUnsuspend, provision.EventHardDelete:
		key := e.UserID + " " + e.Name
		if w.owed[key]--; w.owed[key] < 0 {
			w.accuse("R14: every operation is one event", "%s for %s is logged more often than it happened", e.Name, e.UserID)
		}
	}
	if e.Name == provision.EventHardDelete {
		delete(w.lost, e.UserID) // it was to go anyway
	}
	if (e.Name == provision.EventCreate || e.Name == provision.EventUpdate) && acc != nil && acc.owner == "" && acc.ExternalID == e.UserID {
		acc.owner = e.UserID // made by hand as it should be, and taken for what came of a lost answer: made, or adopted
		w.count()
	}
	switch {
	case e.Name == provision.EventSuspend && acc == nil && !w.effected[e.ID]:
		w.accuse("R7: no event says that somebody lost what was not there", "%s of %s for %s", e.Name, e.AccountID, e.UserID)
	case just:
	case e.Name == provision.EventSuspend && (acc == nil || acc.Active), e.Name == provision.EventUnsuspend && (acc == nil || !acc.Active),
		e.Name == provision.EventHardDelete && acc != nil:
		w.accuse("R19: done is what the app shows", "%s of %s for %s", e.Name, e.AccountID, e.UserID)
	}
}

// links are the accounts that the records name, by person.
func (m *memory) links() map[string]string {
	links := map[string]string{}
	for _, rec := range m.sorted() {
		if rec.Account.Exists() {
			links[rec.UserID] = rec.Account.ID
		}
	}
	return links
}

// deleted judges a deleted configuration at the moment at which that is
// answered; the links are those from before.
func (w *world) deleted(links map[string]string) {
	const rule = "R10: a deleted configuration leaves the links and no work"
	w.wipedAt = time.Now()
	if len(w.safe[secrets.AppToken]) > 0 {
		w.accuse(rule, "the token is still stored")
	}
	for _, rec := range w.memory.sorted() {
		if id := links[rec.UserID]; id != "" && rec.Account.ID == "" {
			w.accuse(rule, "%s is linked to %s no more", rec.UserID, id)
		}
		if len(rec.Conditions) > 0 || rec.Next != nil || rec.Hold != nil || len(rec.Retries) > 0 {
			w.accuse(rule, "work is pending for %s", rec.UserID)
		}
	}
}

// tokenMark is in every token of the app.
const tokenMark = "secret-token-"
