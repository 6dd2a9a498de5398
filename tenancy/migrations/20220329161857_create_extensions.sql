-- +goose Up
create table if not exists extensions (
    id                 uuid primary key,
    type               varchar(255),
    settings           jsonb,
    tenant_external_id varchar(255) references tenants (external_id) on delete cascade,
    inserted_at        timestamp(0) without time zone not null,
    updated_at         timestamp(0) without time zone not null
);
create unique index if not exists extensions_tenant_external_id_type_index on extensions (tenant_external_id, type);
