package changes

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Everything that may fail because of somebody's table, policy or filter runs behind a savepoint, parsing included: a
// statement that names a locked table already waits when it is parsed.
const (
	savepointSQL = "savepoint realtime"
	releaseSQL   = "release realtime"
	timeoutSQL   = "select pg_catalog.set_config('statement_timeout', $1, true)"
)

// guarded runs one query, so that its error leaves the transaction usable. limit is the server's statement_timeout for
// it. All of it is one round trip, but for the first time.
func (s *session) guarded(ctx context.Context, limit time.Duration, k style, scan func(pgx.Rows) error, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*limit+graceLimit)
	defer cancel()
	if err := s.parse(ctx, limit, sql); err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(savepointSQL)
	b.Queue(timeoutSQL, milliseconds(limit))
	if k != styleOwn {
		b.Queue(setStyleSQL, s.styleArgs(k)...)
	}
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if k != styleOwn {
		b.Queue(setStyleSQL, s.styleArgs(styleOwn)...)
	}
	b.Queue(releaseSQL)
	return s.undo(ctx, s.conn.SendBatch(ctx, &b).Close())
}

// parse has the server parse a statement once. evaluateSQL is parsed when the session begins.
func (s *session) parse(ctx context.Context, limit time.Duration, sql string) error {
	if s.prepared[sql] || sql == evaluateSQL {
		return nil
	}
	if err := s.exec(ctx, savepointSQL+"; set local statement_timeout = "+milliseconds(limit)); err != nil {
		return err
	}
	if _, err := s.conn.Prepare(ctx, sql, sql); err != nil {
		return s.undo(ctx, err)
	}
	s.prepared[sql] = true
	return s.exec(ctx, releaseSQL)
}

// guardedExec runs one statement without parameters that is not run again.
func (s *session) guardedExec(ctx context.Context, sql string) error {
	return s.undo(ctx, s.exec(ctx, savepointSQL+"; "+sql+"; "+releaseSQL))
}

// undo goes back to the savepoint after an error, which it returns without its words.
func (s *session) undo(ctx context.Context, err error) error {
	if err == nil || s.lost() {
		return err
	}
	if e := s.exec(ctx, "rollback to realtime; "+releaseSQL); e != nil {
		return e
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return quiet{e}
	}
	return err
}

// quiet is an error of somebody's SQL by its SQLSTATE alone, because errors are logged: the message may quote a row, a
// filter or claims.
type quiet struct{ *pgconn.PgError }

// Error names the SQLSTATE.
func (q quiet) Error() string { return "SQLSTATE " + q.Code }

// Unwrap keeps the error's fields readable.
func (q quiet) Unwrap() error { return q.PgError }
