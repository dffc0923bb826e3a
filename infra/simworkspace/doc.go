// Package simworkspace is a simulated Google Workspace: the Directory API, its
// push notifications, and the ways in which they go wrong.
//
// It owns one customer's people, groups, org units, domains and schemas in
// memory, and serves them below /admin/directory/v1/ in the shapes that Google
// publishes (https://developers.google.com/workspace/admin/directory/reference/rest):
// ids that exceed 64 bits, absent keys for empty lists, numbers as strings,
// Google's error bodies, partial responses. Below /sim/ it takes orders that
// no real directory takes: faults, and the counters of calls.
//
// With Options.Keep its state outlives the process.
//
// It promises that the same seed and the same calls give the same people and
// ids, and that it is safe for concurrent use. It checks no credentials. It is
// for the demo, for development and for tests; no product package imports it.
package simworkspace
