// Package hint owns asking for looks because something outside said that a
// user, or much, may have changed.
//
// It promises that when a call returns nil, a look that starts after the call
// began is durably enqueued; that bursts on one user become few looks and the
// last of them covers the last hint; and that every look, and every sweep because
// of a change, is followed by a second one some minutes later. A hint carries no authority: it is never a
// fact about anybody, and this package reads and decides nothing.
package hint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/sweep"
	"example.com/autoprovision/shared/tasks"
)

const (
	// slot is for how long hints about one user are gathered into one look.
	slot = 250 * time.Millisecond
	// sweepSlot is the same for sweeps: edits of org units come in series.
	sweepSlot = 2 * time.Second
	// The second look is due a while after the end of the five minutes that the
	// first fell into: Google may answer a read just after a change with the
	// state before it.
	bucket     = 5 * time.Minute
	secondLook = 2 * time.Minute
	// suspectSlot is for how long what may be changes is gathered into two sweeps.
	suspectSlot = 15 * time.Minute
)

// Hints asks for looks. It is safe for concurrent use.
type Hints struct {
	tasks tasks.Queue
	now   clock.Business
	// process is unique to this process, and part of the names of its tasks.
	process string
}

// New returns it; process must be new at each start.
//
// Why nothing is lost: all hints of one name came before the end of their slot,
// by the one clock of this process, and their first look is not delivered before
// that end. A used name swallows hints, so that of a first look must never come
// again for a later change: another process, whose clock may differ, has other
// names, and so has this one after a restart, before which the clock may have been
// set back. Second looks are shared by all processes: they only repeat.
// Slots are in business time, since a task's time is: where that runs fast they
// are short, and gather less.
func New(q tasks.Queue, now clock.Business, process string) *Hints {
	return &Hints{tasks: q, now: now, process: process}
}

// Users asks for a look at each user. An error means that some may not have
// been asked for: ask for all again.
func (h *Hints) Users(ctx context.Context, ids ...string) error {
	now := h.now()
	at, second := end(now, slot), end(now, bucket)
	list := make([]tasks.Task, 0, 2*len(ids))
	for _, id := range ids {
		list = append(list,
			reconcile.LookTask(reconcile.Request{UserID: id, Covered: at}, "hint-"+h.process+"-"+at.Format(time.RFC3339Nano), at),
			reconcile.LookTask(reconcile.Request{UserID: id}, "second-"+second.Format(time.RFC3339), second.Add(secondLook)))
	}
	return h.tasks.Enqueue(ctx, list...)
}

// Sweep asks for a sweep in a moment. The key names what asked, so that the
// same thing said twice asks once.
func (h *Hints) Sweep(ctx context.Context, key string) error {
	return h.tasks.Enqueue(ctx, request(key, end(h.now(), sweepSlot)))
}

// SweepTwice asks for a sweep because of a change that was told, and for a
// second one some minutes later: what the first one lists may be the state before it.
func (h *Hints) SweepTwice(ctx context.Context, key string) error {
	now := h.now()
	second := end(now, bucket)
	return h.tasks.Enqueue(ctx, request(key, end(now, sweepSlot)), request("second "+second.Format(time.RFC3339), second.Add(secondLook)))
}

// SweepSeldom asks for sweeps because of what may be a change or not, and may
// come often: for one in a moment and one after the end of the quarter of an
// hour, which covers all that comes meanwhile.
func (h *Hints) SweepSeldom(ctx context.Context) error {
	now := h.now()
	last := end(now, suspectSlot)
	key := "suspect " + last.Format(time.RFC3339)
	return h.tasks.Enqueue(ctx, request(key, end(now, sweepSlot)), request("last "+key, last.Add(secondLook)))
}

func request(key string, at time.Time) tasks.Task {
	sum := sha256.Sum256([]byte(key))
	t := sweep.RequestTask("hint-"+hex.EncodeToString(sum[:16]), "directory")
	t.At = at
	return t
}

// end is the end of the slot that a time falls into, always after it.
func end(now time.Time, slot time.Duration) time.Time { return now.Truncate(slot).Add(slot) }
