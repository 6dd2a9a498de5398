-- +goose Up
alter table tenants alter column jwt_secret type text;
