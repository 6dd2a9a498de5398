-- +goose Up
alter table tenants drop column if exists enable_authorization;
