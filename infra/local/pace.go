package main

import (
	"context"
	"errors"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
	"example.com/autoprovision/shared/wiring"
)

const (
	// mostLooks and mostBulk are the most looks of the two queues at a time, and
	// mostSweeps the most sweeps and previews.
	mostLooks, mostBulk, mostSweeps = 32, 48, 4
	// bulkPerCall is how many looks of a sweep keep a call on the app under way: one
	// calls while others are stored and delivered.
	bulkPerCall = 3
)

// endpoints are the queues, before it is known how fast the app may be called.
func endpoints(base string) map[string]sqlitequeue.Endpoint {
	return map[string]sqlitequeue.Endpoint{
		tasks.Reconcile: {URL: base + "/reconcile", Concurrency: mostLooks},
		tasks.Bulk:      {URL: base + "/reconcile", Concurrency: mostBulk},
		tasks.Sweep:     {URL: base + "/sweep", Concurrency: mostSweeps},
	}
}

// limitQueues tells the queues of the app's limits.
func limitQueues(queue *sqlitequeue.Queue, c provision.Connection) error {
	return errors.Join(
		queue.Limit(tasks.Reconcile, wiring.Looks(c, min(mostLooks, wiring.LooksPerCall*c.Concurrency))),
		queue.Limit(tasks.Bulk, wiring.Looks(c, min(mostBulk, bulkPerCall*c.Concurrency))))
}

// limitPresent tells them of what the app bears now.
func (p *program) limitPresent() {
	if c, ok := p.system.Apps.Present(); ok {
		_ = limitQueues(p.queue, c) // the queues are known, and take any limit of a connection
	}
}

// limitStored tells them of those of the connection that is stored.
func (p *program) limitStored(ctx context.Context) error {
	c, err := p.system.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	return limitQueues(p.queue, c.Connection)
}
