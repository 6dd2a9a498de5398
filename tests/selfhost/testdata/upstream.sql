-- The management schema of the original in its final shape, written from what its catalog shows.
create schema _realtime;
set search_path to _realtime;

create table schema_migrations (version bigint primary key, inserted_at timestamp(0) without time zone);
insert into schema_migrations (version, inserted_at)
select v::bigint, timestamp '2026-08-20 10:00:00' from regexp_split_to_table(
	'20210706140551 20220329161857 20220410212326 20220506102948 20220527210857 20220815211129 20220815215024 '
	'20220818141501 20221018173709 20221102172703 20221223010058 20230110180046 20230810220907 20230810220924 '
	'20231024094642 20240306114423 20240418082835 20240625211759 20240704172020 20240902173232 20241106103258 '
	'20250424203323 20250613072131 20250711044927 20250811121559 20250926223044 20251204170944 20251218000543 '
	'20260209232800 20260304000000 20260422000000 20260709151810 20260805000000', ' ') v;

create table tenants (
	id uuid primary key,
	name text,
	external_id text,
	jwt_secret text,
	max_concurrent_users integer not null default 200,
	inserted_at timestamp(0) without time zone not null,
	updated_at timestamp(0) without time zone not null,
	max_events_per_second integer not null default 100,
	postgres_cdc_default text default 'postgres_cdc_rls',
	max_bytes_per_second integer not null default 100000,
	max_channels_per_client integer not null default 100,
	max_joins_per_second integer not null default 500,
	suspend boolean default false,
	jwt_jwks jsonb,
	notify_private_alpha boolean default false,
	private_only boolean not null default false,
	migrations_ran integer default 0,
	broadcast_adapter varchar(255) default 'gen_rpc',
	max_presence_events_per_second integer default 1000,
	max_payload_size_in_kb integer default 3000,
	max_client_presence_events_per_window integer,
	client_presence_window_ms integer,
	presence_enabled boolean not null default false,
	feature_flags jsonb not null default '{}',
	gcm_migrated_at timestamp(0) without time zone,
	constraint jwt_secret_or_jwt_jwks_required check (jwt_secret is not null or jwt_jwks is not null)
);
create unique index tenants_external_id_index on tenants (external_id);

create table extensions (
	id uuid primary key,
	type text,
	settings jsonb,
	tenant_external_id text references tenants (external_id) on delete cascade,
	inserted_at timestamp(0) without time zone not null,
	updated_at timestamp(0) without time zone not null
);
create index extensions_tenant_external_id_index on extensions (tenant_external_id);
create unique index extensions_tenant_external_id_type_index on extensions (tenant_external_id, type);

create table feature_flags (
	id uuid primary key,
	name varchar(255) not null,
	enabled boolean not null default false,
	inserted_at timestamp(0) without time zone not null,
	updated_at timestamp(0) without time zone not null,
	rollout_percentage integer not null default 100,
	bucket_key varchar(255),
	constraint rollout_percentage_must_be_between_0_and_100 check (rollout_percentage between 0 and 100)
);
create unique index feature_flags_name_index on feature_flags (name);
insert into feature_flags (id, name, enabled, inserted_at, updated_at)
values ('6a3cbd6e-6d0c-4a5e-8c54-0d3a7c3f1b01', 'gcm_encryption_backfill', true, '2026-08-20 10:00:00', '2026-08-20 10:00:00');

-- realtime-dev has only AES-128-ECB values; modern has AES-256-GCM ones. The secrets are public test vectors.
insert into tenants (id, name, external_id, jwt_secret, inserted_at, updated_at, max_joins_per_second, migrations_ran, gcm_migrated_at, feature_flags) values
('6a3cbd6e-6d0c-4a5e-8c54-0d3a7c3f1b02', 'realtime-dev', 'realtime-dev',
	'6MP8XGjE/1JGHSbp6UzVI0UTNR3Oboy+j4mfrGaWwvTXrqM3pBTWvqtexlZVWb2rC5VCjckdAj8cpsZFduIleA==',
	'2026-08-20 10:00:01', '2026-08-20 10:00:01', 100, 70, null, '{"by_hand": true}'),
('6a3cbd6e-6d0c-4a5e-8c54-0d3a7c3f1b03', 'Modern', 'modern',
	'g1:yv66vvrO263eyviIHIYwTk6uAZfQGeCcb2a6gIFAxNUGwWrDV+FW975IKnwhfunb3Rx6pnKJbWkzniRwF1Fqr7R42g3rvnqkqlq818duIvl167A=',
	'2026-08-20 10:00:02', '2026-08-21 11:00:00', 500, 70, '2026-08-21 11:00:00', '{}');
