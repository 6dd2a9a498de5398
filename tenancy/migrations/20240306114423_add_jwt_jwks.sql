-- +goose Up
alter table tenants add column if not exists jwt_jwks jsonb;
