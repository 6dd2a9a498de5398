-- +goose Up
alter table tenants add column if not exists gcm_migrated_at timestamp(0) without time zone;

-- What follows changes nothing on a schema that every earlier version has shaped. On one that upstream left in between, where a
-- column may have come with another version than here, it settles the final shape.
alter table tenants
    add column if not exists max_client_presence_events_per_window integer,
    add column if not exists client_presence_window_ms integer,
    add column if not exists presence_enabled boolean not null default false,
    add column if not exists feature_flags jsonb not null default '{}',
    alter column broadcast_adapter set default 'gen_rpc',
    alter column max_presence_events_per_second set default 1000,
    alter column jwt_secret type text;
create table if not exists feature_flags (
    id                 uuid primary key,
    name               varchar(255) not null,
    enabled            boolean not null default false,
    inserted_at        timestamp(0) without time zone not null,
    updated_at         timestamp(0) without time zone not null
);
create unique index if not exists feature_flags_name_index on feature_flags (name);
alter table feature_flags
    add column if not exists rollout_percentage integer not null default 100,
    add column if not exists bucket_key varchar(255),
    drop constraint if exists rollout_percentage_must_be_between_0_and_100;
alter table feature_flags
    add constraint rollout_percentage_must_be_between_0_and_100 check (rollout_percentage between 0 and 100);
