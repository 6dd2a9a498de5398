package pgtest

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
)

// Catalog describes what is in a schema and what belongs to it (roles of ours, publications), one line for each thing, so
// that two states or two databases can be compared. Names of databases are not in it. A schema that does not exist has no
// lines of its own.
func Catalog(t testing.TB, s postgres.Settings, schema string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	rows, err := Conn(t, s).Query(ctx, strings.ReplaceAll(catalogSQL, "'realtime'", "'"+schema+"'"), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

const catalogSQL = `
select concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) from pg_namespace where nspname = 'realtime'
union all select concat_ws(' ', 'relation', relname, relkind, relowner::regrole, relacl, relrowsecurity, relforcerowsecurity, pg_get_expr(relpartbound, oid))
	from pg_class where relnamespace = to_regnamespace('realtime')
union all select concat_ws(' ', 'column', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attislocal, a.attinhcount, pg_get_expr(d.adbin, d.adrelid))
	from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where c.relnamespace = to_regnamespace('realtime') and a.attnum > 0 and c.relkind in ('r', 'p')
union all select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), conislocal, coninhcount) from pg_constraint where connamespace = to_regnamespace('realtime') and conrelid <> 0
union all select concat_ws(' ', 'index', indexrelid::regclass, pg_get_indexdef(indexrelid)) from pg_index join pg_class on oid = indexrelid where relnamespace = to_regnamespace('realtime')
union all select concat_ws(' ', 'function', oid::regprocedure, proowner::regrole, proacl, provolatile, prosecdef, prorettype::regtype, pg_get_function_arguments(oid), proconfig, md5(prosrc))
	from pg_proc where pronamespace = to_regnamespace('realtime')
union all select concat_ws(' ', 'type', typname, typowner::regrole, typtype) from pg_type where typnamespace = to_regnamespace('realtime')
union all select concat_ws(' ', 'default', defaclrole::regrole, defaclobjtype, defaclacl) from pg_default_acl where defaclnamespace = to_regnamespace('realtime')
union all select concat_ws(' ', 'publication', pubname, pubowner::regrole, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
	(select string_agg(prrelid::regclass::text, ',') from pg_publication_rel where prpubid = p.oid)) from pg_publication p
union all select concat_ws(' ', 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, (select setconfig from pg_db_role_setting where setrole = r.oid))
	from pg_roles r where rolname in ('anon', 'authenticated', 'service_role', 'supabase_realtime_admin')
union all select concat_ws(' ', 'member', roleid::regrole, member::regrole, admin_option) from pg_auth_members where to_regrole('supabase_realtime_admin') in (roleid, member)
order by 1`
