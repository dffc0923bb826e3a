package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"example.com/autoprovision/shared/sqlitefile"
)

// TestPlans sees that no question asked for each person or each removal reads a
// whole table or sorts one.
func TestPlans(t *testing.T) {
	t.Parallel()
	file, err := sqlitefile.Open(filepath.Join(t.TempDir(), "state.db"), []sqlitefile.Schema{Schema()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const records, events = "SELECT user_id, version, doc FROM records WHERE ", "SELECT row, time, id, doc FROM events WHERE (time, row) < (1, 1) "
	for _, query := range []string{
		records + "user_id IN (SELECT value FROM json_each('[]'))",
		records + "email = ''",
		records + "account_id IN (SELECT value FROM json_each('[]'))",
		records + "user_id > '' ORDER BY user_id LIMIT 1",
		records + "(email, user_id) > ('', '') ORDER BY email, user_id LIMIT 1",
		records + "hold_mark IS NOT NULL AND user_id > '' ORDER BY user_id LIMIT 1",
		records + "attention AND user_id > '' ORDER BY user_id LIMIT 1",
		records + "intent_revision IS NOT NULL AND user_id > '' ORDER BY user_id LIMIT 1",
		records + "gone_at IS NOT NULL AND user_id > '' ORDER BY user_id LIMIT 1",
		records + "account_id IS NOT NULL AND user_id > '' ORDER BY user_id LIMIT 1",
		records + "next_at IS NOT NULL AND (next_at, user_id) > (1, '') AND next_at <= 2 ORDER BY next_at, user_id LIMIT 1",
		records + "retry_at IS NOT NULL AND (retry_at, user_id) > (1, '') AND retry_at <= 2 ORDER BY retry_at, user_id LIMIT 1",
		"SELECT count(*) FROM records WHERE count_suspend <= 1",
		"SELECT count(*) FROM records WHERE delete_done > 1",
		"SELECT count(*) FROM records WHERE gone_at > 1",
		sumHeld,
		"SELECT day, name, outcome, count FROM usage WHERE day >= 1",
		"SELECT 1, name, outcome, 1 FROM events WHERE time >= 1 AND time < 2",
		"SELECT count(*) FROM records WHERE intent_revision < 1 AND lease_until > 1",
		"SELECT count(*) FROM records WHERE " + managed,
		"SELECT count(*) FROM records WHERE " + active,
		events + "ORDER BY time DESC, row DESC LIMIT 1",
		events + "AND user_id <> '' AND user_id = '1' ORDER BY time DESC, row DESC LIMIT 1",
		events + "AND name = 'n' ORDER BY time DESC, row DESC LIMIT 1",
	} {
		err := file.Query(context.Background(), func(rows *sql.Rows) error {
			var id, parent, unused int
			var step string
			err := rows.Scan(&id, &parent, &unused, &step)
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "INDEX") && !strings.Contains(step, "json_each") {
				t.Errorf("%s\nis answered by %q", query, step)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(query, "?1", "1"))
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}
