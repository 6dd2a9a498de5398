-- +goose Up
alter table tenants
    add column if not exists max_bytes_per_second integer not null default 100000,
    add column if not exists max_channels_per_client integer not null default 100,
    add column if not exists max_joins_per_second integer not null default 500;
