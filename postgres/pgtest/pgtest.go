package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"realtime/postgres"
	"realtime/postgres/embedded"
)

// template is the database that every test's own is copied from.
const template = "pgtest_template"

// limit bounds each step against the test server; under the race detector on a loaded machine they take seconds.
const limit = 2 * time.Minute

// server is the one Postgres of this test binary.
var server struct {
	once sync.Once
	err  error
	pg   *embedded.Server
	dir  string

	settings postgres.Settings // of the superuser's own database
}

var databases atomic.Int64

// Main is the body of TestMain: it runs the tests, stops the server and fails if a goroutine is left.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run does the same and returns the exit code, for a TestMain that has more to do.
func Run(m *testing.M) int {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if code != 0 {
		return code // a failed test leaves goroutines behind that say nothing new
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: goroutines left at the end of all tests:", err)
		return 1
	}
	return 0
}

// start brings up the server once; every later call returns the same answer.
func start() error {
	server.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		server.err = startServer(ctx)
	})
	return server.err
}

func startServer(ctx context.Context) error {
	sweep(os.TempDir())
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return err
	}
	server.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil { // the user that Postgres runs as must pass; what is inside is closed
		return err
	}
	if server.pg, err = embedded.Start(ctx, embedded.Options{DataDir: filepath.Join(dir, "pg"), Fast: true}); err != nil {
		return err
	}
	if server.settings, err = postgres.ParseURL(server.pg.URL()); err != nil {
		return err
	}
	server.settings.ApplicationName = "pgtest"
	if err := run(ctx, server.settings, "create database "+template); err != nil {
		return err
	}
	conn, err := postgres.Connect(ctx, in(template))
	if err != nil {
		return err
	}
	return errors.Join(embedded.Seed(ctx, conn), conn.Close(ctx))
}

// in returns the superuser's settings for another database of the server.
func in(database string) postgres.Settings {
	s := server.settings
	s.Database = database
	return s
}

// stop ends the server, if there is one, and removes its files.
func stop() error {
	var err error
	if server.pg != nil {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		err = server.pg.Stop(ctx)
	}
	if server.dir != "" {
		err = errors.Join(err, os.RemoveAll(server.dir))
	}
	return err
}

// DB makes a fresh database for this test and drops it at the end. It holds what [embedded.Seed] makes; the user is the
// superuser. Roles, replication slots and settings of the whole server are shared with the other tests of the binary:
// name new ones uniquely ([Name]).
func DB(t testing.TB) postgres.Settings {
	t.Helper()
	if err := start(); err != nil {
		t.Fatalf("start Postgres for the tests: %v", err)
	}
	name := Name(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, server.settings, "create database "+name+" template "+template); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() { drop(t, name) })
	return in(name)
}

// Name returns a name for a role, slot or database that no other test has: lower-case letters, digits and
// underscores, at most 40 characters, the test's own name in front.
func Name(t testing.TB) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, t.Name())
	clean = clean[:min(len(clean), 30)]
	return fmt.Sprintf("t%d_%s", databases.Add(1), clean)
}

// drop removes a database and whatever still hangs on it: a slot with a live walsender would refuse it otherwise.
func drop(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := run(ctx, server.settings,
			"select pg_terminate_backend(active_pid) from pg_replication_slots where active and database = '"+name+"'",
			"drop database if exists "+name+" with (force)")
		if err == nil {
			return
		}
		if !postgres.IsObjectInUse(err) || ctx.Err() != nil {
			t.Errorf("drop the test's database: %v", err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Exec runs statements one by one on a connection of its own; each may hold several, separated by semicolons. The first
// error fails the test.
func Exec(t testing.TB, s postgres.Settings, sql ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, s, sql...); err != nil {
		t.Fatal(err)
	}
}

func run(ctx context.Context, s postgres.Settings, sql ...string) (err error) {
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, q := range sql {
		if _, err := conn.Exec(ctx, q, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("run %q: %w", q, err)
		}
	}
	return nil
}

// Conn opens a connection that is closed at the end of the test.
func Conn(t testing.TB, s postgres.Settings) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := postgres.Connect(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
