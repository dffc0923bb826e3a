package reconcile

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// settle ends a look that has nothing (more) to do: it commits what changed,
// if anything did, and sees to the next wake-up. more is true when the
// configuration that it was decided under is not in force any more.
func (r *Reconciler) settle(ctx context.Context, c provision.Configuration, req Request, before provision.Record, d decide.Decision, seen sighting, res *Result) (more bool, err error) {
	if res.Waiting == "" {
		res.Waiting = waiting(d.Record)
	}
	ended := req
	if seen.unread != nil {
		ended.SweepID = "" // the look is tried again
	}
	if Changed(before, d.Record) && worthKeeping(d.Record) {
		if moved, err := r.moved(ctx, c); err != nil || moved {
			return moved, err
		}
		seen.stamp(&d.Record)
		if !req.Plan { // what was planned is still to be done
			seen.settled(&d.Record)
		}
		if err := r.commit(ctx, &d.Record, ended); err != nil {
			return false, err
		}
	} else if err := r.endLook(ctx, ended); err != nil {
		return false, err
	}
	res.Record = d.Record
	if err := r.wakeUp(ctx, req, d.WakeAt); err != nil {
		return false, err
	}
	return false, seen.unread
}

// moved reports whether the configuration that was decided under is not in force
// any more: what follows from it must not be stored, and is decided anew.
func (r *Reconciler) moved(ctx context.Context, c provision.Configuration) (bool, error) {
	fresh, err := r.freshConfiguration(ctx)
	return err == nil && fresh.Revision != c.Revision, err
}

// worthKeeping is false for somebody of whom there is nothing to remember (R7).
func worthKeeping(rec provision.Record) bool {
	return rec.Version != 0 || rec.Account.ID != "" || len(rec.Retries) > 0 || len(rec.Attention) > 0 || rec.MissingSweep != ""
}

// Changed reports whether two records differ in more than when looks were made.
func Changed(a, b provision.Record) bool {
	a.LookedAt, b.LookedAt = time.Time{}, time.Time{}
	a.LookedUnder, b.LookedUnder = 0, 0
	a.SettledAt, b.SettledAt = time.Time{}, time.Time{}
	if reflect.DeepEqual(a, b) {
		return false
	}
	// The same may still be written differently: an empty list for none, a time in another form.
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA != nil || errB != nil || string(x) != string(y)
}

func waiting(rec provision.Record) string {
	switch {
	case rec.Hold != nil:
		return "held for an administrator's decision"
	case len(rec.Retries) > 0:
		return "waiting to try again: " + rec.Retries[0].Error
	}
	return ""
}

// commit stores the record with events; the request's look has ended with it unless events say it goes on.
func (r *Reconciler) commit(ctx context.Context, rec *provision.Record, req Request, events ...provision.Event) error {
	version, err := r.Store.Commit(ctx, state.Change{Record: *rec, Events: events, EndedLook: req.Looks()})
	if err != nil {
		return err
	}
	rec.Version = version
	return nil
}

// keep stores the record while the look goes on.
func (r *Reconciler) keep(ctx context.Context, rec *provision.Record, events ...provision.Event) error {
	return r.commit(ctx, rec, Request{}, events...)
}

func (r *Reconciler) endLook(ctx context.Context, req Request) error {
	if req.SweepID == "" {
		return nil
	}
	return r.Store.EndLook(ctx, req.Looks(), req.UserID)
}

// ClockSlack is how far the clocks of two processes, or of a queue and ours, may be apart.
const ClockSlack = time.Minute

// wakeUp enqueues the task for a later look. Its name makes it one task for
// each user and time, however often the look is repeated. Close to its time it
// may be the task that runs now, early by our clock, and its name is then used
// up: a second one comes when it is time by ours, as far as the time of the
// task that runs now tells how much our clock is behind the queue's.
func (r *Reconciler) wakeUp(ctx context.Context, req Request, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	now := r.Business()
	next := func(cause string, at time.Time) tasks.Task {
		return LookTask(Request{UserID: req.UserID, WakeAt: at}, "wake-"+cause, at)
	}
	cause := at.UTC().Format(time.RFC3339Nano)
	list := []tasks.Task{next(cause, at)}
	if at.Sub(now) < ClockSlack {
		behind := at.Sub(now)
		if req.WakeAt.After(at) {
			behind = req.WakeAt.Sub(now)
		}
		list = append(list, next(cause+"-"+behind.String(), at.Add(behind)))
	}
	return r.Tasks.Enqueue(ctx, list...)
}
