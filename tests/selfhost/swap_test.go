package selfhost

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/tenancy"
	"realtime/tests/program"
)

// Keys and secret of the vectors in testdata/upstream.sql.
const (
	ecbKey = "1234567890123456"
	gcmKey = "12345678901234567890123456789012"
	stored = "super-secret-jwt-token-with-at-least-32-characters-long"
)

// TestSwapTheOriginalForThisServerAndBack: a database of the original's is served, worked on and given back as it was:
// the same columns, constraints, ledger and ciphertexts, and no row changed that nobody asked to change.
func TestSwapTheOriginalForThisServerAndBack(t *testing.T) {
	db := pgtest.DB(t)
	script, err := os.ReadFile("testdata/upstream.sql")
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, string(script))
	extension(t, db, "realtime-dev", false, "6a3cbd6e-6d0c-4a5e-8c54-0d3a7c3f1b04")
	extension(t, db, "modern", true, "6a3cbd6e-6d0c-4a5e-8c54-0d3a7c3f1b05")
	before := snapshot(t, db)

	s := program.New(t, root, append(database(db),
		"DB_ENC_KEY="+ecbKey, "DB_ENC_KEY_GCM="+gcmKey, "API_JWT_SECRET="+stored, "METRICS_JWT_SECRET="+metrics,
		"DB_AFTER_CONNECT_QUERY=SET search_path TO _realtime", "SEED_SELF_HOST=false")...)
	s.Start()
	work(t, s)
	s.Stop()
	if diff := cmp.Diff(snapshot(t, db), before); diff != "" {
		t.Errorf("after work (-got +want):\n%s", diff)
	}

	// Seeding with the values that are there changes nothing either: what was set by hand stays.
	restart(s, "SEED_SELF_HOST=true")
	work(t, s)
	s.Stop()
	if diff := cmp.Diff(snapshot(t, db), before); diff != "" {
		t.Errorf("after seeding (-got +want):\n%s", diff)
	}
}

// work uses both tenants: sockets and broadcasts over HTTP.
func work(t *testing.T, s *program.Server) {
	t.Helper()
	for _, host := range []string{"realtime-dev.localhost", "modern.localhost"} {
		if status, body := handshake(t, s, host, token(t, stored)); status != http.StatusSwitchingProtocols {
			t.Fatalf("%s: got %d %s", host, status, body)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/broadcast",
			strings.NewReader(`{"messages":[{"topic":"room","event":"shout","payload":{"n":1}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token(t, stored))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			t.Errorf("%s: broadcast answered %d", host, res.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// extension stores a tenant's connection settings as the original writes them.
func extension(t *testing.T, db postgres.Settings, tenant string, gcm bool, id string) {
	t.Helper()
	cipher, err := tenancy.NewCipher(ecbKey, gcmKey, gcm)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"region": "us-east-1", "poll_interval_ms": 100, "poll_max_record_bytes": 1048576, "ssl_enforced": false}
	for name, value := range map[string]string{
		"db_host": db.Host, "db_port": itoa(db.Port), "db_name": db.Database, "db_user": db.User, "db_password": db.Password.Reveal(),
	} {
		settings[name] = cipher.Encrypt(value)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, "insert into _realtime.extensions (id, type, settings, tenant_external_id, inserted_at, updated_at) values ('"+id+
		"', 'postgres_cdc_rls', '"+string(text)+"', '"+tenant+"', '2026-08-20 10:00:03', '2026-08-20 10:00:03')")
}

// snapshot is everything in the management schema: its catalog and every row.
func snapshot(t *testing.T, db postgres.Settings) []string {
	t.Helper()
	conn := pgtest.Conn(t, db)
	rows, err := conn.Query(t.Context(), `
		select 'column ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
		from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
		where c.relnamespace = '_realtime'::regnamespace and c.relkind in ('r', 'p', 'v') and a.attnum > 0
		union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = '_realtime'::regnamespace
		union all select 'index ' || indexdef from pg_indexes where schemaname = '_realtime'
		union all select 'object ' || relname || relkind::text from pg_class where relnamespace = '_realtime'::regnamespace
		union all select 'ledger ' || to_jsonb(r)::text from _realtime.schema_migrations r
		union all select 'tenant ' || to_jsonb(r)::text from _realtime.tenants r
		union all select 'extension ' || to_jsonb(r)::text from _realtime.extensions r
		union all select 'flag ' || to_jsonb(r)::text from _realtime.feature_flags r
		order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		list = append(list, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
