-- +goose Up
-- Upstream adds a column here that it drops with version 20240625211759.
select;
