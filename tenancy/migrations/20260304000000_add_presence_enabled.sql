-- +goose Up
alter table tenants add column if not exists presence_enabled boolean not null default false;
