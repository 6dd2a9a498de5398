package changes

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

const (
	// sqlLimit bounds one statement of our own: the catalog's, for example.
	sqlLimit = 20 * time.Second
	// lockLimit bounds the wait for a lock that a migration holds. Rows are asked again after it, never denied for it.
	lockLimit = 2 * time.Second
	// graceLimit is how much longer than the server's own limits we wait for the network.
	graceLimit = 10 * time.Second
)

//go:embed session.sql
var sessionSQL string

// sessionSettings keep what an administrator set for the role or database out of the way. Row security must be on: off
// would make policies raise errors. Our own commits hold no data of anybody: they do not wait for a standby.
const sessionSettings = `select pg_catalog.set_config(name, value, false) from (values
	('row_security', 'on'), ('jit', 'off'), ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
	('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'), ('synchronous_commit', 'local'),
	('check_function_bodies', 'off'), ('lock_timeout', $1)
) as s (name, value)`

// style is under which settings a statement writes and reads values.
type style uint8

const (
	// styleOwn are the database's own: under them users' policies are evaluated.
	styleOwn style = iota
	// styleWire are the walsender's, so that a value's text is the same here and in the stream.
	styleWire
	// styleFilter are the walsender's but for the time zone, in which a filter's value without one is meant.
	styleFilter
)

const (
	readStyleSQL = `select pg_catalog.current_setting('datestyle'), pg_catalog.current_setting('intervalstyle'),
	pg_catalog.current_setting('bytea_output'), pg_catalog.current_setting('extra_float_digits'), pg_catalog.current_setting('timezone')`
	setStyleSQL = `select pg_catalog.set_config('datestyle', $1, true), pg_catalog.set_config('intervalstyle', $2, true),
	pg_catalog.set_config('bytea_output', $3, true), pg_catalog.set_config('extra_float_digits', $4, true), pg_catalog.set_config('timezone', $5, true)`
)

// styleArgs are the parameters of setStyleSQL.
func (s *session) styleArgs(k style) []any {
	switch k {
	case styleOwn:
		return s.own[:]
	case styleFilter:
		return []any{"ISO", "postgres", "hex", "1", s.own[4]}
	case styleWire:
	}
	return []any{"ISO", "postgres", "hex", "1", "UTC"}
}

// session is the Engine's connection.
type session struct {
	conn    *pgx.Conn
	version int // server_version_num
	// superuser says that the session's own role is one. Code of users never runs as it then.
	superuser bool
	path      string // the session's search_path
	own       [5]any // what readStyleSQL says: text

	inTx bool
	// functions are the plan functions that exist in the temporary schema, by name. A rolled back transaction takes
	// those with it that it made.
	functions, fresh map[string]bool
	serial           int             // of the last plan; names are never used twice
	prepared         map[string]bool // statements about tables and plans that the server has parsed
}

// openSession connects and makes the helper functions.
func openSession(ctx context.Context, settings postgres.Settings) (*session, error) {
	conn, err := postgres.Connect(ctx, settings.WithApplication("realtime_changes"))
	if err != nil {
		return nil, fmt.Errorf("connect for changes: %w", err)
	}
	s := &session{conn: conn, functions: map[string]bool{}, fresh: map[string]bool{}, prepared: map[string]bool{}}
	if err := s.prepare(ctx); err != nil {
		s.close(ctx)
		return nil, fmt.Errorf("prepare the session for changes: %w", err)
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sqlLimit+graceLimit)
	defer cancel()
	if _, err := s.conn.Exec(ctx, sessionSettings, milliseconds(lockLimit)); err != nil {
		return err
	}
	if err := s.conn.QueryRow(ctx, `select pg_catalog.current_setting('server_version_num')::int,
		(select rolsuper from pg_catalog.pg_roles where rolname = current_user), pg_catalog.current_setting('search_path')`).
		Scan(&s.version, &s.superuser, &s.path); err != nil {
		return err
	}
	if _, err := s.conn.Exec(ctx, sessionSQL+lookFunction(s.version), pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	for _, sql := range []string{savepointSQL, releaseSQL, timeoutSQL, setStyleSQL, beginSQL, evaluateSQL, lookSQL} {
		if _, err := s.conn.Prepare(ctx, sql, sql); err != nil {
			return err
		}
	}
	var own [5]string
	if err := s.conn.QueryRow(ctx, readStyleSQL).Scan(&own[0], &own[1], &own[2], &own[3], &own[4]); err != nil {
		return err
	}
	for i := range own {
		s.own[i] = own[i]
	}
	return nil
}

// close ends the connection politely, in bounded time, even when ctx has ended.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // nothing is lost with it
}

// lost reports whether the connection is gone.
func (s *session) lost() bool { return s.conn.IsClosed() }

// beginSQL opens a transaction in which every statement has the same snapshot.
const beginSQL = "begin isolation level repeatable read"

// commit ends the transaction; without one it does nothing.
func (s *session) commit(ctx context.Context) error {
	if !s.inTx {
		return nil
	}
	s.inTx = false
	if err := s.exec(ctx, "commit"); err != nil {
		return err
	}
	for name := range s.fresh {
		s.functions[name] = true
	}
	clear(s.fresh)
	return nil
}

// rollback gives the transaction up; without one it does nothing.
func (s *session) rollback(ctx context.Context) error {
	if !s.inTx {
		return nil
	}
	s.inTx = false
	clear(s.fresh)
	return s.exec(ctx, "rollback")
}

// dropFunctions drops the functions of plans that are no more. A transaction is open; should it be rolled back they stay,
// which does no harm: no other function will have their names.
func (s *session) dropFunctions(ctx context.Context) error {
	if len(s.functions) == 0 {
		return nil
	}
	names := slices.Collect(maps.Keys(s.functions))
	clear(s.functions)
	for sql := range s.prepared {
		delete(s.prepared, sql)
		if err := s.conn.Deallocate(ctx, sql); err != nil {
			return err
		}
	}
	tables := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, valuesPrefix) })
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, valuesPrefix) })
	if len(tables) > 0 {
		if err := s.exec(ctx, "drop table if exists "+strings.Join(tables, ", ")); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	return s.exec(ctx, "drop function if exists "+strings.Join(names, ", "))
}

// exec runs one statement of our own in the simple protocol.
func (s *session) exec(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, sqlLimit+graceLimit)
	defer cancel()
	_, err := s.conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	return err
}

// rows runs a query of our own and calls scan for each row.
func (s *session) rows(ctx context.Context, scan func(pgx.Rows) error, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, sqlLimit+graceLimit)
	defer cancel()
	rows, err := s.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// milliseconds writes a duration as the server's timeouts want it.
func milliseconds(d time.Duration) string { return fmt.Sprint(max(d.Milliseconds(), 1)) }
