-- +goose Up
alter table tenants add column if not exists suspend boolean default false;
