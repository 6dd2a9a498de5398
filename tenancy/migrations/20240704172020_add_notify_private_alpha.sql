-- +goose Up
alter table tenants add column if not exists notify_private_alpha boolean default false;
