-- +goose Up
create table if not exists tenants (
    id                   uuid primary key,
    name                 varchar(255),
    external_id          varchar(255),
    jwt_secret           varchar(500),
    max_concurrent_users integer default 10000,
    inserted_at          timestamp(0) without time zone not null,
    updated_at           timestamp(0) without time zone not null
);
create unique index if not exists tenants_external_id_index on tenants (external_id);
