package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// TryLock takes the session-level advisory lock key on conn's database, or returns false at once when another session
// has it. The lock ends with [Unlock] or with the connection, however that ends; a second TryLock by the same session
// succeeds and must be unlocked twice.
func TryLock(ctx context.Context, conn *pgx.Conn, key int64) (bool, error) {
	var got bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", key).Scan(&got); err != nil {
		return false, fmt.Errorf("take advisory lock: %w", err)
	}
	return got, nil
}

// Unlock gives an advisory lock back. It returns false when this session did not hold it.
func Unlock(ctx context.Context, conn *pgx.Conn, key int64) (bool, error) {
	var held bool
	if err := conn.QueryRow(ctx, "select pg_advisory_unlock($1)", key).Scan(&held); err != nil {
		return false, fmt.Errorf("give back advisory lock: %w", err)
	}
	return held, nil
}
