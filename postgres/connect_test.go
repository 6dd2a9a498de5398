package postgres_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func limited(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func want(t *testing.T, conn *pgx.Conn, sql, answer string) {
	t.Helper()
	var got string
	if err := conn.QueryRow(limited(t, 30*time.Second), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got != answer {
		t.Errorf("%s: got %q, want %q", sql, got, answer)
	}
}

func TestConnectUsesEverySetting(t *testing.T) {
	s := pgtest.DB(t).WithApplication("it's me")
	s.Params = map[string]string{"search_path": "pg_catalog, auth", "timezone": "Asia/Tokyo"}
	conn := pgtest.Conn(t, s)
	want(t, conn, "select current_database()::text", s.Database)
	want(t, conn, "select session_user::text", s.User)
	want(t, conn, "show application_name", "it's me")
	want(t, conn, "show search_path", "pg_catalog, auth")
	want(t, conn, "show timezone", "Asia/Tokyo")
	want(t, conn, "select inet_server_port()::text", strconv.Itoa(s.Port))
}

func TestConnectOverTheSocketWithoutPassword(t *testing.T) {
	s := pgtest.DB(t)
	conn := pgtest.Conn(t, s)
	var dir string
	if err := conn.QueryRow(limited(t, time.Minute), "show unix_socket_directories").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	if dir[0] == '"' {
		dir = dir[1 : len(dir)-1]
	}
	s.Host, s.Password, s.TLS.Mode = dir, "", postgres.TLSVerifyFull // no TLS on a socket, whatever is asked
	conn = pgtest.Conn(t, s)
	want(t, conn, "select coalesce(inet_client_addr()::text, 'socket')", "socket")
}

func TestPoolHandsOutAtMostItsSize(t *testing.T) {
	pool, err := postgres.OpenPool(limited(t, time.Minute), pgtest.DB(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		c, err := pool.Acquire(limited(t, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
	}
	if _, err := pool.Acquire(limited(t, 50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third connection: got %v", err)
	}
}

func TestPoolSurvivesACut(t *testing.T) {
	proxy, s := pgtest.ProxyTo(t, pgtest.DB(t))
	pool, err := postgres.OpenPool(limited(t, time.Minute), s, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	proxy.Cut()
	_, first := pool.Exec(limited(t, time.Minute), "select 1") // may meet the broken connection, once
	if first != nil && !postgres.IsConnection(first) {
		t.Errorf("got %v", first)
	}
	if _, err := pool.Exec(limited(t, time.Minute), "select 1"); err != nil {
		t.Error(err)
	}
}

func TestPoolRefusals(t *testing.T) {
	s := pgtest.DB(t)
	for _, size := range []int{0, -1, 100000} {
		if _, err := postgres.OpenPool(limited(t, time.Minute), s, size); err == nil {
			t.Errorf("size %d was taken", size)
		}
	}
	s.Password = "wrong"
	if _, err := postgres.OpenPool(limited(t, time.Minute), s, 1); !postgres.IsAuthentication(err) || postgres.IsConnection(err) {
		t.Errorf("a wrong password: got %v", err)
	}
	s.Host = ""
	if _, err := postgres.OpenPool(limited(t, time.Minute), s, 1); err == nil {
		t.Error("a pool without a host")
	}
}

func TestConnectGivesUpOnASilentServer(t *testing.T) {
	proxy, s := pgtest.ProxyTo(t, pgtest.DB(t))
	proxy.Stall(true)
	began := time.Now()
	_, err := postgres.Connect(limited(t, 200*time.Millisecond), s)
	if !errors.Is(err, context.DeadlineExceeded) || !postgres.IsConnection(err) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestIsConnection(t *testing.T) {
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := l.Addr().(*net.TCPAddr)
	_ = l.Close()
	s := pgtest.DB(t)
	away := s
	away.Port = addr.Port
	if _, err := postgres.Connect(limited(t, time.Minute), away); !postgres.IsConnection(err) {
		t.Errorf("nobody listens: got %v", err)
	}
	away = s
	away.Database = "no_such_database"
	if _, err := postgres.Connect(limited(t, time.Minute), away); postgres.IsConnection(err) || !postgres.IsUndefinedDatabase(err) {
		t.Errorf("no such database: got %v", err)
	}

	proxy, through := pgtest.ProxyTo(t, s)
	conn := pgtest.Conn(t, through)
	proxy.Cut()
	if _, err := conn.Exec(limited(t, time.Minute), "select 1"); !postgres.IsConnection(err) {
		t.Errorf("cut: got %v", err)
	}
	if _, err := conn.Exec(limited(t, time.Minute), "select 1"); !postgres.IsConnection(err) {
		t.Errorf("cut before: got %v", err)
	}

	conn = pgtest.Conn(t, s)
	if _, err := conn.Exec(limited(t, time.Minute), "select pg_terminate_backend(pg_backend_pid())"); !postgres.IsConnection(err) {
		t.Errorf("terminated: got %v", err)
	}

	conn = pgtest.Conn(t, s)
	if _, err := conn.Exec(limited(t, 100*time.Millisecond), "select pg_sleep(60)"); err == nil || postgres.IsConnection(err) {
		t.Errorf("out of time: got %v", err)
	}
	if postgres.IsConnection(nil) || postgres.IsConnection(errors.New("x")) {
		t.Error("not every error is a lost connection")
	}
}
