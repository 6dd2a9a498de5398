package tenancy

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// upstreamVersions is the ledger that both servers must agree on, to the version.
const upstreamVersions = `20210706140551 20220329161857 20220410212326 20220506102948 20220527210857 20220815211129 20220815215024
20220818141501 20221018173709 20221102172703 20221223010058 20230110180046 20230810220907 20230810220924
20231024094642 20240306114423 20240418082835 20240625211759 20240704172020 20240902173232 20241106103258
20250424203323 20250613072131 20250711044927 20250811121559 20250926223044 20251204170944 20251218000543
20260209232800 20260304000000 20260422000000 20260709151810 20260805000000`

func TestMigrateReachesTheFinalShape(t *testing.T) {
	s := pgtest.DB(t)
	openStore(t, s, StoreOptions{})
	compareShape(t, s, "_realtime")
}

func TestMigrateLeavesNothingForeign(t *testing.T) {
	s := pgtest.DB(t)
	openStore(t, s, StoreOptions{})
	got := lines(t, s, `select c.relkind::text || ' ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = '_realtime' and c.relkind <> 'i' order by 1`)
	want := []string{"r extensions", "r feature_flags", "r schema_migrations", "r tenants"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("relations (-got +want):\n%s", diff)
	}
	if n := lines(t, s, "select count(*)::text from pg_class where relname like 'goose%'"); n[0] != "0" {
		t.Errorf("goose left %s tables", n[0])
	}
}

func TestMigrateTwiceDoesNothingTheSecondTime(t *testing.T) {
	s := pgtest.DB(t)
	openStore(t, s, StoreOptions{})
	pgtest.Exec(t, s, "update _realtime.schema_migrations set inserted_at = '2001-01-01'",
		"alter table _realtime.tenants alter column max_joins_per_second set default 7")
	openStore(t, s, StoreOptions{})
	if got := lines(t, s, "select count(*)::text from _realtime.schema_migrations where inserted_at <> '2001-01-01'"); got[0] != "0" {
		t.Errorf("%s versions were recorded again", got[0])
	}
	got := lines(t, s, "select column_default from information_schema.columns where table_schema = '_realtime' and column_name = 'max_joins_per_second'")
	if got[0] != "7" {
		t.Errorf("default is %s, want the 7 that was set by hand", got[0])
	}
}

// A database that upstream has used may stop at any version.
func TestMigrateContinuesAnyPrefix(t *testing.T) {
	versions := strings.Fields(upstreamVersions)
	for _, n := range []int{1, 14, 26, 30, 32} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			s := pgtest.DB(t)
			pgtest.Exec(t, s, "create schema _realtime")
			migrateTo(t, s, "_realtime", versions[n-1])
			openStore(t, s, StoreOptions{})
			compareShape(t, s, "_realtime")
		})
	}
}

func TestMigrateLeavesNewerVersionsAlone(t *testing.T) {
	s := pgtest.DB(t)
	openStore(t, s, StoreOptions{})
	pgtest.Exec(t, s, "insert into _realtime.schema_migrations values (20991231000000, now())",
		"alter table _realtime.tenants add column from_the_future text not null default 'x'",
		"delete from _realtime.schema_migrations where version = 20260805000000",
		"alter table _realtime.tenants drop column gcm_migrated_at")
	store := openStore(t, s, StoreOptions{})
	addTenant(t, store, tenantJSON("acme"))
	got := lines(t, s, "select version::text from _realtime.schema_migrations order by version desc limit 2")
	if diff := cmp.Diff(got, []string{"20991231000000", "20260805000000"}); diff != "" {
		t.Errorf("ledger (-got +want):\n%s", diff)
	}
	got = lines(t, s, "select from_the_future || (gcm_migrated_at is null) from _realtime.tenants")
	if got[0] != "xtrue" {
		t.Errorf("row reads %q", got[0])
	}
}

// The shape of 2023, as dumps of that time that people have published show it, with rows in it.
func TestMigrateKeepsOldRows(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create schema _realtime",
		`create table _realtime.schema_migrations (version bigint not null primary key, inserted_at timestamp(0))`,
		`create table _realtime.tenants (id uuid not null primary key, name varchar(255), external_id varchar(255), jwt_secret varchar(500),
			max_concurrent_users integer not null default 200, inserted_at timestamp(0) not null, updated_at timestamp(0) not null,
			max_events_per_second integer not null default 100, postgres_cdc_default varchar(255) default 'postgres_cdc_rls',
			max_bytes_per_second integer not null default 100000, max_channels_per_client integer not null default 100,
			max_joins_per_second integer not null default 500)`,
		`create unique index tenants_external_id_index on _realtime.tenants (external_id)`,
		`create table _realtime.extensions (id uuid not null primary key, type varchar(255), settings jsonb, tenant_external_id varchar(255),
			inserted_at timestamp(0) not null, updated_at timestamp(0) not null, constraint extensions_tenant_external_id_fkey
			foreign key (tenant_external_id) references _realtime.tenants (external_id) on delete cascade)`,
		`create unique index extensions_tenant_external_id_type_index on _realtime.extensions (tenant_external_id, type)`,
		`insert into _realtime.tenants (id, name, external_id, jwt_secret, inserted_at, updated_at, max_events_per_second)
			values ('d4448862-666f-4af2-9966-78298e8af6bf', 'old', 'old', 'v1QVng3N+pZd/0AEObABwg==', now(), now(), 4321)`,
		`insert into _realtime.extensions values ('d4448862-666f-4af2-9966-78298e8af6be', 'postgres_cdc_rls', '{"db_host": "x"}', 'old', now(), now())`)
	for _, v := range strings.Fields(upstreamVersions)[:12] {
		pgtest.Exec(t, s, "insert into _realtime.schema_migrations values ("+v+", now())")
	}
	store := openStore(t, s, StoreOptions{})
	compareShape(t, s, "_realtime")
	tenant, err := store.Get(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	if tenant.Limits.EventsPerSecond != 4321 || string(tenant.keys.secret) != "postgres" || len(tenant.Extensions) != 1 {
		t.Errorf("row is %+v, secret %q", tenant.Limits, tenant.keys.secret)
	}
}

