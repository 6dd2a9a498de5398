package postgres

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// What a role without any right is told is all that an administrator has to do, no more than once.
func installsWithoutSuperuser(t *testing.T, c *cluster) {
	c.forget(t)
	s := c.database(t)
	plain := c.login(t, s, "")
	before := pgtest.Catalog(t, s, "realtime")
	_, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, plain), time.Now())
	missing, ok := errors.AsType[*postgres.PrivilegeError](err)
	if !ok {
		t.Fatalf("without a right: %v", err)
	}
	if got, want := strings.NewReplacer(`"`+plain.User+`"`, "app", `"`+s.Database+`"`, "app_database").Replace(missing.SQL), documented(t); got != want {
		t.Errorf("an administrator is told\n%s\nbut docs/operations.md has\n%s", got, want)
	}
	if got := pgtest.Catalog(t, s, "realtime"); !slices.Equal(got, before) {
		t.Errorf("a refused installation left something behind: %q", got)
	}
	pgtest.Exec(t, s, missing.SQL)
	done, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, plain), time.Now())
	if err != nil || len(done.Partitions) != 5 {
		t.Fatalf("after the administrator ran it: %+v, %v", done, err)
	}
	worksAs(t, plain)
	if left, err := postgres.DropOldPartitions(t.Context(), pgtest.Conn(t, plain), time.Now().AddDate(0, 0, 30)); err != nil || len(left) != 5 {
		t.Errorf("drop as the plain role: %v, %v", left, err)
	}
}

// documented is the list of statements in docs/operations.md, without its comments.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "```sql\ncreate role anon")
	list, _, ok := strings.Cut("create role anon"+list, "```")
	if !ok {
		t.Fatal("docs/operations.md has no list for an administrator")
	}
	var b strings.Builder
	for line := range strings.Lines(list) {
		line, _, _ = strings.Cut(line, "--")
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// A role that may create roles does most of it by itself: before Postgres 16 it cannot make one with BYPASSRLS.
func installsWithCreateRole(t *testing.T, c *cluster) {
	c.forget(t)
	s := c.database(t)
	maker := c.login(t, s, "createrole bypassrls replication")
	pgtest.Exec(t, s, "grant create on database "+s.Database+" to "+maker.User)
	_, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, maker), time.Now())
	missing, refused := errors.AsType[*postgres.PrivilegeError](err)
	if old := strings.HasPrefix(c.version, "14") || strings.HasPrefix(c.version, "15"); refused != old {
		t.Fatalf("Postgres %s: %v", c.version, err)
	}
	if refused {
		pgtest.Exec(t, s, missing.SQL)
		if _, err := postgres.PrepareTenant(t.Context(), pgtest.Conn(t, maker), time.Now()); err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	worksAs(t, maker)
}

// worksAs sends a message, reads it back as the role that installed, and is refused as a user without a policy.
func worksAs(t *testing.T, s postgres.Settings) {
	t.Helper()
	conn := pgtest.Conn(t, s)
	var n int
	if _, err := conn.Exec(t.Context(), "select realtime.send('{}', 'ev', 'room')"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "select count(*) from realtime.messages").Scan(&n); err != nil || n != 1 {
		t.Errorf("as the installing role: %d messages, %v", n, err)
	}
	if _, err := conn.Exec(t.Context(), "set role authenticated"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "select count(*) from realtime.messages").Scan(&n); err != nil || n != 0 {
		t.Errorf("as authenticated: %d messages, %v", n, err)
	}
	if _, err := conn.Exec(t.Context(), "insert into realtime.messages (topic, extension) values ('room', 'broadcast')"); !postgres.IsInsufficientPrivilege(err) {
		t.Errorf("insert as authenticated: %v", err)
	}
}

// Roles belong to the whole server: installations of different databases meet there.
func installsInTwoDatabases(t *testing.T, c *cluster) {
	c.forget(t)
	databases := []postgres.Settings{c.database(t), c.database(t), c.database(t)}
	var wg sync.WaitGroup
	for _, s := range append(databases, databases...) {
		conn := pgtest.Conn(t, s)
		wg.Go(func() { // ends with the installation
			if _, err := postgres.PrepareTenant(t.Context(), conn, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := pgtest.Catalog(t, databases[0], "realtime")
	for _, s := range databases[1:] {
		if got := pgtest.Catalog(t, s, "realtime"); !slices.Equal(got, first) {
			t.Error("two installations differ")
		}
	}
}
