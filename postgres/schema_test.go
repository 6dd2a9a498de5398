package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

func TestInstallSchemaTwice(t *testing.T) {
	s := pgtest.DB(t)
	conn := pgtest.Conn(t, s)
	now := time.Now()
	got, err := postgres.PrepareTenant(t.Context(), conn, now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Schema.Foreign || !got.Schema.Messages || len(got.Schema.Done) == 0 || len(got.Partitions) != 5 {
		t.Errorf("first: %+v", got)
	}
	before := catalog(t, s)
	got, err = postgres.PrepareTenant(t.Context(), conn, now)
	if err != nil || len(got.Schema.Done) != 0 || len(got.Partitions) != 0 || !got.Schema.Messages {
		t.Errorf("second: %+v, %v", got, err)
	}
	if diff := cmp.Diff(catalog(t, s), before); diff != "" {
		t.Errorf("changed (-got +want):\n%s", diff)
	}
}

func TestInstallSchemaByManyAtOnce(t *testing.T) {
	s := pgtest.DB(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	installed, partitions := 0, 0
	for range 6 {
		conn := pgtest.Conn(t, s)
		wg.Go(func() { // ends with its work
			got, err := postgres.PrepareTenant(t.Context(), conn, time.Now())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if len(got.Schema.Done) > 0 {
				installed++
			}
			partitions += len(got.Partitions)
		})
	}
	wg.Wait()
	if installed != 1 || partitions != 5 {
		t.Errorf("installed %d times, made %d partitions", installed, partitions)
	}
}

// catalog describes everything in and about schema realtime, one line each, so that two states can be compared.
func catalog(t *testing.T, s postgres.Settings) []string {
	t.Helper()
	conn := pgtest.Conn(t, s)
	rows, err := conn.Query(context.Background(), catalogSQL)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

const catalogSQL = `
select concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) from pg_namespace where nspname = 'realtime'
union all select concat_ws(' ', 'relation', relname, relkind, relowner::regrole, relacl, relrowsecurity, relforcerowsecurity, pg_get_expr(relpartbound, oid))
	from pg_class where relnamespace = 'realtime'::regnamespace
union all select concat_ws(' ', 'column', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attislocal, a.attinhcount, pg_get_expr(d.adbin, d.adrelid))
	from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
	where c.relnamespace = 'realtime'::regnamespace and a.attnum > 0 and c.relkind in ('r', 'p')
union all select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), conislocal, coninhcount) from pg_constraint where connamespace = 'realtime'::regnamespace and conrelid <> 0
union all select concat_ws(' ', 'index', indexrelid::regclass, pg_get_indexdef(indexrelid)) from pg_index join pg_class on oid = indexrelid where relnamespace = 'realtime'::regnamespace
union all select concat_ws(' ', 'function', oid::regprocedure, proowner::regrole, proacl, provolatile, prosecdef, prorettype::regtype, pg_get_function_arguments(oid), proconfig, md5(prosrc))
	from pg_proc where pronamespace = 'realtime'::regnamespace
union all select concat_ws(' ', 'type', typname, typowner::regrole, typtype) from pg_type where typnamespace = 'realtime'::regnamespace
union all select concat_ws(' ', 'default', defaclrole::regrole, defaclobjtype, defaclacl) from pg_default_acl where defaclnamespace = 'realtime'::regnamespace
union all select concat_ws(' ', 'publication', pubname, pubowner::regrole, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
	(select string_agg(prrelid::regclass::text, ',') from pg_publication_rel where prpubid = p.oid)) from pg_publication p
union all select concat_ws(' ', 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, (select setconfig from pg_db_role_setting where setrole = r.oid))
	from pg_roles r where rolname in ('anon', 'authenticated', 'service_role', 'supabase_realtime_admin')
union all select concat_ws(' ', 'member', roleid::regrole, member::regrole, admin_option) from pg_auth_members where to_regrole('supabase_realtime_admin') in (roleid, member)
order by 1`
