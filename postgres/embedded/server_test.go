package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"realtime/postgres/embedded"
)

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(publicDir(t), "not", "there", "yet")
	var steps []string
	began := time.Now()
	s := start(t, embedded.Options{DataDir: dir, Progress: func(step string) { steps = append(steps, step) }})
	t.Logf("first start took %v, Postgres %s", time.Since(began), s.Version())
	for sql, answer := range map[string]string{
		"show wal_level":                     "logical",
		"show timezone":                      "UTC",
		"show listen_addresses":              "127.0.0.1",
		"show max_slot_wal_keep_size":        "1GB",
		"show server_encoding":               "UTF8",
		"show fsync":                         "on",
		"select session_user":                "postgres",
		"select usesuper::text from pg_user": "true",
		"select inet_server_addr()::text":    "127.0.0.1/32",
		"select upper('straße ä')":           "STRASSE Ä",
		"select pg_is_in_recovery()::text":   "false",
		"select 'b' > 'C'":                   "t", // by code point
		"select (current_setting('max_replication_slots')::int >= 10 and current_setting('max_wal_senders')::int >= 10)::text": "true",
	} {
		if strings.Contains(sql, "upper") {
			answer = "STRAßE Ä" // simple case mapping, as everywhere in Postgres but ICU
		}
		want(t, s.URL(), sql, answer)
	}
	want(t, s.SocketURL(), "select coalesce(inet_server_addr()::text, 'socket')", "socket")
	if len(steps) != 2 || !strings.Contains(steps[0], dir) {
		t.Errorf("progress was %q", steps)
	}
	for name, mode := range map[string]fs.FileMode{".": 0o700, "data": 0o700, "password": 0o600, "postgres.log": 0o600, "lock": 0o600} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != mode {
			t.Errorf("mode of %s is %#o, want %#o", name, st.Mode().Perm(), mode)
		}
	}
}

func TestTCPNeedsThePassword(t *testing.T) {
	s := start(t, embedded.Options{DataDir: dataDir(t)})
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := u.User.Password(); len(p) < 32 {
		t.Errorf("the password has %d characters", len(p))
	}
	u.User = url.UserPassword("postgres", "wrong")
	if got, err := ask(limited(t), u.String(), "select 1"); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password got %q, %v", got, err)
	}
}

func TestRestartKeepsDataPortAndPassword(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	want(t, s.URL(), "create table kept as select 42 as x; select x from kept", "42")
	address := s.URL()
	stop(t, s)
	if pid, n := postmaster(dir), serverProcesses(dir); pid != 0 || n != 0 {
		t.Fatalf("after Stop postmaster.pid says %d and %d processes live", pid, n)
	}
	began := time.Now()
	s = start(t, embedded.Options{DataDir: dir})
	took := time.Since(began)
	t.Logf("restart to ready took %v", took)
	if took > 30*time.Second {
		t.Errorf("restart took %v", took)
	}
	if s.URL() != address {
		t.Errorf("the address changed from %s to %s", address, s.URL())
	}
	want(t, s.URL(), "select x from kept", "42")
}

func TestStopIsOrderlyAndRepeatable(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	select {
	case <-s.Done():
		t.Fatal("done before Stop")
	default:
	}
	for range 3 {
		stop(t, s)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "database system is shut down") {
		t.Errorf("the log does not end in an orderly shutdown:\n%s", log)
	}
}

func TestStopWithoutTimeIsForced(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	want(t, s.URL(), "create table kept as select 1 as x; select x from kept", "1")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := serverProcesses(dir); n != 0 {
		t.Errorf("%d processes live on", n)
	}
	want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select x from kept", "1")
}

// TestStopWithAReaderThatHangs: a walsender holds an orderly stop up until its client has read everything.
func TestStopWithAReaderThatHangs(t *testing.T) {
	dir := dataDir(t)
	s := start(t, embedded.Options{DataDir: dir})
	conn, err := pgconn.Connect(limited(t), s.URL()+"&replication=database")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(limited(t), "CREATE_REPLICATION_SLOT hangs TEMPORARY LOGICAL pgoutput").ReadAll(); err != nil {
		t.Fatal(err)
	}
	conn.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION SLOT hangs LOGICAL 0/0 (proto_version '1', publication_names 'supabase_realtime')"})
	if err := conn.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	// A walsender that has only said that it begins ends like any other backend. Once it asks for a sign of life it streams, and
	// from there on nobody reads.
	for streams := false; !streams; {
		m, err := conn.ReceiveMessage(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		_, streams = m.(*pgproto3.CopyData)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := serverProcesses(dir); n != 0 {
		t.Errorf("%d processes live on", n)
	}
}

func TestCancelledStartLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(publicDir(t), "pg")
	for _, limit := range []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		s, err := embedded.Start(ctx, embedded.Options{DataDir: dir})
		cancel()
		if err == nil { // a fast machine
			stop(t, s)
			continue
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", limit, err)
		}
		if n := serverProcesses(dir); n != 0 {
			t.Errorf("%d processes live on", n)
		}
	}
	want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select 1", "1")
}

func TestLostPasswordIsReplaced(t *testing.T) {
	dir := dataDir(t)
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	want(t, start(t, embedded.Options{DataDir: dir}).URL(), "select 1", "1")
}

func TestLongPathMovesTheSocket(t *testing.T) {
	parent := publicDir(t)
	dir := filepath.Join(parent, strings.Repeat("long-", 20))
	copyTree(t, dataDir(t), dir)
	var dirs []string
	for range 2 { // the second start finds what the first kept
		s := start(t, embedded.Options{DataDir: dir})
		want(t, s.SocketURL(), "select 1", "1")
		u, err := url.Parse(s.SocketURL())
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, u.Query().Get("host"))
		stop(t, s)
	}
	for _, d := range dirs {
		if strings.HasPrefix(d, parent) {
			t.Errorf("the socket went into %s", d)
		}
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was not removed: %v", d, err)
		}
	}
}
