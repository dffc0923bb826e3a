package firestore

import (
	"math"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state/stored"
)

// interval is a stretch of time, from inclusive and until exclusive, in
// nanoseconds since 1970. One whose end is not after its beginning is empty.
//
// What provision.Link says of an account at a time is always one interval,
// worked out when the record is written, so that a count compares two fields.
type interval struct{ from, until int64 }

// put adds the interval to a document's fields; both are absent when it is empty.
func (i interval) put(f fields, from, until string) {
	f[from], f[until] = nil, nil
	if i.from < i.until {
		f[from], f[until] = i.from, i.until
	}
}

// managed is when provision.Link.ManagedAt holds.
func managed(l provision.Link) interval {
	switch {
	case l.LinkedAt.IsZero():
		return interval{}
	case l.Exists():
		return interval{stored.Nanos(l.LinkedAt), math.MaxInt64}
	}
	return interval{stored.Nanos(l.LinkedAt), stored.Nanos(l.RemovedAt)}
}

// active is when provision.Link.ActiveAt holds.
func active(l provision.Link) interval {
	i := managed(l)
	switch {
	case l.State == provision.AccountActive:
		i.from = max(i.from, stored.Nanos(l.ActiveSince))
	case l.State == provision.AccountNone && l.SuspendedAt.Before(l.ActiveSince):
		// It was active until it was removed.
	default:
		i.until = min(i.until, stored.Nanos(l.SuspendedAt))
	}
	return i
}
