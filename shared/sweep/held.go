package sweep

import (
	"context"
	"fmt"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// remind logs, once a day, that operations are held for an administrator (R12).
// The line and the event are what an alert is made of.
func (r *run) remind(ctx context.Context) error {
	people, since := 0, r.Business()
	if err := r.each(ctx, state.Selection{Kind: state.SelectHeld}, func(rec provision.Record) {
		people++
		if rec.Hold.HeldAt.Before(since) {
			since = rec.Hold.HeldAt
		}
	}); err != nil || people == 0 {
		return err
	}
	word := "people"
	if people == 1 {
		word = "person"
	}
	now := r.Business()
	r.Log.WarnContext(ctx, "held operations wait for an administrator", "people", people, "since", since.Format(time.RFC3339))
	return r.Store.Append(ctx, provision.Event{
		ID: "held-" + now.Format(time.DateOnly), Time: now, Name: provision.EventNotice, Outcome: provision.OutcomeDone,
		Cause: provision.Cause{Text: fmt.Sprintf("operations for %d %s have been held since %s: confirm or dismiss them", people, word, since.Format(time.RFC3339))},
	})
}
