-- What a Supabase database has and users' SQL relies on. Each part is made when it is missing and left alone when it is
-- there; the whole is one transaction (a multi-statement simple query).

select pg_advisory_xact_lock(hashtext('realtime seed')); -- one at a time in this database

-- A role gets its privileges when it, or the schema auth, is made: who revokes them later shall not find them back.
do $$
declare
	api_role text;
	new_database boolean := to_regnamespace('auth') is null;
	new_role boolean;
begin
	if new_database then
		create schema auth;
	end if;
	foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
		new_role := to_regrole(api_role) is null;
		if new_role then
			begin
				execute format('create role %I nologin noinherit %s', api_role, case api_role when 'service_role' then 'bypassrls' else '' end);
			exception when duplicate_object or unique_violation then
				null; -- roles belong to the whole server: another database's seeding was quicker
			end;
		end if;
		if new_database or new_role then
			execute format('grant usage on schema auth, public to %I', api_role);
			execute format('alter default privileges in schema public grant select, insert, update, delete on tables to %I', api_role);
			execute format('alter default privileges in schema public grant usage, select, update on sequences to %I', api_role);
			execute format('alter default privileges in schema public grant execute on functions to %I', api_role);
		end if;
	end loop;
end
$$;

-- The settings are those that PostgREST makes for each request: one JSON object of claims, or, in older versions, one
-- setting per claim. A setting that was made once in a session reads as '' afterwards, hence the nullif.
do $$
begin
	if to_regprocedure('auth.jwt()') is null then
		create function auth.jwt() returns jsonb language sql stable as $f$
			select coalesce(
				nullif(current_setting('request.jwt.claim', true), ''),
				nullif(current_setting('request.jwt.claims', true), '')
			)::jsonb
		$f$;
	end if;
	if to_regprocedure('auth.uid()') is null then
		create function auth.uid() returns uuid language sql stable as $f$
			select coalesce(
				nullif(current_setting('request.jwt.claim.sub', true), ''),
				nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
			)::uuid
		$f$;
	end if;
	if to_regprocedure('auth.role()') is null then
		create function auth.role() returns text language sql stable as $f$
			select coalesce(
				nullif(current_setting('request.jwt.claim.role', true), ''),
				nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
			)
		$f$;
	end if;
end
$$;

do $$
begin
	if not exists (select from pg_publication where pubname = 'supabase_realtime') then
		create publication supabase_realtime;
	end if;
end
$$;
