-- +goose Up
alter table tenants add column if not exists private_only boolean not null default false;
