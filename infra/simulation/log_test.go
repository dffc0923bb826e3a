package simulation

import (
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// happened notes the effect of an operation.
func (w *world) happened(worker *worker, kind provision.OperationKind, acc *account, changed bool) {
	w.note("app", "%s %s done, changed %t", kind, acc.ID, changed)
	if !changed {
		return
	}
	w.count()
	rec := w.memory.records[worker.user]
	if kind.Removes() {
		w.removals = append(w.removals, removed{time.Now(), kind, worker.user, w.released[worker.user]})
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
		}
		w.holds[id] = *after.Hold
	case held && w.leaves(h, after):
		w.note("hold", "%s released", id)
		delete(w.holds, id)
	case held:
		w.accuse("R12: nothing else releases what is held", "%s of %s for %s left the list, and its cause holds", h.Operation, h.Condition, id)
	}
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
	}
}

// tokenMark is in every token of the app.
const tokenMark = "secret-token-"
