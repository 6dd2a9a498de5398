-- +goose Up
update extensions
   set settings = settings - 'poll_interval' || jsonb_build_object('poll_interval_ms', settings -> 'poll_interval')
 where jsonb_typeof(settings) = 'object' and settings ? 'poll_interval';
