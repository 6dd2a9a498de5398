package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// childVar makes this test binary a run of its own, for what only a whole run shows.
const childVar = "PGTEST_TEST_CHILD"

func TestMain(m *testing.M) { pgtest.Main(m) }

func ask(t *testing.T, conn *pgx.Conn, sql string, args ...any) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var text string
	if err := conn.QueryRow(ctx, sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestEachCallGivesAFreshDatabase(t *testing.T) {
	a, b := pgtest.DB(t), pgtest.DB(t)
	if a.Database == b.Database {
		t.Fatalf("both are %s", a.Database)
	}
	pgtest.Exec(t, a, "create table only_a (x int); insert into only_a values (1)", "insert into only_a values (2)")
	if got := ask(t, pgtest.Conn(t, a), "select sum(x)::text from only_a"); got != "3" {
		t.Errorf("got %s", got)
	}
	if got := ask(t, pgtest.Conn(t, b), "select coalesce(to_regclass('only_a')::text, 'none')"); got != "none" {
		t.Errorf("got %s", got)
	}
}

func TestDatabaseIsSeeded(t *testing.T) {
	conn := pgtest.Conn(t, pgtest.DB(t))
	for sql, want := range map[string]string{
		"select count(*)::text from pg_roles where rolname in ('anon', 'authenticated', 'service_role')": "3",
		"select count(*)::text from pg_publication where pubname = 'supabase_realtime'":                  "1",
		"select coalesce(auth.uid()::text, 'null')":                                                      "null",
		"show wal_level": "logical",
		"show fsync":     "off",
	} {
		if got := ask(t, conn, sql); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}

func TestDatabaseIsDroppedWhateverHangsOnIt(t *testing.T) {
	whole := t
	outer := pgtest.Conn(t, pgtest.DB(t))
	var name string
	t.Run("inner", func(t *testing.T) {
		s := pgtest.DB(t)
		name = s.Database
		slot := pgtest.Name(t)
		pgtest.Exec(t, s, "select pg_create_logical_replication_slot('"+slot+"', 'pgoutput')")
		left, err := postgres.Connect(t.Context(), s) // an ordinary connection that nobody closes
		if err != nil {
			t.Fatal(err)
		}
		outlive(whole, left)
		s.Params = map[string]string{"replication": "database"}
		walsender, err := postgres.Connect(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		outlive(whole, walsender)
		walsender.PgConn().Frontend().SendQuery(&pgproto3.Query{
			String: "START_REPLICATION SLOT " + slot + " LOGICAL 0/0 (proto_version '1', publication_names 'supabase_realtime')",
		})
		if err := walsender.PgConn().Frontend().Flush(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ask(t, outer, "select active::text from pg_replication_slots where slot_name = $1", slot) != "true"; {
			if time.Now().After(deadline) {
				t.Fatal("the slot does not become active")
			}
			time.Sleep(time.Millisecond)
		}
	})
	if got := ask(t, outer, "select count(*)::text from pg_database where datname = $1", name); got != "0" {
		t.Errorf("database %s is still there", name)
	}
	if got := ask(t, outer, "select count(*)::text from pg_replication_slots where database = $1", name); got != "0" {
		t.Errorf("it left %s slots", got)
	}
}

func TestNamesAreUniqueAndSafe(t *testing.T) {
	seen := map[string]bool{}
	t.Run(strings.Repeat("Long Näme/with \"quotes\" ", 5), func(t *testing.T) {
		for range 100 {
			name := pgtest.Name(t)
			if seen[name] || len(name) > 40 {
				t.Errorf("%q: seen %v, %d characters", name, seen[name], len(name))
			}
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Errorf("%q needs quoting", name)
			}
			seen[name] = true
		}
		pgtest.DB(t)
	})
}

func TestDatabasesInParallel(t *testing.T) {
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pgtest.Exec(t, pgtest.DB(t), "create table t (x int)")
		})
	}
}

// rerun runs one test of this binary in a process of its own.
func rerun(t *testing.T, test string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), childVar+"=1")
	return cmd
}

func asChild(t *testing.T) {
	t.Helper()
	if os.Getenv(childVar) == "" {
		t.Skip("runs in a process of its own, started by another test")
	}
}

func TestChildLeaks(t *testing.T) {
	asChild(t)
	go func() { select {} }() // on purpose: nothing stops it
}

func TestLeakedGoroutineFailsTheRun(t *testing.T) {
	out, err := rerun(t, "TestChildLeaks").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- PASS: TestChildLeaks") || !strings.Contains(string(out), "goroutines left") {
		t.Errorf("got %v:\n%s", err, out)
	}
}

func TestChildHangs(t *testing.T) {
	asChild(t)
	s := pgtest.DB(t)
	fmt.Println("directory", ask(t, pgtest.Conn(t, s), "show data_directory"))
	select {}
}

func TestServerDiesWithAKilledRun(t *testing.T) {
	cmd := rerun(t, "TestChildHangs")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	buf := make([]byte, 1024)
	for !strings.Contains(said.String(), "directory /") || !strings.HasSuffix(said.String(), "\n") {
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
	}
	_, dir, _ := strings.Cut(said.String(), "directory ")
	dir, _, _ = strings.Cut(dir, "\n")
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(filepath.Dir(dir))) })
	pidFile, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(pidFile), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for deadline := time.Now().Add(30 * time.Second); ; {
		stat, _ := os.ReadFile("/proc/" + line + "/stat")
		if syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// outlive closes a connection at the end of t, which is not the test whose database it is on.
func outlive(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
}
