-- +goose Up
alter table tenants alter column max_events_per_second set default 100;
