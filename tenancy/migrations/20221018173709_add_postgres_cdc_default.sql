-- +goose Up
alter table tenants add column if not exists postgres_cdc_default varchar(255) default 'postgres_cdc_rls';
