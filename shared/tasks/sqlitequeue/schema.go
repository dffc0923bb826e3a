package sqlitequeue

// table is the first version. at is business time, retry_at and done_at real
// time, all in nanoseconds since 1970.
//
// A task waits while done_at and retry_at are NULL; after a failed delivery
// retry_at is set; a done one stays as a used name, without its body.
const table = `
CREATE TABLE tasks (
	id        INTEGER PRIMARY KEY,
	queue     TEXT NOT NULL,
	name      TEXT NOT NULL,
	body      BLOB,
	at        INTEGER NOT NULL,
	immediate INTEGER NOT NULL,           -- enqueued for at once; at is when
	retry_at  INTEGER,
	tries     INTEGER NOT NULL DEFAULT 0, -- failed deliveries
	answers   INTEGER NOT NULL DEFAULT 0, -- those of them with an answer other than 5xx
	status    INTEGER NOT NULL DEFAULT 0, -- the last one's HTTP status, 0 for no answer
	done_at   INTEGER,
	UNIQUE (queue, name)
) STRICT;
CREATE INDEX tasks_waiting ON tasks (queue, at, id) WHERE done_at IS NULL AND retry_at IS NULL;
CREATE INDEX tasks_retrying ON tasks (queue, retry_at, id) WHERE retry_at IS NOT NULL;
CREATE INDEX tasks_done ON tasks (done_at) WHERE done_at IS NOT NULL;
`

const (
	// insertTask does nothing when the name is in use, or was until after ?6.
	insertTask = `INSERT INTO tasks (queue, name, body, at, immediate) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (queue, name) DO UPDATE SET body = excluded.body, at = excluded.at, immediate = excluded.immediate,
			retry_at = NULL, tries = 0, answers = 0, status = 0, done_at = NULL
		WHERE done_at <= ?6`

	// dueTasks is tasks of queue ?1 that are due at business time ?2 or for
	// retry at real time ?3, without those in ?4, at most ?5 of either sort, so
	// that neither keeps the other waiting.
	dueTasks = `SELECT * FROM (
			SELECT id, name, body, at, tries, answers, status FROM tasks
			WHERE done_at IS NULL AND retry_at IS NULL AND queue = ?1 AND at <= ?2 AND id NOT IN (SELECT value FROM json_each(?4))
			ORDER BY at, id LIMIT ?5)
		UNION ALL SELECT * FROM (
			SELECT id, name, body, at, tries, answers, status FROM tasks
			WHERE retry_at IS NOT NULL AND queue = ?1 AND retry_at <= ?3 AND id NOT IN (SELECT value FROM json_each(?4))
			ORDER BY retry_at, id LIMIT ?5)`

	// nextTimes is the earliest business time and the earliest real time of
	// retry in queue ?1, without the tasks in ?2.
	nextTimes = `SELECT
		(SELECT at FROM tasks WHERE done_at IS NULL AND retry_at IS NULL AND queue = ?1
			AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY at, id LIMIT 1),
		(SELECT retry_at FROM tasks WHERE retry_at IS NOT NULL AND queue = ?1
			AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY retry_at, id LIMIT 1)`

	pendingTasks = `SELECT count(*), min(at) FROM tasks WHERE done_at IS NULL AND retry_at IS NULL
		UNION ALL SELECT count(*), min(at) FROM tasks WHERE retry_at IS NOT NULL`

	finishTasks = `UPDATE tasks SET done_at = ?1, body = NULL, retry_at = NULL WHERE id IN (SELECT value FROM json_each(?2))`
	retryTask   = `UPDATE tasks SET retry_at = ?2, tries = tries + 1, answers = answers + ?3, status = ?4 WHERE id = ?1`
	purgeNames  = `DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE done_at <= ?1 LIMIT ?2)`
)
