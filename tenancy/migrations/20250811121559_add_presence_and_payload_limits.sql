-- +goose Up
alter table tenants
    add column if not exists max_presence_events_per_second integer default 10000,
    add column if not exists max_payload_size_in_kb integer default 3000;
