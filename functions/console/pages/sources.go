package pages

import (
	"fmt"
	"time"

	"example.com/autoprovision/shared/health"
)

// sourceRow is how one source of changes does.
type sourceRow struct {
	Name, Tells string
	State       label
	Last        moment
	// Detail is more than the time says; empty when there is nothing.
	Detail string
}

// sources answers "is every source alive?". real is real time, by which the
// channels end.
func sources(r health.Report, real time.Time) []sourceRow {
	push := sourceRow{Name: "Push notifications", Tells: "changes of people, within seconds", State: stateLabel(r.Push.State), Last: momentAt(r.Push.LastAt, r.Now)}
	switch {
	case r.Push.State == health.Down:
		push.Detail = "Google does not tell of all changes now. This is mended by itself within minutes; until then sweeps see what changes."
	case r.Push.State == health.Silent:
		push.Detail = "A channel is open and nothing has come through it, not even the first message that each sends. Check that Google can reach the address of the directory push function. Sweeps see what they would tell."
	case r.Push.State == health.Off:
		push.Detail = "Off while autoprovisioning is, and where Google cannot reach this program: sweeps see every change."
	case r.Push.Channels > 0 && !r.Push.ExpiresAt.IsZero():
		ends := momentAt(r.Push.ExpiresAt, real)
		push.Detail = fmt.Sprintf("Google tells of changes as they happen. This is renewed by itself before it ends, %s.", ends.Far())
	}
	audit := sourceRow{Name: "Audit log", Tells: "changes of groups, org units and domains too", State: stateLabel(r.Audit.State), Last: momentAt(r.Audit.LastAt, r.Now)}
	switch {
	case r.Audit.State != health.Silent:
	case r.Sweep.State == health.Off:
		audit.State, audit.Detail = stateLabel(health.Off), "Off, as autoprovisioning is: it is listened to when it is turned on."
	case r.Audit.LastAt.IsZero() && r.Now.Sub(r.OnSince) < health.AuditSilent:
		audit.State, audit.Detail = label{"Not heard yet", "quiet"}, "Nothing has come so far: it speaks when a person, a group, an org unit or a domain changes."
	default:
		audit.Detail = "Nothing received for a week, or never. Sweeps still find every change, but later. Check the audit log's export to Pub/Sub."
	}
	if n := r.Audit.Unknown; n > 0 {
		audit.Detail += " " + plural(n, "event", "events") + " with an unknown name so far. You need to do nothing; sweeps find such changes."
	}
	sweep := sourceRow{Name: "Sweep", Tells: "everything, whatever the others missed", State: stateLabel(r.Sweep.State), Last: momentAt(r.Sweep.LastAt, r.Now)}
	switch {
	case r.Sweep.State == health.Silent:
		sweep.Detail = "No sweep has finished for more than two intervals. Press Sweep now, and see what it says."
	case r.Sweep.State == health.Alive && r.Sweep.LastAt.Before(r.OnSince):
		sweep.State, sweep.Detail = label{"Under way", "quiet"}, "The first since autoprovisioning was turned on has not ended yet."
	case r.Sweep.State == health.Down:
		sweep.Detail = "None can be done until the access token is renewed: press Reauthorize."
	}
	rows := []sourceRow{push, audit, sweep}
	switch {
	case !r.Work.Known:
		return rows
	case r.Work.Deadlines:
		return append(rows, deadlines(r))
	}
	work := sourceRow{Name: "Queue", Tells: "checks that are waiting", State: label{"Up to date", "good"},
		Detail: "Nothing waits."}
	if n := r.Work.Waiting; n > 0 {
		work.Detail = plural(n, "check waits for its time or its turn", "checks wait for their time or their turn") + "."
	}
	if late := r.Now.Sub(r.Work.OldestDueAt); !r.Work.OldestDueAt.IsZero() && late > time.Minute {
		work.State, work.Detail = label{"Behind", "warn"}, work.Detail+" The oldest was due "+momentAt(r.Work.OldestDueAt, r.Now).Far()+"."
	}
	return append(rows, work)
}

// deadlines is the row where the queue does not say what waits in it.
func deadlines(r health.Report) sourceRow {
	row := sourceRow{Name: "Deadlines", Tells: "suspends and hard deletes that nothing keeps back", State: label{"Kept", "good"},
		Detail: "No suspend or hard delete is late."}
	if late := r.Now.Sub(r.Work.OldestDueAt); !r.Work.OldestDueAt.IsZero() && late > time.Minute {
		row.State = label{"Late", "warn"}
		row.Detail = fmt.Sprintf("At least %s late. The oldest was due %s.",
			plural(r.Work.Waiting, "suspend or hard delete is", "suspends or hard deletes are"), momentAt(r.Work.OldestDueAt, r.Now).Far())
	}
	return row
}

func stateLabel(s health.State) label {
	switch s {
	case health.Alive:
		return label{"Alive", "good"}
	case health.Silent:
		return label{"Silent", "warn"}
	case health.Down:
		return label{"Down", "bad"}
	}
	return label{"Off", "quiet"}
}
