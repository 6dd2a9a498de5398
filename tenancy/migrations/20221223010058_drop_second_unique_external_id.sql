-- +goose Up
alter table tenants drop constraint if exists uniq_external_id;
