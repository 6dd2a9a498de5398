package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"realtime/postgres"
	"realtime/postgres/pgtest"
	"realtime/protocol/client"
	"realtime/tenancy"
	"realtime/tests/program"
)

const secret = "the-secret-of-the-tests-of-metrics-01"

// world is a server on a database, and a client of it.
type world struct {
	t  *testing.T
	s  *program.Server
	db postgres.Settings
	c  *client.Client

	moved map[string]bool              // that any scrape saw move
	all   map[string]*dto.MetricFamily // that any scrape saw
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := pgtest.DB(t)
	w := &world{t: t, db: db, moved: map[string]bool{}, all: map[string]*dto.MetricFamily{}, s: program.New(t, root,
		"DB_HOST="+db.Host, fmt.Sprintf("DB_PORT=%d", db.Port), "DB_USER="+db.User, "DB_PASSWORD="+db.Password.Reveal(), "DB_NAME="+db.Database,
		"DB_ENC_KEY=an-enc-key-of-16", "API_JWT_SECRET="+secret, "SEED_SELF_HOST=true", "CONNECT_ERROR_BACKOFF_MS=0", "CHANNEL_ERROR_BACKOFF_MS=0",
		"PROM_POLL_RATE=0", "REGION=here")}
	pgtest.Exec(t, db, "create table public.notes (id int primary key)", "grant select on public.notes to anon",
		"alter table public.notes enable row level security", "create policy all_but_seven on public.notes for select using (1 / (id - 7) is not null)",
		"alter publication supabase_realtime add table public.notes", "alter system set max_slot_wal_keep_size = '4GB'", "select pg_reload_conf()")
	t.Cleanup(func() { pgtest.Exec(t, db, "alter system reset max_slot_wal_keep_size", "select pg_reload_conf()") })
	w.s.Start()
	pgtest.Exec(t, db, "create policy all_may on realtime.messages for all to anon using (true) with check (true)")
	c, err := client.Dial(t.Context(), client.Options{URL: w.s.URL, APIKey: w.token("anon")})
	if err != nil {
		t.Fatal(err)
	}
	w.c = c
	t.Cleanup(w.leave)
	return w
}

