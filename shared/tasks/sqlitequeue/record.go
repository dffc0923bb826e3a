package sqlitequeue

import (
	"context"
	"time"

	"example.com/autoprovision/shared/sqlitefile"
)

const (
	// recordGroup is how many results one write stores, and how many may wait for it.
	recordGroup = 256
	// purgeEvery is how often used names are looked through, and purgeGroup how many one write removes.
	purgeEvery = time.Hour
	purgeGroup = 1000
)

// record stores results, as many as wait in one write, until no more come. It
// does not hold up deliveries unless the store refuses for long.
func (q *Queue) record() {
	for r := range q.results {
		group := []result{r}
		for more := true; more && len(group) < recordGroup; {
			select {
			case r, ok := <-q.results:
				if more = ok; ok {
					group = append(group, r)
				}
			default:
				more = false
			}
		}
		q.store(group)
	}
}

// store writes results until it succeeds or deliveries are cut off; a result
// that is not stored means another delivery by the next process.
func (q *Queue) store(group []result) {
	for {
		err := q.file.Write(context.Background(), func(tx sqlitefile.Tx) error { return q.write(tx, group) })
		if err == nil {
			break
		}
		q.log.Error("task queue cannot store results", "results", len(group), "error", err)
		select {
		case <-time.After(afterTrouble):
		case <-q.deliveries.Done():
			return
		}
	}
	for _, r := range group {
		r.lane.forget(r.task.id)
		if !r.done() {
			r.lane.signal() // its retry may be the next thing due
		}
	}
}

func (q *Queue) write(tx sqlitefile.Tx, group []result) error {
	now := q.config.Real()
	var done []int64
	for _, r := range group {
		if r.done() {
			done = append(done, r.task.id)
			continue
		}
		// As the real service counts, an answer of 5xx is no execution.
		answered := r.status != 0 && r.status/100 != 5
		if _, err := tx.Exec(retryTask, r.task.id, nanos(now.Add(r.wait())), answered, r.status); err != nil {
			return err
		}
	}
	if len(done) == 0 {
		return nil
	}
	_, err := tx.Exec(finishTasks, nanos(now), array(done))
	return err
}

// purge removes names that may be used again, at the start and then every hour.
func (q *Queue) purge() {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		if err := q.purgeOnce(); err != nil {
			q.log.Error("task queue cannot remove old names", "error", err)
		}
		select {
		case <-ticker.C:
		case <-q.stop:
			return
		}
	}
}

func (q *Queue) purgeOnce() error {
	before := nanos(q.config.Real().Add(-nameLifetime))
	for removed := int64(purgeGroup); removed == purgeGroup; {
		err := q.file.Write(context.Background(), func(tx sqlitefile.Tx) (err error) {
			removed, err = tx.Exec(purgeNames, before, purgeGroup)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
