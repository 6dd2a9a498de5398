-- +goose Up
update extensions e
   set type = 'postgres_cdc_rls'
 where type = 'postgres'
   and not exists (select from extensions o where o.tenant_external_id = e.tenant_external_id and o.type = 'postgres_cdc_rls');
