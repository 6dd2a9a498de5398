-- +goose Up
alter table tenants alter column max_presence_events_per_second set default 1000;
