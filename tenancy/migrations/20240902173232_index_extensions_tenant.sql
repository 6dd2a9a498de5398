-- +goose Up
create index if not exists extensions_tenant_external_id_index on extensions (tenant_external_id);
