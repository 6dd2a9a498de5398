-- What is there already and what the connected role may do, as one JSON object.
select jsonb_build_object(
	'database', current_database(),
	'role', current_user,
	'version', current_setting('server_version_num')::int,
	'super', me.rolsuper,
	'create_role', me.rolcreaterole,
	'bypass', me.rolbypassrls,
	'replication', me.rolreplication or exists (select from pg_roles r where r.rolname = 'rds_replication' and pg_has_role(r.oid, 'member')),
	'rds', to_regrole('rds_replication') is not null,
	'create', has_database_privilege(current_database(), 'create'),
	'policy_grants', coalesce(current_setting('supautils.policy_grants', true), ''),
	'roles', (
		select jsonb_object_agg(r.rolname, jsonb_build_object(
			'mine', pg_has_role(r.oid, 'usage'),
			'admin', pg_has_role(r.oid, 'member with admin option'),
			'super', r.rolsuper,
			'joined', exists (
				select from pg_auth_members m, pg_roles a
				where a.rolname = 'supabase_realtime_admin' and (m.roleid, m.member) in ((r.oid, a.oid), (a.oid, r.oid)))))
		from pg_roles r
		where r.rolname in ('anon', 'authenticated', 'service_role', 'supabase_realtime_admin', 'postgres', 'dashboard_user')),
	'schema', (
		select jsonb_build_object(
			'owned', pg_has_role(n.nspowner, 'usage'),
			'create', has_schema_privilege(n.oid, 'create'),
			'grant', has_schema_privilege(n.oid, 'usage with grant option') and has_schema_privilege(n.oid, 'create with grant option'))
		from pg_namespace n where n.nspname = 'realtime'),
	'messages', (
		select jsonb_build_object(
			'partitioned', c.relkind = 'p',
			'owner', c.relowner::regrole,
			'owned', pg_has_role(c.relowner, 'usage'),
			'secured', c.relrowsecurity,
			'columns', (select jsonb_agg(a.attname order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
		from pg_class c where c.oid = to_regclass('realtime.messages')),
	'ledger', to_regclass('realtime.schema_migrations') is not null,
	'functions', (
		select coalesce(jsonb_agg(f), '[]') from unnest(array[
			'topic()', 'send(jsonb,text,text,boolean)', 'send_binary(bytea,text,text,boolean)',
			'broadcast_changes(text,text,text,text,text,record,record,text)']) f
		where to_regprocedure('realtime.' || f) is not null),
	'publication', exists (select from pg_publication where pubname = 'supabase_realtime_messages_publication')
)::text
from pg_roles me where me.rolname = current_user
