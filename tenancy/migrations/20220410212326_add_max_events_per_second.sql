-- +goose Up
alter table tenants add column if not exists max_events_per_second integer default 10000;
