-- What a Supabase database has and users' SQL relies on. Each part is made when it is missing and left alone when it is
-- there; the whole is one transaction (a multi-statement simple query).

-- Roles belong to the whole server; another database's seeding may be at it right now.
select pg_advisory_xact_lock(hashtext('realtime seed'));

do $$
begin
	if to_regrole('anon') is null then
		create role anon nologin noinherit;
	end if;
	if to_regrole('authenticated') is null then
		create role authenticated nologin noinherit;
	end if;
	if to_regrole('service_role') is null then
		create role service_role nologin noinherit bypassrls;
	end if;
end
$$;

-- Privileges are given once, together with the schema auth: who revokes them later shall not find them back.
do $$
begin
	if to_regnamespace('auth') is not null then
		return;
	end if;
	create schema auth;
	grant usage on schema auth, public to anon, authenticated, service_role;
	alter default privileges in schema public
		grant select, insert, update, delete on tables to anon, authenticated, service_role;
	alter default privileges in schema public
		grant usage, select, update on sequences to anon, authenticated, service_role;
	alter default privileges in schema public
		grant execute on functions to anon, authenticated, service_role;
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
