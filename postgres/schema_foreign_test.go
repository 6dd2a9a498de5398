package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// asUpstreamLeft turns a database into one in which the original's migrations ran: its ledger, with versions that nobody
// here knows, its change-feed objects, functions of its own, and no column skip_broadcast yet.
func asUpstreamLeft(t *testing.T) postgres.Settings {
	t.Helper()
	s := pgtest.DB(t)
	if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s), time.Now()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s,
		`alter table realtime.messages drop column skip_broadcast, add column from_the_future text`,
		`drop publication supabase_realtime_messages_publication`,
		`drop function realtime.send_binary, realtime.broadcast_changes`,
		`create or replace function realtime.topic() returns text language sql stable as 'select ''another body'''`,
		`create type realtime.action as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'ERROR')`,
		`create table realtime.subscription (id bigint generated always as identity primary key, subscription_id uuid not null, entity regclass not null, claims jsonb not null)`,
		`create function realtime.apply_rls(wal jsonb, max_record_bytes integer default 1024 * 1024) returns setof text language sql as 'select ''x'''`,
		`create table realtime.schema_migrations (version bigint primary key, inserted_at timestamp(0) default now())`,
		`revoke all on realtime.schema_migrations from public`,
		`insert into realtime.schema_migrations select 20211116024918 + n from generate_series(1, 80) n union values (20260709120000), (29990101000000)`)
	return s
}

func TestUpstreamsSchemaStaysAsItIs(t *testing.T) {
	s := asUpstreamLeft(t)
	conn := pgtest.Conn(t, s)
	before := pgtest.Catalog(t, s, "realtime")
	got, err := postgres.PrepareTenant(t.Context(), conn, time.Now())
	if err != nil || !got.Schema.Foreign || !got.Schema.Messages || len(got.Schema.Done)+len(got.Partitions) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff(pgtest.Catalog(t, s, "realtime"), before); diff != "" {
		t.Errorf("changed (-got +want):\n%s", diff)
	}
	// Two days later there are two more partitions, made as the original makes them, and nothing else is new.
	got, err = postgres.PrepareTenant(t.Context(), conn, time.Now().AddDate(0, 0, 2))
	if err != nil || len(got.Partitions) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, line := range pgtest.Catalog(t, s, "realtime") {
		if fields := strings.Fields(line); !slices.Contains(before, line) && !strings.HasPrefix(strings.TrimPrefix(fields[1], "realtime."), got.Partitions[0]) &&
			!strings.HasPrefix(strings.TrimPrefix(fields[1], "realtime."), got.Partitions[1]) && !strings.Contains(line, "type _messages_") {
			t.Errorf("new: %s", line)
		}
	}
	pgtest.Exec(t, s, "insert into realtime.messages (topic, extension, inserted_at) values ('a', 'broadcast', now() at time zone 'utc' + interval '5 days')")
}

// An early release had no messages: what it made is not ours to complete.
func TestEarlyUpstreamSchemaStaysAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		rows    string
		foreign bool
	}{
		"migrated":    {"insert into realtime.schema_migrations values (20211116024918)", true},
		"only a name": {"select 1", false}, // an image prepares the empty table
	} {
		t.Run(name, func(t *testing.T) {
			s := pgtest.DB(t)
			pgtest.Exec(t, s, "create schema realtime", "create table realtime.schema_migrations (version bigint primary key, inserted_at timestamp(0))", test.rows)
			got, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, s), time.Now())
			if err != nil || got.Schema.Foreign != test.foreign || got.Schema.Messages == test.foreign {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestAddSkipBroadcast(t *testing.T) {
	s := asUpstreamLeft(t)
	conn := pgtest.Conn(t, s)
	for range 2 {
		if err := postgres.AddSkipBroadcast(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	const sql = `select format_type(atttypid, atttypmod) || attnotnull || pg_get_expr(adbin, adrelid) from pg_attribute join pg_attrdef on adrelid = attrelid and adnum = attnum
		where attrelid = 'realtime.messages'::regclass and attname = 'skip_broadcast'`
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != "booleantruefalse" {
		t.Errorf("got %s, %v", got, err)
	}
	// Who uses the table is not made to wait for long, nor are we.
	pgtest.Exec(t, s, "alter table realtime.messages drop column skip_broadcast")
	busy, err := pgtest.Conn(t, s).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Exec(t.Context(), "select realtime.topic() from realtime.messages"); err != nil {
		t.Fatal(err)
	}
	if err := postgres.AddSkipBroadcast(t.Context(), conn); postgres.State(err) != "55P03" {
		t.Errorf("while the table is in use: %v", err)
	}
	if err := busy.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := postgres.AddSkipBroadcast(t.Context(), conn); err != nil {
		t.Error(err)
	}
}

func TestEnsureMessagesPublication(t *testing.T) {
	s := asUpstreamLeft(t)
	conn := pgtest.Conn(t, s)
	today := "realtime.messages_" + time.Now().UTC().Format("2006_01_02")
	for _, test := range []struct {
		name, sql string
		changed   bool
	}{
		{"missing", "select 1", true},
		{"right", "select 1", false},
		{"another table", "alter publication supabase_realtime_messages_publication add table realtime.subscription", true},
		{"a table that only sounds like it", "create schema realtime_x; create table realtime_x.messages (); alter publication supabase_realtime_messages_publication set table realtime_x.messages", true},
		{"a partition", "alter publication supabase_realtime_messages_publication set table " + today, false},
		{"nothing", "alter publication supabase_realtime_messages_publication drop table " + today, true},
		{"no inserts", "alter publication supabase_realtime_messages_publication set (publish = 'update')", true},
		{"everything", "drop publication supabase_realtime_messages_publication; create publication supabase_realtime_messages_publication for all tables", true},
	} {
		pgtest.Exec(t, s, test.sql)
		changed, err := postgres.EnsureMessagesPublication(t.Context(), conn)
		if err != nil || changed != test.changed {
			t.Errorf("%s: changed %v, %v", test.name, changed, err)
		}
	}
}
