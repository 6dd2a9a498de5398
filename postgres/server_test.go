package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

func lacks(t *testing.T, s postgres.Settings, publication string) []postgres.Lack {
	t.Helper()
	f, err := postgres.ReadServer(t.Context(), pgtest.Conn(t, s), publication)
	if err != nil {
		t.Fatal(err)
	}
	return f.Lacks()
}

// TestABareRoleIsToldWhatItLacks: what is printed is run as it stands, and then nothing is lacking.
func TestABareRoleIsToldWhatItLacks(t *testing.T) {
	db := pgtest.DB(t)
	role := pgtest.Name(t)
	pgtest.Exec(t, db, `create role "`+role+`" login password 'x'`, `create table public.notes (id int primary key)`)
	t.Cleanup(func() { pgtest.Exec(t, db, `drop role "`+role+`"`) })
	bare := db
	bare.User, bare.Password = role, "x"
	for _, l := range lacks(t, bare, "Odd publication") {
		sql, _, runnable := strings.Cut(strings.ReplaceAll(l.Mend, "your_table", "notes"), " -- as a superuser")
		t.Logf("%s: %s", l.What, l.Mend)
		if !runnable && !strings.HasPrefix(sql, "CREATE PUBLICATION") {
			t.Errorf("unexpected: %s: %s", l.What, l.Mend)
			continue
		}
		pgtest.Exec(t, db, sql)
	}
	if left := lacks(t, bare, "Odd publication"); len(left) != 0 {
		t.Errorf("after all was mended: %+v", left)
	}
}

// TestLacksOfAServer: what cannot be brought about in a test is judged from figures.
func TestLacksOfAServer(t *testing.T) {
	good := postgres.Server{
		Version: 150000, Role: "r", Superuser: true, WALLevel: "logical", Connections: 10, MaxConnections: 100, Reserved: 3,
		MaxSlots: 10, MaxSenders: 10, Publication: "p", HasPublication: true, Tables: 1,
	}
	if l := good.Lacks(); len(l) != 0 {
		t.Fatalf("nothing is lacking, got %+v", l)
	}
	for _, c := range []struct {
		change func(*postgres.Server)
		mend   string
	}{
		{func(f *postgres.Server) { f.Version = 130012 }, "upgrade"},
		{func(f *postgres.Server) { f.InRecovery = true }, "primary"},
		{func(f *postgres.Server) { f.WALLevel = "replica" }, "wal_level = 'logical'"},
		{func(f *postgres.Server) { f.Slots = 9 }, "max_replication_slots = 20"},
		{func(f *postgres.Server) { f.Senders = 10 }, "max_wal_senders = 20"},
		{func(f *postgres.Server) { f.Connections = 92 }, "max_connections = 150"},
		{func(f *postgres.Server) { f.MissingRoles = []string{"anon", "service_role"} }, `CREATE ROLE "service_role" NOLOGIN NOINHERIT BYPASSRLS;`},
		{func(f *postgres.Server) { f.Tables = 0 }, `ALTER PUBLICATION "p" ADD TABLE`},
	} {
		f := good
		c.change(&f)
		l := f.Lacks()
		if len(l) != 1 || !strings.Contains(l[0].Mend, c.mend) {
			t.Errorf("got %+v, want %q", l, c.mend)
		}
	}
	if l := (&postgres.Server{}).Lacks(); !slices.ContainsFunc(l, func(l postgres.Lack) bool { return strings.Contains(l.What, "older than 14") }) {
		t.Errorf("got %+v", l)
	}
}
