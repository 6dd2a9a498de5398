-- +goose Up
-- The table is here already, unless upstream makes it with this version too.
create table if not exists feature_flags (
    id          uuid primary key,
    name        varchar(255) not null,
    enabled     boolean not null default false,
    inserted_at timestamp(0) without time zone not null,
    updated_at  timestamp(0) without time zone not null
);
create unique index if not exists feature_flags_name_index on feature_flags (name);
alter table feature_flags
    add column if not exists rollout_percentage integer not null default 100,
    add column if not exists bucket_key varchar(255),
    drop constraint if exists rollout_percentage_must_be_between_0_and_100;
alter table feature_flags
    add constraint rollout_percentage_must_be_between_0_and_100 check (rollout_percentage between 0 and 100);