func (w *world) token(role string) string {
	tok, err := tenancy.Sign([]byte(secret), map[string]any{"role": role, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		w.t.Fatal(err)
	}
	return tok
}

func (w *world) leave() { _ = w.c.Close() }

func (w *world) join(topic string, config map[string]any) *client.Channel {
	w.t.Helper()
	ch, err := w.c.Join(w.t.Context(), topic, map[string]any{"config": config})
	if err != nil {
		w.t.Fatalf("%s: %v", topic, err)
	}
	return ch
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// use does what an application does.
func (w *world) use() {
	ctx := w.t.Context()
	ack := map[string]any{"self": true, "ack": true}
	room := w.join("realtime:room", map[string]any{
		"broadcast": ack, "presence": map[string]any{"enabled": true, "key": "k"}, "postgres_changes": []map[string]any{{"event": "*", "schema": "public", "table": "notes"}},
	})
	w.must(room.Broadcast(ctx, "e", map[string]any{"a": 1}))
	w.must(room.Track(ctx, map[string]any{"a": 1}))
	private := w.join("realtime:private", map[string]any{"private": true, "broadcast": map[string]any{"self": true, "ack": true, "replication_ready": true}})
	w.must(private.Broadcast(ctx, "e", map[string]any{"a": 1}))
	w.await(private, "Replication connection established")
	pgtest.Exec(w.t, w.db, "insert into public.notes values (7), (1)", `select realtime.send('{"a": 1}'::jsonb, 'e', 'private', true)`)
	w.await(room, "INSERT")
	w.join("realtime:later", map[string]any{"private": true, "broadcast": map[string]any{"replay": map[string]any{"since": 0, "limit": 5}}})
	go func() { // ends with the connection
		for {
			select {
			case <-room.Events():
			case <-w.c.Done():
				return
			}
		}
	}()
	if _, err := w.c.Join(ctx, "realtime:", nil); err == nil {
		w.t.Error("a topic without a name was joined")
	}
}

// await waits for a message with a text in it.
func (w *world) await(ch *client.Channel, text string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for {
		select {
		case e := <-ch.Events():
			if strings.Contains(string(e.Payload), text) {
				return
			}
		case <-ctx.Done():
			w.t.Fatalf("no message says %q", text)
		}
	}
}

// cut ends the stream of changes.
const cut = `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database = current_database() and slot_name like '%realtime_replication_slot%'`

// fail does what goes wrong: a stream that is cut, one that cannot be started, changes over the limit, a role that may
// nothing, and a database that moves.
func (w *world) fail() {
	role := pgtest.Name(w.t)
	pgtest.Exec(w.t, w.db, cut, `create role "`+role+`" login password 'bare'`)
	other := pgtest.DB(w.t)
	w.t.Cleanup(func() { pgtest.Exec(w.t, w.db, `drop role "`+role+`"`) })
	bare := other
	bare.User, bare.Password = role, "bare"
	w.put("bare", map[string]any{"jwt_secret": secret, "extensions": []any{extension(bare)}}, http.StatusUnprocessableEntity)

	w.until("realtime_replication_poller_query_exception_total")
	pgtest.Exec(w.t, w.db, "alter publication supabase_realtime rename to away")
	w.until("realtime_replication_poller_prepare_exception_total", cut) // the stream that comes back from the first cut may have looked already
	pgtest.Exec(w.t, w.db, "alter publication away rename to supabase_realtime")
	w.put("realtime-dev", map[string]any{"max_events_per_second": 1}, http.StatusOK)
	for i, deadline := 2, time.Now().Add(time.Minute); !w.sees("realtime_replication_poller_changes_skip"); i++ {
		if time.Now().After(deadline) {
			w.t.Fatal("no change is dropped")
		}
		pgtest.Exec(w.t, w.db, fmt.Sprintf("insert into public.notes select generate_series(%d, %d)", i*100, i*100+99))
		<-time.After(200 * time.Millisecond)
	}
	moved := w.db
	moved.Host = "localhost"
	w.put("realtime-dev", map[string]any{"max_events_per_second": 100000, "extensions": []any{extension(moved)}}, http.StatusOK)
}

// sees scrapes, and reports whether a metric has moved, now or before.
func (w *world) sees(name string) bool {
	w.t.Helper()
	w.scrape()
	return w.moved[name]
}

func (w *world) scrape() map[string]*dto.MetricFamily {
	w.t.Helper()
	families := scrape(w.t, w.s, "/metrics")
	for name, f := range families {
		w.moved[name] = w.moved[name] || moved(f)
		if had := w.all[name]; had != nil {
			f.Metric = append(f.Metric, had.Metric...)
		}
		w.all[name] = f
	}
	return w.all
}

// until runs statements, again and again, until a metric has moved.
func (w *world) until(name string, statements ...string) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !w.sees(name); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s does not move", name)
		}
		if len(statements) > 0 {
			pgtest.Exec(w.t, w.db, statements...)
		}
	}
}

func extension(db postgres.Settings) map[string]any {
	return map[string]any{"type": "postgres_cdc_rls", "settings": map[string]any{
		"db_host": db.Host, "db_port": fmt.Sprint(db.Port), "db_name": db.Database, "db_user": db.User, "db_password": db.Password.Reveal(),
		"region": "here", "ssl_enforced": false,
	}}
}

// put writes columns of a tenant.
func (w *world) put(id string, columns map[string]any, status int) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"tenant": columns})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, w.s.URL+"/api/tenants/"+id, strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token("service_role"))
	r.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != status {
		w.t.Errorf("put %s: got %d, want %d", id, res.StatusCode, status)
	}
}
