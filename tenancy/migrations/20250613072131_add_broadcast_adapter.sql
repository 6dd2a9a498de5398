-- +goose Up
alter table tenants add column if not exists broadcast_adapter varchar(255) default 'phoenix';
