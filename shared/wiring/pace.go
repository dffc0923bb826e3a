package wiring

import "example.com/autoprovision/shared/provision"

// LooksPerCall is how many looks the queue of what should happen at once has for
// each call on the app: of those that follow a change, by push, by the two audit
// logs that tell of groups, and a second time, one calls the app.
const LooksPerCall = 4

// looksPerRate is how many looks a queue may have under way for each call a second
// that the app allows. An operation makes about three calls, and has two minutes for
// them. When all looks of both queues call, each has had its three turns in one.
const looksPerRate = 10

// Looks is how many looks a queue delivers at a time, of most that it might. The more
// of them share the app's rate the longer each waits for its turns, that of somebody
// who leaves too, and past a number all would wait in vain.
func Looks(c provision.Connection, most int) int {
	if c.RequestsPerSecond > 0 {
		most = int(min(float64(most), looksPerRate*c.RequestsPerSecond))
	}
	return max(most, 1)
}
