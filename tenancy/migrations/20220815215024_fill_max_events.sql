-- +goose Up
-- A limit that somebody has set stays.
update tenants set max_events_per_second = 100 where max_events_per_second is null;
