package sqlite

// tables is the first version. Times are nanoseconds since 1970, NULL for none.
// Indexes that few rows belong to are partial.
const tables = `
CREATE TABLE records (
	user_id         TEXT PRIMARY KEY,
	version         INTEGER NOT NULL,
	email           TEXT NOT NULL,    -- folded
	account_id      TEXT,             -- while the account exists
	account_state   TEXT NOT NULL,
	linked_at       INTEGER,
	active_since    INTEGER,
	suspended_at    INTEGER,
	removed_at      INTEGER,
	next_at         INTEGER,
	retry_at        INTEGER,
	hold_mark       INTEGER,          -- while something is held
	held_at         INTEGER,
	attention       INTEGER NOT NULL,
	intent_revision INTEGER,
	lease_until     INTEGER,
	count_suspend   INTEGER,
	count_delete    INTEGER,
	suspend_done    INTEGER,
	delete_done     INTEGER,
	gone_at         INTEGER,
	doc             TEXT NOT NULL
) STRICT;
CREATE INDEX records_email ON records (email);
CREATE INDEX records_account ON records (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX records_linked ON records (user_id) WHERE account_id IS NOT NULL;
CREATE INDEX records_managed ON records (account_state, linked_at, removed_at, active_since, suspended_at) WHERE linked_at IS NOT NULL;
CREATE INDEX records_next ON records (next_at, user_id) WHERE next_at IS NOT NULL;
CREATE INDEX records_retry ON records (retry_at, user_id) WHERE retry_at IS NOT NULL;
CREATE INDEX records_held ON records (user_id, hold_mark, held_at) WHERE hold_mark IS NOT NULL;
CREATE INDEX records_attention ON records (user_id) WHERE attention;
CREATE INDEX records_intent ON records (user_id) WHERE intent_revision IS NOT NULL;
CREATE INDEX records_count_suspend ON records (count_suspend) WHERE count_suspend IS NOT NULL;
CREATE INDEX records_count_delete ON records (count_delete) WHERE count_delete IS NOT NULL;
CREATE INDEX records_suspend_done ON records (suspend_done) WHERE suspend_done IS NOT NULL;
CREATE INDEX records_delete_done ON records (delete_done) WHERE delete_done IS NOT NULL;
CREATE INDEX records_gone ON records (user_id) WHERE gone_at IS NOT NULL;

CREATE TABLE events (
	row     INTEGER PRIMARY KEY, -- the order in which they were stored, for events of the same time
	id      TEXT NOT NULL UNIQUE,
	time    INTEGER NOT NULL,
	name    TEXT NOT NULL,
	outcome TEXT NOT NULL,
	user_id TEXT NOT NULL,
	doc     TEXT NOT NULL
) STRICT;
CREATE INDEX events_time ON events (time);
CREATE INDEX events_user ON events (user_id, time) WHERE user_id <> '';
CREATE INDEX events_name ON events (name, time);

CREATE TABLE documents ( -- the configuration, the sweeps and the sources, one row each
	name    TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	doc     TEXT NOT NULL
) STRICT;

CREATE TABLE sweep_pages (
	sweep_id TEXT NOT NULL,
	page     INTEGER NOT NULL,
	listed   TEXT NOT NULL, -- JSON array of user ids
	PRIMARY KEY (sweep_id, page)
) STRICT;
CREATE TABLE sweep_looks (
	sweep_id TEXT NOT NULL,
	user_id  TEXT NOT NULL,
	PRIMARY KEY (sweep_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE orphans (
	account_id TEXT PRIMARY KEY,
	doc        TEXT NOT NULL
) STRICT;

CREATE TABLE previews (
	id         TEXT PRIMARY KEY,
	version    INTEGER NOT NULL,
	expires_at INTEGER, -- never NULL in practice; a preview without an end is kept
	doc        TEXT NOT NULL
) STRICT;
CREATE TABLE preview_rows (
	row        INTEGER PRIMARY KEY, -- the order in which they were added
	preview_id TEXT NOT NULL,
	kind       TEXT NOT NULL,
	doc        TEXT NOT NULL
) STRICT;
CREATE INDEX preview_rows_list ON preview_rows (preview_id, kind);

CREATE TABLE channels (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
) STRICT;
`

// usage is the second version: it counts the events of each day as they come
// and go, since the first page of the console shows the counts of a month, and
// counting 100,000 events anew takes 0.4 s. day is days since 1970.
const usage = `
CREATE TABLE usage (
	day     INTEGER NOT NULL,
	name    TEXT NOT NULL,
	outcome TEXT NOT NULL,
	count   INTEGER NOT NULL,
	PRIMARY KEY (day, name, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO usage SELECT time / 86400000000000, name, outcome, count(*) FROM events GROUP BY 1, 2, 3;
CREATE TRIGGER usage_more AFTER INSERT ON events BEGIN
	INSERT INTO usage SELECT NEW.time / 86400000000000, NEW.name, NEW.outcome, 0
		WHERE NOT EXISTS (SELECT 1 FROM usage WHERE day = NEW.time / 86400000000000 AND name = NEW.name AND outcome = NEW.outcome);
	UPDATE usage SET count = count + 1 WHERE day = NEW.time / 86400000000000 AND name = NEW.name AND outcome = NEW.outcome;
END;
CREATE TRIGGER usage_less AFTER DELETE ON events BEGIN
	UPDATE usage SET count = count - 1 WHERE day = OLD.time / 86400000000000 AND name = OLD.name AND outcome = OLD.outcome;
	DELETE FROM usage WHERE day = OLD.time / 86400000000000 AND name = OLD.name AND outcome = OLD.outcome AND count = 0;
END;
`

// byAddress is the third version: lists of people are in the order of addresses.
const byAddress = `
DROP INDEX records_email;
CREATE INDEX records_email ON records (email, user_id);
`
