package tenancy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// The final shape: column, type, nullability and default in the words of the catalog.
var (
	wantTenants = `id uuid not null
name text null
external_id text null
jwt_secret text null
max_concurrent_users integer not null default 200
inserted_at timestamp(0) without time zone not null
updated_at timestamp(0) without time zone not null
max_events_per_second integer not null default 100
postgres_cdc_default text null default 'postgres_cdc_rls'::text
max_bytes_per_second integer not null default 100000
max_channels_per_client integer not null default 100
max_joins_per_second integer not null default 500
suspend boolean null default false
jwt_jwks jsonb null
notify_private_alpha boolean null default false
private_only boolean not null default false
migrations_ran integer null default 0
broadcast_adapter character varying(255) null default 'gen_rpc'::character varying
max_presence_events_per_second integer null default 1000
max_payload_size_in_kb integer null default 3000
max_client_presence_events_per_window integer null
client_presence_window_ms integer null
presence_enabled boolean not null default false
feature_flags jsonb not null default '{}'::jsonb
gcm_migrated_at timestamp(0) without time zone null`

	wantExtensions = `id uuid not null
type text null
settings jsonb null
tenant_external_id text null
inserted_at timestamp(0) without time zone not null
updated_at timestamp(0) without time zone not null`

	wantFlags = `id uuid not null
name character varying(255) not null
enabled boolean not null default false
inserted_at timestamp(0) without time zone not null
updated_at timestamp(0) without time zone not null
rollout_percentage integer not null default 100
bucket_key character varying(255) null`

	wantLedger = `version bigint not null
inserted_at timestamp(0) without time zone null`

	wantConstraints = `extensions extensions_pkey PRIMARY KEY (id)
extensions extensions_tenant_external_id_fkey FOREIGN KEY (tenant_external_id) REFERENCES tenants(external_id) ON DELETE CASCADE
feature_flags feature_flags_pkey PRIMARY KEY (id)
feature_flags rollout_percentage_must_be_between_0_and_100 CHECK (((rollout_percentage >= 0) AND (rollout_percentage <= 100)))
schema_migrations schema_migrations_pkey PRIMARY KEY (version)
tenants jwt_secret_or_jwt_jwks_required CHECK (((jwt_secret IS NOT NULL) OR (jwt_jwks IS NOT NULL)))
tenants tenants_pkey PRIMARY KEY (id)`

	wantIndexes = `CREATE INDEX extensions_tenant_external_id_index ON extensions USING btree (tenant_external_id)
CREATE UNIQUE INDEX extensions_pkey ON extensions USING btree (id)
CREATE UNIQUE INDEX extensions_tenant_external_id_type_index ON extensions USING btree (tenant_external_id, type)
CREATE UNIQUE INDEX feature_flags_name_index ON feature_flags USING btree (name)
CREATE UNIQUE INDEX feature_flags_pkey ON feature_flags USING btree (id)
CREATE UNIQUE INDEX schema_migrations_pkey ON schema_migrations USING btree (version)
CREATE UNIQUE INDEX tenants_external_id_index ON tenants USING btree (external_id)
CREATE UNIQUE INDEX tenants_pkey ON tenants USING btree (id)`
)

// compareShape compares a schema's catalog with the final shape. The order of columns is not part of it.
func compareShape(t *testing.T, s postgres.Settings, schema string) {
	t.Helper()
	for table, want := range map[string]string{
		"tenants": wantTenants, "extensions": wantExtensions, "feature_flags": wantFlags, "schema_migrations": wantLedger,
	} {
		got := lines(t, s, `select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else ' null' end ||
				coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
			from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
			left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
			where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped order by 1`, schema, table)
		if diff := cmp.Diff(sorted(got), sorted(strings.Split(want, "\n"))); diff != "" {
			t.Errorf("columns of %s (-got +want):\n%s", table, diff)
		}
	}
	got := lines(t, s, `select c.relname || ' ' || o.conname || ' ' || replace(pg_get_constraintdef(o.oid), quote_ident(n.nspname) || '.', '')
		from pg_constraint o join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and o.contype <> 'n' order by 1`, schema)
	if diff := cmp.Diff(sorted(got), sorted(strings.Split(wantConstraints, "\n"))); diff != "" {
		t.Errorf("constraints (-got +want):\n%s", diff)
	}
	got = lines(t, s, "select replace(indexdef, quote_ident(schemaname) || '.', '') from pg_indexes where schemaname = $1", schema)
	if diff := cmp.Diff(sorted(got), sorted(strings.Split(wantIndexes, "\n"))); diff != "" {
		t.Errorf("indexes (-got +want):\n%s", diff)
	}
	got = lines(t, s, "select version::text from "+quoteSchema(schema)+".schema_migrations")
	if diff := cmp.Diff(sorted(got), strings.Fields(upstreamVersions)); diff != "" {
		t.Errorf("ledger (-got +want):\n%s", diff)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func quoteSchema(name string) string { return pgx.Identifier{name}.Sanitize() }
