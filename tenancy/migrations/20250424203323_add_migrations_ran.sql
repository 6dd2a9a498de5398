-- +goose Up
alter table tenants add column if not exists migrations_ran integer default 0;
