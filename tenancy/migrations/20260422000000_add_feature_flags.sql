-- +goose Up
alter table tenants add column if not exists feature_flags jsonb not null default '{}';
create table if not exists feature_flags (
    id          uuid primary key,
    name        varchar(255) not null,
    enabled     boolean not null default false,
    inserted_at timestamp(0) without time zone not null,
    updated_at  timestamp(0) without time zone not null
);
create unique index if not exists feature_flags_name_index on feature_flags (name);
