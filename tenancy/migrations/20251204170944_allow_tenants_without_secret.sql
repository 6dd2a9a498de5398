-- +goose Up
alter table tenants
    alter column jwt_secret drop not null,
    drop constraint if exists jwt_secret_or_jwt_jwks_required;
alter table tenants
    add constraint jwt_secret_or_jwt_jwks_required check (jwt_secret is not null or jwt_jwks is not null);
