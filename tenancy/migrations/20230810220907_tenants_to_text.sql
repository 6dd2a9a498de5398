-- +goose Up
alter table tenants
    alter column name type text,
    alter column external_id type text,
    alter column jwt_secret type text,
    alter column postgres_cdc_default type text,
    alter column postgres_cdc_default set default 'postgres_cdc_rls'::text;
