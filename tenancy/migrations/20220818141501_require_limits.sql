-- +goose Up
update tenants set max_events_per_second = 100 where max_events_per_second is null;
update tenants set max_concurrent_users = 200 where max_concurrent_users is null;
alter table tenants
    alter column max_events_per_second set default 100,
    alter column max_events_per_second set not null,
    alter column max_concurrent_users set default 200,
    alter column max_concurrent_users set not null;
