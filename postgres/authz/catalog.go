package authz

import (
	"fmt"
	"time"
)

// settingsSQL makes the settings that policies read, for the transaction. Row security on is the default; off would turn every
// policy into an error.
const settingsSQL = `select pg_catalog.set_config('realtime.topic', $1, true), pg_catalog.set_config('request.jwt.claims', $2, true),
	pg_catalog.set_config('request.jwt.claim.sub', $3, true), pg_catalog.set_config('request.jwt.claim.role', $4, true),
	pg_catalog.set_config('request.headers', $5, true), pg_catalog.set_config('row_security', 'on', true),
	pg_catalog.set_config('statement_timeout', case
		when pg_catalog.current_setting('statement_timeout')::interval between interval '1 ms' and $6::text::interval
		then pg_catalog.current_setting('statement_timeout') else $6::text end, true)`

// catalogSQL describes the policies of realtime.messages, for a role: a fingerprint that changes with them, with the privileges and
// with the functions they call; whether they look at nothing but the token and the row; and whether any applies.
//
// Plain are policies, on a table without triggers of its own, that name no other table, no request headers, and call no function but
// those of Postgres and the ones below, as long as these read nothing. (pg_depend does not list what belongs to Postgres.)
const catalogSQL = `
with m as (
	select c.oid, c.relrowsecurity, c.relforcerowsecurity, c.relacl
	from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('realtime.messages')
), p as (
	select p.oid, p.xmin, p.polcmd, p.polroles, p.polpermissive,
		pg_catalog.concat(pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) as text
	from pg_catalog.pg_policy p join m on p.polrelid = m.oid
), d as (
	select distinct d.refclassid, d.refobjid from p join pg_catalog.pg_depend d
	on d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.objid = p.oid
), f as (
	select f.oid, f.xmin, pg_catalog.concat(n.nspname, '.', f.proname) as name, f.prosrc
	from d join pg_catalog.pg_proc f on d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and f.oid = d.refobjid
	join pg_catalog.pg_namespace n on n.oid = f.pronamespace
), who as (
	select r.oid, r.rolbypassrls or r.rolsuper as free from pg_catalog.pg_roles r where r.rolname = $1
), mine as (
	select p.polcmd from p, who where p.polpermissive and (p.polroles = '{0}' or exists (
		select from pg_catalog.unnest(p.polroles) as r where pg_catalog.pg_has_role(who.oid, r, 'usage')))
)
select
	pg_catalog.md5(pg_catalog.concat((select pg_catalog.concat(m.oid, m.relrowsecurity, m.relforcerowsecurity, m.relacl) from m),
		(select pg_catalog.string_agg(pg_catalog.concat(p.oid, ':', p.xmin), ',' order by p.oid) from p),
		(select pg_catalog.string_agg(pg_catalog.concat(f.oid, ':', f.xmin), ',' order by f.oid) from f))),
	not exists (select from p where p.text ilike '%header%')
		and not exists (select from d, m where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> m.oid)
		and not exists (select from f where f.name not in ('realtime.topic', 'auth.uid', 'auth.role', 'auth.jwt', 'auth.email')
			or f.prosrc ilike '%header%' or f.prosrc ~* '\mfrom\M')
		and not exists (select from m join pg_catalog.pg_trigger t on t.tgrelid = m.oid where not t.tgisinternal),
	coalesce((select free from who), false) or exists (select from m where not m.relrowsecurity) or exists (select from mine where polcmd in ('r', '*')),
	coalesce((select free from who), false) or exists (select from m where not m.relrowsecurity) or exists (select from mine where polcmd in ('a', '*'))`

// catalog is what catalogSQL says.
type catalog struct {
	at    time.Time // before it was read
	print string
	plain bool // answers depend on nothing but token, topic and policies
	read  bool // some SELECT policy applies to the role, or it needs none
	write bool // some INSERT policy does
}

func readCatalog(a *reply) (*catalog, error) {
	if a.err != nil {
		return nil, fmt.Errorf("look at the policies of realtime.messages: %w", a.err)
	}
	if len(a.row) != 4 {
		return nil, fmt.Errorf("look at the policies of realtime.messages: %d columns", len(a.row))
	}
	yes := func(i int) bool { return string(a.row[i]) == "t" }
	return &catalog{print: string(a.row[0]), plain: yes(1), read: yes(2), write: yes(3)}, nil
}
