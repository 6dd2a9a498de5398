package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/embedded"
	"realtime/tenancy"
	"realtime/tests/program"
)

// patience bounds whatever should happen soon, on a machine that is busy with other tests.
const patience = time.Minute

const secret = "a secret that only this test knows, of 40 characters"

const root = "../.."

// database starts a Postgres of the test's own, which comes back by itself when it is stopped the hard way.
func database(t *testing.T, sql ...string) postgres.Settings {
	t.Helper()
	pg, err := embedded.Start(t.Context(), embedded.Options{DataDir: filepath.Join(program.Dir(t), "pg"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := pg.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s, err := postgres.ParseURL(pg.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range sql {
		query[string](t, s, q)
	}
	return s
}

// query runs one statement on a connection of its own and returns the first column of its rows.
func query[T any](t *testing.T, s postgres.Settings, sql string) (out []T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := postgres.Connect(ctx, s)
	for ; err != nil; conn, err = postgres.Connect(ctx, s) { // it may be on its way back
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		pause(20 * time.Millisecond)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// crash stops Postgres as `pg_ctl stop -m immediate` does.
func crash(t *testing.T, s postgres.Settings) {
	t.Helper()
	first, _, _ := strings.Cut(query[string](t, s, "select pg_read_file('postmaster.pid')")[0], "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGQUIT)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// server is one with a durable slot, on a database that is not its own.
type server struct {
	*program.Server
	t  *testing.T
	db postgres.Settings
}

func newServer(t *testing.T, db postgres.Settings, env ...string) server {
	t.Helper()
	s := server{t: t, db: db, Server: program.New(t, root, append([]string{
		"REALTIME_SLOT=durable", "SEED_SELF_HOST=true", "DB_HOST=" + db.Host, fmt.Sprintf("DB_PORT=%d", db.Port), "DB_USER=" + db.User,
		"DB_PASSWORD=" + db.Password.Reveal(), "DB_NAME=" + db.Database, "DB_ENC_KEY=supabaserealtime", "API_JWT_SECRET=" + secret,
		"TENANT_MAX_EVENTS_PER_SECOND=100000000", "TENANT_MAX_JOINS_PER_SECOND=10000",
	}, env...)...)}
	t.Cleanup(s.Kill)
	return s
}

// start starts the server. One that ends early, because its database is away, is started again.
func (s server) start() {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		err := s.TryStart()
		if err == nil {
			return
		}
		s.t.Log(err)
	}
	s.t.Fatal("the server does not start")
}

func (s server) logged(text string) bool { return strings.Contains(s.Log(), text) }

func token(t *testing.T) string {
	t.Helper()
	tok, err := tenancy.Sign([]byte(secret), map[string]any{"role": "anon", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
