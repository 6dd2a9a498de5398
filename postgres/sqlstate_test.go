package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// predicates by the name they are asked for.
var predicates = map[string]func(error) bool{
	"canceled": postgres.IsQueryCanceled, "table": postgres.IsUndefinedTable, "column": postgres.IsUndefinedColumn,
	"function": postgres.IsUndefinedFunction, "object": postgres.IsUndefinedObject, "schema": postgres.IsUndefinedSchema,
	"privilege": postgres.IsInsufficientPrivilege, "in use": postgres.IsObjectInUse, "duplicate": postgres.IsDuplicateObject,
	"unique": postgres.IsUniqueViolation, "connections": postgres.IsTooManyConnections, "authentication": postgres.IsAuthentication,
	"database": postgres.IsUndefinedDatabase, "connection": postgres.IsConnection,
}

// TestPredicatesAgainstTheServer makes the server raise each state, by doing the thing where that is cheap.
func TestPredicatesAgainstTheServer(t *testing.T) {
	s := pgtest.DB(t)
	raise := func(state string) string {
		return fmt.Sprintf("do $$ begin raise exception 'x' using errcode = '%s'; end $$", state)
	}
	for _, c := range []struct{ name, sql, state string }{
		{"canceled", "set local statement_timeout = 1; select pg_sleep(10)", "57014"},
		{"table", "select * from nowhere", "42P01"},
		{"column", "select nothing from pg_class", "42703"},
		{"function", "select no_such(1)", "42883"},
		{"object", "drop role no_such_role", "42704"},
		{"object", "select pg_drop_replication_slot('no_such_slot')", "42704"},
		{"schema", "create table nowhere.t (x int)", "3F000"},
		{"privilege", "create table t (x int); revoke all on t from anon; set local role anon; select * from t", "42501"},
		{"privilege", "create table t (x int); alter table t enable row level security; set local role anon; insert into t values (1)", "42501"},
		{"in use", "drop database " + s.Database, "55006"},
		{"duplicate", "create role anon", "42710"},
		{"unique", "create table t (x int primary key); insert into t values (1), (1)", "23505"},
		{"connections", raise("53300"), "53300"},
		{"authentication", raise("28P01"), "28P01"},
		{"authentication", raise("28000"), "28000"},
		{"database", raise("3D000"), "3D000"},
		{"connection", raise("57P01"), "57P01"},
		{"connection", raise("08006"), "08006"},
		{"none", "select 1/0", "22012"},
	} {
		conn := pgtest.Conn(t, s)
		_, err := conn.PgConn().Exec(limited(t, 30*time.Second), c.sql).ReadAll()
		if err == nil {
			t.Errorf("%s: no error", c.sql)
			continue
		}
		err = fmt.Errorf("do something: %w", err)
		if got := postgres.State(err); got != c.state {
			t.Errorf("%s: got state %s, want %s (%v)", c.sql, got, c.state, err)
		}
		for name, is := range predicates {
			if got, want := is(err), name == c.name; got != want {
				t.Errorf("%s: predicate %q is %v, want %v", c.sql, name, got, want)
			}
		}
	}
	for name, is := range predicates {
		if is(nil) {
			t.Errorf("predicate %q is true of no error", name)
		}
	}
	if got := postgres.State(nil); got != "" {
		t.Errorf("no error has state %q", got)
	}
}

func TestLockHasOneHolder(t *testing.T) {
	s := pgtest.DB(t)
	a, b := pgtest.Conn(t, s), pgtest.Conn(t, s)
	const key = -7_000_000_000
	try := func(name string, got bool, err error, want bool) {
		t.Helper()
		if err != nil || got != want {
			t.Fatalf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	ctx := limited(t, time.Minute)
	got, err := postgres.TryLock(ctx, a, key)
	try("a takes it", got, err, true)
	got, err = postgres.TryLock(ctx, b, key)
	try("b is refused", got, err, false)
	got, err = postgres.TryLock(ctx, b, key+1)
	try("b takes another", got, err, true)
	got, err = postgres.Unlock(ctx, b, key)
	try("b cannot give back what it has not", got, err, false)
	got, err = postgres.Unlock(ctx, a, key)
	try("a gives it back", got, err, true)
	got, err = postgres.TryLock(ctx, b, key)
	try("b takes it", got, err, true)
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for { // the server notices a moment later
		if got, err = postgres.TryLock(ctx, a, key); err != nil || got {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	try("a takes it after b is gone", got, err, true)
	if _, err := postgres.TryLock(ctx, b, key); !postgres.IsConnection(err) {
		t.Errorf("on a closed connection: got %v", err)
	}
}
