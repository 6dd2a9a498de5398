-- +goose Up
alter table tenants alter column broadcast_adapter set default 'gen_rpc';
