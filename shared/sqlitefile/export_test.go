package sqlitefile

import (
	"context"
	"database/sql"
)

// Query calls scan for each row that the connection of all writes reads.
func (tx Tx) Query(scan func(*sql.Rows) error, query string, args ...any) error {
	return tx.statements.query(context.Background(), scan, query, args...)
}
