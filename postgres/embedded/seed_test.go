package embedded_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres/embedded"
)

const (
	annID  = "11111111-1111-4111-8111-111111111111"
	claims = `{"sub":"` + annID + `","role":"authenticated","x":[1]}`
)

func seededServer(t *testing.T) *embedded.Server {
	t.Helper()
	return start(t, embedded.Options{DataDir: dataDir(t), Fast: true})
}

func TestSeededRolesAndFunctions(t *testing.T) {
	s := seededServer(t)
	for sql, answer := range map[string]string{
		`select string_agg(rolname || ' ' || rolcanlogin || ' ' || rolinherit || ' ' || rolbypassrls || ' ' || rolsuper, ', ' order by rolname)
			from pg_roles where rolname in ('anon', 'authenticated', 'service_role')`: "anon false false false false, authenticated false false false false, service_role false false true false",
		"select count(*)::text || (select count(*) from pg_publication_tables) from pg_publication where pubname = 'supabase_realtime' and not puballtables": "10",

		"select coalesce(auth.uid()::text, '-') || coalesce(auth.role(), '-') || coalesce(auth.jwt()::text, '-')": "---",

		"set request.jwt.claims = '" + claims + "'; select auth.uid()::text":  annID,
		"set request.jwt.claims = '" + claims + "'; select auth.role()":       "authenticated",
		"set request.jwt.claims = '" + claims + "'; select auth.jwt()->>'x'":  "[1]",
		"set request.jwt.claims = ''; select coalesce(auth.uid()::text, '-')": "-", // as after a transaction that set it

		// One setting for each claim, as older servers make them, wins.
		"set request.jwt.claim.sub = '" + annID + "'; set request.jwt.claims = '{\"sub\":\"x\"}'; select auth.uid()::text": annID,
		"set request.jwt.claim.role = 'anon'; set request.jwt.claims = '" + claims + "'; select auth.role()":               "anon",
		"set request.jwt.claim = '{\"a\":1}'; set request.jwt.claims = '" + claims + "'; select auth.jwt()->>'a'":          "1",
	} {
		want(t, s.URL(), sql, answer)
	}
	if _, err := ask(limited(t), s.URL(), `set request.jwt.claims = '{"sub":"not a uuid"}'; select auth.uid()`); err == nil || !strings.Contains(err.Error(), "22P02") {
		t.Errorf("a sub that is no uuid: got %v", err)
	}
}

func TestAPIRolesMayUseTablesMadeLater(t *testing.T) {
	s := seededServer(t)
	want(t, s.URL(), "create table public.todo (id serial primary key, owner uuid default auth.uid()); create function public.one() returns text return '1'; select 1", "1")
	for _, role := range []string{"anon", "authenticated", "service_role"} {
		as := "set role " + role + "; set request.jwt.claims = '" + claims + "';"
		want(t, s.URL(), as+"insert into todo default values; update todo set owner = auth.uid(); select owner::text from todo; delete from todo; select one()", "1")
		if _, err := ask(limited(t), s.URL(), as+"truncate todo"); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("truncate, which asks no policy, as %s: got %v", role, err)
		}
		if _, err := ask(limited(t), s.URL(), as+"create table x (y int)"); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("create table as %s: got %v", role, err)
		}
	}
	want(t, s.URL(), `alter table todo enable row level security; insert into todo (owner) values ('`+annID+`'), (null);
		create policy own on todo to authenticated using (owner = (select auth.uid())); select 1`, "1")
	for role, rows := range map[string]string{"anon": "0", "authenticated": "1", "service_role": "2"} {
		want(t, s.URL(), "set role "+role+"; set request.jwt.claims = '"+claims+"'; select count(*) from todo", rows)
	}
}

func seed(t *testing.T, url string) {
	t.Helper()
	ctx := limited(t)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := embedded.Seed(ctx, conn); err != nil {
		t.Fatal(err)
	}
}

func TestSeedMakesOnlyWhatIsMissing(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir, Fast: true})
	want(t, s.URL(), `
		create or replace function auth.uid() returns uuid language sql as $$ select '`+annID+`'::uuid $$;
		drop function auth.jwt();
		drop publication supabase_realtime;
		alter role anon login;
		revoke usage on schema auth from anon;
		alter default privileges in schema public revoke delete on tables from anon;
		drop owned by service_role; drop role service_role;
		select 1`, "1")
	stop(t, s)
	s = start(t, embedded.Options{DataDir: dir, Fast: true})
	for range 2 {
		want(t, s.URL(), "select auth.uid()::text", annID)                                             // the user's own stays
		want(t, s.URL(), "select to_regprocedure('auth.jwt()') is not null", "t")                      // this is back
		want(t, s.URL(), "select count(*) from pg_publication where pubname='supabase_realtime'", "1") // and this
		want(t, s.URL(), "select rolcanlogin from pg_roles where rolname = 'anon'", "t")
		want(t, s.URL(), "select rolbypassrls from pg_roles where rolname = 'service_role'", "t")
		want(t, s.URL(), "select has_schema_privilege('service_role', 'auth', 'usage')", "t")
		want(t, s.URL(), "create table t (x int); select has_table_privilege('service_role', 't', 'delete')", "t")
		want(t, s.URL(), "select has_schema_privilege('anon', 'auth', 'usage')", "f")
		want(t, s.URL(), "select has_table_privilege('anon', 't', 'delete')", "f")
		want(t, s.URL(), "drop table t; select 1", "1")
		seed(t, s.URL())
	}
}

func TestSeedingDatabasesAtOnce(t *testing.T) {
	s := seededServer(t)
	const n = 4
	for i := range n {
		want(t, s.URL(), "create database d"+string(rune('0'+i)), "")
	}
	want(t, s.URL(), "drop owned by anon, authenticated, service_role; drop role anon; drop role authenticated; drop role service_role; select 1", "1")
	var all sync.WaitGroup
	for i := range n {
		url := strings.Replace(s.URL(), "/postgres?", "/d"+string(rune('0'+i))+"?", 1)
		all.Go(func() { // ends with its seeding
			ctx := limited(t)
			conn, err := pgx.Connect(ctx, url)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			if err := embedded.Seed(ctx, conn); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
