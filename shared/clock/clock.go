// Package clock gives time as a value passed in, of two kinds that cannot be
// mistaken for each other.
//
// It owns the difference between business time, which the local program can
// run faster (deadlines, since, retry schedule, sweep interval, age of
// events), and real time (leases, time-outs, rate limits, Retry-After,
// sign-in). It promises that neither converts to the other by accident; it
// never sleeps.
package clock

import "time"

// Business tells the time by which deadlines are kept. It may run faster than real time.
type Business func() time.Time

// Real tells the time of the machine, by which leases and time-outs are kept.
type Real func() time.Time

// System is the machine's clock, in UTC.
func System() time.Time { return time.Now().UTC() }

// Accelerated returns business time that starts at start when the real clock
// shows origin and runs speed times as fast.
func Accelerated(real Real, origin, start time.Time, speed float64) Business {
	return func() time.Time {
		return start.Add(time.Duration(float64(real().Sub(origin)) * speed)).UTC()
	}
}
