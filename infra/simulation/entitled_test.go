package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/tasks"
)

// sight is what the ports saw happen, for the checkers of this file.
type sight struct {
	// listing is when the last listing of the directory began, and listed when
	// one began that came to its end.
	listing, listed time.Time
	// refusing are intents that the app refused by rule and no event tells of
	// yet, and refused when an event told of it, by person and operation.
	refusing map[string]refusal
	refused  map[string]time.Time
	// stirred is when anything was last done that brings a person's retries forward.
	stirred map[string]time.Time
	// treeRead is when an instance last read the org units.
	treeRead map[*instance]time.Time
}

// refusal is an operation that the app refused by rule.
type refusal struct {
	worker *worker
	kind   provision.OperationKind
	// until is when its lease ends, and another worker may speak for it.
	until time.Time
}

func (r refusal) key() string { return r.worker.user + " " + string(r.kind) }

func newSight() sight {
	return sight{refusing: map[string]refusal{}, refused: map[string]time.Time{}, stirred: map[string]time.Time{}, treeRead: map[*instance]time.Time{}}
}

// entitled judges what gives access, or brings an account up to date.
func entitled(a attempt) string {
	if a.kind.Removes() {
		return ""
	}
	from := a.from.Add(-a.tolerance())
	if a.worker.queue == tasks.Bulk && a.kind != provision.Unsuspend { // a sweep's look, which carries what the listing said
		from = from.Add(-listingLasts)
	}
	var active, inScope bool // each read for itself, and the directory may answer with an old state of one
	for _, i := range a.person.between(from, a.at) {
		active = active || a.person.past[i].lifecycle == provision.Active
		inScope = inScope || a.person.past[i].scope == in
	}
	if active && (inScope || a.before(a.person, from, in)) {
		return ""
	}
	now := a.person.past[len(a.person.past)-1]
	return fmt.Sprintf("they are %s and %s", now.lifecycle, now.scope)
}

// listingLasts is how long what a listing said may be acted on, by a create or an update.
const listingLasts = 5 * time.Minute

// sweptFirst: after a turn-on nothing is taken before a whole listing of the directory.
func sweptFirst(a attempt) string {
	if a.kind.Removes() && a.listed.Before(a.turnedOn.Add(-a.tolerance())) {
		return "the directory was not listed since the turn-on"
	}
	return ""
}

// readAgain: the worker itself has read the person by id, and for whoever is out
// of scope the org units were read just then too.
func readAgain(a attempt) string {
	switch {
	case !a.kind.Removes() || a.rec.Intent == nil:
	case !a.worker.read:
		return "the person was not read by id"
	case a.rec.Intent.Cause.Condition == provision.ConditionAppOff && !a.person.deleted &&
		a.treeRead[a.worker.instance].Before(a.worker.startedAt.Add(-justNow)):
		return "the org units were not read again"
	}
	return ""
}

// justNow is how old the org units may be right before something is taken away:
// two lists that many workers at once need not each read.
const justNow = 2 * time.Second

// notHammered: what the app refused by rule is tried again a day later, unless
// something has changed.
func notHammered(a attempt) string {
	at, refused := a.refused[a.person.id+" "+string(a.kind)]
	if !refused || !a.kind.Removes() || a.at.Sub(at) >= 24*time.Hour-time.Minute-a.tolerance() {
		return ""
	}
	since := at.Add(-10*time.Minute - staleFor - a.tolerance())
	changed := a.stirred[a.person.id].After(since) || a.person.past[len(a.person.past)-1].from.After(since) ||
		a.settings[len(a.settings)-1].at.After(since)
	if a.account != nil {
		changed = changed || a.touched[a.account.ID].After(since)
	}
	if changed {
		return ""
	}
	return fmt.Sprintf("the app refused it %v ago", a.at.Sub(at))
}

// asked notes a read of the directory that was answered.
func (w *world) asked(worker *worker, key string, err error) {
	if key == "user "+worker.user && (err == nil || fault.Is(err, fault.NotFound)) {
		worker.read = true
	}
	if key == "org units" && err == nil {
		w.treeRead[worker.instance] = time.Now()
	}
}

// pageListed notes a page of a listing of the directory; one of another
// customer's is none (R13).
func (w *world) pageListed(token, next string) {
	switch {
	case w.directory() != w.company:
		w.listing = time.Time{}
	case token == "":
		w.listing = time.Now()
	}
	if next == "" && !w.listing.IsZero() {
		w.listed = w.listing
	}
}

// refuse notes a refusal by rule that the worker has heard.
func (w *world) refuse(ctx context.Context, kind provision.OperationKind) {
	worker, _ := ctx.Value(workerKey{}).(*worker)
	if rec := w.memory.records[worker.user]; rec.Intent != nil {
		w.refusing[rec.Intent.ID] = refusal{worker, kind, rec.Lease.Until}
	}
}

// told notes the event of an operation. It speaks for an earlier refusal of the
// same too, whose worker could not before its lease had ended.
func (w *world) told(e provision.Event) {
	for id, r := range w.refusing {
		over := time.Now().After(r.until.Add(-2*w.faults.skew - time.Second))
		same := id == e.ID || over && e.UserID == r.worker.user && e.Name == provision.EventName(r.kind)
		if same && e.Outcome != provision.OutcomeDone {
			w.refused[r.key()] = time.Now()
		}
		if same {
			delete(w.refusing, id)
		}
	}
}

// refusalsTold: what the app refused is one event, unless the process that was
// told ended before it could say so.
func refusalsTold(w *world) []string {
	var wrong []string
	for id, r := range w.refusing {
		if !r.worker.instance.dead.Load() {
			wrong = append(wrong, fmt.Sprintf("the refusal of %s has no event %s", r.key(), id))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// needless says that somebody is held though all the removals that anybody can
// think of are within what the guard always allows.
func (w *world) needless(h provision.Hold) string {
	if !h.Operation.Removes() {
		return ""
	}
	now := time.Now()
	count := 0
	for _, p := range w.company.people {
		if slices.ContainsFunc(p.between(time.Time{}, now), func(i int) bool {
			last := now
			if i+1 < len(p.past) {
				last = p.past[i+1].from
			}
			return !p.past[i].active() && w.running(last, now) < unseen
		}) {
			count++
		}
	}
	for _, s := range w.during(now.Add(-10*time.Minute-w.tolerance()), now) {
		if count > s.c.Guard.MinUsers {
			return ""
		}
	}
	return fmt.Sprintf("%s of %s: no more than %d people can lose anything", h.Operation, h.Condition, count)
}