func TestMigrateRenamesOldSettings(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create schema _realtime")
	migrateTo(t, s, "_realtime", "20220410212326")
	pgtest.Exec(t, s, `insert into _realtime.tenants (id, external_id, jwt_secret, inserted_at, updated_at) values (gen_random_uuid(), 'a', 'x', now(), now())`,
		`insert into _realtime.extensions values (gen_random_uuid(), 'postgres', '{"poll_interval": 250, "region": "r"}', 'a', now(), now())`)
	openStore(t, s, StoreOptions{})
	got := lines(t, s, "select type || ' ' || settings::text from _realtime.extensions")
	if want := `postgres_cdc_rls {"region": "r", "poll_interval_ms": 250}`; got[0] != want {
		t.Errorf("got %s, want %s", got[0], want)
	}
}

func TestMigrateTakesTurns(t *testing.T) {
	s := pgtest.DB(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { // ends with its migration
			_, errs[i] = migrate(t.Context(), s, "", slog.New(slog.DiscardHandler))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	compareShape(t, s, "_realtime")
}

func TestSchemaIsTheOneThatUpstreamUsed(t *testing.T) {
	s := pgtest.DB(t)
	migrateTo(t, s, "public", "20240306114423")
	store := openStore(t, s, StoreOptions{})
	if store.Schema() != "public" {
		t.Fatalf("schema is %q, want public", store.Schema())
	}
	compareShape(t, s, "public")
}

// Tables of the same names that belong to somebody else are not taken for the management schema.
func TestSchemaIsNotSomebodyElses(t *testing.T) {
	s := pgtest.DB(t)
	pgtest.Exec(t, s, "create table tenants (id int)", "create table extensions (id int)", "create table schema_migrations (version text)",
		"insert into schema_migrations values ('20200101')")
	store := openStore(t, s, StoreOptions{})
	if store.Schema() != "_realtime" {
		t.Errorf("schema is %q, want _realtime", store.Schema())
	}
}

func TestSchemaByName(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{Schema: `Odd "name"`})
	addTenant(t, store, tenantJSON("acme"))
	compareShape(t, s, `Odd "name"`)
}

// An existing schema is used by a role that may not create one.
func TestMigrateNeedsNoRightToCreateAnExistingSchema(t *testing.T) {
	s := pgtest.DB(t)
	role := "tenancy_owner_" + s.Database
	pgtest.Exec(t, s, "create role "+role+" login superuser password 'x'", "create schema _realtime authorization "+role,
		"alter role "+role+" nosuperuser")
	t.Cleanup(func() {
		pgtest.Exec(t, s, "drop owned by "+role+" cascade", "drop role "+role)
	})
	limited := s
	limited.User, limited.Password = role, "x"
	openStore(t, limited, StoreOptions{}).Close()
	compareShape(t, s, "_realtime")
}

func TestSearchPathSchema(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"", ""},
		{"  ; ", ""},
		{"SET search_path TO _realtime", "_realtime"},
		{"set search_path to _realtime;", "_realtime"},
		{"SET search_path = Foo", "foo"},
		{"SET search_path=_realtime, public", "_realtime"},
		{`SET SESSION search_path TO "Foo ""bar"""`, `Foo "bar"`},
		{"SET search_path TO 'Lit'", "Lit"},
	} {
		got, err := SearchPathSchema(c.query)
		if err != nil || got != c.want {
			t.Errorf("SearchPathSchema(%q) = %q, %v, want %q", c.query, got, err, c.want)
		}
	}
	for _, query := range []string{"select 1", "SET role x", "SET search_path TO a; drop table x", "SET search_path TO", "SET search_pathTO a"} {
		if got, err := SearchPathSchema(query); err == nil {
			t.Errorf("SearchPathSchema(%q) = %q, want an error", query, got)
		}
	}
}

// migrateTo applies our migrations up to a version, in a schema that exists.
func migrateTo(t *testing.T, s postgres.Settings, schema, version string) {
	t.Helper()
	config, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	db := openSQL(config, schema)
	defer db.Close()
	p, err := newProvider(db)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// lines runs a query of one text column.
func lines(t *testing.T, s postgres.Settings, sql string, args ...any) []string {
	t.Helper()
	conn, err := postgres.Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
	return got
}
