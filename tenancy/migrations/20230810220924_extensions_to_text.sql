-- +goose Up
alter table extensions
    alter column type type text,
    alter column tenant_external_id type text;
