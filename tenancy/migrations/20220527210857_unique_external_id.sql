-- +goose Up
-- Upstream adds a constraint here that repeats tenants_external_id_index, and drops it with version 20221223010058.
select;
