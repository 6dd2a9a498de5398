-- +goose Up
alter table tenants
    add column if not exists max_client_presence_events_per_window integer,
    add column if not exists client_presence_window_ms integer;
